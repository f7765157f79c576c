package iam

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/irsa-emu/irsa-emu/api"
	"github.com/irsa-emu/irsa-emu/aws"
	"github.com/irsa-emu/irsa-emu/decision"
	"github.com/irsa-emu/irsa-emu/state"
	"github.com/irsa-emu/irsa-emu/wire"
)

const (
	maxClientIDs   = 100
	maxThumbprints = 5
	maxProviders   = 100
)

var providerActions = map[string]action{
	"CreateOpenIDConnectProvider":             on((*call).createProvider),
	"GetOpenIDConnectProvider":                on((*call).getProvider),
	"ListOpenIDConnectProviders":              on((*call).listProviders),
	"DeleteOpenIDConnectProvider":             on((*call).deleteProvider),
	"AddClientIDToOpenIDConnectProvider":      on((*call).addClientID),
	"RemoveClientIDFromOpenIDConnectProvider": on((*call).removeClientID),
	"UpdateOpenIDConnectProviderThumbprint":   on((*call).updateThumbprint),
	"TagOpenIDConnectProvider":                on((*call).tagProvider),
	"UntagOpenIDConnectProvider":              on((*call).untagProvider),
	"ListOpenIDConnectProviderTags":           on((*call).listProviderTags),
}

type providerInput struct {
	OpenIDConnectProviderArn string `wire:"required,min=20,max=2048"`
}

func (in *providerInput) target(c *call) target { return c.onProvider(in.OpenIDConnectProviderArn) }

type createProviderInput struct {
	Url            string   `wire:"required,min=1,max=255"`
	ClientIDList   []string `wire:"each.min=1,each.max=255"`
	ThumbprintList []string `wire:"each.min=40,each.max=40"`
	tagsInput
}

func (in *createProviderInput) target(c *call) target {
	return target{arn: c.arnOf("oidc-provider", "/", aws.ProviderURL(in.Url))}.withTags(in.Tags)
}

type createProviderOutput struct {
	OpenIDConnectProviderArn string
	Tags                     wire.List[tagOutput] `wire:"omitempty"`
}

func (c *call) createProvider(in *createProviderInput) (any, error) {
	if err := c.allowTags("TagOpenIDConnectProvider", c.arnOf("oidc-provider", "/", aws.ProviderURL(in.Url)), "", in.Tags); err != nil {
		return nil, err
	}
	if err := checkProviderURL(in.Url); err != nil {
		return nil, err
	}
	_, exists := ProviderByURL(c.State, c.account, in.Url)
	if in.ThumbprintList == nil && !exists && c.cfg.FetchThumbprint != nil {
		thumbprint, err := c.cfg.FetchThumbprint(c.HTTP.Context(), in.Url)
		if err != nil {
			answer := wire.Errorf(http.StatusBadRequest, "OpenIdIdpCommunicationError", "Could not connect to %s", in.Url)
			return nil, api.Refuse(decision.Parameter, answer).Because("fetching the issuer's certificate: %v", err).
				WithHint("give a ThumbprintList, and the issuer is not contacted")
		}
		completed := *in // the call's own input stays as it was sent
		completed.ThumbprintList = []string{thumbprint}
		in = &completed
	}
	return c.update(func(tx *state.Txn) (any, error) {
		m := c.maker(tx)
		p, err := m.provider(in)
		if err != nil {
			return nil, err
		}
		if _, exists := state.Get[*OIDCProvider](tx, p.StateKey()); exists {
			return nil, alreadyExists("Provider with url https://%s already exists.", p.URL)
		}
		if count[*OIDCProvider](tx, c.account) >= maxProviders {
			return nil, quotaExceeded("OpenIdConnectProvidersPerAccount", maxProviders)
		}
		tx.Put(p)
		return &createProviderOutput{p.ARN(), outTags(p.Tags)}, nil
	})
}

