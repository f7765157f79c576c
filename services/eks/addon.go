package eks

import (
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/google/uuid"
	"go.yaml.in/yaml/v3"

	"github.com/irsa-emu/irsa-emu/api"
	"github.com/irsa-emu/irsa-emu/aws"
	"github.com/irsa-emu/irsa-emu/lazyregexp"
	"github.com/irsa-emu/irsa-emu/policy"
	"github.com/irsa-emu/irsa-emu/services"
	"github.com/irsa-emu/irsa-emu/state"
	"github.com/irsa-emu/irsa-emu/wire"
)

// Addon is an add-on of a cluster. It is kept and shown, so that Terraform and
// others find what they wrote, and its pod identity associations are made; nothing
// is installed into a cluster, and its version is the one that was asked for.
//
// Shapes and texts: recorded 17.
type Addon struct {
	Account       string        `json:"account"`
	Region        string        `json:"region"`
	Cluster       string        `json:"cluster"`
	Name          string        `json:"name"`
	ID            string        `json:"id"` // a UUID
	Version       string        `json:"version"`
	Namespace     string        `json:"namespace"`
	RoleARN       string        `json:"roleArn,omitempty"`
	Configuration string        `json:"configuration,omitempty"`
	Created       time.Time     `json:"created"`
	Modified      time.Time     `json:"modified"`
	Tags          []aws.Tag     `json:"tags,omitempty"`
	Updates       []AddonUpdate `json:"updates,omitempty"` // the latest ten, oldest first
}

// AddonUpdate is a change of an add-on, which is done at once.
type AddonUpdate struct {
	ID      string        `json:"id"`
	Created time.Time     `json:"created"`
	Params  []updateParam `json:"params"`
}

type updateParam struct {
	Type  string `json:"type"`
	Value string `json:"value"`
}

// StateKey is ACCOUNT/REGION/CLUSTER/NAME.
func (a *Addon) StateKey() string { return clusterKey(a.Account, a.Region, a.Cluster) + "/" + a.Name }

// Check implements [state.Checked].
func (a *Addon) Check() error { return state.Lacking("id", a.ID) }

// ARN is arn:aws:eks:REGION:ACCOUNT:addon/CLUSTER/NAME/ID.
func (a *Addon) ARN() string {
	return arnOf(a.Account, a.Region, strings.Join([]string{"addon", a.Cluster, a.Name, a.ID}, "/"))
}

func (a *Addon) tags() []aws.Tag { return a.Tags }

func (a *Addon) withTags(tags []aws.Tag) state.Entity {
	changed := *a
	changed.Tags = tags
	return &changed
}

// owned are the pod identity associations that live and die with the add-on.
func (a *Addon) owned(r state.Reader) (list []*Association) {
	for association := range Associations(r, a.Account, a.Region, a.Cluster) {
		if association.OwnerARN == a.ARN() {
			list = append(list, association)
		}
	}
	return list
}

func (a *Addon) describe(r state.Reader, status string) object {
	o := object{
		"addonName": a.Name, "clusterName": a.Cluster, "status": status, "addonVersion": a.Version, "health": object{"issues": []object{}},
		"addonArn": a.ARN(), "createdAt": wire.At(a.Created), "modifiedAt": wire.At(a.Modified), "tags": tagMap(a.Tags),
		"namespaceConfig": object{"namespace": a.Namespace},
	}
	if a.RoleARN != "" {
		o["serviceAccountRoleArn"] = a.RoleARN
	}
	if a.Configuration != "" {
		o["configurationValues"] = a.Configuration
	}
	if owned := a.owned(r); len(owned) > 0 {
		arns := []string{}
		for _, association := range owned {
			arns = append(arns, association.ARN())
		}
		o["podIdentityAssociations"] = arns
	}
	return o
}

// addonVersions are the versions that add-ons were recorded with when none was
// asked for. EKS publishes new ones every week; madeVersion stands for all others.
var addonVersions = map[string]string{
	aws.PodIdentityAddon: "v1.3.10-eksbuild.3",
	"kube-proxy":         "v1.36.0-eksbuild.25",
}

const madeVersion = "v1.0.0-eksbuild.1"

func defaultAddonVersion(name string) string {
	if version, ok := addonVersions[name]; ok {
		return version
	}
	return madeVersion
}

