package cloudtrail

import (
	"encoding/json"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/irsa-emu/irsa-emu/api"
	"github.com/irsa-emu/irsa-emu/decision"
	"github.com/irsa-emu/irsa-emu/wire"
)

// Limits of the user guide's record contents: what is longer is cut, and
// parameters or elements that are larger are left out whole.
const (
	kilobyte     = 1 << 10
	largestField = 100 << 10
)

// hidden is what AWS's records have in place of a value that they do not show.
const hidden = "HIDDEN_DUE_TO_SECURITY_REASONS"

// parametersOf are those of the request, as the action read them: a call that
// was refused before has none. Refused calls of IAM and AssumeRole have none
// either; those of AssumeRoleWithWebIdentity (see [tokenIdentity]) and of Secrets
// Manager do (panther-labs/panther-analysis, rule AWS.SecretsManager.RetrieveSecrets).
func parametersOf(req *call) any {
	if e := req.Decision.Error; e != nil && e.Code == "AccessDenied" && req.Principal != nil {
		return nil
	}
	tree, _ := wire.Tree(req.Input, true).(map[string]any)
	delete(tree, "tokenCode") // a secret, if only for half a minute
	if session := req.Decision.Session; session != nil {
		switch req.Action {
		case "AssumeRoleWithWebIdentity":
			addToken(tree, session)
		case "AssumeRole":
			addIncoming(tree, req.Principal)
		}
	}
	return field(tree, req.records.Dates)
}

// addToken adds what a token brought: the guide's example has it among the
// parameters.
func addToken(tree map[string]any, session *decision.Session) {
	if len(session.Tags) > 0 {
		tree["principalTags"] = session.Tags
	}
	if len(session.TransitiveTagKeys) > 0 {
		tree["transitiveTagKeys"] = session.TransitiveTagKeys
	}
	if session.SourceIdentity != "" {
		tree["sourceIdentity"] = session.SourceIdentity
	}
}

// addIncoming adds the tags that the calling session hands on; see the guide's
// "Example AWS STS role chaining API event".
func addIncoming(tree map[string]any, caller *api.Principal) {
	incoming := map[string]string{}
	for _, tag := range caller.SessionTags {
		for _, key := range caller.TransitiveTagKeys {
			if strings.EqualFold(tag.Key, key) {
				incoming[tag.Key] = tag.Value
			}
		}
	}
	if len(incoming) > 0 {
		tree["incomingTransitiveTags"] = incoming
	}
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
		credentials["sessionToken"] = hidden
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

// errorMessage is the answer's, but for a web identity that a trust policy does
// not let in: of that, records say this much (see [tokenIdentity]; re:Post's
// article on troubleshooting IRSA has it too).
func errorMessage(req *call) string {
	if req.Principal == nil && req.Decision.Error.Code == "AccessDenied" && req.Action == "AssumeRoleWithWebIdentity" {
		return "An unknown error occurred"
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
