package policy

import (
	"slices"
	"strings"
)

// Answer is a verdict on a request of which not all is known.
type Answer string

const (
	Yes     Answer = "yes"
	No      Answer = "no"
	Unknown Answer = "unknown"
)

// Open is a condition on which an unknown answer hangs.
type Open struct {
	Policy    string   `json:"policy"`
	Statement int      `json:"statement"` // index
	Effect    string   `json:"effect"`
	Operator  string   `json:"operator"`
	Key       string   `json:"key"`
	Want      []string `json:"want"`
}

// Partly reads a decision on a request of which some condition keys are not
// known: whatever the decision assumed of them is left out. The answer is yes or
// no when it is the same for every value that these keys may have, by the
// statements as they stand; two unknown conditions are taken to be independent.
//
// It reads decisions of one policy, or of policies that must all allow; delegation
// between a trust policy and the caller's own is the caller's business.
func Partly(d Decision, unknown func(key string) bool) (Answer, []Open) {
	answer := Yes
	var open []Open
	for i := range d.Policies {
		a, o := d.Policies[i].partly(unknown)
		switch {
		case a == No:
			return No, nil
		case a == Unknown:
			answer = Unknown
			open = append(open, o...)
		}
	}
	if len(d.Policies) == 0 {
		return No, nil
	}
	return answer, open
}

func (p *PolicyResult) partly(unknown func(string) bool) (Answer, []Open) {
	allows, denies := No, No
	var allowing, denying []Open
	for i := range p.Statements {
		a, o := p.Statements[i].partly(p.Name, unknown)
		if p.Statements[i].Effect == "Deny" {
			denies, denying = best(denies, a), append(denying, o...)
		} else {
			allows, allowing = best(allows, a), append(allowing, o...)
		}
	}
	switch {
	case denies == Yes || allows == No:
		return No, nil
	case allows == Yes && denies == No:
		return Yes, nil
	case allows == Yes:
		return Unknown, denying
	}
	return Unknown, append(allowing, denying...)
}

// Blamed is what in a policy refuses a request: a condition, or a Deny as a whole.
type Blamed struct {
	Statement int // index
	Condition int // index; -1: of a Deny, which applies
}

// Blame is why [Partly]'s answer on the decision of one policy is no: the Deny
// statements that apply or, where none does, the conditions that are not met of the
// Allow statements that are about the request. It leaves out what hangs on keys that
// are not known.
func Blame(d Decision, unknown func(key string) bool) []Blamed {
	var denies, unmet []Blamed
	for i := range d.Policies {
		for j := range d.Policies[i].Statements {
			s := &d.Policies[i].Statements[j]
			switch {
			case !s.concerned():
			case s.Effect == "Deny":
				if a, _ := s.partly("", unknown); a == Yes {
					denies = append(denies, Blamed{s.Index, -1})
				}
			default:
				for k := range s.Conditions {
					if c := &s.Conditions[k]; !c.Met && !c.open(unknown) {
						unmet = append(unmet, Blamed{s.Index, k})
					}
				}
			}
		}
	}
	if len(denies) > 0 {
		return denies
	}
	return unmet
}

func best(a, b Answer) Answer {
	if a == Yes || b == Yes {
		return Yes
	}
	if a == Unknown || b == Unknown {
		return Unknown
	}
	return No
}

// partly says whether a statement applies.
func (s *StatementResult) partly(policy string, unknown func(string) bool) (Answer, []Open) {
	if !s.concerned() {
		return No, nil
	}
	var open []Open
	for i := range s.Conditions {
		c := &s.Conditions[i]
		switch {
		case c.open(unknown):
			open = append(open, Open{policy, s.Index, s.Effect, c.Operator, c.Key, c.Want})
		case !c.Met:
			return No, nil
		}
	}
	if len(open) > 0 {
		return Unknown, open
	}
	return Yes, nil
}

// concerned says whether the statement is about the request, its conditions aside.
func (s *StatementResult) concerned() bool {
	return s.ActionMatch && s.ResourceMatch && s.PrincipalMatch
}

// open says whether the condition hangs on a key that is not known.
func (c *ConditionResult) open(unknown func(string) bool) bool {
	return unknown(c.Key) || slices.ContainsFunc(c.Want, func(v string) bool { return unknownVariable(v, unknown) })
}

// unknownVariable finds a policy variable that was not replaced since its key is
// not known.
func unknownVariable(value string, unknown func(string) bool) bool {
	for {
		_, rest, ok := strings.Cut(value, "${")
		if !ok {
			return false
		}
		name, after, closed := strings.Cut(rest, "}")
		if name, _, _ = strings.Cut(name, ","); closed && unknown(strings.TrimSpace(name)) {
			return true
		}
		value = after
	}
}
