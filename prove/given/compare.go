package given

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"sync"

	"github.com/irsa-emu/irsa-emu/policy"
	"github.com/irsa-emu/irsa-emu/prove"
	"github.com/irsa-emu/irsa-emu/statefile/strictyaml"
)

// Change is access that one source gives and another does not: a role, who can
// assume it, and what he may do.
type Change struct {
	Role string `json:"role"`
	// Principal is an OIDC provider's ARN, or another principal of a trust policy.
	Principal string `json:"principal"`
	// Pattern is the pattern of subjects; "" for principals that have none.
	Pattern string `json:"pattern"`
	// Witness are the claims of a token that has the access; null when there are
	// none, or when it is not decided.
	Witness map[string]any `json:"witness"`
	Actions []string       `json:"actions"`
	// Resources are those of the actions, where the change is in the role's
	// permissions; Call is then one call that is allowed.
	Resources []string `json:"resources,omitempty"`
	Call      string   `json:"call,omitempty"`
	// Needs are what the caller must know or choose.
	Needs []string `json:"needs,omitempty"`
	// Why says what it depends on when it is not decided.
	Why   string `json:"why,omitempty"`
	Place string `json:"place,omitempty"`
	// At is the place, taken apart.
	At strictyaml.Position `json:"-"`
}

// Diff is what changed between two sources.
type Diff struct {
	Gained    []Change `json:"gained"`
	Lost      []Change `json:"lost"`
	Undecided []Change `json:"undecided"`
}

// Compare lists the access that after gives and before did not, and the other way
// round.
func Compare(ctx context.Context, before, after *Model) (Diff, error) {
	d := Diff{Gained: []Change{}, Lost: []Change{}, Undecided: []Change{}}
	for _, direction := range []struct {
		from, to *Model
		into     *[]Change
		lost     bool
	}{{before, after, &d.Gained, false}, {after, before, &d.Lost, true}} {
		changes, err := gains(ctx, direction.from, direction.to, direction.lost)
		if err != nil {
			return d, err
		}
		pods, err := podGains(direction.from, direction.to)
		if err != nil {
			return d, err
		}
		for _, c := range append(changes, pods...) {
			switch {
			case c.Why == "":
				*direction.into = append(*direction.into, c)
			case direction.lost:
				c.Why = "it may be lost: " + c.Why
				d.Undecided = append(d.Undecided, c)
			default:
				d.Undecided = append(d.Undecided, c)
			}
		}
	}
	return d, nil
}

// gains are the changes of all roles, in their order, decided side by side.
func gains(ctx context.Context, before, after *Model, lost bool) ([]Change, error) {
	was := map[string]*prove.Role{}
	for _, r := range before.Roles {
		was[r.ARN] = r
	}
	// Providers are looked up here, for that writes to the models.
	type task struct {
		role, before *prove.Role
		providers    [][2]*prove.Provider
	}
	tasks := make([]task, len(after.Roles))
	for i, r := range after.Roles {
		tasks[i] = task{role: r, before: was[r.ARN]}
		for _, p := range after.Providers(r) {
			tasks[i].providers = append(tasks[i].providers, [2]*prove.Provider{before.provider(p.ARN), p})
		}
	}
	return parallel(ctx, len(tasks), func(i int) ([]Change, error) {
		t := &tasks[i]
		if c, ok := unknownChange(t.before, t.role, lost); ok {
			return c, nil
		}
		return roleGains(before, after, t.before, t.role, t.providers)
	})
}

// unknownChange answers for a role of which the trust policy is not known on one
// of the sides; it is said once, of the newer side where that has the role.
func unknownChange(was, now *prove.Role, lost bool) ([]Change, bool) {
	unknown := now
	if now.Unknown == "" {
		unknown = was
	}
	switch {
	case unknown == nil || unknown.Unknown == "":
		return nil, false
	case lost && was != nil:
		return nil, true
	}
	return []Change{{Role: roleName(now), Actions: []string{}, Why: unknownTrust(unknown), Place: unknown.Place}}, true
}

// parallel gathers what a function gives for each index, in order, on all cores,
// until the context ends.
func parallel[T any](ctx context.Context, n int, of func(i int) ([]T, error)) ([]T, error) {
	results, errs := make([][]T, n), make([]error, n)
	var wait sync.WaitGroup
	next := make(chan int)
	for range min(n, runtime.GOMAXPROCS(0)) {
		wait.Go(func() {
			for i := range next {
				results[i], errs[i] = of(i)
			}
		})
	}
	for i := range n {
		select {
		case next <- i:
			continue
		case <-ctx.Done():
		}
		break
	}
	close(next)
	wait.Wait()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	for _, err := range errs {
		if err != nil {
			return nil, err
		}
	}
	return slices.Concat(results...), nil
}

