package decision

import (
	"reflect"

	"github.com/irsa-emu/irsa-emu/policy"
)

// size is about how much memory a check takes, its texts among it: a log has them
// all once more.
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
			n += structSize(*s) + len(s.Sid) + sizeOfTexts(s.Actions.Values) + sizeOfTexts(s.Resources.Values)
			for _, principal := range s.Principals.Values {
				n += structSize(principal) + len(principal.Value)
			}
			for k := range s.Conditions {
				c := &s.Conditions[k]
				n += structSize(*c) + len(c.Key) + len(c.Hint) + len(c.Fix) + sizeOfTexts(c.Got) + sizeOfTexts(c.Want)
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

// structSize is what a value takes without what it points to.
func structSize[T any](T) int { return int(reflect.TypeFor[T]().Size()) }
