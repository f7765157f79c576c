package main

import (
	"fmt"

	"github.com/irsa-emu/irsa-emu/oidc"
	"github.com/irsa-emu/irsa-emu/sources"
	"github.com/irsa-emu/irsa-emu/sts"
)

// partialView is a view of sources that need not hold all of an account: a plan or
// a stack has its own providers only, and an account's details have none. One that
// they do not have is taken for granted, unless all of the account's are known.
type partialView struct {
	sts.View
	found    *sources.Found
	audience string
	granted  string // the note on it
}

// Provider implements [sts.View].
func (v *partialView) Provider(account, issuer string) (oidc.Provider, bool) {
	p, ok := v.View.Provider(account, issuer)
	if _, complete := v.found.Providers[account]; ok || complete {
		return p, ok
	}
	v.granted = fmt.Sprintf("taken for granted: the provider of %s exists in account %s and %q is among its client ids; the sources do not hold the account's providers (aws iam get-open-id-connect-provider prints one)", issuer, account, v.audience)
	return oidc.Provider{URL: issuer, ClientIDs: []string{v.audience}}, true
}