type addonInput struct {
	AddonName               string            `json:"addonName"`
	AddonVersion            string            `json:"addonVersion"`
	ServiceAccountRoleARN   *string           `json:"serviceAccountRoleArn"`
	ConfigurationValues     *string           `json:"configurationValues"`
	ResolveConflicts        string            `json:"resolveConflicts"`
	Tags                    map[string]string `json:"tags"`
	PodIdentityAssociations *[]struct {
		ServiceAccount string `json:"serviceAccount"`
		RoleARN        string `json:"roleArn"`
	} `json:"podIdentityAssociations"`
	NamespaceConfig struct {
		Namespace string `json:"namespace"`
	} `json:"namespaceConfig"`
}

// apply writes what was given into the add-on, and gives the associations that
// were asked for; nil means that they stay as they are.
func (in *addonInput) apply(s *Service, c *call, a *Addon) ([]*Association, error) {
	switch in.ResolveConflicts {
	case "", "OVERWRITE", "NONE", "PRESERVE":
	default:
		return nil, invalidParameter("The resolveConflicts %q is not valid.", in.ResolveConflicts)
	}
	if in.AddonVersion != "" {
		if !addonVersion.MatchString(in.AddonVersion) {
			return nil, a.refuse("Addon version specified is not supported")
		}
		a.Version = in.AddonVersion
	}
	if in.ConfigurationValues != nil {
		if yaml.Unmarshal([]byte(*in.ConfigurationValues), new(any)) != nil { // JSON is YAML
			return nil, a.refuse("The ConfigurationValues provided is not in valid YAML or JSON format.")
		}
		a.Configuration = *in.ConfigurationValues
	}
	if in.ServiceAccountRoleARN != nil {
		if *in.ServiceAccountRoleARN != "" {
			if err := ownAccount(*in.ServiceAccountRoleARN, a.Account); err != nil {
				return nil, err
			}
			if err := passRole(c.Request, *in.ServiceAccountRoleARN, servicePrincipal, a.ARN()); err != nil {
				return nil, err
			}
		}
		a.RoleARN = *in.ServiceAccountRoleARN
	}
	if in.PodIdentityAssociations == nil {
		return nil, nil
	}
	list := []*Association{}
	for _, wanted := range *in.PodIdentityAssociations {
		id, err := s.randomString(17, "abcdefghijklmnopqrstuvwxyz0123456789")
		if err != nil {
			return nil, err
		}
		association := &Association{
			Account: a.Account, Region: a.Region, Cluster: a.Cluster, ID: "a-" + id, OwnerARN: a.ARN(),
			Namespace: a.Namespace, ServiceAccount: wanted.ServiceAccount, Created: c.Now, Modified: c.Now,
		}
		if err := checkName("serviceAccount", wanted.ServiceAccount, aws.ServiceAccountNamePattern); err != nil {
			return nil, err
		}
		if err := (&associationInput{RoleARN: &wanted.RoleARN}).apply(association, c.Request); err != nil {
			return nil, err
		}
		list = append(list, association)
	}
	return list, nil
}

// addonVersion is the form of all versions that EKS publishes (recorded 17).
var addonVersion = lazyregexp.New(`^v[0-9]+\.[0-9]+\.[0-9]+-eksbuild\.[0-9A-Za-z]+$`)

// refuse words a parameter that is wrong as EKS does for add-ons.
func (a *Addon) refuse(text string) error {
	f := invalidParameter("%s", text)
	f.Wire.With("addonName", a.Name)
	return ofCluster(a.Cluster, f)
}

// put stores an add-on and, when they were given, its associations in place of
// those that it had.
func (a *Addon) put(tx *state.Txn, associations []*Association) error {
	if associations != nil {
		for _, old := range a.owned(tx) {
			tx.Delete(old)
		}
		for _, wanted := range associations {
			for other := range Associations(tx, a.Account, a.Region, a.Cluster) {
				if other.Namespace == wanted.Namespace && other.ServiceAccount == wanted.ServiceAccount {
					return ofCluster(a.Cluster, api.Fail(http.StatusConflict, "ResourceInUseException", "Association already exists: %s", other.ID))
				}
			}
			tx.Put(wanted)
		}
	}
	tx.Put(a)
	return nil
}

