package sts

import (
	"bytes"
	"encoding/json"
	"errors"
	"iter"
	"maps"
	"slices"
	"strings"

	"github.com/irsa-emu/irsa-emu/iam"
	"github.com/irsa-emu/irsa-emu/oidc"
	"github.com/irsa-emu/irsa-emu/state"
)

// identityClaims reads who a token is from when something else in it is wrong
// that AWS looks at only after the trust policy: its times, its tags, its source
// identity. Nil when the mistake is in the identity itself.
func identityClaims(t *oidc.Token, mistake error) *oidc.Claims {
	var e *oidc.TokenError
	if !errors.As(mistake, &e) {
		return nil
	}
	switch e.Reason {
	case oidc.ReasonMissingClaim, oidc.ReasonTimestamp:
		if e.Claim != "iat" && e.Claim != "exp" && e.Claim != "nbf" {
			return nil
		}
	case oidc.ReasonSessionTags, oidc.ReasonSourceIdentity, oidc.ReasonRolesClaim:
	default:
		return nil
	}
	decoder := json.NewDecoder(bytes.NewReader(t.Payload()))
	var payload map[string]json.RawMessage
	if decoder.Decode(&payload) != nil {
		return nil
	}
	for name := range payload {
		if name == "nbf" || strings.HasPrefix(name, "https://aws.amazon.com/") {
			delete(payload, name)
		}
	}
	payload["iat"], payload["exp"] = json.RawMessage("0"), json.RawMessage("0")
	stripped, err := json.Marshal(payload)
	if err != nil {
		return nil
	}
	claims, err := oidc.ReadClaims(stripped)
	if err != nil {
		return nil
	}
	claims.Raw = t.Payload()
	return claims
}

func sortedKeys(m map[string]string) []string { return slices.Sorted(maps.Keys(m)) }

// providersOf are the OIDC providers of an account.
func providersOf(r state.Reader, account string) iter.Seq[*iam.OIDCProvider] {
	return state.All[*iam.OIDCProvider](r, account+"/")
}
