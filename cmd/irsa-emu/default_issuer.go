package main

import (
	"slices"
	"strings"

	"github.com/irsa-emu/irsa-emu/aws"
	"github.com/irsa-emu/irsa-emu/policy"
	"github.com/irsa-emu/irsa-emu/sources"
)

// needsIssuer says whether the identity is one whose issuer has to be told.
func (q *identity) needsIssuer() bool {
	return q.issuer == "" && (q.serviceAccount != "" || q.subject != "")
}

// chooseIssuer takes the only issuer there is to choose from. Of several none is
// guessed; where is what they were found in.
func (q *identity) chooseIssuer(where string, issuers []string) error {
	if q.serviceAccount != "" { // CI issuers sign no tokens of service accounts
		issuers = slices.DeleteFunc(issuers, func(url string) bool { return !aws.IssuerOf(url).OfClusters() })
	}
	slices.Sort(issuers)
	issuers = slices.Compact(issuers)
	switch len(issuers) {
	case 0:
		return nil
	case 1:
		q.issuer = issuers[0]
		return nil
	}
	return usageError("--issuer: missing, and %s has several; write the one that is meant: %s", where, strings.Join(firstFew(issuers), ", "))
}

// defaultIssuer is that of the only cluster that is given, or else of the only
// provider, or else of the only provider that the roles in question trust.
func (q *question) defaultIssuer(found *sources.Found) error {
	if !q.who.needsIssuer() {
		return nil
	}
	var clusters, providers, trusted []string
	for _, cluster := range found.State.Clusters {
		clusters = append(clusters, cluster.Issuer)
	}
	for id, account := range found.State.Accounts {
		if q.account != "" && q.account != id {
			continue
		}
		for _, p := range account.OIDCProviders {
			providers = append(providers, "https://"+aws.ProviderURL(p.URL))
		}
	}
	for i := range found.Policies {
		p := &found.Policies[i]
		if p.Type != policy.TrustPolicy || q.role != "" && !strings.EqualFold(p.Owner, aws.NameIn(q.role)) {
			continue
		}
		if doc, err := policy.Parse(p.Text); err == nil {
			trusted = append(trusted, trustedIssuers(doc)...)
		}
	}
	for _, issuers := range [][]string{clusters, providers, trusted} {
		if err := q.who.chooseIssuer("what was given", issuers); err != nil || q.who.issuer != "" {
			return err
		}
	}
	return nil
}

// trustedIssuers are the URLs of the issuers that a trust policy lets in.
func trustedIssuers(doc *policy.Document) []string {
	var issuers []string
	for _, principal := range doc.Federated() {
		name := aws.IssuerName(principal)
		if strings.HasPrefix(principal, "arn:") && name == principal {
			continue // a SAML provider
		}
		issuers = append(issuers, "https://"+name)
	}
	return issuers
}
