package given

import (
	"strings"

	"github.com/irsa-emu/irsa-emu/prove"
)

// customised notes the subjects that a role wants and that only a customised
// template of GitHub gives.
func customised(role *prove.Role, providers []*prove.Provider) []string {
	var out []string
	for _, p := range providers {
		for i := range role.Trust.Document.Statements {
			st := &role.Trust.Document.Statements[i]
			for j := range st.Conditions {
				c := &st.Conditions[j]
				if st.Effect != "Allow" || !strings.EqualFold(c.Key, p.Issuer+":sub") {
					continue
				}
				for _, want := range c.Values {
					if p.Customised(want) {
						out = append(out, "the subject "+want+" is one that only a customised template of GitHub gives, which is left out; write its include_claim_keys: --github-subject repo,context,…")
					}
				}
			}
		}
	}
	return out
}
