package decision

import (
	"reflect"

	"github.com/irsa-emu/irsa-emu/policy"
)

// size is about how many bytes of memory a decision holds on to. A client
// chooses how long most of its texts are, so a log that counted decisions alone
// would be bounded in number and in nothing else. The texts of a statement are
// those of the stored policy and not counted; what a condition wants is, since
// its variables may have been replaced.
func (d *Decision) size() int {
	n := structSize(*d) + len(d.RequestID) + len(d.Action) + len(d.Region) + len(d.Resource) + len(d.Provider)
	if c := d.Caller; c != nil {
		n += structSize(*c) + len(c.ARN) + len(c.Account) + len(c.AccessKeyID) + len(c.UserID)
	}
	if e := d.Error; e != nil {
		n += structSize(*e) + len(e.Code) + len(e.Message)
	}
	if r := d.Reason; r != nil {
		n += structSize(*r) + len(r.Kind) + len(r.Message) + len(r.Hint) + len(r.Fix)
	}
	for i := range d.Beyond {
		r := &d.Beyond[i]
		n += structSize(*r) + len(r.Kind) + len(r.Message) + len(r.Hint) + len(r.Fix)
	}
	if t := d.Token; t != nil {
		n += structSize(*t) + len(t.Issuer) + len(t.Subject) + len(t.KeyID) + sizeOfTexts(t.Audience) + sizeOfValue(t.Claims)
	}
	if s := d.Session; s != nil {
		n += structSize(*s) + len(s.ARN) + len(s.AccessKeyID) + len(s.SourceIdentity) + sizeOfTexts(s.TransitiveTagKeys)
		for key, value := range s.Tags {
			n += 2*structSize(key) + len(key) + len(value)
		}
	}
	for i := range d.Checks {
		n += d.Checks[i].size()
	}
	return n
}

func (c *Check) size() int {
	return structSize(*c) + len(c.Action) + len(c.Resource) + sizeOfPolicies(&c.Decision)
}

// A decision has the explanation of its checks up to maxExplained bytes, and of
// the first whatever its size; the verdicts of the others up to maxChecks bytes.
const (
	maxExplained = 256 << 10
	maxChecks    = 512 << 10
)

// AddCheck adds a check, as far as there is room: refusals before what was allowed.
func (d *Decision) AddCheck(c Check) {
	if len(d.Checks) == 0 {
		d.Checks = append(d.Checks, c)
		return
	}
	size := c.size()
	if d.checksSize+size > maxExplained {
		c.Decision.Policies, c.Decision.Hints = nil, nil
		size = c.size()
		if d.checksSize+size > maxChecks || c.Decision.Allowed && d.checksSize+size > maxChecks/2+maxChecks/4 {
			d.ChecksOmitted++
			return
		}
	}
	d.Checks = append(d.Checks, c)
	d.checksSize += size
}

func sizeOfPolicies(d *policy.Decision) int {
	n := len(d.Reason) + len(d.Caller.ARN)
	for i := range d.Policies {
		p := &d.Policies[i]
		n += structSize(*p)
		for j := range p.Statements {
			s := &p.Statements[j]
			n += structSize(*s)
			for k := range s.Conditions {
				c := &s.Conditions[k]
				n += structSize(*c) + len(c.Hint) + sizeOfTexts(c.Got) + sizeOfTexts(c.Want)
			}
		}
	}
	for i := range d.Hints {
		n += structSize(d.Hints[i]) + len(d.Hints[i].Message)
	}
	return n
}

func sizeOfTexts(list []string) int {
	n := 0
	for _, s := range list {
		n += structSize(s) + len(s)
	}
	return n
}

// sizeOfValue counts what encoding/json makes of a claim.
func sizeOfValue(v any) int {
	const boxed = 32 // an interface and what it points to
	switch v := v.(type) {
	case map[string]any:
		n := boxed
		for name, member := range v {
			n += boxed + len(name) + sizeOfValue(member)
		}
		return n
	case []any:
		n := boxed
		for _, item := range v {
			n += sizeOfValue(item)
		}
		return n
	case string:
		return boxed + len(v)
	}
	return boxed
}

// structSize is what a value takes without what it points to.
func structSize[T any](T) int { return int(reflect.TypeFor[T]().Size()) }
