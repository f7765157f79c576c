package eks

import (
	"fmt"
	"strings"
	"time"

	"github.com/irsa-emu/irsa-emu/services"
	"github.com/irsa-emu/irsa-emu/state"
	"github.com/irsa-emu/irsa-emu/statefile"
)

// Apply puts a cluster of a State document, which has its account and region,
// into the store. The document's name is the cluster's, or ACCOUNT/REGION/NAME
// where Export had to tell several of one name apart.
func Apply(tx *state.Txn, name string, d statefile.Cluster, now time.Time) error {
	name = strings.TrimPrefix(name, clusterKey(d.Account, d.Region, ""))
	if !clusterName.MatchString(name) {
		return fmt.Errorf("a name has up to 100 letters, digits, hyphens and underscores")
	}
	c := &Cluster{
		Account: d.Account, Region: d.Region, Name: name, Issuer: d.Issuer,
		Version: d.Version, Created: d.Created, Tags: services.TagsOf(d.Tags),
	}
	if c.Created.IsZero() {
		c.Created = now
	}
	if old, ok := ClusterByName(tx, c.Account, c.Region, name); ok && old.Issuer == c.Issuer {
		c.CertificateAuthority = old.CertificateAuthority
	}
	if err := c.complete(); err != nil {
		return err
	}
	tx.Put(c)
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
		clusters[name] = statefile.Cluster{
			Issuer: c.Issuer, Region: c.Region, Account: c.Account, Version: c.Version, Created: c.Created, Tags: services.TagMap(c.Tags),
		}
	}
	return clusters
}

// Reset deletes all clusters and associations.
func Reset(tx *state.Txn) {
	state.DeleteAll[*Cluster](tx, "")
	state.DeleteAll[*Association](tx, "")
}
