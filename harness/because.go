package harness

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/irsa-emu/irsa-emu/decision"
	"github.com/irsa-emu/irsa-emu/policy"
)

// Because is the expected reason of a refusal. What is left out may be
// anything. Operator, key, want, got, present and sid are about one condition
// that decided: one that is not met in a statement that would allow, or met
// in one that denies.
type Because struct {
	Kind     string  `json:"kind,omitempty" jsonschema_description:"Kind of the reason: trust-policy, policy, role-not-found, provider-not-found, expired, audience, unknown-key, …"`
	Policy   string  `json:"policy,omitempty" jsonschema:"enum=trust,enum=identity,enum=boundary,enum=session,enum=resource" jsonschema_description:"Type of the policy that decided."`
	Outcome  string  `json:"outcome,omitempty" jsonschema:"enum=implicitDeny,enum=explicitDeny" jsonschema_description:"Nothing allows it, or something denies it."`
	Action   string  `json:"action,omitempty" jsonschema_description:"The action that was not allowed, such as sts:TagSession."`
	Hint     string  `json:"hint,omitempty" jsonschema_description:"Code of a known mistake, such as wildcard-under-equals."`
	Sid      string  `json:"sid,omitempty" jsonschema_description:"Sid of the statement."`
	Operator string  `json:"operator,omitempty" jsonschema_description:"Condition operator as the policy writes it."`
	Key      string  `json:"key,omitempty" jsonschema_description:"Condition key."`
	Want     Strings `json:"want,omitempty" jsonschema_description:"The policy's values."`
	Got      Strings `json:"got,omitempty" jsonschema_description:"The request's values."`
	Present  *bool   `json:"present,omitempty" jsonschema_description:"Whether the request has the key at all."`
}

// mismatches holds a decision against the expected reason.
func (b *Because) mismatches(d *decision.Decision) []Mismatch {
	var found []Mismatch
	if b.Kind != "" {
		kind := ""
		if d.Reason != nil {
			kind = d.Reason.Kind
		}
		found = compare(found, "because.kind", b.Kind, kind)
	}
	denied := deniedChecks(d)
	found = b.one(found, "because.policy", b.Policy, denied, func(c decision.Check) []string { return []string{string(c.Decision.By)} })
	found = b.one(found, "because.outcome", b.Outcome, denied, func(c decision.Check) []string { return []string{string(c.Decision.Outcome)} })
	found = b.one(found, "because.action", b.Action, denied, func(c decision.Check) []string { return []string{c.Action} })
	found = b.one(found, "because.hint", b.Hint, denied, func(c decision.Check) []string {
		var codes []string
		for _, h := range c.Decision.Hints {
			codes = append(codes, h.Code)
		}
		return codes
	})
	if !b.condition() {
		return found
	}
	var actual []string
	for _, c := range denied {
		for _, p := range c.Decision.Policies {
			for _, s := range p.Statements {
				for _, x := range decisive(s) {
					if b.describes(s, x) {
						return found
					}
					actual = append(actual, describeCondition(s.Sid, x.Operator, x.Key, x.Want, x.Got, &x.Present))
				}
			}
		}
	}
	if len(actual) == 0 {
		actual = []string{"no condition decided"}
	}
	want := describeCondition(b.Sid, b.Operator, b.Key, b.Want, b.Got, b.Present)
	return append(found, Mismatch{"because", want, strings.Join(actual, "; ")})
}

func (b *Because) one(to []Mismatch, what, expected string, checks []decision.Check, values func(decision.Check) []string) []Mismatch {
	if expected == "" {
		return to
	}
	var all []string
	for _, c := range checks {
		for _, v := range values(c) {
			if v == expected {
				return to
			}
			if v != "" {
				all = append(all, v)
			}
		}
	}
	return compare(to, what, expected, strings.Join(all, ", "))
}

func deniedChecks(d *decision.Decision) []decision.Check {
	var denied []decision.Check
	for _, c := range d.Checks {
		if !c.Decision.Allowed {
			denied = append(denied, c)
		}
	}
	return denied
}

// condition reports whether anything is said about a condition.
func (b *Because) condition() bool {
	return b.Operator != "" || b.Key != "" || b.Want != nil || b.Got != nil || b.Present != nil || b.Sid != ""
}

// decisive are the conditions for which a statement did not allow, or did deny.
func decisive(s policy.StatementResult) []policy.ConditionResult {
	var found []policy.ConditionResult
	for _, c := range s.Conditions {
		if c.Met == (s.Effect == "Deny") {
			found = append(found, c)
		}
	}
	if len(s.Conditions) == 0 && s.Effect == "Deny" && s.Applies {
		found = append(found, policy.ConditionResult{}) // it denies without any: its sid can be expected
	}
	return found
}

func (b *Because) describes(s policy.StatementResult, c policy.ConditionResult) bool {
	return (b.Sid == "" || b.Sid == s.Sid) &&
		(b.Operator == "" || b.Operator == c.Operator) &&
		(b.Key == "" || strings.EqualFold(b.Key, c.Key)) &&
		(b.Want == nil || sameSet(b.Want, c.Want)) &&
		(b.Got == nil || sameSet(b.Got, c.Got)) &&
		(b.Present == nil || *b.Present == c.Present)
}

func describeCondition(sid, operator, key string, want, got []string, present *bool) string {
	var parts []string
	add := func(name, value string) {
		if value != "" {
			parts = append(parts, name+value)
		}
	}
	add("statement ", sid)
	add("", operator)
	add("", key)
	if want != nil {
		add("want ", list(want))
	}
	switch {
	case present != nil && !*present:
		add("got ", "no such key")
	case got != nil:
		add("got ", list(got))
	}
	return strings.Join(parts, " ")
}

func list(values []string) string {
	if len(values) == 1 {
		return strconv.Quote(values[0])
	}
	return fmt.Sprintf("%q", values)
}

// reasonLine is why a call was refused, in one line for progress and reports.
func reasonLine(d *decision.Decision) string {
	for _, c := range deniedChecks(d) {
		for _, p := range c.Decision.Policies {
			for _, s := range p.Statements {
				if !s.ActionMatch || !s.PrincipalMatch || !s.ResourceMatch {
					continue
				}
				for _, x := range decisive(s) {
					if x.Operator != "" {
						return describeCondition("", x.Operator, x.Key, x.Want, x.Got, &x.Present)
					}
				}
			}
		}
		if c.Decision.Reason != "" {
			return c.Decision.Reason
		}
	}
	if d.Reason != nil {
		return d.Reason.Message
	}
	return ""
}
