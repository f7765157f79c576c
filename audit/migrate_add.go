package audit

import (
	"fmt"
	"strings"

	"github.com/irsa-emu/irsa-emu/aws"
	"github.com/irsa-emu/irsa-emu/lazyregexp"
)

// add says what is needed beside the trust policy, and how it is written in the
// tools whose sources audit reads.
func (a *auditor) add(m *Move) {
	for _, name := range []string{m.Cluster, m.Namespace, m.ServiceAccount, m.role.arn, a.issuerOf(m.Cluster).url} {
		if !copyable.MatchString(name) {
			m.Needs = append(m.Needs, fmt.Sprintf("another name than %q, which is not one: what is to be added cannot be written with it", name))
			return
		}
	}
	if m.To == IRSA {
		a.addAnnotation(m)
		return
	}
	if len(m.account.associations) > 0 {
		return // it is there; the trust policy was what refused it
	}
	cluster := m.Cluster
	if cluster == "" {
		cluster = "CLUSTER"
	}
	m.Needs = append(m.Needs, fmt.Sprintf("an association of %s with %s in cluster %s", m.account.title(), m.Role, cluster))
	role := m.role.arn
	m.Add = map[string]string{
		"cli":   fmt.Sprintf("aws eks create-pod-identity-association --cluster-name %s --namespace %s --service-account %s --role-arn %s", cluster, m.Namespace, m.ServiceAccount, role),
		"state": fmt.Sprintf("clusters:\n  %s:\n    podIdentityAssociations:\n      - {serviceAccount: %s/%s, role: %q}\n", cluster, m.Namespace, m.ServiceAccount, role),
		"terraform": fmt.Sprintf("resource \"aws_eks_pod_identity_association\" %q {\n  cluster_name    = %q\n  namespace       = %q\n  service_account = %q\n  role_arn        = %s\n}\n",
			identifier(m.Namespace+"_"+m.ServiceAccount), cluster, m.Namespace, m.ServiceAccount, a.terraformRole(m)),
		"cloudformation": fmt.Sprintf("%s:\n  Type: AWS::EKS::PodIdentityAssociation\n  Properties:\n    ClusterName: %s\n    Namespace: %s\n    ServiceAccount: %s\n    RoleArn: %s\n",
			logicalID(m.Namespace+"-"+m.ServiceAccount), cluster, m.Namespace, m.ServiceAccount, role),
		"eksctl": fmt.Sprintf("iam:\n  podIdentityAssociations:\n    - namespace: %s\n      serviceAccountName: %s\n      roleARN: %s\n", m.Namespace, m.ServiceAccount, role),
		"kubernetes": fmt.Sprintf("apiVersion: eks.services.k8s.aws/v1alpha1\nkind: PodIdentityAssociation\nmetadata:\n  name: %s\n  namespace: %s\nspec:\n  clusterName: %s\n  namespace: %s\n  serviceAccount: %s\n  roleARN: %s\n",
			m.ServiceAccount, m.Namespace, cluster, m.Namespace, m.ServiceAccount, role),
	}
	if !a.hasAgent(m.Cluster) {
		m.Needs = append(m.Needs, "the add-on "+aws.PodIdentityAddon+" on the cluster, unless it runs already: aws eks create-addon --cluster-name "+cluster+" --addon-name "+aws.PodIdentityAddon)
	}
	m.Needs = append(m.Needs, "restart the pods: running ones keep what they have; the annotation may stay until the last of them is new, the association wins")
}

// copyable are names that stay one word in a command and in YAML; whatever else is in
// a file of somebody's is not to be pasted into a shell. ${…} is a template's.
var copyable = lazyregexp.New(`^[\w.:/@=+,${}-]*$`)

func (a *auditor) hasAgent(cluster string) bool {
	for _, d := range a.m.Addons {
		if d.Name == aws.PodIdentityAddon && a.clusterOf(d.Cluster) == cluster {
			return true
		}
	}
	return false
}

func (a *auditor) addAnnotation(m *Move) {
	issuer := a.issuerOf(m.Cluster).url
	m.Add = map[string]string{
		"cli":        fmt.Sprintf("kubectl annotate serviceaccount --namespace %s %s %s=%s", m.Namespace, m.ServiceAccount, aws.RoleAnnotation, m.role.arn),
		"kubernetes": fmt.Sprintf("apiVersion: v1\nkind: ServiceAccount\nmetadata:\n  name: %s\n  namespace: %s\n  annotations:\n    %s: %s\n", m.ServiceAccount, m.Namespace, aws.RoleAnnotation, m.role.arn),
		"eksctl":     fmt.Sprintf("iam:\n  withOIDC: true\n  serviceAccounts:\n    - metadata: {name: %s, namespace: %s}\n      attachRoleARN: %s\n", m.ServiceAccount, m.Namespace, m.role.arn),
	}
	known := false
	for _, p := range a.found.State.Accounts[m.role.account].OIDCProviders {
		known = known || aws.ProviderURL(p.URL) == aws.ProviderURL(issuer)
	}
	if !known {
		m.Needs = append(m.Needs, fmt.Sprintf("an OIDC provider for %s with the client id %s in account %s, unless it is there", issuer, aws.DefaultAudience, m.role.account))
		if _, complete := a.found.Providers[m.role.account]; complete && m.State == Ready {
			m.State = Change
		}
		m.Add["cli"] = fmt.Sprintf("aws iam create-open-id-connect-provider --url %s --client-id-list %s\n%s", issuer, aws.DefaultAudience, m.Add["cli"])
		m.Add["terraform"] = fmt.Sprintf("resource \"aws_iam_openid_connect_provider\" \"cluster\" {\n  url            = %q\n  client_id_list = [%q]\n}\n", issuer, aws.DefaultAudience)
		m.Add["state"] = fmt.Sprintf("accounts:\n  %q:\n    oidcProviders:\n      - {url: %q, clientIDs: [%s]}\n", m.role.account, issuer, aws.DefaultAudience)
	}
	m.Needs = append(m.Needs, "the annotation "+aws.RoleAnnotation+": "+m.role.arn+" on the service account",
		"delete the association, then restart the pods: it wins as long as it is there")
}

var notName = lazyregexp.New(`[^a-zA-Z0-9]+`)

func identifier(s string) string { return strings.ToLower(notName.ReplaceAllString(s, "_")) }

// logicalID is a name as CloudFormation takes it: letters and digits.
func logicalID(s string) string {
	var b strings.Builder
	for _, part := range notName.Compiled().Split(s, -1) {
		if part != "" {
			b.WriteString(strings.ToUpper(part[:1]) + part[1:])
		}
	}
	return b.String() + "PodIdentity"
}

// terraformRole is the role as a plan's resource refers to it, else its ARN.
func (a *auditor) terraformRole(m *Move) string {
	if s := m.role.source; s != nil {
		if resource, ok := strings.CutSuffix(s.Address, ".assume_role_policy"); ok {
			return resource + ".arn"
		}
	}
	return fmt.Sprintf("%q", m.role.arn)
}
