package api_test

import (
	"net/http/httptest"
	"strings"
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
	keys := req.Keys()
	for key, want := range map[string]string{
		"aws:PrincipalTag/team": "session", "aws:PrincipalTag/stage": "test", "aws:PrincipalArn": "arn:aws:iam::111122223333:role/path/app",
	} {
		if got, _ := keys.Get(key); len(got.List) != 1 || got.List[0] != want {
			t.Errorf("%s is %q, want %q", key, got.List, want)
		}
	}
}

// The global keys of calls (condition keys page of the IAM user guide); whatever the
// case of their names.
func TestKeys(t *testing.T) {
	const absent = "absent"
	signed, unsigned, inside := request(), request(), request()
	signed.Region, unsigned.OrganizationOf = "eu-west-1", organization
	signed.OrganizationOf, signed.Principal = organization, &api.Principal{
		Type: api.AssumedRole, Account: "111122223333", UserID: "AROA:s", ARN: "arn:aws:sts::111122223333:assumed-role/r/s", RoleARN: "arn:aws:iam::111122223333:role/r",
		Temporary: true, Issued: time.Unix(0, 0), SourceIdentity: "who", SessionKeys: map[string][]string{"Issuer:sub": {"me"}, "Issuer:amr": {"a", "b"}, "issuer:aud": nil},
	}
	signed.HTTP.Header.Set("User-Agent", "agent")
	inside.HTTP, inside.InvokedBy = nil, "pods.eks.amazonaws.com"
	for key, want := range map[string][3]string{ // of the three calls
		"aws:CurrentTime":             {"1970-01-01T00:00:01Z", "1970-01-01T00:00:01Z", "1970-01-01T00:00:01Z"},
		"aws:EpochTime":               {"1", "1", "1"},
		"aws:PrincipalIsAWSService":   {"false", "false", "false"},
		"aws:ViaAWSService":           {"false", "false", "false"},
		"aws:RequestedRegion":         {"eu-west-1", absent, absent},
		"aws:SecureTransport":         {"false", "false", "true"},
		"aws:SourceIp":                {"192.0.2.1", "192.0.2.1", absent},
		"aws:UserAgent":               {"agent", absent, absent},
		"aws:Referer":                 {absent, absent, absent},
		"aws:PrincipalOrgID":          {"o-1", absent, absent},
		"aws:PrincipalOrgPaths":       {"o-1/r/", absent, absent},
		"aws:PrincipalAccount":        {"111122223333", absent, absent},
		"aws:PrincipalArn":            {"arn:aws:iam::111122223333:role/r", absent, absent},
		"aws:PrincipalType":           {"AssumedRole", absent, absent},
		"aws:userid":                  {"AROA:s", absent, absent},
		"aws:username":                {absent, absent, absent},
		"aws:TokenIssueTime":          {"1970-01-01T00:00:00Z", absent, absent},
		"aws:SourceIdentity":          {"who", absent, absent},
		"aws:FederatedProvider":       {absent, absent, absent},
		"aws:PrincipalTag/team":       {absent, absent, absent},
		"issuer:sub":                  {"me", absent, absent},
		"issuer:amr":                  {"a b", absent, absent},
		"issuer:aud":                  {absent, absent, absent},
		"aws:MultiFactorAuthPresent":  {"false", absent, absent},
		"secretsmanager:ResourceTag/": {absent, absent, absent},
	} {
		for i, req := range []*api.Request{signed, unsigned, inside} {
			values, ok := req.Keys().Get(key)
			got := strings.Join(values.List, " ")
			if !ok {
				got = absent
			}
			if got != want[i] {
				t.Errorf("call %d: %s is %q, want %q", i, key, got, want[i])
			}
			if multi := ok && (key == "issuer:amr" || key == "aws:PrincipalOrgPaths"); values.Multi != multi {
				t.Errorf("call %d: %s is multivalued: %v", i, key, values.Multi)
			}
		}
	}
}

func organization(state.Reader, string) (id, path string) { return "o-1", "o-1/r/" }

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
		keys := req.Keys()
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
