package emulator

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/irsa-emu/irsa-emu/aws"
	"github.com/irsa-emu/irsa-emu/control"
	"github.com/irsa-emu/irsa-emu/iam"
	"github.com/irsa-emu/irsa-emu/oidc"
	"github.com/irsa-emu/irsa-emu/state"
)

// minter makes tokens of the issuers that the emulator signs for.
type minter struct {
	issuers  *issuers
	services *registry // whose resources have issuers
	store    *state.Store
	clock    *Clock
	rand     io.Reader
}

// mint makes and signs a token.
func (m *minter) mint(ctx context.Context, in control.TokenRequest) (string, error) {
	spec, err := m.tokenSpec(in)
	if err != nil {
		return "", err
	}
	issuer, err := m.issuers.ensure(ctx, spec.Issuer)
	if err != nil {
		return "", err
	}
	token, err := issuer.issuer().Sign(spec.Claims, spec.Sign)
	if err != nil {
		return "", badRequest("signing the token: %v", err)
	}
	return token, nil
}

// tokenSpec is what to sign and for which issuer.
type tokenSpec struct {
	Issuer string
	Claims map[string]any
	Sign   oidc.SignOptions
}

func (m *minter) tokenSpec(in control.TokenRequest) (tokenSpec, error) {
	if most := int64(clockRange / time.Second); in.ExpiresInSeconds > most || in.ExpiresInSeconds < -most {
		return tokenSpec{}, badRequest("expiresInSeconds: %d is more than the seconds of 290 years", in.ExpiresInSeconds)
	}
	if in.Profile != "" && in.Profile != "kubernetes" {
		return m.profileSpec(in)
	}
	now := m.clock.Now()
	life := time.Duration(in.ExpiresInSeconds) * time.Second
	if life == 0 {
		life = aws.DefaultTokenLife
	}
	if len(in.Audience) == 0 {
		in.Audience = []string{aws.DefaultAudience}
	}
	if in.Issuer == "" {
		var err error
		if in.Issuer, err = m.defaultIssuer(m.store.Snapshot()); err != nil {
			return tokenSpec{}, err
		}
	}
	spec := tokenSpec{Issuer: in.Issuer}
	if aws.IssuerOf(in.Issuer).Kind == aws.EKS {
		spec.Sign.Type = "JWT" // recorded 15
	}
	switch {
	case in.ServiceAccount != "" && in.Subject != "":
		return spec, badRequest("serviceAccount and subject: write one of them")
	case in.ServiceAccount == "" && in.Subject == "":
		return spec, badRequest(`serviceAccount: missing; write {"serviceAccount": "NAMESPACE/NAME"} or {"subject": "…"}`)
	case in.Subject != "" && in.Pod != "":
		return spec, badRequest("pod: only a service account's token is bound to a pod")
	case in.Subject != "":
		spec.Claims = map[string]any{
			"iss": in.Issuer, "sub": in.Subject, "aud": in.Audience, "iat": now.Unix(), "nbf": now.Unix(), "exp": now.Add(life).Unix(),
		}
	default:
		account, ok := aws.ParseServiceAccount(in.ServiceAccount)
		if !ok {
			return spec, badRequest("serviceAccount: %q is not NAMESPACE/NAME", in.ServiceAccount)
		}
		claims, err := oidc.KubernetesClaims(oidc.KubernetesToken{
			Issuer: in.Issuer, Namespace: account.Namespace, ServiceAccount: account.Name, Pod: in.Pod, Audience: in.Audience,
			IssuedAt: now, Expires: now.Add(life), Rand: m.rand,
		})
		if err != nil {
			return spec, badRequest("%v", err)
		}
		spec.Claims = claims
	}
	for name, value := range in.Claims {
		if value == nil {
			delete(spec.Claims, name)
		} else {
			spec.Claims[name] = value
		}
	}
	return spec, nil
}

// profileSpec is a token in the shape of another issuer's.
func (m *minter) profileSpec(in control.TokenRequest) (tokenSpec, error) {
	if in.ServiceAccount != "" || in.Pod != "" {
		return tokenSpec{}, badRequest("profile %q: its tokens are not a service account's; leave serviceAccount and pod out", in.Profile)
	}
	profile, err := oidc.ProfileNamed(in.Profile)
	if err != nil {
		return tokenSpec{}, badRequest("%v", err)
	}
	overrides := maps.Clone(in.Claims)
	if in.Subject != "" {
		if overrides == nil {
			overrides = map[string]any{}
		}
		overrides["sub"] = in.Subject
	}
	spec := tokenSpec{Issuer: in.Issuer, Sign: profile.Sign}
	if spec.Issuer == "" {
		spec.Issuer = profile.Issuer
	}
	spec.Claims, err = profile.Claims(oidc.ProfileInput{
		Issuer: spec.Issuer, Audience: in.Audience, IssuedAt: m.clock.Now(),
		Lifetime: time.Duration(in.ExpiresInSeconds) * time.Second, Rand: m.rand, Overrides: overrides,
	})
	if err != nil {
		return tokenSpec{}, badRequest("%v", err)
	}
	return spec, nil
}

// defaultIssuer is the issuer of a request that names none: the only cluster's, or
// else that of the only provider which may be a cluster's, or else the emulator's
// own. Of several none is guessed: tokens of the wrong one are refused, and nothing
// would say why.
func (m *minter) defaultIssuer(r state.Reader) (string, error) {
	issuers := m.services.issuers(r, "")
	if len(issuers) == 0 {
		for p := range state.All[*iam.OIDCProvider](r, "") {
			if aws.IssuerOf(p.URL).OfClusters() {
				issuers = append(issuers, "https://"+p.URL)
			}
		}
	}
	slices.Sort(issuers)
	switch issuers = slices.Compact(issuers); len(issuers) {
	case 0:
		return m.issuers.defaultURL(), nil
	case 1:
		return issuers[0], nil
	}
	return "", badRequest("issuer: missing, and there are several; write the one that is meant: %s", strings.Join(firstOf(issuers, 10), ", "))
}

// firstOf shortens a list for a message.
func firstOf(list []string, most int) []string {
	if len(list) <= most {
		return list
	}
	return append(slices.Clone(list[:most]), fmt.Sprintf("and %d more", len(list)-most))
}
