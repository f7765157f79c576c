package eks

import (
	"net/http"
	"strings"
	"unicode/utf8"

	"github.com/irsa-emu/irsa-emu/api"
	"github.com/irsa-emu/irsa-emu/aws"
	"github.com/irsa-emu/irsa-emu/iam"
	"github.com/irsa-emu/irsa-emu/lazyregexp"
	"github.com/irsa-emu/irsa-emu/policy"
	"github.com/irsa-emu/irsa-emu/services"
	"github.com/irsa-emu/irsa-emu/state"
	"github.com/irsa-emu/irsa-emu/sts"
)

// mostAssociations is the quota of a cluster (EKS user guide, Pod Identity considerations).
const mostAssociations = 5000

type associationInput struct {
	Namespace          string            `json:"namespace"`
	ServiceAccount     string            `json:"serviceAccount"`
	RoleARN            *string           `json:"roleArn"`
	ClientRequestToken *string           `json:"clientRequestToken"`
	Tags               map[string]string `json:"tags"`
	DisableSessionTags *bool             `json:"disableSessionTags"`
	TargetRoleARN      *string           `json:"targetRoleArn"`
	Policy             *string           `json:"policy"`
}

// checkToken: recorded 14.
func (in *associationInput) checkToken() error {
	if in.ClientRequestToken == nil {
		return nil
	}
	if n := len(*in.ClientRequestToken); n < 33 || n > 126 {
		return invalidParameter("The client request token parameter must be between 33 and 126 characters.")
	}
	return nil
}

func checkName(parameter, name string, pattern *lazyregexp.Regexp) error {
	if !pattern.MatchString(name) {
		return invalidParameter("The parameter %s contains invalid characters. It should conform to the regular expression \"%s\"", parameter, pattern)
	}
	return nil
}

// apply writes what was given, and checks it.
func (in *associationInput) apply(a *Association, req *api.Request) error {
	in.write(a)
	return in.check(a, req)
}

func (in *associationInput) write(a *Association) {
	if in.DisableSessionTags != nil {
		a.DisableSessionTags = *in.DisableSessionTags
	}
	if in.RoleARN != nil {
		a.RoleARN = *in.RoleARN
	}
	if in.TargetRoleARN != nil {
		a.TargetRoleARN, a.ExternalID = *in.TargetRoleARN, ""
		if a.TargetRoleARN != "" {
			a.ExternalID = a.externalID()
		}
	}
	if in.Policy != nil {
		a.Policy = *in.Policy
	}
}

// check looks at an association as it is to be: at the role that was given, and at
// its policy, which hangs on its tags.
func (in *associationInput) check(a *Association, req *api.Request) error {
	if in.RoleARN != nil {
		if err := checkRole(req, a.RoleARN, a); err != nil {
			return err
		}
	}
	if arn, err := aws.ParseARN(a.TargetRoleARN); in.TargetRoleARN != nil && a.TargetRoleARN != "" && (err != nil || arn.Service != "iam") {
		return invalidParameter("Role ARN %s is not valid.", a.TargetRoleARN)
	}
	if a.Policy == "" {
		return nil
	}
	if !a.DisableSessionTags {
		return invalidParameter("When policy is specified, disableSessionTags must be set to true") // recorded 14
	}
	if n := utf8.RuneCountInString(a.Policy); n > policy.MaxSessionPolicySize {
		return invalidParameter("The policy has %d characters; it can have at most %d.", n, policy.MaxSessionPolicySize)
	}
	if _, err := policy.ValidateSession([]byte(a.Policy)); err != nil {
		return invalidParameter("The policy is not valid: %s", err)
	}
	return nil
}

// checkRole looks at the role as EKS does: it exists, and its trust policy lets
// the service in, whatever its conditions (texts: terraform-provider-aws 34711
// and 41483; a trust policy without sts:TagSession gets the second one, as CDK
// users report).
func checkRole(req *api.Request, role string, a *Association) error {
	if err := ownAccount(role, a.Account); err != nil {
		return err
	}
	if err := passRole(req, role, aws.PodIdentityService, ClusterARN(a.Account, a.Region, a.Cluster)); err != nil {
		return err
	}
	found, ok := iam.RoleByARN(req.State, role)
	if !ok {
		return ofCluster(a.Cluster, invalidParameter("Role provided in the request does not exist."))
	}
	if pod := (sts.Pod{DisableSessionTags: a.DisableSessionTags}); pod.Untrusted(found) != "" {
		return ofCluster(a.Cluster, invalidParameter("Trust policy of the role provided is invalid.").
			WithHint("let the service "+aws.PodIdentityService+" do "+strings.Join(pod.Actions(), " and ")+" in the role's trust policy"))
	}
	return nil
}

