package audit_test

import (
	"io"
	"strings"
	"testing"
	"time"

	"github.com/irsa-emu/irsa-emu/audit"
	"github.com/irsa-emu/irsa-emu/sources"
	"github.com/irsa-emu/irsa-emu/term"
)

// FuzzAudit audits any texts where manifests and a trust policy may have them:
// whatever they hold, an answer comes, and never "gets" for what is not known.
func FuzzAudit(f *testing.F) {
	f.Add("ns", "sa", "arn:aws:iam::111122223333:role/r", "system:serviceaccount:ns:sa")
	f.Add("", "default", "arn:aws:iam::${account}:role/r", "system:serviceaccount:*:sa")
	f.Add("{{ .ns }}", "$(SA)", "arn:aws:iam::111122223333:role/r ", "*")
	f.Add("ns", "sa", "arn:aws:iam::{{", "${aws:username}")
	f.Fuzz(func(t *testing.T, namespace, name, role, sub string) {
		quote := func(s string) string {
			return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(printable(s)) + `"`
		}
		src := `{"apiVersion":"v1","kind":"ServiceAccount","metadata":{"name":` + quote(name) + `,"namespace":` + quote(namespace) + `,"annotations":{"eks.amazonaws.com/role-arn":` + quote(role) + `}}}
{"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":"d","namespace":` + quote(namespace) + `},"spec":{"template":{"spec":{"serviceAccountName":` + quote(name) + `,"containers":[{"name":"c","env":[{"name":"A","value":` + quote(role) + `}]}]}}}}
{"Role":{"RoleName":"r","Arn":"arn:aws:iam::111122223333:role/r","AssumeRolePolicyDocument":{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Federated":"arn:aws:iam::111122223333:oidc-provider/oidc.eks.us-west-2.amazonaws.com/id/X"},"Action":"sts:AssumeRoleWithWebIdentity","Condition":{"StringLike":{"oidc.eks.us-west-2.amazonaws.com/id/X:sub":` + quote(sub) + `}}}]}}}`
		found, err := sources.Options{Stdin: strings.NewReader(src)}.Read("-")
		if err != nil {
			return
		}
		r, err := audit.Audit(found, audit.Options{Now: time.Unix(1_800_000_000, 0)})
		if err != nil {
			return
		}
		for _, row := range r.Matrix {
			if row.Verdict == audit.Gets && sources.Unresolved(row.Namespace+row.ServiceAccount+*row.Role) != "" {
				t.Errorf("%s/%s gets %s, of which a part is not known", row.Namespace, row.ServiceAccount, *row.Role)
			}
		}
		if err := r.Text(term.NewPrinter(io.Discard, false)); err != nil {
			t.Error(err)
		}
		if err := r.Markdown(io.Discard); err != nil {
			t.Error(err)
		}
	})
}

// printable keeps what JSON takes in a string without an escape.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0xfffd {
			return -1
		}
		return r
	}, s)
}
