package eks

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/irsa-emu/irsa-emu/api"
	"github.com/irsa-emu/irsa-emu/aws"
	"github.com/irsa-emu/irsa-emu/iam"
	"github.com/irsa-emu/irsa-emu/policy"
	"github.com/irsa-emu/irsa-emu/services"
	"github.com/irsa-emu/irsa-emu/state"
	"github.com/irsa-emu/irsa-emu/wire"
)

// AccessEntry says who of IAM may call a cluster's API server, as whom. It is kept
// and shown, so that Terraform and others find what they wrote; the API server of a
// cluster of irsa-emu up asks for it (package authenticator).
//
// Texts: recorded 16.
type AccessEntry struct {
	Account   string    `json:"account"`
	Region    string    `json:"region"`
	Cluster   string    `json:"cluster"`
	Principal string    `json:"principal"` // the ARN of a role or user
	ID        string    `json:"id"`        // a UUID
	Username  string    `json:"username"`
	Type      string    `json:"type"`
	Groups    []string  `json:"groups,omitempty"`
	Created   time.Time `json:"created"`
	Modified  time.Time `json:"modified"`
	Tags      []aws.Tag `json:"tags,omitempty"`
	// Policies are the access policies associated with it, in the order of association.
	Policies []AccessPolicy `json:"policies,omitempty"`
}

// StateKey is ACCOUNT/REGION/CLUSTER/PRINCIPAL.
func (a *AccessEntry) StateKey() string {
	return clusterKey(a.Account, a.Region, a.Cluster) + "/" + a.Principal
}

// Check implements [state.Checked].
func (a *AccessEntry) Check() error { return state.Lacking("id", a.ID) }

// ARN is arn:aws:eks:REGION:ACCOUNT:access-entry/CLUSTER/role/ACCOUNT/NAME/ID, without the role's path.
func (a *AccessEntry) ARN() string {
	return entryARN(a.Account, a.Region, a.Cluster, a.Principal, a.ID)
}

func entryARN(account, region, cluster, principal, id string) string {
	owner, kind, name := "", "", principal
	if arn, err := aws.ParseARN(principal); err == nil {
		owner = arn.Account
		kind, name, _ = strings.Cut(arn.Resource, "/")
		name = aws.NameIn(name)
	}
	return arnOf(account, region, strings.Join([]string{"access-entry", cluster, kind, owner, name, id}, "/"))
}

func (a *AccessEntry) tags() []aws.Tag { return a.Tags }

func (a *AccessEntry) withTags(tags []aws.Tag) state.Entity {
	changed := *a
	changed.Tags = tags
	return &changed
}

func (a *AccessEntry) describe() object {
	groups := a.Groups
	if groups == nil {
		groups = []string{}
	}
	return object{
		"clusterName": a.Cluster, "principalArn": a.Principal, "kubernetesGroups": groups, "accessEntryArn": a.ARN(),
		"createdAt": wire.At(a.Created), "modifiedAt": wire.At(a.Modified), "tags": tagMap(a.Tags), "username": a.Username, "type": a.Type,
	}
}

const standardEntry = "STANDARD"

// entryTypes are the types of entries, with the user and the groups of those that
// nodes have (EKS user guide, "Create access entries").
var entryTypes = map[string]struct {
	username string
	groups   []string
}{
	standardEntry:    {},
	"EC2_LINUX":      {"system:node:{{EC2PrivateDNSName}}", []string{"system:nodes"}},
	"EC2_WINDOWS":    {"system:node:{{EC2PrivateDNSName}}", []string{"eks:kube-proxy-windows", "system:nodes"}},
	"FARGATE_LINUX":  {"system:node:{{SessionName}}", []string{"system:bootstrappers", "system:node-proxier", "system:nodes"}},
	"EC2":            {"system:node:{{EC2PrivateDNSName}}", nil},
	"HYBRID_LINUX":   {"system:node:{{SessionName}}", []string{"system:nodes"}},
	"HYPERPOD_LINUX": {"system:node:{{SessionName}}", []string{"system:nodes"}},
}

type accessEntryInput struct {
	PrincipalARN     string            `json:"principalArn"`
	KubernetesGroups *[]string         `json:"kubernetesGroups"`
	Tags             map[string]string `json:"tags"`
	Username         *string           `json:"username"`
	Type             string            `json:"type"`
}

