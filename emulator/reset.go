package emulator

import (
	"context"
	"fmt"
	"slices"

	"github.com/irsa-emu/irsa-emu/aws"
	"github.com/irsa-emu/irsa-emu/state"
	"github.com/irsa-emu/irsa-emu/statefile"
)

// Reset brings the emulator back to how it started: what it was given and
// nothing else. Clock, faults and decisions are reset with it; credentials
// that were issued before stay good only while their role exists.
func (e *Emulator) Reset(ctx context.Context) error {
	now := e.config.Now()
	err := e.store.Update(ctx, func(tx *state.Txn) error {
		state.DeleteAll[*Issuer](tx, "")
		e.resetAccount(tx, "")
		state.DeleteAll[*clockOffset](tx, "")
		for _, given := range e.config.Given {
			if err := e.applyTo(tx, given, now); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("resetting the state: %w", err)
	}
	e.faults.clear()
	e.decisions.Clear()
	return nil
}

// ResetAccount brings what one account holds back to what the emulator was
// given of it. Other accounts, the clock, faults and decisions stay. The
// account's clusters that were not given take their issuers with them.
func (e *Emulator) ResetAccount(ctx context.Context, account string) error {
	if !aws.IsAccount(account) {
		return badRequest("account: %q is not an account id; write twelve digits", account)
	}
	now := e.clock.Now()
	err := e.store.Update(ctx, func(tx *state.Txn) error {
		issuers := e.services.issuers(tx, account)
		e.resetAccount(tx, account)
		for _, given := range e.config.Given {
			if err := e.applyTo(tx, e.partOf(given, account), now); err != nil {
				return err
			}
		}
		for _, url := range issuers {
			if issuer, ok := state.Get[*Issuer](tx, url); ok && !e.keepsIssuer(tx, url) {
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

// resetAccount deletes what an account holds, or all that any account does.
func (e *Emulator) resetAccount(tx *state.Txn, account string) {
	for keeper := range e.services.keepers() {
		keeper.Reset(tx, account)
	}
}

// partOf is what a document says of one account.
func (e *Emulator) partOf(doc statefile.State, account string) statefile.State {
	part := statefile.State{Clusters: map[string]statefile.Cluster{}}
	if a, ok := doc.Accounts[account]; ok {
		part.Accounts = map[string]statefile.Account{account: a}
	}
	for name, c := range doc.Clusters {
		if c.Account == account || c.Account == "" && account == e.config.Account {
			part.Clusters[name] = c
		}
	}
	return part
}

// keepsIssuer is whether an issuer is a cluster's still, or was given by itself.
func (e *Emulator) keepsIssuer(r state.Reader, url string) bool {
	if slices.Contains(e.services.issuers(r, ""), url) {
		return true
	}
	return slices.ContainsFunc(e.config.Given, func(s statefile.State) bool {
		return slices.ContainsFunc(s.Issuers, func(i statefile.Issuer) bool { return i.URL == url })
	})
}
