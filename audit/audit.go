package audit

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/irsa-emu/irsa-emu/aws"
	"github.com/irsa-emu/irsa-emu/sources"
	"github.com/irsa-emu/irsa-emu/statefile/strictyaml"
)

// Options say what the sources leave open.
type Options struct {
	// Cluster is the cluster that manifests are for, and the only one that is
	// looked at; empty: the only one that the sources name.
	Cluster string
	// Issuer is that cluster's; empty: as the sources say.
	Issuer string
	// Namespace is that of manifests which name none.
	Namespace string
	// Pod is the name of the pod that is asked about, for policies that test it; it may be empty.
	Pod string
	// Now is the time of the question, for policies that test it.
	Now time.Time
}

// UsageError is a question that cannot be answered as it was asked.
type UsageError string

func (e UsageError) Error() string { return string(e) }

// Audit joins manifests, roles and providers. The error is a [UsageError].
func Audit(found *sources.Found, o Options) (*Report, error) {
	a := auditorOf(found, o)
	if err := a.clusters(); err != nil {
		return nil, err
	}
	a.collect()
	if len(a.accounts) == 0 && len(a.m.ServiceAccounts)+len(a.m.Workloads)+len(a.m.Associations) == 0 {
		return nil, UsageError("--given: no service account, workload or association is in what was given; give the manifests too, as helm template or kustomize build prints them")
	}
	for _, sa := range a.accounts {
		a.account(sa)
	}
	a.strangers()
	a.unused()
	a.addons()
	for _, r := range a.m.Refused {
		a.report.find(ruleTool, r.At, r.What+": "+r.Why, r.Fix)
	}
	a.report.sort()
	return a.report, nil
}

func auditorOf(found *sources.Found, o Options) *auditor {
	return &auditor{
		o: o, found: found, m: &found.Manifests, roles: rolesOf(found), report: &Report{Matrix: []Row{}, UnusedRoles: []string{}, Findings: []Finding{}, Notes: []string{}},
		used: map[string]bool{}, issuers: map[string]issuer{}, said: map[string]bool{},
	}
}

// auditor is one audit.
type auditor struct {
	o       Options
	found   *sources.Found
	m       *sources.Manifests
	roles   *roles
	report  *Report
	cluster string            // of what names none
	issuers map[string]issuer // by cluster
	said    map[string]bool   // what is said once of each service account

	accounts []*account
	used     map[string]bool // roles that somebody is given, by ARN
	granted  []grant         // who is meant to have which role
}

// grant is a service account that is meant to have a role.
type grant struct {
	account *account
	role    *role
}

// issuer is a cluster's issuer, or why it is not known.
type issuer struct{ url, why string }

// account is one service account with all that is said of it.
type account struct {
	cluster, namespace, name string
	said                     []*sources.ServiceAccount
	workloads                []*sources.Workload
	associations             []*sources.Association
}

func (a *account) who() aws.ServiceAccount {
	return aws.ServiceAccount{Namespace: a.namespace, Name: a.name}
}

func (a *account) title() string { return a.who().String() }

// clusters finds the cluster of the manifests.
func (a *auditor) clusters() error {
	if a.o.Cluster != "" {
		a.cluster = a.o.Cluster
		return nil
	}
	names := a.clusterNames()
	if len(names) == 1 {
		a.cluster = names[0]
	}
	if len(names) < 2 {
		return nil
	}
	nowhere := slices.ContainsFunc(a.m.ServiceAccounts, func(s sources.ServiceAccount) bool { return s.Cluster == "" }) ||
		slices.ContainsFunc(a.m.Workloads, func(w sources.Workload) bool { return w.Cluster == "" })
	if nowhere {
		return UsageError(fmt.Sprintf("several clusters are given, %s, and manifests do not say whose they are; write --cluster NAME", strings.Join(names, ", ")))
	}
	return nil
}

