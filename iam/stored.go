package iam

import (
	"fmt"

	"github.com/irsa-emu/irsa-emu/state"
)

// What the code of this package counts on in entities that come out of a store,
// which somebody may have written by hand. See [state.Checked].

// Check implements [state.Checked].
func (r *Role) Check() error {
	if err := state.Lacking("path", r.Path, "id", r.ID, "trust", r.Trust.Text); err != nil {
		return err
	}
	return r.Permissions.check()
}

// Check implements [state.Checked].
func (u *User) Check() error {
	if err := state.Lacking("path", u.Path, "id", u.ID); err != nil {
		return err
	}
	return u.Permissions.check()
}

// Check implements [state.Checked].
func (g *Group) Check() error {
	if err := state.Lacking("path", g.Path, "id", g.ID); err != nil {
		return err
	}
	return g.Permissions.check()
}

func (p *Permissions) check() error {
	for i, in := range p.Inline {
		if err := state.Lacking("name", in.Name, "document", in.Document.Text); err != nil {
			return fmt.Errorf("inline[%d]: %w", i, err)
		}
	}
	for i, arn := range p.Attached {
		if _, _, ok := splitARN(arn, "policy"); !ok {
			return fmt.Errorf("attached[%d]: %q is not the ARN of a policy", i, arn)
		}
	}
	if _, _, ok := splitARN(p.Boundary, "policy"); !ok && p.Boundary != "" {
		return fmt.Errorf("boundary: %q is not the ARN of a policy", p.Boundary)
	}
	return nil
}

// Check implements [state.Checked].
func (p *Policy) Check() error {
	if err := state.Lacking("path", p.Path, "id", p.ID); err != nil {
		return err
	}
	before := 0
	for i, v := range p.Versions {
		if v.Document.Text == "" {
			return fmt.Errorf("versions[%d]: document is missing", i)
		}
		if v.Number <= before || v.Number > p.Last {
			return fmt.Errorf("versions[%d]: number is %d: numbers ascend from 1 to last, which is %d", i, v.Number, p.Last)
		}
		before = v.Number
	}
	if p.DefaultVersion() == nil {
		return fmt.Errorf("versions lacks number %d, which is the default", p.Default)
	}
	return nil
}

// Check implements [state.Checked].
func (k *AccessKey) Check() error {
	return state.Lacking("account", k.Account, "userId", k.UserID, "secret", k.Secret)
}

// Check implements [state.Checked].
func (p *InstanceProfile) Check() error { return state.Lacking("path", p.Path, "id", p.ID) }

// Check implements [state.Checked].
func (a *Account) Check() error { return state.Lacking("partition", a.Partition) }

// Check implements [state.Checked].
func (a *Alias) Check() error { return state.Lacking("name", a.Name) }

// Check implements [state.Checked].
func (o *OutboundFederation) Check() error { return state.Lacking("issuer", o.Issuer) }

// Check implements [state.Checked].
func (o *Organization) Check() error { return state.Lacking("id", o.ID) }
