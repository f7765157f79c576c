package s3

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/irsa-emu/irsa-emu/api"
	"github.com/irsa-emu/irsa-emu/decision"
	"github.com/irsa-emu/irsa-emu/term"
)

// postPolicy is the policy of a form that uploads an object ("POST Policy", S3
// API reference).
type postPolicy struct {
	expiration time.Time
	conditions []postCondition
	// least and most are how long the file may be; most is -1 where nothing says.
	least, most int64
}

// postCondition is what one field must be. An operator that there is not, and
// limits that are no numbers, hold for nothing (recorded:
// test_post_object_policy_validation_size).
type postCondition struct {
	operator, field, value string
	text                   string // as answers show it
}

func invalidPolicy(what string) *api.Refusal {
	return fail(http.StatusBadRequest, "InvalidPolicyDocument", "Invalid Policy: "+what)
}

// readPostPolicy reads the policy as a form carries it, in base64.
func readPostPolicy(encoded string) (*postPolicy, error) {
	text, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil {
		return nil, invalidPolicy("Invalid Base64 Encoding.")
	}
	var document struct {
		Expiration *string           `json:"expiration"`
		Conditions []json.RawMessage `json:"conditions"`
	}
	if err := json.Unmarshal(text, &document); err != nil {
		return nil, invalidPolicy("Invalid JSON.").Because("%v", term.JSON(err))
	}
	if document.Expiration == nil {
		return nil, invalidPolicy("Policy missing expiration.")
	}
	if document.Conditions == nil {
		return nil, invalidPolicy("Policy missing conditions.")
	}
	p := &postPolicy{most: -1}
	if p.expiration, err = time.Parse(time.RFC3339, *document.Expiration); err != nil {
		return nil, invalidPolicy("Invalid 'expiration' value: '" + *document.Expiration + "'")
	}
	for _, raw := range document.Conditions {
		if err := p.add(raw); err != nil {
			return nil, err
		}
	}
	return p, nil
}

func (p *postPolicy) add(raw json.RawMessage) error {
	if bytes.HasPrefix(bytes.TrimSpace(raw), []byte("{")) {
		var simple map[string]string
		if err := json.Unmarshal(raw, &simple); err != nil || len(simple) != 1 {
			return invalidPolicy("Invalid Simple-Condition: Simple-Conditions must have exactly one property specified.")
		}
		for field, value := range simple {
			p.conditions = append(p.conditions, newPostCondition("eq", "$"+field, value))
		}
		return nil
	}
	var list []json.RawMessage
	if err := json.Unmarshal(raw, &list); err != nil || len(list) != 3 {
		return invalidPolicy("Invalid Condition: a condition is an object of one property or a list of three.")
	}
	var words [3]string
	for i, item := range list {
		if json.Unmarshal(item, &words[i]) != nil {
			words[i] = string(item) // a number
		}
	}
	if !strings.EqualFold(words[0], "content-length-range") {
		p.conditions = append(p.conditions, newPostCondition(words[0], words[1], words[2]))
		return nil
	}
	least, err1 := strconv.ParseInt(words[1], 10, 64)
	most, err2 := strconv.ParseInt(words[2], 10, 64)
	if err1 != nil || err2 != nil || least < 0 || most < 0 {
		p.conditions = append(p.conditions, newPostCondition(words[0], words[1], words[2]))
		return nil
	}
	p.least = max(p.least, least)
	if p.most < 0 || most < p.most {
		p.most = most
	}
	return nil
}

func newPostCondition(operator, field, value string) postCondition {
	return postCondition{strings.ToLower(operator), field, value, fmt.Sprintf("[%q, %q, %q]", operator, field, value)}
}

func (c *postCondition) holds(form *postForm) bool {
	name, ok := strings.CutPrefix(c.field, "$")
	if !ok {
		return false
	}
	value := form.value(name)
	switch c.operator {
	case "eq":
		return value == c.value
	case "starts-with":
		if strings.EqualFold(name, "Content-Type") { // a list, each of which must
			for part := range strings.SplitSeq(value, ",") {
				if !strings.HasPrefix(part, c.value) {
					return false
				}
			}
			return true
		}
		return strings.HasPrefix(value, c.value)
	}
	return false
}

// freeFields need no condition.
var freeFields = map[string]bool{"awsaccesskeyid": true, "signature": true, "x-amz-signature": true, "policy": true, "file": true}

// check holds a form against its policy. The texts were recorded
// (test_post_request_expires, test_post_object_policy_conditions_validation_*).
func (p *postPolicy) check(form *postForm, now time.Time) error {
	refuse := func(what, reason string) error {
		f := fail(http.StatusForbidden, "AccessDenied", "Invalid according to Policy: "+what)
		f.Reason.Kind, f.Reason.Message = decision.Policy, reason
		return f
	}
	if !now.Before(p.expiration) {
		return refuse("Policy expired.", "the form's policy has expired at "+p.expiration.UTC().Format(time.RFC3339))
	}
	named := map[string]bool{}
	for i := range p.conditions {
		c := &p.conditions[i]
		name := strings.ToLower(strings.TrimPrefix(c.field, "$"))
		named[name] = true
		if !c.holds(form) {
			return refuse("Policy Condition failed: "+c.text, fmt.Sprintf("the form's policy wants %s, and the form's field %q is %q", c.text, name, form.value(name)))
		}
	}
	for _, name := range form.names {
		if !named[name] && !freeFields[name] && !strings.HasPrefix(name, "x-ignore-") {
			return refuse("Extra input fields: "+name, fmt.Sprintf("the form has the field %q, which no condition of its policy names", name))
		}
	}
	return nil
}

// checkSize holds the length of the file against the policy.
func (p *postPolicy) checkSize(size int64) error {
	if size < p.least {
		return fail(http.StatusBadRequest, "EntityTooSmall", "Your proposed upload is smaller than the minimum allowed size",
			"ProposedSize", strconv.FormatInt(size, 10), "MinSizeAllowed", strconv.FormatInt(p.least, 10))
	}
	if p.most >= 0 && size > p.most {
		return fail(http.StatusBadRequest, "EntityTooLarge", "Your proposed upload exceeds the maximum allowed size",
			"ProposedSize", strconv.FormatInt(size, 10), "MaxSizeAllowed", strconv.FormatInt(p.most, 10))
	}
	return nil
}
