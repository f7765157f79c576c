package iam

import (
	"maps"
	"slices"
	"time"

	"github.com/irsa-emu/irsa-emu/state"
	"github.com/irsa-emu/irsa-emu/statefile"
)

// Apply merges the accounts of a document into the state; see [Apply].
func (a *API) Apply(tx *state.Txn, doc *statefile.State, now time.Time) error {
	for _, account := range slices.Sorted(maps.Keys(doc.Accounts)) {
		if err := Apply(tx, account, doc.Accounts[account], now, a.cfg.Rand); err != nil {
			return err
		}
	}
	return nil
}

// Export adds every account that holds an IAM entity to a document; see [Export].
func (a *API) Export(r state.Reader, doc *statefile.State) {
	found := map[string]bool{}
	Accounts(r, found)
	declared(r, found)
	for account := range found {
		out := Export(r, account)
		doc.Accounts[account] = out.WithSectionsOf(doc.Accounts[account]) // parts of other services
	}
}

// Reset removes every IAM entity of an account; see [Reset].
func (a *API) Reset(tx *state.Txn, account string) { Reset(tx, account) }