// clusterNames are the clusters that the sources name, sorted.
func (a *auditor) clusterNames() []string {
	var names []string
	add := func(name string) {
		if name != "" && sources.Unresolved(name) == "" && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	for name := range a.found.State.Clusters {
		add(name)
	}
	for _, c := range a.m.Clusters {
		add(c.Name)
	}
	for i := range a.m.Associations {
		add(a.m.Associations[i].Cluster)
	}
	slices.Sort(names)
	return names
}

// clusterOf is the cluster of something that may name none.
func (a *auditor) clusterOf(name string) string {
	if name == "" || sources.Unresolved(name) != "" && a.cluster != "" {
		return a.cluster
	}
	return name
}

// collect sorts what was read by service account.
func (a *auditor) collect() {
	index := map[[3]string]*account{}
	of := func(cluster, namespace, name string) *account {
		cluster = a.clusterOf(cluster)
		if a.o.Cluster != "" && cluster != a.o.Cluster {
			return &account{} // of another cluster
		}
		if namespace == "" {
			namespace = a.o.Namespace
		}
		key := [3]string{cluster, namespace, name}
		if index[key] == nil {
			index[key] = &account{cluster: cluster, namespace: namespace, name: name}
			a.accounts = append(a.accounts, index[key])
		}
		return index[key]
	}
	for i := range a.m.ServiceAccounts {
		s := &a.m.ServiceAccounts[i]
		if s.Nameless {
			a.nameless(s)
		}
		sa := of(s.Cluster, s.Namespace, s.Name)
		sa.said = append(sa.said, s)
		a.named(s.Namespace, s.At, "ServiceAccount/"+s.Name)
	}
	for i := range a.m.Associations {
		s := &a.m.Associations[i]
		sa := of(s.Cluster, s.Namespace, s.ServiceAccount)
		sa.associations = append(sa.associations, s)
	}
	for i := range a.m.Workloads {
		w := &a.m.Workloads[i]
		if w.ServiceAccount == "" {
			w.ServiceAccount = a.chartAccount(w)
		}
		sa := of(w.Cluster, w.Namespace, w.ServiceAccount)
		sa.workloads = append(sa.workloads, w)
		a.named(w.Namespace, w.At, w.Kind+"/"+w.Name)
	}
	for _, sa := range a.accounts {
		// Pods of a live cluster stand beside the object that made them.
		if slices.ContainsFunc(sa.workloads, func(w *sources.Workload) bool { return !w.Owned }) {
			sa.workloads = slices.DeleteFunc(sa.workloads, func(w *sources.Workload) bool { return w.Owned })
		}
	}
}

// named reports a manifest without a namespace: which one it will be in decides
// on its role.
func (a *auditor) named(namespace string, at strictyaml.Position, title string) {
	if namespace != "" || a.o.Namespace != "" || a.said["namespace "+at.File] {
		return
	}
	a.said["namespace "+at.File] = true // a chart leaves it out of all its manifests
	a.report.find(ruleNoNamespace, at, title+" names no namespace, so its tokens' subject is not known",
		"write --namespace NAME, the release's namespace, or render the chart with helm template --namespace NAME and metadata.namespace in its templates")
}

// nameless gives a service account that a chart names the name that its role's
// trust policy wants in its namespace, if there is exactly one.
func (a *auditor) nameless(s *sources.ServiceAccount) {
	r := a.roles.like(s.Annotations[aws.RoleAnnotation])
	if r == nil {
		return
	}
	names := map[string]bool{}
	for _, want := range r.subjects() {
		if of, ok := aws.ServiceAccountOf(want); ok && of.Namespace == s.Namespace && !strings.ContainsAny(of.Name, "*?") {
			names[of.Name] = true
		}
	}
	for name := range names {
		if len(names) == 1 {
			s.Name = name
		}
	}
}

// chartAccount is the name that the chart's own service account was given.
func (a *auditor) chartAccount(w *sources.Workload) string {
	for i := range a.m.ServiceAccounts {
		if s := &a.m.ServiceAccounts[i]; s.Nameless && s.Namespace == w.Namespace && s.By == w.Title() {
			return s.Name
		}
	}
	return ""
}
