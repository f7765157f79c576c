package prove

import (
	"encoding/json"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/irsa-emu/irsa-emu/policy"
)

type questionInput struct {
	TrustPolicy, Existing, New json.RawMessage
	Roles                      map[string]struct{ Trust, Identity json.RawMessage } // of reach
	Claim                      struct {
		Every  string   `json:"every accepted token has"`
		Some   string   `json:"some accepted token has"`
		Like   []string `json:"like"`
		LikeOf []string `json:"like one of"`
	}
}

type questionCase struct {
	ID, Kind, Question string
	Raw                json.RawMessage `json:"input"`
	Input              questionInput   `json:"-"`
	Answer             any
	Provider           struct {
		URL       string
		ClientIDs []string `json:"clientIds"`
	}
}

func questionCases(t testing.TB) []questionCase {
	src, err := os.ReadFile("testdata/questions.json")
	if err != nil {
		t.Fatal(err)
	}
	var file struct{ Questions []questionCase }
	if err := json.Unmarshal(src, &file); err != nil {
		t.Fatal(err)
	}
	for i := range file.Questions {
		if err := json.Unmarshal(file.Questions[i].Raw, &file.Questions[i].Input); err != nil {
			t.Fatal(err)
		}
	}
	return file.Questions
}

const testAccount = "111122223333"

func (c *questionCase) role(t testing.TB, src []byte) *Role { return trustOnly(t, string(src)) }

// trustOnly is a role of which its trust policy is known.
func trustOnly(t testing.TB, src string) *Role {
	t.Helper()
	doc, err := policy.Parse([]byte(src))
	if err != nil {
		t.Fatal(err)
	}
	return &Role{Account: testAccount, Trust: policy.Named{Name: "trust", Type: policy.TrustPolicy, Document: doc}}
}

func testProvider(url string, clientIDs ...string) *Provider {
	p := NewProvider("arn:aws:iam::" + testAccount + ":oidc-provider/" + url[len("https://"):])
	p.ClientIDs = clientIDs
	return p
}

func TestQuestions(t *testing.T) {
	asked := map[string]int{}
	for _, c := range questionCases(t) {
		t.Run(c.ID, func(t *testing.T) {
			var a Answer
			var err error
			var want map[any]Verdict
			p := testProvider("https://none.example")
			if c.Provider.URL != "" {
				p = testProvider(c.Provider.URL, c.Provider.ClientIDs...)
			}
			switch c.Kind {
			case "only":
				want = map[any]Verdict{"yes": Proved, "no": Refuted}
				a, err = Holds(p, c.role(t, c.Input.TrustPolicy), Claim{Only: []KeyPatterns{{c.Input.Claim.Every, c.Input.Claim.LikeOf}}})
			case "exists":
				want = map[any]Verdict{"yes": Refuted, "no": Proved}
				a, err = Holds(p, c.role(t, c.Input.TrustPolicy), Claim{Never: []KeyPatterns{{c.Input.Claim.Some, c.Input.Claim.Like}}})
			case "any":
				want = map[any]Verdict{"yes": Refuted, "no": Proved}
				a, err = Holds(p, c.role(t, c.Input.TrustPolicy), Claim{Nobody: true})
			case "noNewAccess":
				want = map[any]Verdict{"PASS": Proved, "FAIL": Refuted}
				a, err = gain(c.role(t, c.Input.Existing), c.role(t, c.Input.New), p, p)
			case "reach":
				want = map[any]Verdict{"yes": Refuted, "no": Proved}
				a, err = c.reach(t)
			default:
				t.Skipf("%s is asked elsewhere", c.Kind)
			}
			if err != nil {
				t.Fatal(err)
			}
			if a.Verdict != want[c.Answer] {
				t.Errorf("%s\ngot %s, want %s", c.Question, a.Verdict, want[c.Answer])
			}
			if a.Witness != nil {
				t.Logf("witness: %v %v", a.Witness.Claims, a.Witness.Needs)
			}
			asked[c.Kind]++
		})
	}
	if kinds := slices.Sorted(maps.Keys(asked)); len(kinds) != 5 {
		t.Errorf("only questions of the kinds %v were asked", kinds)
	}
}

// reach asks whether the service account payments/api can assume a role by itself
// and reach target-x from there.
func (c *questionCase) reach(t *testing.T) (Answer, error) {
	account := &Account{}
	for arn, r := range c.Input.Roles {
		role := c.role(t, r.Trust)
		role.ARN, role.Account = arn, strings.SplitN(arn, ":", 6)[4]
		role.Trust.Name, role.Tags = arn, map[string]string{}
		if r.Identity != nil {
			role.Identity = []policy.Named{{Name: "identity", Type: policy.IdentityPolicy, Document: parsed(t, string(r.Identity))}}
		}
		account.Roles = append(account.Roles, role)
	}
	for _, role := range account.Roles {
		for _, arn := range role.Trust.Document.Federated() {
			p := NewProvider(arn).Usual()
			keys := policy.Context{}
			keys.Set(p.Issuer+":sub", "system:serviceaccount:payments:api")
			first, err := Holds(p.Pinned(Pin{Keys: keys}), role, Claim{Nobody: true})
			if err != nil || first.Verdict != Refuted {
				continue
			}
			hops, err := account.Reach(role)
			for _, h := range hops {
				if h.Role.Name() == "target-x" && err == nil {
					return Answer{Verdict: h.Verdict, Witness: h.Witness}, nil
				}
			}
		}
	}
	return Answer{Verdict: Proved}, nil
}
