package iam

import (
	"net/http"

	"github.com/google/uuid"

	"github.com/irsa-emu/irsa-emu/aws"
	"github.com/irsa-emu/irsa-emu/state"
	"github.com/irsa-emu/irsa-emu/wire"
)

// Outbound web identity federation: the account's switch. Answers and texts are
// recorded 13.
var outboundActions = map[string]action{
	"DisableOutboundWebIdentityFederation": on((*call).disableOutbound),
	"EnableOutboundWebIdentityFederation":  on((*call).enableOutbound),
	"GetOutboundWebIdentityFederationInfo": on((*call).getOutbound),
}

// OutboundFederation is an account's issuer of web identity tokens. It outlives
// its being switched off: the same issuer comes back (recorded 13).
type OutboundFederation struct {
	Account string `json:"account"`
	// Issuer is https://UUID.tokens.sts.global.api.aws.
	Issuer  string `json:"issuer"`
	Enabled bool   `json:"enabled"`
}

// StateKey is the account.
func (o *OutboundFederation) StateKey() string { return o.Account }

// Outbound is an account's issuer; false if it never had one.
func Outbound(r state.Reader, account string) (*OutboundFederation, bool) {
	return state.Get[*OutboundFederation](r, account)
}

type enableOutboundOutput struct{ IssuerIdentifier string }

type getOutboundOutput struct {
	IssuerIdentifier  string
	JwtVendingEnabled bool
}

func (c *call) enableOutbound(*anyInput) (any, error) {
	return c.update(func(tx *state.Txn) (any, error) {
		found, ok := Outbound(tx, c.account)
		if ok && found.Enabled {
			return nil, wire.Errorf(http.StatusConflict, "FeatureEnabled", "Outbound identity federation is already enabled for account %s", c.account)
		}
		next := c.maker(tx).outbound("", true)
		tx.Put(next)
		return &enableOutboundOutput{next.Issuer}, nil
	})
}

// outbound is the account's switch with the issuer that is given, else the one
// that it had, else a new one.
func (m *maker) outbound(issuer string, enabled bool) *OutboundFederation {
	next := &OutboundFederation{Account: m.account, Issuer: issuer, Enabled: enabled}
	if found, ok := Outbound(m.tx, m.account); ok && issuer == "" {
		next.Issuer = found.Issuer
	}
	if next.Issuer == "" {
		next.Issuer = "https://" + uuid.NewString() + aws.OutboundHost
	}
	return next
}

func (c *call) disableOutbound(*anyInput) (any, error) {
	return c.update(func(tx *state.Txn) (any, error) {
		found, ok := Outbound(tx, c.account)
		if !ok || !found.Enabled {
			return nil, outboundDisabled("Outbound identity federation is already disabled for account %s", c.account)
		}
		tx.Put(&OutboundFederation{Account: c.account, Issuer: found.Issuer})
		return nil, nil
	})
}

func (c *call) getOutbound(*anyInput) (any, error) {
	found, ok := Outbound(c.State, c.account)
	if !ok || !found.Enabled { // an error, never JwtVendingEnabled false (recorded 13)
		return nil, outboundDisabled("Outbound identity federation is disabled for account %s", c.account)
	}
	return &getOutboundOutput{found.Issuer, true}, nil
}

func outboundDisabled(format, account string) error {
	return wire.Errorf(http.StatusNotFound, "FeatureDisabled", format, account)
}