func (s *Service) createAccessEntry(c *call) (any, error) {
	var in accessEntryInput
	if err := decode(c.Request, &in); err != nil {
		return nil, err
	}
	keys := policy.Context{}
	services.RequestTagKeys(keys, services.TagsOf(in.Tags))
	cluster, err := openForEntries(c, keys)
	if err != nil {
		return nil, err
	}
	entry := &AccessEntry{
		Account: cluster.Account, Region: cluster.Region, Cluster: cluster.Name, Principal: in.PrincipalARN, Type: in.Type,
		Created: c.Now, Modified: c.Now, Tags: services.TagsOf(in.Tags),
	}
	if entry.Type == "" {
		entry.Type = standardEntry
	}
	kind, known := entryTypes[entry.Type]
	if !known {
		return nil, invalidParameter("The type %q of an access entry is not known.", in.Type)
	}
	if err := checkPrincipal(c.State, cluster.Account, in.PrincipalARN); err != nil {
		return nil, err
	}
	if err := in.checkNode(entry); err != nil {
		return nil, err
	}
	entry.Username, entry.Groups = kind.username, kind.groups
	if entry.Type == standardEntry {
		entry.Username = defaultUsername(in.PrincipalARN)
	}
	if err := in.apply(entry); err != nil {
		return nil, err
	}
	id, err := uuid.NewRandomFromReader(s.rand)
	if err != nil {
		return nil, fmt.Errorf("eks: drawing the id of an access entry: %w", err)
	}
	entry.ID = id.String()
	if err := authorizeTags(c, entry.ARN(), entry.Account, entry.Tags); err != nil {
		return nil, err
	}
	err = s.store.Update(c.HTTP.Context(), func(tx *state.Txn) error {
		if _, exists := state.Get[*AccessEntry](tx, entry.StateKey()); exists {
			return api.Fail(http.StatusConflict, "ResourceInUseException", "The specified access entry resource is already in use on this cluster.")
		}
		tx.Put(entry)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return object{"accessEntry": entry.describe()}, nil
}

// apply writes the groups and the user that were given: only people have them.
func (in *accessEntryInput) apply(entry *AccessEntry) error {
	if in.KubernetesGroups == nil && in.Username == nil {
		return nil
	}
	if entry.Type != standardEntry {
		return notStandard()
	}
	if in.KubernetesGroups != nil {
		for _, name := range *in.KubernetesGroups {
			if prefix := reserved(name); prefix != "" {
				return invalidParameter("The kubernetes group name %s is invalid, it cannot start with %s", name, prefix)
			}
		}
		entry.Groups = *in.KubernetesGroups
	}
	if in.Username != nil && *in.Username != "" {
		if prefix := reserved(*in.Username); prefix != "" {
			return invalidParameter("The username must not begin with %s", prefix)
		}
		entry.Username = *in.Username
	}
	return nil
}

// reserved is the prefix of a user's or a group's name that is EKS's own; "" for
// none (recorded 16).
func reserved(name string) string {
	for _, prefix := range [...]string{"system:", "eks:", "aws:", "amazon:", "iam:"} {
		if strings.HasPrefix(name, prefix) {
			return prefix
		}
	}
	return ""
}

// checkNode wants of a new entry for nodes that it is a role of the cluster's
// account, with the user and the groups that EKS gives it (recorded 16).
func (in *accessEntryInput) checkNode(entry *AccessEntry) error {
	const types = "[EC2_LINUX, EC2_WINDOWS, FARGATE_LINUX, HYBRID_LINUX, EC2]"
	const notAllowed = `The specified %s is invalid: setting %[1]s is not allowed when the type is "%s"`
	arn, err := aws.ParseARN(entry.Principal)
	switch {
	case entry.Type == standardEntry || err != nil:
	case !strings.HasPrefix(arn.Resource, "role/"):
		return invalidParameter("AccessEntry principalArn must be IAM role when using types " + types)
	case arn.Account != entry.Account:
		return invalidParameter("AccessEntry principalArn must be from the same account as the cluster when using types " + types)
	case in.Username != nil && *in.Username != "":
		return invalidParameter(notAllowed, "username", entry.Type)
	case in.KubernetesGroups != nil && len(*in.KubernetesGroups) > 0:
		return invalidParameter(notAllowed, "kubernetesGroups", entry.Type)
	}
	return nil
}

func notStandard() error {
	return invalidParameter(`This operation can only be performed on Access Entries with a type of "STANDARD".`)
}

// checkPrincipal wants a role or a user. One of another account is taken on trust:
// that account may be none of this emulator's. Another partition has none that IAM
// could find.
func checkPrincipal(r state.Reader, account, principal string) error {
	invalid := invalidParameter("The specified principalArn is invalid: invalid principal.")
	arn, err := aws.ParseARN(principal)
	if err != nil || arn.Service != "iam" || arn.Partition != iam.Partition(r, account) {
		return invalid
	}
	kind, name, _ := strings.Cut(arn.Resource, "/")
	found := arn.Account != account
	switch kind {
	case "role":
		if strings.HasPrefix(name, "aws-service-role/") {
			return invalidParameter("The caller is not allowed to modify access entries with a principalArn value of a Service Linked Role")
		}
		if !found {
			_, found = iam.RoleByARN(r, principal)
		}
	case "user":
		if !found {
			_, found = iam.UserByARN(r, principal)
		}
	default:
		return invalid
	}
	if !found || name == "" {
		return invalid
	}
	return nil
}

func defaultUsername(principal string) string {
	arn, err := aws.ParseARN(principal)
	name, isRole := arn.Role()
	if err != nil || !isRole {
		return principal
	}
	return aws.SessionARN(arn.Partition, arn.Account, name, "{{SessionName}}")
}

// openForEntries finds a call's cluster, once that is allowed, and wants it to be
// one that knows access entries.
func openForEntries(c *call, keys policy.Context) (*Cluster, error) {
	cluster, err := open(c.Request, "eks:"+c.Action, c.path["name"], keys)
	if err != nil {
		return nil, err
	}
	return cluster, cluster.knowsEntries()
}

func (c *Cluster) knowsEntries() error {
	if strings.Contains(string(c.Config["accessConfig"]), `"CONFIG_MAP"`) {
		return api.Fail(http.StatusBadRequest, "InvalidRequestException",
			"The cluster's authentication mode must be set to one of [API, API_AND_CONFIG_MAP] to perform this operation.")
	}
	return nil
}

// openEntry finds the entry of a call, once that is allowed.
func openEntry(c *call, keys policy.Context) (*AccessEntry, error) {
	name, principal, account := c.path["name"], c.path["principal"], c.Principal.Account
	entry, found := state.Get[*AccessEntry](c.State, clusterKey(account, c.Region, name)+"/"+principal)
	arn := entryARN(account, c.Region, name, principal, "*")
	if found {
		services.ResourceTagKeys(keys, entry.Tags)
		arn = entry.ARN()
	}
	if err := authorize(c.Request, "eks:"+c.Action, arn, account, keys); err != nil {
		return nil, err
	}
	cluster, ok := ClusterByName(c.State, account, c.Region, name)
	if !ok {
		return nil, NoCluster(name)
	}
	if err := cluster.knowsEntries(); err != nil {
		return nil, err
	}
	if !found {
		return nil, api.Fail(http.StatusNotFound, "ResourceNotFoundException",
			"The specified principalArn could not be found. You can view your available access entries with 'list-access-entries'.")
	}
	return entry, nil
}

func (s *Service) describeAccessEntry(c *call) (any, error) {
	entry, err := openEntry(c, policy.Context{})
	if err != nil {
		return nil, err
	}
	return object{"accessEntry": entry.describe()}, nil
}

func (s *Service) listAccessEntries(c *call) (any, error) {
	cluster, err := openForEntries(c, nil)
	if err != nil {
		return nil, err
	}
	with := c.HTTP.URL.Query().Get("associatedPolicyArn")
	principals := []string{}
	for entry := range state.All[*AccessEntry](c.State, cluster.StateKey()+"/") {
		if with == "" || slices.ContainsFunc(entry.Policies, func(p AccessPolicy) bool { return p.ARN == with }) {
			principals = append(principals, entry.Principal)
		}
	}
	return paginate(c, "accessEntries", principals)
}

func (s *Service) updateAccessEntry(c *call) (any, error) {
	var in accessEntryInput
	if err := decode(c.Request, &in); err != nil {
		return nil, err
	}
	changed, err := s.changeEntry(c, policy.Context{}, in.apply)
	if err != nil {
		return nil, err
	}
	return object{"accessEntry": changed.describe()}, nil
}

func (s *Service) deleteAccessEntry(c *call) (any, error) {
	entry, err := openEntry(c, policy.Context{})
	if err != nil {
		return nil, err
	}
	err = s.store.Update(c.HTTP.Context(), func(tx *state.Txn) error {
		tx.Delete(entry)
		return nil
	})
	return object{}, err
}

// changeEntry replaces the entry of a call by a changed copy.
func (s *Service) changeEntry(c *call, keys policy.Context, change func(*AccessEntry) error) (*AccessEntry, error) {
	entry, err := openEntry(c, keys)
	if err != nil {
		return nil, err
	}
	changed := *entry
	err = s.store.Update(c.HTTP.Context(), func(tx *state.Txn) error {
		if current, ok := state.Get[*AccessEntry](tx, entry.StateKey()); ok {
			changed = *current
		}
		if err := change(&changed); err != nil {
			return err
		}
		changed.Modified = c.Now
		tx.Put(&changed)
		return nil
	})
	return &changed, err
}