func (s *Service) createAddon(c *call) (any, error) {
	var in addonInput
	if err := decode(c.Request, &in); err != nil {
		return nil, err
	}
	keys := policy.Context{}
	services.RequestTagKeys(keys, services.TagsOf(in.Tags))
	cluster, err := open(c.Request, "eks:CreateAddon", c.path["name"], keys)
	if err != nil {
		return nil, err
	}
	if !isName(in.AddonName) {
		return nil, ofCluster(cluster.Name, invalidParameter("The addonName %q is not valid.", in.AddonName))
	}
	id, err := uuid.NewRandomFromReader(s.rand)
	if err != nil {
		return nil, fmt.Errorf("eks: drawing the id of an add-on: %w", err)
	}
	a := &Addon{
		Account: cluster.Account, Region: cluster.Region, Cluster: cluster.Name, Name: in.AddonName, ID: id.String(), Version: defaultAddonVersion(in.AddonName),
		Namespace: in.NamespaceConfig.Namespace, Created: c.Now, Modified: c.Now, Tags: services.TagsOf(in.Tags),
	}
	if a.Namespace == "" {
		a.Namespace = "kube-system"
	}
	if !aws.NamespacePattern.MatchString(a.Namespace) {
		return nil, a.refuse("Provided namespace value is not a valid RFC 1123 DNS label")
	}
	if err := authorizeTags(c, a.ARN(), a.Account, a.Tags); err != nil {
		return nil, err
	}
	associations, err := in.apply(s, c, a)
	if err != nil {
		return nil, err
	}
	var shown object
	err = s.store.Update(c.HTTP.Context(), func(tx *state.Txn) error {
		if _, exists := state.Get[*Addon](tx, a.StateKey()); exists {
			f := api.Fail(http.StatusConflict, "ResourceInUseException", "Addon already exists.")
			f.Wire.With("addonName", a.Name)
			return ofCluster(a.Cluster, f)
		}
		if err := a.put(tx, associations); err != nil {
			return err
		}
		shown = a.describe(tx, "CREATING")
		return nil
	})
	if err != nil {
		return nil, err
	}
	return object{"addon": shown}, nil
}

// openAddon finds the add-on of a call, once that is allowed.
func openAddon(c *call) (*Addon, error) {
	name, addon, account := c.path["name"], c.path["addon"], c.Principal.Account
	a, found := state.Get[*Addon](c.State, clusterKey(account, c.Region, name)+"/"+addon)
	keys, arn := policy.Context{}, arnOf(account, c.Region, "addon/"+name+"/"+addon+"/*")
	if found {
		services.ResourceTagKeys(keys, a.Tags)
		arn = a.ARN()
	}
	if err := authorize(c.Request, "eks:"+c.Action, arn, account, keys); err != nil {
		return nil, err
	}
	if _, ok := ClusterByName(c.State, account, c.Region, name); !ok {
		return nil, NoCluster(name)
	}
	if !found {
		return nil, noAddon(name, addon)
	}
	return a, nil
}

func noAddon(cluster, name string) error {
	f := api.Fail(http.StatusNotFound, "ResourceNotFoundException", "No addon: %s found in cluster: %s", name, cluster)
	f.Wire.With("addonName", name)
	return ofCluster(cluster, f)
}

func (s *Service) describeAddon(c *call) (any, error) {
	a, err := openAddon(c)
	if err != nil {
		return nil, err
	}
	return object{"addon": a.describe(c.State, "ACTIVE")}, nil
}

func (s *Service) listAddons(c *call) (any, error) {
	cluster, err := open(c.Request, "eks:ListAddons", c.path["name"], nil)
	if err != nil {
		return nil, err
	}
	names := []string{}
	for a := range state.All[*Addon](c.State, cluster.StateKey()+"/") {
		names = append(names, a.Name)
	}
	return paginate(c, "addons", names)
}

// deleteAddon takes the add-on's associations with it, unless it is to be preserved
// in the cluster, which changes nothing here.
func (s *Service) deleteAddon(c *call) (any, error) {
	a, err := openAddon(c)
	if err != nil {
		return nil, err
	}
	shown := a.describe(c.State, "DELETING")
	err = s.store.Update(c.HTTP.Context(), func(tx *state.Txn) error {
		for _, association := range a.owned(tx) {
			tx.Delete(association)
		}
		tx.Delete(a)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return object{"addon": shown}, nil
}
