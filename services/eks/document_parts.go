package eks

import (
	"cmp"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/irsa-emu/irsa-emu/services"
	"github.com/irsa-emu/irsa-emu/state"
	"github.com/irsa-emu/irsa-emu/statefile"
)

// applyEntry takes the place of the principal's access entry. Unlike the API it
// takes a principal that does not exist (yet).
func applyEntry(tx *state.Txn, c *Cluster, d statefile.AccessEntry, now time.Time) error {
	e := &AccessEntry{
		Account: c.Account, Region: c.Region, Cluster: c.Name, Principal: d.Principal, Type: cmp.Or(d.Type, standardEntry),
		ID: d.ID, Username: d.Username, Groups: d.Groups, Created: d.Created, Modified: d.Modified, Tags: services.TagsOf(d.Tags),
	}
	kind, known := entryTypes[e.Type]
	if !known {
		return fmt.Errorf("there is no type %s", e.Type)
	}
	if e.Username == "" {
		e.Username = cmp.Or(kind.username, defaultUsername(e.Principal))
	}
	if e.Type != standardEntry {
		e.Groups = kind.groups
	}
	old, replaced := state.Get[*AccessEntry](tx, e.StateKey())
	if e.ID == "" && replaced {
		e.ID, e.Created = old.ID, old.Created
	}
	e.ID = cmp.Or(e.ID, c.madeUpUUID("access entry "+e.Principal))
	setTimes(&e.Created, &e.Modified, now)
	for _, p := range d.Policies {
		associated := AccessPolicy{ARN: p.ARN, Scope: "cluster", Namespaces: p.Namespaces, Associated: p.Associated, Modified: p.Modified}
		if len(p.Namespaces) > 0 {
			associated.Scope = "namespace"
		}
		setTimes(&associated.Associated, &associated.Modified, e.Created)
		e.Policies = append(e.Policies, associated)
	}
	tx.Put(e)
	return nil
}

// applyAddon takes the place of the add-on of that name.
func applyAddon(tx *state.Txn, c *Cluster, d statefile.Addon, now time.Time) {
	a := &Addon{
		Account: c.Account, Region: c.Region, Cluster: c.Name, Name: d.Name, ID: d.ID, Version: cmp.Or(d.Version, defaultAddonVersion(d.Name)),
		Namespace: cmp.Or(d.Namespace, "kube-system"), RoleARN: d.Role, Configuration: d.Configuration,
		Created: d.Created, Modified: d.Modified, Tags: services.TagsOf(d.Tags),
	}
	old, replaced := state.Get[*Addon](tx, a.StateKey())
	if a.ID == "" && replaced {
		a.ID, a.Created = old.ID, old.Created
	}
	a.ID = cmp.Or(a.ID, c.madeUpUUID("add-on "+a.Name))
	setTimes(&a.Created, &a.Modified, now)
	tx.Put(a)
}

// setTimes fills in the times that a document leaves out.
func setTimes(created, modified *time.Time, now time.Time) {
	if created.IsZero() {
		*created = now
	}
	if modified.IsZero() {
		*modified = *created
	}
}

// madeUpUUID is the same in every run.
func (c *Cluster) madeUpUUID(what string) string {
	return uuid.NewSHA1(uuid.NameSpaceURL, []byte(c.ARN()+" "+what)).String()
}

func exportEntries(r state.Reader, c *Cluster) []statefile.AccessEntry {
	var list []statefile.AccessEntry
	for e := range state.All[*AccessEntry](r, c.StateKey()+"/") {
		out := statefile.AccessEntry{
			Principal: e.Principal, Type: e.Type, Username: e.Username, Groups: e.Groups, ID: e.ID, Created: e.Created, Modified: e.Modified, Tags: services.TagMap(e.Tags),
		}
		for _, p := range e.Policies {
			out.Policies = append(out.Policies, statefile.AccessPolicy{ARN: p.ARN, Namespaces: p.Namespaces, Associated: p.Associated, Modified: p.Modified})
		}
		list = append(list, out)
	}
	return list
}

func exportAddons(r state.Reader, c *Cluster) []statefile.Addon {
	var list []statefile.Addon
	for a := range state.All[*Addon](r, c.StateKey()+"/") {
		list = append(list, statefile.Addon{
			Name: a.Name, Version: a.Version, Namespace: a.Namespace, Role: a.RoleARN, Configuration: a.Configuration,
			ID: a.ID, Created: a.Created, Modified: a.Modified, Tags: services.TagMap(a.Tags),
		})
	}
	return list
}
