package eks

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/irsa-emu/irsa-emu/aws"
	"github.com/irsa-emu/irsa-emu/services"
	"github.com/irsa-emu/irsa-emu/state"
	"github.com/irsa-emu/irsa-emu/statefile"
)

// Apply puts a cluster of a State document, which has its account and region,
// into the store. The document's name is the cluster's, or ACCOUNT/REGION/NAME
// where Export had to tell several of one name apart.
func Apply(tx *state.Txn, name string, d statefile.Cluster, now time.Time) error {
	name = strings.TrimPrefix(name, clusterKey(d.Account, d.Region, ""))
	if !isName(name) {
		return fmt.Errorf("a name has up to 100 letters, digits, hyphens and underscores")
	}
	c := &Cluster{
		Account: d.Account, Region: d.Region, Name: name, Issuer: d.Issuer,
		Version: d.Version, Created: d.Created, Tags: services.TagsOf(d.Tags), Endpoint: d.Endpoint, CertificateAuthority: d.CertificateAuthority, RoleARN: d.Role,
	}
	if !d.Config.IsZero() {
		if err := json.Unmarshal(d.Config, &c.Config); err != nil {
			return fmt.Errorf("config: it must be an object: %w", err)
		}
	}
	if c.Created.IsZero() {
		c.Created = now
	}
	if old, ok := ClusterByName(tx, c.Account, c.Region, name); ok && old.Issuer == c.Issuer && c.Endpoint == "" && c.CertificateAuthority == "" {
		c.Endpoint, c.CertificateAuthority = old.Endpoint, old.CertificateAuthority
	}
	if err := c.complete(); err != nil {
		return err
	}
	tx.Put(c)
	for _, a := range d.PodIdentityAssociations {
		if err := applyAssociation(tx, c, a, now); err != nil {
			return fmt.Errorf("podIdentityAssociations: %s: %w", a.ServiceAccount, err)
		}
	}
	for _, e := range d.AccessEntries {
		if err := applyEntry(tx, c, e, now); err != nil {
			return fmt.Errorf("accessEntries: %s: %w", e.Principal, err)
		}
	}
	for _, a := range d.Addons {
		applyAddon(tx, c, a, now)
	}
	return nil
}

// applyAssociation takes the place of the service account's association. Unlike
// the API it takes roles that do not exist (yet), or whose trust policy lets
// nothing in: that is what scenarios are about.
func applyAssociation(tx *state.Txn, c *Cluster, d statefile.PodIdentityAssociation, now time.Time) error {
	holder, _ := aws.ParseServiceAccount(d.ServiceAccount) // the loader has checked it
	if arn, err := aws.ParseARN(d.Role); err != nil || arn.Account != c.Account {
		return fmt.Errorf("role %s is not of the cluster's account %s; write the other account's as targetRole", d.Role, c.Account)
	}
	a := &Association{
		Account: c.Account, Region: c.Region, Cluster: c.Name, ID: d.ID, Namespace: holder.Namespace, ServiceAccount: holder.Name,
		RoleARN: d.Role, TargetRoleARN: d.TargetRole, DisableSessionTags: d.DisableSessionTags, Policy: d.Policy.Text(),
		Created: d.Created, Modified: d.Modified, Tags: services.TagsOf(d.Tags), OwnerARN: d.Owner,
	}
	if old, ok := AssociationFor(tx, c, holder.Namespace, holder.Name); ok {
		if a.ID == "" {
			a.ID, a.Created = old.ID, old.Created
		}
		tx.Delete(old)
	}
	if a.ID == "" {
		a.ID = "a-" + c.madeUp("association "+d.ServiceAccount, 17) // the same in every run
	}
	setTimes(&a.Created, &a.Modified, now)
	if a.TargetRoleARN != "" {
		if a.ExternalID = d.ExternalID; a.ExternalID == "" {
			a.ExternalID = a.externalID()
		}
	}
	tx.Put(a)
	return nil
}

// Export gives all clusters as a State document has them.
func Export(r state.Reader) map[string]statefile.Cluster {
	clusters := map[string]statefile.Cluster{}
	for c := range state.All[*Cluster](r, "") {
		name := c.Name
		if _, taken := clusters[name]; taken {
			name = c.StateKey()
		}
		shown := statefile.Cluster{
			Issuer: c.Issuer, Region: c.Region, Account: c.Account, Version: c.Version, Created: c.Created, Tags: services.TagMap(c.Tags),
			PodIdentityAssociations: exportAssociations(r, c), AccessEntries: exportEntries(r, c), Addons: exportAddons(r, c),
		}
		if c.RoleARN != c.madeUpRole() {
			shown.Role = c.RoleARN
		}
		if len(c.Config) > 0 {
			if text, err := json.Marshal(c.Config); err == nil { // it was read from JSON
				shown.Config = text
			}
		}
		if c.Endpoint != c.madeUpEndpoint() { // else both were made up, and would be again
			shown.Endpoint, shown.CertificateAuthority = c.Endpoint, c.CertificateAuthority
		}
		clusters[name] = shown
	}
	return clusters
}

func exportAssociations(r state.Reader, c *Cluster) []statefile.PodIdentityAssociation {
	var list []statefile.PodIdentityAssociation
	for a := range Associations(r, c.Account, c.Region, c.Name) {
		out := statefile.PodIdentityAssociation{
			ServiceAccount: a.Holder().String(), Role: a.RoleARN, TargetRole: a.TargetRoleARN, ExternalID: a.ExternalID,
			DisableSessionTags: a.DisableSessionTags, ID: a.ID, Created: a.Created, Modified: a.Modified, Tags: services.TagMap(a.Tags), Owner: a.OwnerARN,
		}
		if a.Policy != "" {
			out.Policy = statefile.NewDocument(a.Policy)
		}
		list = append(list, out)
	}
	return list
}

// Reset deletes all clusters of an account and what belongs to them; of every account
// when it is empty.
func Reset(tx *state.Txn, account string) {
	if account != "" {
		account += "/"
	}
	state.DeleteAll[*Cluster](tx, account)
	state.DeleteAll[*Association](tx, account)
	state.DeleteAll[*AccessEntry](tx, account)
	state.DeleteAll[*Addon](tx, account)
}

// Apply merges the clusters of a document into the state; see [Apply].
func (s *Service) Apply(tx *state.Txn, doc *statefile.State, now time.Time) error {
	for _, name := range slices.Sorted(maps.Keys(doc.Clusters)) {
		cluster := doc.Clusters[name]
		cluster.Account, cluster.Region = cmp.Or(cluster.Account, s.account), cmp.Or(cluster.Region, s.region)
		if err := Apply(tx, name, cluster, now); err != nil {
			return cluster.Locate(fmt.Errorf("cluster %s: %w", name, err))
		}
	}
	return nil
}

// Export adds the clusters to a document; see [Export].
func (s *Service) Export(r state.Reader, doc *statefile.State) { maps.Copy(doc.Clusters, Export(r)) }

// Reset deletes an account's clusters and what belongs to them; see [Reset].
func (s *Service) Reset(tx *state.Txn, account string) { Reset(tx, account) }

// Issuers are those of the clusters.
func (s *Service) Issuers(r state.Reader, account string) []string {
	if account != "" {
		account += "/"
	}
	var urls []string
	for c := range state.All[*Cluster](r, account) {
		urls = append(urls, c.Issuer)
	}
	return urls
}
