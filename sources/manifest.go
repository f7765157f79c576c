package sources

import (
	"strings"

	"github.com/irsa-emu/irsa-emu/aws"
	"github.com/irsa-emu/irsa-emu/statefile/strictyaml"
)

// Manifests are the Kubernetes side of what was read: who runs as which service
// account, and which role is promised to it.
//
// Texts stand as they were written. One of which a part is not known, since a
// chart, an overlay or a plan was not rendered or applied, still holds that part
// in its source's own form, such as ${account}; see [Unresolved].
type Manifests struct {
	ServiceAccounts []ServiceAccount
	Workloads       []Workload
	Associations    []Association
	Addons          []Addon
	// Made are roles that a tool makes together with their trust.
	Made []MadeRole
	// Refused are entries that the tool of their source refuses.
	Refused []RefusedEntry
	// Fargate are the pods that run on Fargate.
	Fargate []FargateSelector
	// Clusters are the names of clusters, whether or not their issuer is known.
	Clusters []NamedCluster
	// Config is what ConfigMaps and Secrets hold, by "ConfigMap/NAMESPACE/NAME".
	// Values of Secrets are left out.
	Config map[string]map[string]string
}

// RefusedEntry is a part of a source that its tool refuses.
type RefusedEntry struct {
	At             strictyaml.Position
	What, Why, Fix string
}

// FargateSelector is a selector of a Fargate profile.
type FargateSelector struct {
	Cluster, Namespace string
	Labels             map[string]string
}

// NamedCluster is a cluster that a source names.
type NamedCluster struct {
	At   strictyaml.Position
	Name string
	// OIDC is false for a cluster that its source gives no IAM OIDC provider.
	OIDC bool
}

// ServiceAccount is a service account, or what a tool says that one will be like.
type ServiceAccount struct {
	At strictyaml.Position
	// Cluster is empty for manifests, which name none. Namespace is empty where the
	// manifest leaves it to whoever applies it.
	Cluster, Namespace, Name string
	Annotations              map[string]string
	// AnnotationAt is where an annotation was written.
	AnnotationAt map[string]strictyaml.Position
	// By is what will make it, when it is no ServiceAccount object: "eksctl",
	// "Application/es (chart not rendered)".
	By string
	// Unsure says what has to be true for it to exist in this form; "" when nothing.
	Unsure string
	// Nameless says that the chart chooses the name, which is not known.
	Nameless bool
}

// Workload is an object whose pods run as a service account, or one for which
// somebody asks for tokens of a service account.
type Workload struct {
	At                 strictyaml.Position
	Cluster, Namespace string
	Kind, Name         string
	ServiceAccount     string // "default" when it names none
	Pod                *Pod   // nil: the object does not hold its pods
	Note               string // "suspended", "asks for tokens of it"
	Owned              bool   // another object made it
}

// Title is KIND/NAME, with what there is to say of it.
func (w *Workload) Title() string {
	title := w.Kind + "/" + w.Name
	if w.Kind == "" {
		title = w.Name
	}
	if w.Note != "" {
		title += " (" + w.Note + ")"
	}
	return title
}

// Pod is what of a pod template bears on its credentials.
type Pod struct {
	Annotations, Labels, NodeSelector map[string]string
	HostNetwork                       bool
	Containers                        []Container
	Volumes                           []string
	Tokens                            []TokenVolume
}

// Container is a container or an init container.
type Container struct {
	At     strictyaml.Position
	Name   string
	Init   bool
	Env    []Variable
	Mounts map[string]string // paths by volume
}

// Variable is an environment variable of a container.
type Variable struct {
	At          strictyaml.Position
	Name, Value string
	// From says where the value is, when it is not in the container: "Secret/aws".
	From string
	// Bulk is one of envFrom, which the webhook does not look at.
	Bulk bool
}

// TokenVolume is a projected service account token.
type TokenVolume struct {
	Volume, Audience, Path string
}

// Association is an EKS Pod Identity association.
type Association struct {
	At                                 strictyaml.Position
	Cluster, Namespace, ServiceAccount string
	Role, TargetRole                   string
	DisableSessionTags                 bool
	// Policy is the session policy, IAM JSON; ExternalID what EKS sends to the target
	// role, where it is not EKS's own choice.
	Policy, ExternalID string
	// Addon is the EKS add-on that the association is part of.
	Addon string
	// Creates says that the service account is made with it.
	Creates bool
}

// Holder is the service account whose pods get the role.
func (a *Association) Holder() aws.ServiceAccount {
	return aws.ServiceAccount{Namespace: a.Namespace, Name: a.ServiceAccount}
}

// Addon is an EKS add-on of a cluster.
type Addon struct {
	At            strictyaml.Position
	Cluster, Name string
}

// MadeRole is a role that a tool makes for one service account, with a trust
// policy that lets it in. ARN is its ARN, or what it is called before it has one.
type MadeRole struct {
	At                                 strictyaml.Position
	ARN, By                            string
	Cluster, Namespace, ServiceAccount string
	PodIdentity                        bool
}

// Unresolved says what is missing of a text that was not rendered, substituted
// or applied: the first such part. It is "" for a text that is known.
func Unresolved(text string) string {
	for _, form := range [][2]string{{"{{", "}}"}, {"${", "}"}, {"$(", ")"}, {"<no value>", ""}} {
		i := strings.Index(text, form[0])
		if i < 0 {
			continue
		}
		end := strings.Index(text[i:], form[1])
		if end < 0 {
			return text[i:]
		}
		return text[i : i+max(end, len(form[0]))+len(form[1])]
	}
	// Pulumi's preview writes this in place of what is not known yet.
	if strings.Contains(text, "04da6b54-80e4-46f7-96ec-b56ff0331ba9") {
		return "a value that Pulumi does not know yet"
	}
	return ""
}
