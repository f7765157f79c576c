package emulator

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/irsa-emu/irsa-emu/aws"
	"github.com/irsa-emu/irsa-emu/oidc"
	"github.com/irsa-emu/irsa-emu/state"
	"github.com/irsa-emu/irsa-emu/statefile"
)

// documents are how State documents go into the state and come out of it.
type documents struct {
	store    *state.Store
	clock    *Clock
	services *registry
	// account and region have what a document names no account or region of.
	account, region string
	given           []statefile.State
	// started is the state as it was given, for the roles of those accounts: see
	// leaveRolesToTheState.
	started *state.Snapshot
	roles   map[string]bool
}

// apply merges a state document into the state, all of it or nothing. What it
// names and the state has already is updated.
func (d *documents) apply(ctx context.Context, doc statefile.State) error {
	now := d.clock.Now()
	return d.store.Update(ctx, func(tx *state.Txn) error { return d.applyTo(tx, doc, now) })
}

func (d *documents) applyTo(tx *state.Txn, doc statefile.State, now time.Time) error {
	for _, in := range doc.Issuers {
		issuer, err := issuerFrom(in)
		if err != nil {
			return badRequest("issuers: %v", err)
		}
		tx.Put(issuer)
	}
	for name, c := range doc.Clusters {
		if err := checkIssuerURL(c.Issuer); err != nil {
			return badRequest("cluster %s: %v", name, err)
		}
		if _, ok := state.Get[*Issuer](tx, c.Issuer); !ok {
			tx.Put(&Issuer{URL: c.Issuer})
		}
	}
	for account := range doc.Accounts {
		if !aws.IsAccount(account) {
			return badRequest("accounts: %q is not an account id; write twelve digits in quotes", account)
		}
	}
	doc, err := d.inPartitions(tx, doc)
	if err != nil {
		return badRequest("%v", err)
	}
	for keeper := range d.services.keepers() {
		if err := keeper.Apply(tx, &doc, now); err != nil {
			if state.Unavailable(err) {
				return err
			}
			return badRequest("%v", err)
		}
	}
	return nil
}

func issuerFrom(in statefile.Issuer) (*Issuer, error) {
	if err := checkIssuerURL(in.URL); err != nil {
		return nil, err
	}
	issuer := &Issuer{URL: in.URL, Alg: in.Alg, JWKS: json.RawMessage(in.JWKS)}
	for _, pem := range in.SigningKeys {
		key, err := oidc.ParseKey([]byte(pem))
		if err != nil {
			return nil, fmt.Errorf("%s: signingKeys: %w", in.URL, err)
		}
		issuer.Keys = append(issuer.Keys, key)
	}
	return issuer, issuer.parse()
}

// export is the whole state as a document that --given takes.
func (d *documents) export() (statefile.State, error) {
	snapshot := d.store.Snapshot()
	doc := statefile.State{Accounts: map[string]statefile.Account{}, Clusters: map[string]statefile.Cluster{}}
	for i := range state.All[*Issuer](snapshot, "") {
		out := statefile.Issuer{URL: i.URL, Alg: i.Alg, JWKS: statefile.JSON(i.JWKS)}
		for _, key := range i.Keys {
			pem, err := key.MarshalPEM()
			if err != nil {
				return doc, fmt.Errorf("key of issuer %s: %w", i.URL, err)
			}
			out.SigningKeys = append(out.SigningKeys, statefile.Text(pem))
		}
		doc.Issuers = append(doc.Issuers, out)
	}
	for keeper := range d.services.keepers() {
		keeper.Export(snapshot, &doc)
	}
	return doc, nil
}
