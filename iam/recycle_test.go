package iam

import (
	"net/http/httptest"
	"testing"
	"time"

	"github.com/irsa-emu/irsa-emu/policy"
	"github.com/irsa-emu/irsa-emu/wire"
)

// A context that was used before has no key of the call before, and what an
// evaluation took from it stays.
func TestRecycle(t *testing.T) {
	doc, err := policy.Parse([]byte(`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*",
		"Condition":{"StringEquals":{"aws:RequestTag/team":"payments"}}}}`))
	if err != nil {
		t.Fatal(err)
	}
	req := &Request{Call: &wire.Call{HTTP: httptest.NewRequest("POST", "/", nil)}, Now: time.Unix(1, 0)}
	want := len(req.ContextKeys())
	for range 100 { // the pool need not give back what it took
		ctx := req.ContextKeys()
		if len(ctx) != want {
			t.Fatalf("%d keys, not %d: %v", len(ctx), want, ctx)
		}
		ctx.Set("aws:RequestTag/team", "payments")
		d := policy.Evaluate(policy.Policies{Identity: []policy.Named{{Document: doc}}},
			policy.Request{Action: "s3:GetObject", Resource: "*", Principal: policy.Principal{ARN: "arn:aws:iam::111122223333:user/u"}, Context: ctx})
		Recycle(ctx)
		next := req.ContextKeys()
		next.Set("aws:RequestTag/team", "another")
		if got := d.Policies[0].Statements[0].Conditions[0].Got; !d.Allowed || len(got) != 1 || got[0] != "payments" {
			t.Fatalf("allowed %v, got %q", d.Allowed, got)
		}
		Recycle(next)
	}
}
