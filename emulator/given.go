package emulator

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"iter"
	"maps"
	"slices"
	"time"

	"github.com/irsa-emu/irsa-emu/iam"
	"github.com/irsa-emu/irsa-emu/state"
	"github.com/irsa-emu/irsa-emu/statefile"
)

// givenDigest is of what the store was given last at a start. A store that
// keeps its state is given a document once: what was changed since, and deleted,
// stays so at the next start, until the document is another.
type givenDigest struct {
	SHA256 string `json:"sha256"`
}

const givenKey = "given"

func (*givenDigest) StateKey() string { return givenKey }

func givenKind() state.Kind { return state.Kind{Name: "given", Type: (*givenDigest)(nil)} }

// applyGiven brings in what the emulator was given, unless the store has it already.
func (d *documents) applyGiven(ctx context.Context) error {
	if len(d.given) == 0 {
		return nil
	}
	now := d.clock.Now()
	if !d.store.Keeps() { // it has nothing yet
		if err := d.store.Update(ctx, func(tx *state.Txn) error { return d.applyAll(tx, now) }); err != nil {
			return err
		}
		d.leaveRolesToTheState()
		return nil
	}
	text, err := json.Marshal(d.given)
	if err != nil {
		return fmt.Errorf("reading what was given: %w", err)
	}
	sum := sha256.Sum256(text)
	digest := &givenDigest{hex.EncodeToString(sum[:])}
	return d.store.Update(ctx, func(tx *state.Txn) error {
		if last, ok := state.Get[*givenDigest](tx, givenKey); ok && *last == *digest {
			return nil
		}
		tx.Put(digest)
		return d.applyAll(tx, now)
	})
}

func (d *documents) applyAll(tx *state.Txn, now time.Time) error {
	for given := range d.givenAgain("") {
		if err := d.applyTo(tx, given, now); err != nil {
			return err
		}
	}
	return nil
}

// manyRoles is how many roles a document has that is not kept beside the state.
const manyRoles = 1000

// leaveRolesToTheState drops the roles of what was given, where they are many: the
// state has them as well, and its snapshot of now, which costs nothing while they stay,
// has them for a reset. Those that came with an id or a time of their own are kept.
func (d *documents) leaveRolesToTheState() {
	if len(d.given) != 1 { // of several, the last one counts for each role
		return
	}
	lighter := d.given[0]
	lighter.Accounts = maps.Clone(lighter.Accounts)
	for account, a := range lighter.Accounts {
		if len(a.Roles) < manyRoles {
			continue
		}
		var kept []statefile.Role
		for _, role := range a.Roles {
			if role.ID != "" || !role.Created.IsZero() {
				kept = append(kept, role)
			}
		}
		a.Roles, a.Partition = kept, d.given[0].Partition(account, d.account) // which roles may tell
		lighter.Accounts[account] = a
		if d.roles == nil {
			d.roles = map[string]bool{}
		}
		d.roles[account] = true
	}
	if d.roles != nil {
		d.given, d.started = []statefile.State{lighter}, d.store.Snapshot()
	}
}

// givenAgain is what was given, with the roles of one account, or of all.
func (d *documents) givenAgain(of string) iter.Seq[statefile.State] {
	return func(yield func(statefile.State) bool) {
		for _, given := range d.given {
			if len(d.roles) > 0 {
				given.Accounts = maps.Clone(given.Accounts)
			}
			for account := range d.roles {
				if of != "" && of != account {
					continue
				}
				a := given.Accounts[account]
				a.Roles = d.rolesAgain(account, a.Roles)
				given.Accounts[account] = a
			}
			if !yield(given) {
				return
			}
		}
	}
}

// rolesAgain are those of an account as they were given; kept are some of them.
func (d *documents) rolesAgain(account string, kept []statefile.Role) []statefile.Role {
	names := map[string]bool{}
	for _, role := range kept {
		names[role.Name] = true
	}
	roles := slices.DeleteFunc(iam.ExportRoles(d.started, account), func(r statefile.Role) bool { return names[r.Name] })
	for i := range roles {
		roles[i].ID, roles[i].Created = "", time.Time{} // made anew, as those of few roles are
	}
	return append(roles, kept...)
}
