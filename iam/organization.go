package iam

import "github.com/irsa-emu/irsa-emu/state"

// Organization is the AWS Organization that an account is in, as condition keys
// tell it. There are no policies of organisations here.
type Organization struct {
	Account string `json:"account"`
	ID      string `json:"id"`   // o-a1b2c3d4e5
	Path    string `json:"path"` // o-a1b2c3d4e5/r-ab12/ou-ab12-11111111/, or ""
}

// StateKey is the account.
func (o *Organization) StateKey() string { return o.Account }

// OrganizationOf is the id of the organisation that an account is in, and the
// account's path in it; "" for one that is in none.
func OrganizationOf(r state.Reader, account string) (id, path string) {
	o, ok := state.Get[*Organization](r, account)
	if !ok {
		return "", ""
	}
	return o.ID, o.Path
}