// provider makes the provider that the input describes.
func (m *maker) provider(in *createProviderInput) (*OIDCProvider, error) {
	if err := checkProviderURL(in.Url); err != nil {
		return nil, err
	}
	p := &OIDCProvider{Account: m.account, Partition: m.partition, URL: aws.ProviderURL(in.Url), Created: m.now}
	var err error
	if p.ClientIDs, err = clientIDs(in.ClientIDList); err != nil {
		return nil, err
	}
	if p.Thumbprints, err = thumbprints(in.ThumbprintList); err != nil {
		return nil, err
	}
	if p.Tags, err = newTags(in.Tags, caseSensitive); err != nil {
		return nil, err
	}
	return p, nil
}

// checkProviderURL refuses what is no issuer URL. Recorded: a query or a
// fragment is "Unknown".
func checkProviderURL(s string) error {
	const invalid = "Invalid Open ID Connect Provider URL"
	if strings.HasPrefix(s, "http://") {
		return invalidInput(invalid + ". The URL must begin with https://.")
	}
	switch aws.IssuerURLFault(s) {
	case aws.URLFine:
		return nil
	case aws.URLWithQuery:
		return api.Refuse(decision.Parameter, invalidInput("Unknown")).Because("a provider URL has no query and no fragment")
	}
	return wire.ValidationError(invalid)
}

// clientIDs drops duplicates and keeps the order (recorded).
func clientIDs(in []string) ([]string, error) {
	var ids []string
	for _, id := range in {
		if !slices.Contains(ids, id) {
			ids = append(ids, id)
		}
	}
	if len(ids) > maxClientIDs {
		return nil, quotaExceeded("ClientIdsPerOpenIdConnectProvider", maxClientIDs)
	}
	return ids, nil
}

// thumbprints lower-cases and keeps duplicates (recorded). The text says
// "fewer than 5"; five are fine.
func thumbprints(in []string) ([]string, error) {
	if len(in) > maxThumbprints {
		return nil, invalidInput("Thumbprint list must contain fewer than 5 entries.")
	}
	var list []string
	for _, t := range in {
		list = append(list, strings.ToLower(t))
	}
	return list, nil
}

// checkProviderARN refuses an ARN that is none of a provider.
func checkProviderARN(arn string) error {
	if _, _, ok := splitARN(arn, "oidc-provider"); !ok {
		return wire.ValidationError("Invalid ARN: %s", arn)
	}
	return nil
}

func provider(r state.Reader, arn string) (*OIDCProvider, error) {
	if err := checkProviderARN(arn); err != nil {
		return nil, err
	}
	p, ok := providerByARN(r, arn)
	if !ok || p.ARN() != arn {
		return nil, noSuchEntity("OpenIDConnect Provider not found for arn %s", arn)
	}
	return p, nil
}

// milliTime is a timestamp with milliseconds, as a provider's CreateDate is (recorded).
type milliTime struct{ time.Time }

// MarshalText writes 2006-01-02T15:04:05.000Z.
func (t milliTime) MarshalText() ([]byte, error) {
	return []byte(t.UTC().Format("2006-01-02T15:04:05.000Z")), nil
}

type getProviderOutput struct {
	Url            string
	ClientIDList   wire.List[string]
	ThumbprintList wire.List[string]
	CreateDate     milliTime
	Tags           wire.List[tagOutput]
}

func (c *call) getProvider(in *providerInput) (any, error) {
	p, err := provider(c.State, in.OpenIDConnectProviderArn)
	if err != nil {
		return nil, err
	}
	return &getProviderOutput{p.URL, p.ClientIDs, p.Thumbprints, milliTime{p.Created}, outTags(p.Tags)}, nil
}

type listProvidersInput struct{}

func (*listProvidersInput) target(c *call) target {
	return target{arn: c.arnOf("oidc-provider", "/", "*")}
}

type arnOutput struct{ Arn string }

type listProvidersOutput struct {
	OpenIDConnectProviderList wire.List[arnOutput]
}

