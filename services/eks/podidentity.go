package eks

import (
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/irsa-emu/irsa-emu/api"
	"github.com/irsa-emu/irsa-emu/aws"
	"github.com/irsa-emu/irsa-emu/policy"
	"github.com/irsa-emu/irsa-emu/services"
	"github.com/irsa-emu/irsa-emu/state"
	"github.com/irsa-emu/irsa-emu/wire"
)

// Association says which role the pods of a service account get through EKS
// Pod Identity.
type Association struct {
	Account            string    `json:"account"`
	Region             string    `json:"region"`
	Cluster            string    `json:"cluster"`
	ID                 string    `json:"id"` // a-…
	Namespace          string    `json:"namespace"`
	ServiceAccount     string    `json:"serviceAccount"`
	RoleARN            string    `json:"roleArn"`
	TargetRoleARN      string    `json:"targetRoleArn,omitempty"`
	ExternalID         string    `json:"externalId,omitempty"` // of the target role
	DisableSessionTags bool      `json:"disableSessionTags,omitempty"`
	Policy             string    `json:"policy,omitempty"`
	ClientRequestToken string    `json:"clientRequestToken,omitempty"`
	OwnerARN           string    `json:"ownerArn,omitempty"` // the add-on's that it belongs to
	Created            time.Time `json:"created"`
	Modified           time.Time `json:"modified"`
	Tags               []aws.Tag `json:"tags,omitempty"`
}

// StateKey is ACCOUNT/REGION/CLUSTER/ID.
func (a *Association) StateKey() string {
	return clusterKey(a.Account, a.Region, a.Cluster) + "/" + a.ID
}

// Check implements [state.Checked].
func (a *Association) Check() error {
	return state.Lacking("namespace", a.Namespace, "serviceAccount", a.ServiceAccount, "roleArn", a.RoleARN)
}

// ARN is arn:aws:eks:REGION:ACCOUNT:podidentityassociation/CLUSTER/ID.
func (a *Association) ARN() string {
	return arnOf(a.Account, a.Region, "podidentityassociation/"+a.Cluster+"/"+a.ID)
}

func (a *Association) tags() []aws.Tag { return a.Tags }

func (a *Association) withTags(tags []aws.Tag) state.Entity {
	changed := *a
	changed.Tags = tags
	return &changed
}

// Holder is the service account whose pods get the role.
func (a *Association) Holder() aws.ServiceAccount {
	return aws.ServiceAccount{Namespace: a.Namespace, Name: a.ServiceAccount}
}

// externalID is what EKS sends to the target role (recorded 14).
func (a *Association) externalID() string {
	return aws.TargetExternalID(a.Region, a.Account, a.Cluster, a.Holder())
}

// Associations gives the pod identity associations of a cluster.
func Associations(r state.Reader, account, region, cluster string) func(func(*Association) bool) {
	return state.All[*Association](r, clusterKey(account, region, cluster)+"/")
}

// AssociationFor is the association of a service account, the one that it may have.
func AssociationFor(r state.Reader, c *Cluster, namespace, serviceAccount string) (*Association, bool) {
	for a := range Associations(r, c.Account, c.Region, c.Name) {
		if a.Namespace == namespace && a.ServiceAccount == serviceAccount {
			return a, true
		}
	}
	return nil, false
}

func (a *Association) describe() object {
	o := object{
		"clusterName": a.Cluster, "namespace": a.Namespace, "serviceAccount": a.ServiceAccount, "roleArn": a.RoleARN,
		"associationArn": a.ARN(), "associationId": a.ID, "tags": tagMap(a.Tags),
		"createdAt": wire.At(a.Created), "modifiedAt": wire.At(a.Modified), "disableSessionTags": a.DisableSessionTags,
	}
	if a.TargetRoleARN != "" {
		o["targetRoleArn"], o["externalId"] = a.TargetRoleARN, a.ExternalID
	}
	if a.Policy != "" {
		o["policy"] = a.Policy
	}
	if a.OwnerARN != "" {
		o["ownerArn"] = a.OwnerARN
	}
	return o
}

