package cloudtrail

import (
	"encoding/json"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/irsa-emu/irsa-emu/api"
	"github.com/irsa-emu/irsa-emu/wire"
)

// Limits of the user guide's record contents: what is longer is cut, and
// parameters or elements that are larger are left out whole.
const (
	kilobyte     = 1 << 10
	largestField = 100 << 10
)

// parametersOf are those of the request, as the action read them: a call that
// was refused before has none.
func parametersOf(req *call) any {
	if e := req.Decision.Error; e != nil && e.Code == "AccessDenied" && req.records.Bare && (req.Principal != nil || req.InvokedBy != "") {
		return nil
	}
	tree, _ := wire.Tree(req.Input, true).(map[string]any)
	if req.records.Parameters != nil && tree != nil {
		req.records.Parameters(req.Request, tree)
	}
	return field(tree, req.records.Dates)
}

// elementsOf is what the call answered, if it changed anything or issued
// credentials. IAM user guide: records of actions that only read have none,
// but those of AssumeRole and its like.
func elementsOf(req *call) any {
	if req.Decision.Error != nil || readOnly(req) && req.Decision.Session == nil {
		return nil
	}
	tree, _ := wire.Tree(req.Result, false).(map[string]any)
	for _, member := range req.records.Omit {
		delete(tree, member)
	}
	if credentials, ok := tree["credentials"].(map[string]any); ok {
		credentials["sessionToken"] = api.Hidden
	}
	return field(tree, req.records.Dates)
}

// field is what a record holds of a tree: null when there is nothing, and also
// when it is too large.
func field(tree map[string]any, dates string) any {
	if len(tree) == 0 {
		return nil
	}
	text, err := json.Marshal(written(tree, dates))
	if err != nil || len(text) > largestField {
		return nil
	}
	return json.RawMessage(text)
}

// written replaces the dates in a tree.
func written(v any, dates string) any {
	switch v := v.(type) {
	case time.Time:
		return v.UTC().Format(dates)
	case map[string]any:
		for key, value := range v {
			v[key] = written(value, dates)
		}
	case []any:
		for i := range v {
			v[i] = written(v[i], dates)
		}
	}
	return v
}

// errorCode is a code as the service's records have it.
func errorCode(req *call) string {
	code := req.Decision.Error.Code
	if req.records.ErrorCode != nil {
		return req.records.ErrorCode(code)
	}
	return code
}

// errorMessage is the answer's, unless the service says otherwise.
func errorMessage(req *call) string {
	if req.records.ErrorMessage != nil {
		return req.records.ErrorMessage(req.Request)
	}
	return req.Decision.Error.Message
}

// clip cuts a text to n bytes, at a character, and makes it valid.
func clip(text string, n int) string {
	if len(text) > n {
		text = text[:n]
		for len(text) > 0 && !utf8.RuneStart(text[len(text)-1]) {
			text = text[:len(text)-1]
		}
		if r, size := utf8.DecodeLastRuneInString(text); r == utf8.RuneError && size == 1 {
			text = text[:len(text)-1]
		}
	}
	return strings.ToValidUTF8(text, "\uFFFD")
}
