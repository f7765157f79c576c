package api_test

import (
	"net/http/httptest"
	"testing"
	"time"

	"github.com/irsa-emu/irsa-emu/api"
	"github.com/irsa-emu/irsa-emu/aws"
	"github.com/irsa-emu/irsa-emu/decision"
	"github.com/irsa-emu/irsa-emu/policy"
	"github.com/irsa-emu/irsa-emu/state"
	"github.com/irsa-emu/irsa-emu/wire"
)

// Session tags stand before the tags of the role with the same key (IAM user
// guide, "Pass session tags"); the others stay.
func TestPrincipalTags(t *testing.T) {
	req := request()
	req.Principal = &api.Principal{
		Type: api.AssumedRole, Account: "111122223333", RoleARN: "arn:aws:iam::111122223333:role/path/app",
		Tags: []aws.Tag{{Key: "team", Value: "role"}, {Key: "stage", Value: "test"}}, SessionTags: []aws.Tag{{Key: "Team", Value: "session"}},
	}
	keys := req.ContextKeys()
	for key, want := range map[string]string{
		"aws:PrincipalTag/team": "session", "aws:PrincipalTag/stage": "test", "aws:PrincipalArn": "arn:aws:iam::111122223333:role/path/app",
	} {
		if got, _ := keys.Get(key); len(got.List) != 1 || got.List[0] != want {
			t.Errorf("%s is %q, want %q", key, got.List, want)
		}
	}
}

// Which credentials tell of MFA (IAM user guide, aws:MultiFactorAuthPresent): those
// of AssumeRole and GetSessionToken; not long-term keys, nor federated identities.
func TestMFA(t *testing.T) {
	for name, tc := range map[string]struct {
		p    api.Principal
		want string // "" for an absent key
	}{
		"access key":         {api.Principal{Type: api.IAMUser}, ""},
		"root":               {api.Principal{Type: api.RootUser}, ""},
		"GetSessionToken":    {api.Principal{Type: api.IAMUser, Temporary: true}, "false"},
		"AssumeRole":         {api.Principal{Type: api.AssumedRole, Temporary: true}, "false"},
		"web identity":       {api.Principal{Type: api.AssumedRole, Temporary: true, FederatedProvider: "arn:aws:iam::111122223333:oidc-provider/x"}, ""},
		"GetFederationToken": {api.Principal{Type: api.FederatedUser, Temporary: true}, ""},
	} {
		req := request()
		req.Principal = &tc.p
		keys := req.ContextKeys()
		got, ok := keys.Get("aws:MultiFactorAuthPresent")
		if ok != (tc.want != "") || ok && got.List[0] != tc.want {
			t.Errorf("%s: %v %v, want %q", name, ok, got.List, tc.want)
		}
		if _, ok := keys.Get("aws:MultiFactorAuthAge"); ok {
			t.Errorf("%s: an age of MFA that was not used", name)
		}
	}
}

// Without policies of its own a caller may do nothing, and what was asked is in the decision.
func TestAuthorizeWithoutPolicies(t *testing.T) {
	req := request()
	req.Principal = &api.Principal{Type: api.IAMUser, Account: "111122223333", ARN: "arn:aws:iam::111122223333:user/u", UserName: "u"}
	access := api.Access{Action: "s3:GetObject", Resource: "arn:aws:s3:::b/k"}
	if d := req.Authorize(access); d.Allowed {
		t.Error("allowed without a policy")
	}
	document, err := policy.Parse([]byte(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*"}]}`))
	if err != nil {
		t.Fatal(err)
	}
	req.PoliciesOf = func(state.Reader, *api.Principal) policy.Policies {
		return policy.Policies{Identity: []policy.Named{{Name: "p", Type: policy.IdentityPolicy, Document: document}}}
	}
	if d := req.Authorize(access); !d.Allowed {
		t.Errorf("not allowed: %s", d.Reason)
	}
	if n := len(req.Decision.Checks); n != 2 {
		t.Errorf("%d checks in the decision, want 2", n)
	}
}

func request() *api.Request {
	return &api.Request{Call: &wire.Call{HTTP: httptest.NewRequest("POST", "/", nil)}, Now: time.Unix(1, 0), Decision: &decision.Decision{}}
}