func (s *Service) listAssociations(c *call) (any, error) {
	cluster, err := open(c.Request, "eks:ListPodIdentityAssociations", c.path["name"], nil)
	if err != nil {
		return nil, err
	}
	query := c.HTTP.URL.Query()
	namespace, account := query.Get("namespace"), query.Get("serviceAccount")
	list := []object{}
	for a := range Associations(c.State, cluster.Account, cluster.Region, cluster.Name) {
		if namespace != "" && a.Namespace != namespace || account != "" && a.ServiceAccount != account {
			continue
		}
		one := object{
			"clusterName": a.Cluster, "namespace": a.Namespace, "serviceAccount": a.ServiceAccount,
			"associationArn": a.ARN(), "associationId": a.ID,
		}
		if a.OwnerARN != "" {
			one["ownerArn"] = a.OwnerARN
		}
		list = append(list, one)
	}
	return paginate(c, "associations", list)
}

// openAssociation finds the association of a call, once that is allowed.
func openAssociation(c *call) (*Association, error) {
	name, id := c.path["name"], c.path["id"]
	account := c.Principal.Account
	a, found := state.Get[*Association](c.State, clusterKey(account, c.Region, name)+"/"+id)
	keys := policy.Context{}
	if found {
		services.ResourceTagKeys(keys, a.Tags)
	}
	arn := arnOf(account, c.Region, "podidentityassociation/"+name+"/"+id)
	if err := authorize(c.Request, "eks:"+c.Action, arn, account, keys); err != nil {
		return nil, err
	}
	if _, ok := ClusterByName(c.State, account, c.Region, name); !ok {
		return nil, NoCluster(name)
	}
	switch {
	case found: // a State document may have short ids
		return a, nil
	case len(id) != associationIDLength: // recorded 14
		return nil, invalidParameter("The parameter associationId should be %d characters long.", associationIDLength)
	}
	return nil, noAssociation(name, id)
}

func noAssociation(cluster, id string) error {
	return ofCluster(cluster, api.Fail(http.StatusNotFound, "ResourceNotFoundException", "No service account role association found for ID: %s", id))
}

// associationIDLength is that of a- and 17 characters.
const associationIDLength = 19

// current is the association as it is in the transaction: another call may have
// changed or deleted it since it was found.
func (a *Association) current(tx *state.Txn) (*Association, error) {
	now, ok := state.Get[*Association](tx, a.StateKey())
	if !ok {
		return nil, noAssociation(a.Cluster, a.ID)
	}
	return now, nil
}

func (s *Service) describeAssociation(c *call) (any, error) {
	a, err := openAssociation(c)
	if err != nil {
		return nil, err
	}
	return object{"association": a.describe()}, nil
}

func (s *Service) updateAssociation(c *call) (any, error) {
	var in associationInput
	if err := decode(c.Request, &in); err != nil {
		return nil, err
	}
	a, err := openAssociation(c)
	if err != nil {
		return nil, err
	}
	if err := in.checkToken(); err != nil {
		return nil, err
	}
	changed := *a
	if err := in.apply(&changed, c.Request); err != nil {
		return nil, err
	}
	err = s.store.Update(c.HTTP.Context(), func(tx *state.Txn) error {
		now, err := a.current(tx)
		if err != nil {
			return err
		}
		changed = *now
		in.write(&changed)
		changed.Modified = c.Now
		tx.Put(&changed)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return object{"association": changed.describe()}, nil
}

func (s *Service) deleteAssociation(c *call) (any, error) {
	a, err := openAssociation(c)
	if err != nil {
		return nil, err
	}
	var gone Association
	err = s.store.Update(c.HTTP.Context(), func(tx *state.Txn) error {
		now, err := a.current(tx)
		if err != nil {
			return err
		}
		gone = *now
		tx.Delete(now)
		return nil
	})
	if err != nil {
		return nil, err
	}
	gone.Modified = c.Now // recorded 14
	return object{"association": gone.describe()}, nil
}

// randomString draws n characters of an alphabet whose size divides 256 or
// comes near enough: the few values that would be favoured are drawn again.
func (s *Service) randomString(n int, alphabet string) (string, error) {
	text := make([]byte, 0, n)
	var b [1]byte
	for len(text) < n {
		if _, err := io.ReadFull(s.rand, b[:]); err != nil {
			return "", fmt.Errorf("eks: drawing a random number: %w", err)
		}
		if int(b[0]) < 256-256%len(alphabet) {
			text = append(text, alphabet[int(b[0])%len(alphabet)])
		}
	}
	return string(text), nil
}