func roleGains(before, after *Model, was, now *prove.Role, providers [][2]*prove.Provider) ([]Change, error) {
	var out []Change
	add := func(c Change, statement int) {
		c.Role = roleName(now)
		start := policy.Position{Line: 1, Column: 1}
		if statement >= 0 && statement < len(now.Trust.Document.Statements) {
			start = now.Trust.Document.Statements[statement].Start
		}
		at, ok := after.Place(now, start)
		if !ok && now.ARN == "" { // a trust policy by itself
			at, ok = strictyaml.Position{File: now.Place, Line: start.Line, Column: start.Column}, true
		}
		if ok {
			c.At, c.Place = at, at.String()
		}
		out = append(out, c)
	}
	for _, p := range providers {
		rows, err := tokenGains(was, now, p[0], p[1])
		if err != nil {
			return nil, err
		}
		for _, r := range rows {
			c := Change{Principal: p[1].ARN, Pattern: r.Pattern, Actions: assumeActions(now, "sts:AssumeRoleWithWebIdentity"), Why: why(r.Witness, r.Statement, r.Key, r.Why)}
			if r.Witness != nil {
				c.Witness, c.Needs = r.Witness.Claims, needs(r.Witness)
			}
			add(c, r.Statement)
		}
	}
	var old *prove.Role
	if was != nil && was.Trust.Document.Text() == now.Trust.Document.Text() {
		old = now
	} else {
		old = was
	}
	if old != now {
		callers, err := prove.Delegations(old, now)
		if err != nil {
			return nil, err
		}
		for _, d := range callers {
			c := Change{Principal: string(d.Kind) + " " + d.Name, Actions: assumeActions(now, d.Action()), Why: why(d.Witness, d.Statement, d.Key, d.Why)}
			statement := d.Statement
			if d.Witness != nil {
				c.Needs = needs(d.Witness)
				if len(d.Witness.Statements) > 0 {
					statement = d.Witness.Statements[0]
				}
			}
			add(c, statement)
		}
	}
	if was == nil {
		return out, nil // its permissions are among the actions of who can assume it
	}
	more, err := permissionGains(before, after, was, now, providers)
	if err != nil {
		return nil, err
	}
	for _, c := range more {
		add(c, -1)
	}
	return out, nil
}

func tokenGains(was, now *prove.Role, before, after *prove.Provider) ([]prove.Row, error) {
	if was == nil {
		return prove.Tokens(after, now)
	}
	if was.Trust.Document.Text() == now.Trust.Document.Text() && sameProvider(before, after) {
		return nil, nil
	}
	return prove.Gains(was, now, before, after)
}

func sameProvider(a, b *prove.Provider) bool {
	return a != nil && a.Missing == b.Missing && slices.Equal(a.ClientIDs, b.ClientIDs) && (a.ClientIDs == nil) == (b.ClientIDs == nil)
}

// permissionGains are the permissions that a role's sessions gained, for each of
// those who can assume it.
func permissionGains(before, after *Model, was, now *prove.Role, providers [][2]*prove.Provider) ([]Change, error) {
	gained, err := after.GainedPermissions(was, now, &before.Account)
	if err != nil || len(gained) == 0 {
		return nil, err
	}
	var who []Change
	for _, p := range providers {
		rows, err := prove.Tokens(p[1], now)
		if err != nil {
			return nil, err
		}
		for _, r := range rows {
			if r.Witness != nil {
				who = append(who, Change{Principal: p[1].ARN, Pattern: r.Pattern, Witness: r.Witness.Claims})
			}
		}
	}
	callers, err := prove.Delegations(nil, now)
	if err != nil {
		return nil, err
	}
	for _, d := range callers {
		if d.Witness != nil {
			who = append(who, Change{Principal: string(d.Kind) + " " + d.Name, Needs: needs(d.Witness)})
		}
	}
	var out []Change
	for _, c := range who {
		out = append(out, permissionChanges(c, gained)...)
	}
	return out, nil
}

// permissionChanges joins the actions that are gained on the same resources.
func permissionChanges(of Change, gained []prove.Permission) []Change {
	var out []Change
	for _, g := range gained {
		c := of
		c.Actions, c.Resources = []string{g.Action}, g.Resources
		if g.Witness == nil {
			c.Why = "whether it is gained is not decided: " + g.Why
		} else {
			c.Call = g.Witness.Action + " on " + g.Witness.Resource
			c.Needs = withSession(c.Needs, g.Witness)
		}
		i := slices.IndexFunc(out, func(o Change) bool { return o.Why == c.Why && slices.Equal(o.Resources, c.Resources) })
		if i < 0 {
			out = append(out, c)
			continue
		}
		if !slices.Contains(out[i].Actions, g.Action) {
			out[i].Actions = append(slices.Clone(out[i].Actions), g.Action)
		}
	}
	return out
}

func assumeActions(r *prove.Role, action string) []string {
	return append([]string{action}, r.Actions()...)
}

func why(w *prove.Witness, statement int, key, text string) string {
	if w != nil {
		return ""
	}
	out := "it is not decided"
	if statement >= 0 {
		out = fmt.Sprintf("it depends on statement %d", statement+1) // people count from 1
	}
	if key != "" {
		out += ", key " + key
	}
	if text != "" {
		out += ": " + text
	}
	return out
}

// withSession adds what the session must be called to what the way to it needs.
func withSession(needs []string, w *prove.Witness) []string {
	for _, n := range w.Needs {
		if text := n.String(); n.SessionOf != "" && !slices.Contains(needs, text) {
			needs = append(slices.Clone(needs), text)
		}
	}
	return needs
}

func needs(w *prove.Witness) []string {
	var out []string
	for _, n := range w.Needs {
		out = append(out, n.String())
	}
	return out
}

func roleName(r *prove.Role) string {
	if r.ARN == "" {
		return r.Trust.Name
	}
	return r.ARN
}
