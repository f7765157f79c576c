package emulator

import (
	"context"

	"github.com/irsa-emu/irsa-emu/api"
	"github.com/irsa-emu/irsa-emu/aws"
	"github.com/irsa-emu/irsa-emu/iam"
	"github.com/irsa-emu/irsa-emu/oidc"
	"github.com/irsa-emu/irsa-emu/services/accessanalyzer"
	"github.com/irsa-emu/irsa-emu/services/eks"
	"github.com/irsa-emu/irsa-emu/services/eksauth"
	"github.com/irsa-emu/irsa-emu/services/kms"
	"github.com/irsa-emu/irsa-emu/services/s3"
	"github.com/irsa-emu/irsa-emu/services/secretsmanager"
	"github.com/irsa-emu/irsa-emu/state"
	"github.com/irsa-emu/irsa-emu/sts"
)

// Registration is a service that an emulator serves.
type Registration struct {
	// Describe is what it says of itself, before there is one: [HostPattern] asks those that every emulator has.
	Describe func() *api.Description
	// Kinds are what it keeps in the store.
	Kinds []state.Kind
	// New makes it.
	New func(*Environment) api.Service
}

// Environment is what services are made of.
type Environment struct {
	Config
	Store *state.Store
	Clock *Clock
	STS   *sts.Service
	// Verifier verifies tokens with the keys of all issuers that are known.
	Verifier *oidc.Verifier
	// FetchThumbprint and NewIssuer are what IAM and EKS need of the issuers.
	FetchThumbprint func(ctx context.Context, issuerURL string) (string, error)
	NewIssuer       func(ctx context.Context, issuerURL string) error
}

// registered are the services, in the order in which they apply their parts of
// State documents. A new one is its line here.
var registered = []Registration{
	{sts.Description, sts.Kinds(), func(e *Environment) api.Service { return e.STS }},
	{iam.Description, iam.Kinds(), func(e *Environment) api.Service {
		return iam.New(iam.Config{Store: e.Store, Rand: e.Rand, FetchThumbprint: e.FetchThumbprint})
	}},
	{kms.Description, kms.Kinds(), func(e *Environment) api.Service {
		return kms.New(kms.Config{Store: e.Store, Rand: e.Rand, Region: e.Region})
	}},
	{secretsmanager.Description, secretsmanager.Kinds(), func(e *Environment) api.Service {
		return secretsmanager.New(secretsmanager.Config{Store: e.Store, Rand: e.Rand, Region: e.Region, Log: e.Logger})
	}},
	{s3.Description, s3.Kinds(), func(e *Environment) api.Service {
		return s3.New(s3.Config{Store: e.Store, Rand: e.Rand, Region: e.Region, Log: e.Logger, MaxObjectSize: e.MaxObjectSize, Authenticator: e.STS, Now: e.Now})
	}},
	{eks.Description, eks.Kinds(), func(e *Environment) api.Service {
		return eks.New(eks.Config{Store: e.Store, Rand: e.Rand, Account: e.Account, Region: e.Region, NewIssuer: e.NewIssuer})
	}},
	{accessanalyzer.Description, nil, func(*Environment) api.Service { return accessanalyzer.New() }},
	{eksauth.Description, nil, func(e *Environment) api.Service { return eksauth.New(eksauth.Config{STS: e.STS, Verifier: e.Verifier}) }},
}

// Kinds are all that an emulator keeps in its store.
func Kinds() []state.Kind { return kindsOf(registered) }

func kindsOf(registrations []Registration) []state.Kind {
	kinds := []state.Kind{issuerKind(), clockKind(), givenKind()}
	for _, r := range registrations {
		kinds = append(kinds, r.Kinds...)
	}
	return kinds
}

// HostPattern is a regular expression of AWS's host names that lead to an emulator:
// those of the services that every emulator has, and of issuers.
func HostPattern() string {
	var anywhere, regional []string
	for _, r := range registered {
		if d := r.Describe(); d.Regional {
			regional = append(regional, d.Hosts...)
		} else {
			anywhere = append(anywhere, d.Hosts...)
		}
	}
	return aws.HostPattern(anywhere, regional)
}

// registrations are those of every emulator and the further ones of this.
func (c *Config) registrations() []Registration {
	return append(registered[:len(registered):len(registered)], c.Services...)
}
