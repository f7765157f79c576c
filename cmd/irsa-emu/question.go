package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/irsa-emu/irsa-emu/aws"
	"github.com/irsa-emu/irsa-emu/oidc"
	"github.com/irsa-emu/irsa-emu/term"
)

// identity is who asks, from whichever flag says it.
type identity struct {
	issuer, serviceAccount, subject, claimsFile, tokenFile, profile string
	audience, claims                                                []string

	added []string // claims that --claims does not have and every token has
}

// read gives the claims of the identity. Those that are written down must be there;
// what else STS has against them, or against a token, is for the judge to say.
func (q *identity) read(p *program, now time.Time) (*oidc.Unverified, error) {
	sources := 0
	for _, s := range []string{q.serviceAccount, q.subject, q.claimsFile, q.tokenFile, q.profile} {
		if s != "" {
			sources++
		}
	}
	if err := checkIssuer(q.issuer); err != nil {
		return nil, err
	}
	if sources != 1 {
		return nil, usageError("whose identity? write one of --service-account NAMESPACE/NAME, --subject, --claims FILE, --token FILE and --profile NAME")
	}
	overrides, err := parseClaims(q.claims)
	if err != nil {
		return nil, err
	}
	var token *oidc.Token
	if q.tokenFile != "" {
		if token, err = q.token(p); err != nil {
			return nil, err
		}
		if q.issuer == "" && len(q.audience) == 0 && len(overrides) == 0 {
			return token.Claims(), nil
		}
	}
	raw, err := q.raw(p, token, overrides, now)
	if err != nil {
		return nil, err
	}
	payload, err := json.Marshal(raw)
	if err != nil {
		return nil, err
	}
	claims, err := oidc.ReadClaims(payload)
	var refused *oidc.TokenError
	if err == nil && token == nil && errors.As(claims.Check(), &refused) && refused.Reason == oidc.ReasonMissingClaim {
		err = refused
	}
	if err != nil {
		return nil, usageError("the claims: %s", tokenText(err))
	}
	return claims, nil
}

func (q *identity) token(p *program) (*oidc.Token, error) {
	b, err := p.readInput(q.tokenFile)
	if err != nil {
		return nil, usageError("--token: %w", err)
	}
	token, err := oidc.ParseUnverified(strings.TrimSpace(string(b)))
	if err != nil {
		return nil, usageError("--token %s: %s", q.tokenFile, tokenText(err))
	}
	return token, nil
}

// raw are the claims of the identity, as a token has them.
func (q *identity) raw(p *program, token *oidc.Token, overrides map[string]any, now time.Time) (raw map[string]any, err error) {
	raw = map[string]any{}
	switch {
	case token != nil:
		if err := decodeClaims([]byte(token.Claims().Raw), &raw); err != nil {
			return nil, usageError("--token %s: %w", q.tokenFile, err)
		}
	case q.claimsFile != "":
		b, err := p.readInput(q.claimsFile)
		if err != nil {
			return nil, usageError("--claims: %w", err)
		}
		if err := decodeClaims(b, &raw); err != nil {
			return nil, usageError("--claims %s: a JSON object of claims is expected: %w", q.claimsFile, err)
		}
	case q.profile != "":
		profile, err := oidc.ProfileNamed(q.profile)
		if err != nil {
			return nil, usageError("--profile: %w", err)
		}
		if raw, err = profile.Claims(oidc.ProfileInput{Issuer: q.issuer, Audience: q.audience, IssuedAt: now, Overrides: overrides}); err != nil {
			return nil, usageError("--profile %s: %w", q.profile, err)
		}
		return raw, nil
	case q.serviceAccount != "":
		account, err := readServiceAccount(q.serviceAccount)
		if err != nil {
			return nil, err
		}
		raw["sub"] = account.Subject()
	default:
		raw["sub"] = q.subject
	}
	return raw, q.complete(raw, overrides, now)
}

// complete adds what every token has. A token that was given has it all; what
// is missing there is what is wrong with it.
func (q *identity) complete(raw, overrides map[string]any, now time.Time) error {
	if q.issuer != "" {
		raw["iss"] = q.issuer
	}
	if len(q.audience) > 0 {
		raw["aud"] = q.audience
	}
	if q.tokenFile == "" {
		if raw["iss"] == nil {
			return usageError("--issuer: missing; write the issuer's URL, https://…")
		}
		q.added = nil
		every := map[string]any{"aud": []string{aws.DefaultAudience}, "iat": now.Unix(), "exp": now.Add(time.Hour).Unix()}
		for _, claim := range sortedKeys(every) {
			if _, there := raw[claim]; !there {
				raw[claim] = every[claim]
				q.added = append(q.added, claim)
			}
		}
	}
	for claim, value := range overrides {
		if value == nil {
			delete(raw, claim)
		} else {
			raw[claim] = value
		}
	}
	return nil
}

// note says which claims were added to a file's, as far as answers hang on them.
func (q *identity) note() []string {
	if q.claimsFile == "" || !slices.Contains(q.added, "aud") {
		return nil
	}
	return []string{fmt.Sprintf("the claims have no aud, and the STS would refuse such a token; it is taken to be %q", aws.DefaultAudience)}
}

// decodeClaims keeps numbers as they are written.
func decodeClaims(b []byte, into *map[string]any) error {
	dec := json.NewDecoder(strings.NewReader(string(b)))
	dec.UseNumber()
	if err := dec.Decode(into); err != nil {
		return term.JSON(err)
	}
	if _, err := dec.Token(); err != io.EOF {
		return usageError("there is more after the object")
	}
	if *into == nil {
		return usageError("it is null")
	}
	return nil
}
