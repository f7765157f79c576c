package services

import (
	"slices"
	"strings"

	"github.com/irsa-emu/irsa-emu/policy"
	"github.com/irsa-emu/irsa-emu/prove"
)

// Public says whether a resource policy is public in AWS's sense: unless it
// grants to fixed principals, or to fixed values of the keys that say who or where
// the caller is, whatever other conditions it has (S3 user guide, "Blocking public
// access to your Amazon S3 storage: The meaning of public"). What cannot be
// followed is public: AWS assumes so until the contrary is shown.
func Public(d *policy.Document) bool {
	if !slices.ContainsFunc(d.Statements, openToAll) {
		return false // as nearly all are, and calls ask for it
	}
	reasons, err := prove.Public(d)
	return err != nil || len(reasons) > 0
}

// openToAll says whether a statement allows principals that it does not name,
// conditions aside.
func openToAll(st policy.Statement) bool {
	return st.Effect == "Allow" && (st.Principals.Not || slices.ContainsFunc(st.Principals.Values, func(p policy.NamedPrincipal) bool {
		return strings.HasPrefix(p.Value, "*")
	}))
}
