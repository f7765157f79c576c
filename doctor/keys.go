package doctor

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/irsa-emu/irsa-emu/aws"
	"github.com/irsa-emu/irsa-emu/control"
	"github.com/irsa-emu/irsa-emu/oidc"
)

// keys holds the token's signature against the keys that the API server
// publishes, and those against what the STS has.
func (x *examination) keys(ctx context.Context) Link {
	if x.claims == nil {
		return unknown("not known without a token")
	}
	var jwks json.RawMessage
	err := x.get(ctx, ref{path: aws.ClusterKeysPath}, &jwks)
	if err == nil {
		if err := x.verify(ctx, jwks); err != nil {
			return tokenBroken(err).because("these are the keys that the API server publishes at " + aws.ClusterKeysPath)
		}
	}
	published := fmt.Sprintf("%s %q is published by the API server", x.claims.Token().Header.Algorithm, x.claims.Token().Header.KeyID)
	if err != nil {
		published = "the API server's keys: " + err.Error()
	}
	switch {
	case x.AWS:
		return x.byAWS(ctx, linkKeys, published, "irsa-emu issuer check "+x.issuer)
	case x.iam != nil:
		return x.emulatorKeys(ctx)
	case err != nil:
		return unknown(published)
	}
	return ok(published, "whether AWS gets it from the issuer, this tells: irsa-emu issuer check "+x.issuer)
}

func (x *examination) verify(ctx context.Context, jwks []byte) error {
	set, err := oidc.ParseJWKS(jwks)
	if err != nil {
		return err
	}
	verifier := oidc.Verifier{
		Keys: oidc.KeysFunc(func(string) (*oidc.KeySet, bool) { return set, true }),
		Now:  func() time.Time { return time.Unix(x.claims.IssuedAt, 0) }, // clocks are not what this is about
	}
	_, err = verifier.Verify(ctx, oidc.Provider{URL: x.issuer, ClientIDs: []string{x.claims.Audience}}, x.claims)
	return err
}

// emulatorKeys are those that somebody published to the emulator.
func (x *examination) emulatorKeys(ctx context.Context) Link {
	known, err := ask(ctx, x, (*control.Client).Issuers)
	if err != nil {
		return unknown("the keys that the emulator has: " + err.Error())
	}
	for _, i := range known.Issuers {
		if i.URL != x.issuer {
			continue
		}
		if err := x.verify(ctx, i.JWKS); err != nil {
			link := tokenBroken(err)
			link.Fix = x.publish()
			if i.Own {
				return link.because("the emulator signs for this issuer itself: nobody has published the cluster's keys to it")
			}
			return link.because("these are the keys that were published to the emulator last")
		}
		return ok(fmt.Sprintf("%s %q is published to the emulator", x.claims.Token().Header.Algorithm, x.claims.Token().Header.KeyID))
	}
	if x.assumed != nil && x.assumed.arn != "" {
		return ok("the emulator fetched them from " + x.issuer)
	}
	return broken("nobody has published the cluster's keys to the emulator", x.publish()...).
		because("it would fetch them from " + x.issuer + ", if that is to be had from where it runs")
}

// publish brings the cluster's keys to the emulator.
func (x *examination) publish() []string {
	if x.service != nil { // irsa-emu's webhook does, every few seconds
		return []string{
			x.kubectlIn(x.service.Namespace, "logs deployment/pod-identity-webhook   # it publishes them, and says why not"),
			x.kubectlIn(x.service.Namespace, "rollout restart deployment/pod-identity-webhook"),
		}
	}
	return []string{fmt.Sprintf(`%s get --raw %s | jq '{url: "%s", jwks: .}' | %s -X PUT --data-binary @- %s/_emu/issuers`, x.Kubectl, aws.ClusterKeysPath, x.issuer, x.curl(), x.Emulator.URL)}
}
