package sts

import (
	"net/url"
	"strings"
	"testing"

	"github.com/irsa-emu/irsa-emu/decision"
)

// TestRootAssumesRole: AWS refuses the root user (kubernetes/kubectl#1243,
// Netflix/security_monkey#1026); here the administrator may, and the decision
// says so.
func TestRootAssumesRole(t *testing.T) {
	f := newFixture(t)
	form := url.Values{"Action": {"AssumeRole"}, "Version": {"2011-06-15"}, "RoleSessionName": {"session"}, "RoleArn": {"arn:aws:iam::" + home + ":role/for-account"}}
	answer, d := f.call(form, f.principal(t, home, ""))
	if answer.Code != 200 {
		t.Fatalf("%d %s", answer.Code, answer.Body)
	}
	for _, want := range []string{"on AWS", "Roles may not be assumed by root accounts."} {
		if text := d.Text(); !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
	for _, r := range d.Beyond {
		if r.Kind != decision.Policy {
			t.Errorf("kind %s", r.Kind)
		}
	}
}