// ownAccount wants a role of the cluster's account.
func ownAccount(role, account string) error {
	arn, err := aws.ParseARN(role)
	if err != nil || arn.Service != "iam" {
		return invalidParameter("Role ARN %s is not valid.", role)
	}
	if arn.Account != account {
		return api.Fail(http.StatusForbidden, "AccessDeniedException", "Cross-account pass role is not allowed.").
			WithHint("give a role of the cluster's account; an association can have the other account's as targetRoleArn")
	}
	return nil
}

func (s *Service) createAssociation(c *call) (any, error) {
	var in associationInput
	if err := decode(c.Request, &in); err != nil {
		return nil, err
	}
	tags := services.TagsOf(in.Tags)
	keys := policy.Context{}
	services.RequestTagKeys(keys, tags)
	cluster, err := open(c.Request, "eks:CreatePodIdentityAssociation", c.path["name"], keys)
	if err != nil {
		return nil, err
	}
	if in.Namespace == "" || in.ServiceAccount == "" || in.RoleARN == nil {
		return nil, invalidParameter("namespace, serviceAccount and roleArn are required.")
	}
	for _, err := range []error{in.checkToken(), checkName("namespace", in.Namespace, aws.NamespacePattern), checkName("serviceAccount", in.ServiceAccount, aws.ServiceAccountNamePattern)} {
		if err != nil {
			return nil, ofCluster(clusterShown(in, cluster.Name), err)
		}
	}
	if earlier := byToken(c.State, cluster, in.ClientRequestToken); earlier != nil {
		return object{"association": earlier.describe()}, nil // as it is, whatever else the call says
	}
	id, err := s.randomString(17, "abcdefghijklmnopqrstuvwxyz0123456789")
	if err != nil {
		return nil, err
	}
	a := &Association{
		Account: cluster.Account, Region: cluster.Region, Cluster: cluster.Name, ID: "a-" + id,
		Namespace: in.Namespace, ServiceAccount: in.ServiceAccount, Created: c.Now, Modified: c.Now, Tags: tags,
	}
	if err := authorizeTags(c, a.ARN(), a.Account, tags); err != nil {
		return nil, err
	}
	if in.ClientRequestToken != nil {
		a.ClientRequestToken = *in.ClientRequestToken
	}
	if err := in.apply(a, c.Request); err != nil {
		return nil, err
	}
	err = s.store.Update(c.HTTP.Context(), func(tx *state.Txn) error {
		if earlier := byToken(tx, cluster, in.ClientRequestToken); earlier != nil {
			a = earlier
			return nil
		}
		n := 0
		for other := range Associations(tx, a.Account, a.Region, a.Cluster) {
			if other.Namespace == a.Namespace && other.ServiceAccount == a.ServiceAccount {
				return ofCluster(a.Cluster, api.Fail(http.StatusConflict, "ResourceInUseException", "Association already exists: %s", other.ID))
			}
			n++
		}
		if n >= mostAssociations {
			return ofCluster(a.Cluster, api.Fail(http.StatusBadRequest, "ResourceLimitExceededException", "The cluster has %d pod identity associations, the most that it can have.", n))
		}
		tx.Put(a)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return object{"association": a.describe()}, nil
}

// clusterShown: EKS names the cluster in errors of names, and not in those of
// the token (recorded 14).
func clusterShown(in associationInput, cluster string) string {
	if in.checkToken() != nil {
		return ""
	}
	return cluster
}

// byToken is the association that an earlier call with the token made.
func byToken(r state.Reader, c *Cluster, token *string) *Association {
	if token == nil || *token == "" {
		return nil
	}
	for a := range Associations(r, c.Account, c.Region, c.Name) {
		if a.ClientRequestToken == *token {
			return a
		}
	}
	return nil
}

// ofCluster adds the cluster's name to an error, as a member of its own.
func ofCluster(name string, err error) error {
	if f, ok := err.(*api.Refusal); ok && name != "" {
		f.Wire.With("clusterName", name)
	}
	return err
}
