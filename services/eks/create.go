package eks

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"

	"github.com/irsa-emu/irsa-emu/api"
	"github.com/irsa-emu/irsa-emu/aws"
	"github.com/irsa-emu/irsa-emu/lazyregexp"
	"github.com/irsa-emu/irsa-emu/policy"
	"github.com/irsa-emu/irsa-emu/services"
	"github.com/irsa-emu/irsa-emu/state"
	"github.com/irsa-emu/irsa-emu/term"
)

var nameForm = lazyregexp.New(`^[0-9A-Za-z][A-Za-z0-9\-_]*$`)

func isName(s string) bool { return len(s) <= 100 && nameForm.MatchString(s) }

// Members of CreateCluster that describe parts which do not exist here; they
// are kept and shown again.
var kept = []string{
	"resourcesVpcConfig", "kubernetesNetworkConfig", "logging", "encryptionConfig", "accessConfig", "upgradePolicy",
	"zonalShiftConfig", "remoteNetworkConfig", "computeConfig", "storageConfig", "deletionProtection", "controlPlaneScalingConfig",
}

type createClusterInput struct {
	Name               string            `json:"name"`
	Version            string            `json:"version"`
	RoleARN            string            `json:"roleArn"`
	Tags               map[string]string `json:"tags"`
	ClientRequestToken string            `json:"clientRequestToken"`
	OutpostConfig      json.RawMessage   `json:"outpostConfig"`
	config             map[string]json.RawMessage
}

func (in *createClusterInput) UnmarshalJSON(b []byte) error {
	type plain createClusterInput
	if err := json.Unmarshal(b, (*plain)(in)); err != nil {
		return err
	}
	members := map[string]json.RawMessage{}
	if err := json.Unmarshal(b, &members); err != nil {
		return err
	}
	for _, name := range kept {
		if given, ok := members[name]; ok && string(given) != "null" {
			if in.config == nil {
				in.config = map[string]json.RawMessage{}
			}
			in.config[name] = given
		}
	}
	return nil
}

// createCluster makes the description of a cluster and an issuer for it, both
// ready at once: there is no time in which it is CREATING.
func (s *Service) createCluster(c *call) (any, error) {
	if s.newIssuer == nil {
		return nil, api.Unsupported("eks", "CreateCluster")
	}
	var in createClusterInput
	if err := decode(c.Request, &in); err != nil {
		return nil, err
	}
	account := c.Principal.Account
	keys := policy.Context{}
	services.RequestTagKeys(keys, services.TagsOf(in.Tags))
	arn := ClusterARN(account, c.Region, in.Name)
	if err := authorize(c.Request, "eks:CreateCluster", arn, account, keys); err != nil {
		return nil, err
	}
	if err := authorizeTags(c, arn, account, services.TagsOf(in.Tags)); err != nil {
		return nil, err
	}
	switch {
	case !isName(in.Name):
		return nil, invalidParameter("The cluster name %q is not valid: it has up to 100 letters, digits, hyphens and underscores, and begins with a letter or digit.", in.Name)
	case in.RoleARN == "":
		return nil, invalidParameter("The roleArn is missing.")
	case in.OutpostConfig != nil:
		return nil, api.Unsupported("eks", "CreateCluster with outpostConfig")
	case in.config["resourcesVpcConfig"] == nil:
		return nil, invalidParameter("The resourcesVpcConfig is missing.")
	}
	if err := passRole(c.Request, in.RoleARN, servicePrincipal, arn); err != nil {
		return nil, err
	}
	if _, exists := ClusterByName(c.State, account, c.Region, in.Name); exists {
		return nil, clusterExists(in.Name)
	}
	cluster := &Cluster{
		Account: account, Region: c.Region, Name: in.Name, Version: in.Version, RoleARN: in.RoleARN,
		Created: c.Now, Tags: services.TagsOf(in.Tags), ClientRequestToken: in.ClientRequestToken, Config: in.config,
	}
	id, err := s.randomString(32, "0123456789ABCDEF")
	if err != nil {
		return nil, err
	}
	cluster.Issuer = aws.EKSIssuer(c.Region, id)
	if err := cluster.complete(); err != nil {
		return nil, err
	}
	if err := s.newIssuer(c.HTTP.Context(), cluster.Issuer); err != nil {
		return nil, fmt.Errorf("eks: making the issuer of cluster %s: %w", in.Name, err)
	}
	err = s.store.Update(c.HTTP.Context(), func(tx *state.Txn) error {
		if _, exists := ClusterByName(tx, account, c.Region, in.Name); exists {
			return clusterExists(in.Name)
		}
		tx.Put(cluster)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return object{"cluster": cluster.describe()}, nil
}

func clusterExists(name string) error {
	f := api.Fail(http.StatusConflict, "ResourceInUseException", "Cluster already exists with name: %s", name)
	f.Wire.With("clusterName", name)
	return f
}

// passRole checks that the caller may hand the role to the service, for what the
// ARN names (service authorization reference, AWS IAM, PassRole).
func passRole(req *api.Request, role, to, of string) error {
	arn, err := aws.ParseARN(role)
	if err != nil || arn.Service != "iam" {
		return invalidParameter("Role ARN %s is not valid.", role)
	}
	keys := policy.Context{}
	keys.Set("iam:PassedToService", to)
	keys.Set("iam:AssociatedResourceArn", of)
	return authorize(req, "iam:PassRole", role, arn.Account, keys)
}

func (s *Service) deleteCluster(c *call) (any, error) {
	cluster, err := open(c.Request, "eks:DeleteCluster", c.path["name"], nil)
	if err != nil {
		return nil, err
	}
	err = s.store.Update(c.HTTP.Context(), func(tx *state.Txn) error {
		tx.Delete(cluster)
		gone := slices.Collect(state.All[*Association](tx, cluster.StateKey()+"/"))
		for _, a := range gone {
			tx.Delete(a)
		}
		for _, entry := range slices.Collect(state.All[*AccessEntry](tx, cluster.StateKey()+"/")) {
			tx.Delete(entry)
		}
		for _, addon := range slices.Collect(state.All[*Addon](tx, cluster.StateKey()+"/")) {
			tx.Delete(addon)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	shown := cluster.describe()
	shown["status"] = "DELETING"
	return object{"cluster": shown}, nil
}

// decode reads a JSON body.
func decode(req *api.Request, into any) error {
	err := json.Unmarshal(req.Body, into)
	if err == nil {
		return nil
	}
	f := invalidParameter("The request body is not valid.")
	var wrong *json.UnmarshalTypeError
	if errors.As(err, &wrong) {
		f = invalidParameter("The request body is not valid: %s must not be of the type %s.", wrong.Field, wrong.Value)
	}
	f.Reason.Message = term.JSON(err).Error()
	return f
}
