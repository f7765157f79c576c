package decision_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/irsa-emu/irsa-emu/decision"
	"github.com/irsa-emu/irsa-emu/policy"
)

// A call that makes a thousand checks under policies of thousands of statements
// is remembered in bounded memory: the first is explained, refusals are there
// before what was allowed, and what is not there is counted.
func TestAttackManyChecks(t *testing.T) {
	statements := make([]policy.StatementResult, 2_580)
	d := &decision.Decision{}
	for i := range 1_000 {
		c := decision.Check{Action: "s3:DeleteObject", Resource: fmt.Sprintf("arn:aws:s3:::bucket/%s/%d", strings.Repeat("k", 900), i)}
		c.Decision.Allowed = i%20 != 0
		c.Decision.Policies = []policy.PolicyResult{{Statements: statements}}
		d.AddCheck(c)
	}
	if len(d.Checks)+d.ChecksOmitted != 1_000 || d.ChecksOmitted == 0 {
		t.Errorf("%d checks and %d omitted, of 1000", len(d.Checks), d.ChecksOmitted)
	}
	if len(d.Checks[0].Decision.Policies) != 1 {
		t.Error("the first check is not explained")
	}
	size, refused := 0, 0
	for _, c := range d.Checks {
		size += len(c.Resource)
		for _, p := range c.Decision.Policies {
			size += 200 * len(p.Statements)
		}
		if !c.Decision.Allowed {
			refused++
		}
	}
	if size > 2<<20 || refused != 50 {
		t.Errorf("some %d bytes are kept, and %d of 50 refusals", size, refused)
	}
	if text := d.Text(); !strings.Contains(text, fmt.Sprintf("and %d further checks of this call", d.ChecksOmitted)) {
		t.Error("the explanation does not say what is not there")
	}
}
