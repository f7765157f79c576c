package sts

import (
	"net/http/httptest"
	"testing"
	"time"

	"github.com/irsa-emu/irsa-emu/api"
	"github.com/irsa-emu/irsa-emu/decision"
	"github.com/irsa-emu/irsa-emu/iam"
	"github.com/irsa-emu/irsa-emu/oidc"
	"github.com/irsa-emu/irsa-emu/wire"
)

// BenchmarkAssumeRoleWithWebIdentity is one call without HTTP: parameters,
// token, trust policy, credentials, XML. Compare BenchmarkVerify, which is the
// part that a bare relying party has too.
func BenchmarkAssumeRoleWithWebIdentity(b *testing.B) {
	f := newFixture(b)
	f.Service.config.Rand = f.rand
	form := webForm("EKSServiceAccountRole", sign(b, claims()))
	form.Set("Version", Version)
	template := f.request(form, nil)
	b.ReportAllocs()
	for b.Loop() {
		req := &api.Request{Call: template.Call, State: template.State, Now: template.Now, PoliciesOf: iam.PoliciesOf, Decision: &decision.Decision{}}
		w := httptest.NewRecorder()
		api.Answer(f.Service, w, req)
		if w.Code != 200 {
			b.Fatal(w.Body)
		}
	}
}

func BenchmarkVerify(b *testing.B) {
	f := newFixture(b)
	token := sign(b, claims())
	provider := oidc.Provider{URL: issuer, ClientIDs: []string{"sts.amazonaws.com"}}
	ctx := b.Context()
	verifier := &oidc.Verifier{Keys: f.config.Keys, Now: func() time.Time { return f.now }}
	b.ReportAllocs()
	for b.Loop() {
		t, err := oidc.ParseUnverified(token)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := verifier.Verify(ctx, provider, t.Claims()); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkAuthenticate(b *testing.B) {
	f := newFixture(b)
	c := f.session(b)
	sig := &wire.Signature{AccessKeyID: c.AccessKeyID, SecurityToken: c.SessionToken()}
	snapshot := f.store.Snapshot()
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := f.Authenticate(snapshot, sig, f.now); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkSeal(b *testing.B) {
	f := newFixture(b)
	sealer, err := newSealer(f.onlyKey(b))
	if err != nil {
		b.Fatal(err)
	}
	s := fullSession()
	s.Policy, s.PolicyARNs, s.HasPolicies, s.Tags, s.AMR = "", nil, false, nil, nil
	b.ReportAllocs()
	for b.Loop() {
		if _, err := sealer.Seal(s, f.rand, 0); err != nil {
			b.Fatal(err)
		}
	}
}