func (c *call) listProviders(*listProvidersInput) (any, error) {
	out := &listProvidersOutput{}
	for p := range state.All[*OIDCProvider](c.State, c.account+"/") {
		out.OpenIDConnectProviderList = append(out.OpenIDConnectProviderList, arnOutput{p.ARN()})
	}
	return out, nil
}

// deleteProvider is not idempotent, and its text for a missing provider is not
// that of the other actions (recorded).
func (c *call) deleteProvider(in *providerInput) (any, error) {
	if err := checkProviderARN(in.OpenIDConnectProviderArn); err != nil {
		return nil, err
	}
	return c.update(func(tx *state.Txn) (any, error) {
		p, err := provider(tx, in.OpenIDConnectProviderArn)
		if err != nil {
			return nil, noSuchEntity("OpenId connect Provider %s cannot be found.", in.OpenIDConnectProviderArn)
		}
		tx.Delete(p)
		return nil, nil
	})
}

// changeProvider replaces a provider by a changed copy.
func (c *call) changeProvider(arn string, change func(*OIDCProvider) error) (any, error) {
	return c.update(func(tx *state.Txn) (any, error) {
		p, err := provider(tx, arn)
		if err != nil {
			return nil, err
		}
		changed := *p
		if err := change(&changed); err != nil {
			return nil, err
		}
		tx.Put(&changed)
		return nil, nil
	})
}

type clientIDInput struct {
	providerInput
	ClientID string `wire:"required,min=1,max=255"`
}

func (c *call) addClientID(in *clientIDInput) (any, error) {
	return c.changeProvider(in.OpenIDConnectProviderArn, func(p *OIDCProvider) (err error) {
		p.ClientIDs, err = clientIDs(append(slices.Clone(p.ClientIDs), in.ClientID))
		return err
	})
}

func (c *call) removeClientID(in *clientIDInput) (any, error) {
	return c.changeProvider(in.OpenIDConnectProviderArn, func(p *OIDCProvider) error {
		p.ClientIDs = slices.DeleteFunc(slices.Clone(p.ClientIDs), func(id string) bool { return id == in.ClientID })
		return nil
	})
}

type thumbprintInput struct {
	providerInput
	ThumbprintList []string `wire:"required,each.min=40,each.max=40"`
}

func (c *call) updateThumbprint(in *thumbprintInput) (any, error) {
	if len(in.ThumbprintList) == 0 {
		return nil, invalidInput("Thumbprint list must contain at least one entry.")
	}
	return c.changeProvider(in.OpenIDConnectProviderArn, func(p *OIDCProvider) (err error) {
		p.Thumbprints, err = thumbprints(in.ThumbprintList)
		return err
	})
}

type tagProviderInput struct {
	providerInput
	addTagsInput
}

func (in *tagProviderInput) target(c *call) target {
	return in.providerInput.target(c).withTags(in.Tags)
}

func (c *call) tagProvider(in *tagProviderInput) (any, error) {
	return c.changeProvider(in.OpenIDConnectProviderArn, func(p *OIDCProvider) (err error) {
		p.Tags, err = addTags(p.Tags, in.Tags, caseSensitive)
		return err
	})
}

type untagProviderInput struct {
	providerInput
	tagKeysInput
}

func (in *untagProviderInput) target(c *call) target {
	return in.providerInput.target(c).withTagKeys(in.TagKeys)
}

func (c *call) untagProvider(in *untagProviderInput) (any, error) {
	return c.changeProvider(in.OpenIDConnectProviderArn, func(p *OIDCProvider) error {
		p.Tags = removeTags(p.Tags, in.TagKeys, caseSensitive)
		return nil
	})
}

type listProviderTagsInput struct {
	providerInput
	pageInput
}

func (c *call) listProviderTags(in *listProviderTagsInput) (any, error) {
	p, err := provider(c.State, in.OpenIDConnectProviderArn)
	if err != nil {
		return nil, err
	}
	return listTags(p.Tags, in.pageInput)
}
