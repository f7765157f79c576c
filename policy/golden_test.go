package policy

import (
	"bytes"
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/irsa-emu/irsa-emu/golden"
	"github.com/irsa-emu/irsa-emu/term"
)

// cases runs f for each archive of a folder; what it returns are the files that
// the archive wants.
func cases(t *testing.T, folder string, f func(t *testing.T, in map[string][]byte) []txtar.File) {
	golden.Archives(t, filepath.Join("testdata", folder, "*.txtar"), func(t *testing.T, a *txtar.Archive) {
		in := map[string][]byte{}
		kept := a.Files[:0:0]
		for _, file := range a.Files {
			in[file.Name] = file.Data
			if !strings.HasPrefix(file.Name, "want") {
				kept = append(kept, file)
			}
		}
		a.Files = append(kept, f(t, in)...)
	})
}

// goldenRequest is request.json of a case. A list makes a multivalued key.
type goldenRequest struct {
	Action          string         `json:"action"`
	Resource        string         `json:"resource"`
	ResourceAccount string         `json:"resourceAccount"`
	Principal       Principal      `json:"principal"`
	Context         map[string]any `json:"context"`
}

func TestEvaluateGolden(t *testing.T) {
	cases(t, "evaluate", func(t *testing.T, in map[string][]byte) []txtar.File {
		var g goldenRequest
		dec := json.NewDecoder(bytes.NewReader(in["request.json"]))
		dec.DisallowUnknownFields()
		if err := dec.Decode(&g); err != nil {
			t.Fatalf("request.json: %v", err)
		}
		r := Request{Action: g.Action, Resource: g.Resource, Principal: g.Principal, Context: Context{}}
		for k, v := range g.Context {
			switch v := v.(type) {
			case []any:
				list := make([]string, len(v))
				for i := range v {
					list[i] = v[i].(string)
				}
				r.Context.SetMulti(k, list)
			default:
				r.Context.Set(k, v.(string))
			}
		}
		d := Evaluate(goldenPolicies(t, in, g.ResourceAccount), r)
		checkDecision(t, d)

		// The decision travels as JSON and is rendered on the other side.
		wire, err := json.Marshal(d)
		if err != nil {
			t.Fatal(err)
		}
		var back Decision
		if err := json.Unmarshal(wire, &back); err != nil {
			t.Fatal(err)
		}
		if back.String() != d.String() {
			t.Errorf("the explanation changed on its way through JSON:\n%s", cmp.Diff(d.String(), back.String()))
		}
		var b bytes.Buffer
		Explain(term.NewPrinter(&b, false), d, ExplainOptions{All: true})
		if text := DeniedText(d, g.Action); text != "" {
			fmt.Fprintf(&b, "\nAWS: …%s\n", text)
		}
		return []txtar.File{{Name: "want.txt", Data: b.Bytes()}}
	})
}

func goldenPolicies(t *testing.T, in map[string][]byte, account string) Policies {
	t.Helper()
	p := Policies{ResourceAccount: account}
	named := func(file string, kind SourceType) *Named {
		src, ok := in[file]
		if !ok {
			return nil
		}
		doc, err := Parse(src)
		if err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		return &Named{Name: strings.TrimSuffix(file, ".json"), Type: kind, Document: doc}
	}
	p.Trust = named("trust.json", TrustPolicy)
	p.Resource = named("resource.json", ResourcePolicy)
	if n := named("boundary.json", BoundaryPolicy); n != nil {
		n.Name = "arn:aws:iam::111122223333:policy/Boundary"
		p.Boundary = n
	}
	for _, file := range []string{"identity.json", "identity-2.json"} {
		if n := named(file, IdentityPolicy); n != nil {
			p.Identity = append(p.Identity, *n)
		}
	}
	if n := named("session.json", SessionPolicy); n != nil {
		p.Session, p.HasSession = []Named{*n}, true
	}
	return p
}
