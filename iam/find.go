package iam

import (
	"github.com/irsa-emu/irsa-emu/aws"
	"github.com/irsa-emu/irsa-emu/state"
)

// RoleByName finds a role whatever the case of its name.
func RoleByName(r state.Reader, account, name string) (*Role, bool) {
	return state.Get[*Role](r, nameKey(account, name))
}

// RoleByARN finds the role of exactly that ARN: account, path and name. On
// AWS a role in another path is not found, even when its name exists.
func RoleByARN(r state.Reader, arn string) (*Role, bool) {
	account, name, ok := splitARN(arn, "role")
	if !ok {
		return nil, false
	}
	role, ok := RoleByName(r, account, name)
	if !ok || role.ARN() != arn {
		return nil, false
	}
	return role, true
}

// PolicyByARN finds a managed policy, the account's own or AWS's.
func PolicyByARN(r state.Reader, arn string) (*Policy, bool) {
	account, name, ok := splitARN(arn, "policy")
	if !ok {
		return nil, false
	}
	if account == awsAccount {
		return managedPolicy(arn)
	}
	p, ok := state.Get[*Policy](r, nameKey(account, name))
	if !ok || p.ARN() != arn {
		return nil, false
	}
	return p, true
}

// ProviderByURL finds the OIDC provider of an account for an issuer. The
// comparison is exact, trailing slash and case included, but for the scheme
// and a port of 443.
func ProviderByURL(r state.Reader, account, issuer string) (*OIDCProvider, bool) {
	return state.Get[*OIDCProvider](r, account+"/"+aws.ProviderURL(issuer))
}

// providerByARN finds the OIDC provider of exactly that ARN.
func providerByARN(r state.Reader, arn string) (*OIDCProvider, bool) {
	a, err := aws.ParseARN(arn)
	url, ok := a.Named("iam", "oidc-provider")
	if err != nil || !ok {
		return nil, false
	}
	return ProviderByURL(r, a.Account, url)
}

// UserByName finds a user whatever the case of its name.
func UserByName(r state.Reader, account, name string) (*User, bool) {
	return state.Get[*User](r, nameKey(account, name))
}

// UserByARN finds the user of exactly that ARN.
func UserByARN(r state.Reader, arn string) (*User, bool) {
	account, name, ok := splitARN(arn, "user")
	if !ok {
		return nil, false
	}
	user, ok := UserByName(r, account, name)
	if !ok || user.ARN() != arn {
		return nil, false
	}
	return user, true
}

// splitARN takes account and bare name out of an IAM ARN of that kind.
func splitARN(arn, kind string) (account, name string, ok bool) {
	a, err := aws.ParseARN(arn)
	name, ok = a.Named("iam", kind)
	return a.Account, aws.NameIn(name), err == nil && ok
}
