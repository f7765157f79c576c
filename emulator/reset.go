package emulator

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/irsa-emu/irsa-emu/aws"
	"github.com/irsa-emu/irsa-emu/state"
	"github.com/irsa-emu/irsa-emu/statefile"
)

// reset brings the state back to what was given, and the clock to the real time.
func (d *documents) reset(ctx context.Context, now time.Time) error {
	err := d.store.Update(ctx, func(tx *state.Txn) error {
		state.DeleteAll[*Issuer](tx, "")
		d.delete(tx, "")
		state.DeleteAll[*clockOffset](tx, "")
		for given := range d.givenAgain("") {
			if err := d.applyTo(tx, given, now); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("resetting the state: %w", err)
	}
	return nil
}

// resetAccount brings what one account holds back to what was given of it. The
// account's clusters that were not given take their issuers with them.
func (d *documents) resetAccount(ctx context.Context, account string) error {
	if !aws.IsAccount(account) {
		return badRequest("account: %q is not an account id; write twelve digits", account)
	}
	now := d.clock.Now()
	err := d.store.Update(ctx, func(tx *state.Txn) error {
		issuers := d.services.issuers(tx, account)
		d.delete(tx, account)
		for given := range d.givenAgain(account) {
			if err := d.applyTo(tx, d.partOf(given, account), now); err != nil {
				return err
			}
		}
		for _, url := range issuers {
			if issuer, ok := state.Get[*Issuer](tx, url); ok && !d.keepsIssuer(tx, url) {
				tx.Delete(issuer)
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("resetting account %s: %w", account, err)
	}
	return nil
}

// delete deletes what an account holds, or all that any account does.
func (d *documents) delete(tx *state.Txn, account string) {
	for keeper := range d.services.keepers() {
		keeper.Reset(tx, account)
	}
}

// partOf is what a document says of one account.
func (d *documents) partOf(doc statefile.State, account string) statefile.State {
	part := statefile.State{Clusters: map[string]statefile.Cluster{}}
	if a, ok := doc.Accounts[account]; ok {
		part.Accounts = map[string]statefile.Account{account: a}
	}
	for name, c := range doc.Clusters {
		if c.Account == account || c.Account == "" && account == d.account {
			part.Clusters[name] = c
		}
	}
	return part
}

// keepsIssuer is whether an issuer is a cluster's still, or was given by itself.
func (d *documents) keepsIssuer(r state.Reader, url string) bool {
	if slices.Contains(d.services.issuers(r, ""), url) {
		return true
	}
	return slices.ContainsFunc(d.given, func(s statefile.State) bool {
		return slices.ContainsFunc(s.Issuers, func(i statefile.Issuer) bool { return i.URL == url })
	})
}
