package harness

import (
	"cmp"
	"context"
)

// OutboundToken asks the STS for a token of an account's own issuer.
type OutboundToken struct {
	Audience         Strings `json:"audience" jsonschema_description:"Whom the token is for."`
	SigningAlgorithm string  `json:"signingAlgorithm,omitempty" jsonschema:"enum=RS256,enum=ES384" jsonschema_description:"RS256 when left out."`
}

// outboundToken is the token; refused is the answer when the STS makes none.
func (a *Assume) outboundToken(ctx context.Context, s *stage) (token string, refused *answer, err error) {
	provider, err := a.caller(s)
	if err != nil {
		return "", nil, err
	}
	got, err := call(ctx, s.awsConfig(provider, ""), "sts", "GetWebIdentityToken", map[string]any{
		"Audience": a.OutboundToken.Audience, "SigningAlgorithm": cmp.Or(a.OutboundToken.SigningAlgorithm, "RS256"),
	})
	if err != nil || got.refused() {
		return "", got, err
	}
	return text(got.output, "WebIdentityToken"), nil, nil
}
