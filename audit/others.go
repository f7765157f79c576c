package audit

import (
	"fmt"
	"slices"
	"strings"

	"github.com/irsa-emu/irsa-emu/aws"
	"github.com/irsa-emu/irsa-emu/policy"
	"github.com/irsa-emu/irsa-emu/sources"
)

// issuerOf is the issuer of a cluster's tokens, as the sources say it.
func (a *auditor) issuerOf(cluster string) issuer {
	if known, ok := a.issuers[cluster]; ok {
		return known
	}
	found := a.findIssuer(cluster)
	a.issuers[cluster] = found
	return found
}

func (a *auditor) findIssuer(cluster string) issuer {
	if a.o.Issuer != "" {
		return issuer{url: a.o.Issuer}
	}
	if c, ok := a.found.State.Clusters[cluster]; ok && c.Issuer != "" {
		return issuer{url: c.Issuer}
	}
	var urls []string
	add := func(url string) {
		url = "https://" + aws.ProviderURL(url)
		if !slices.Contains(urls, url) {
			urls = append(urls, url)
		}
	}
	for _, account := range a.found.State.Accounts {
		for _, p := range account.OIDCProviders {
			add(p.URL)
		}
	}
	slices.Sort(urls)
	if of := clusterIssuers(urls); len(of) == 1 {
		return issuer{url: of[0]}
	} else if len(of) > 1 {
		return issuer{why: "the cluster's issuer is not known: providers of several are given (" + strings.Join(of, ", ") + "); write --issuer URL"}
	}
	urls = nil
	for _, r := range a.roles.list {
		for _, host := range r.federated() {
			add("https://" + host)
		}
	}
	slices.Sort(urls)
	of := clusterIssuers(urls)
	if len(of) == 1 {
		a.report.note("taken for granted: the cluster's issuer is " + of[0] + ", the only one that the trust policies name")
		return issuer{url: of[0]}
	}
	return issuer{why: "the cluster's issuer is not known; write --issuer URL, or give the output of aws eks describe-cluster"}
}

// clusterIssuers are the issuers that are clusters': EKS's, else all that are not
// known to be something else's.
func clusterIssuers(urls []string) []string {
	eks := slices.DeleteFunc(slices.Clone(urls), func(u string) bool {
		return aws.IssuerOf(u).Kind != aws.EKS
	})
	if len(eks) > 0 {
		return eks
	}
	return slices.DeleteFunc(slices.Clone(urls), func(u string) bool { return aws.IssuerOf(u).Kind != "" })
}

// strangers reports roles whose trust policies let in more service accounts of
// these manifests than are meant to have them.
func (a *auditor) strangers() {
	meant := map[string][]*account{}
	for _, g := range a.granted {
		meant[g.role.arn] = append(meant[g.role.arn], g.account)
	}
	for _, r := range a.roles.list {
		if len(r.federated()) == 0 || !r.wide() {
			continue
		}
		var others []string
		for _, sa := range a.accounts {
			if slices.Contains(meant[r.arn], sa) || sa.namespace == "" || sources.Unresolved(sa.namespace+sa.name) != "" || a.issuerOf(sa.cluster).url == "" || len(sa.said)+len(sa.workloads) == 0 {
				continue
			}
			if yes, _, _ := a.evaluate(sa, r, ""); yes == policy.Yes {
				others = append(others, sa.title())
			}
		}
		if len(others) == 0 || len(meant[r.arn]) == 0 && !a.used[r.arn] {
			continue
		}
		slices.Sort(others)
		place := policy.Position{}
		if c := r.conditions(":sub"); len(c) > 0 {
			place = c[0].Start
		}
		a.report.find(ruleStrangers, r.place(place), fmt.Sprintf("the trust policy of %s also lets in %s, to which nothing gives the role", a.roles.display(r.arn), few(others)), "name the service accounts: system:serviceaccount:NAMESPACE:NAME under StringEquals")
	}
}

// wide says whether the trust policy can let in more than it names.
func (r *role) wide() bool {
	subs := r.subjects()
	return len(subs) == 0 || slices.ContainsFunc(subs, func(s string) bool { return strings.ContainsAny(s, "*?$") })
}

func few(names []string) string {
	const most = 10
	if len(names) > most {
		return strings.Join(names[:most], ", ") + fmt.Sprintf(" and %d more", len(names)-most)
	}
	return strings.Join(names, ", ")
}

// unused reports roles that trust a cluster's tokens or EKS's pods and that
// nobody is given.
func (a *auditor) unused() {
	var urls []string
	clusters := map[string]bool{a.cluster: true}
	for _, sa := range a.accounts {
		clusters[sa.cluster] = true
	}
	for cluster := range clusters {
		if url := a.issuerOf(cluster).url; url != "" {
			urls = append(urls, aws.ProviderURL(url))
		}
	}
	for _, r := range a.roles.list {
		trusts := slices.ContainsFunc(r.federated(), func(host string) bool {
			return slices.Contains(urls, host) || len(urls) == 0 && len(clusterIssuers([]string{"https://" + host})) == 1
		})
		if a.used[r.arn] || !trusts && !r.trustsPods() {
			continue
		}
		a.report.UnusedRoles = append(a.report.UnusedRoles, a.roles.display(r.arn))
		a.report.find(ruleUnused, r.place(policy.Position{}), "the role "+a.roles.display(r.arn)+" trusts the cluster, and no service account or association here is given it", "give it to somebody, or delete it")
	}
	for i := range a.m.Made {
		if m := &a.m.Made[i]; !a.used[m.ARN] {
			a.report.UnusedRoles = append(a.report.UnusedRoles, m.ARN)
			a.report.find(ruleUnused, m.At, m.By+" makes the role "+m.ARN+", and no service account or association here is given it", "annotate the service account with it, or leave it out")
		}
	}
}

// addons notes clusters with associations and without the agent.
func (a *auditor) addons() {
	seen := map[string]bool{}
	for i := range a.m.Associations {
		as := &a.m.Associations[i]
		cluster := a.clusterOf(as.Cluster)
		if seen[cluster] || a.o.Cluster != "" && cluster != a.o.Cluster {
			continue
		}
		seen[cluster] = true
		if !slices.ContainsFunc(a.m.Addons, func(d sources.Addon) bool { return d.Name == aws.PodIdentityAddon && a.clusterOf(d.Cluster) == cluster }) {
			text := fmt.Sprintf("%s: the add-on %s is in none of the sources: pods get credentials only if it runs already", cluster, aws.PodIdentityAddon)
			a.report.note(text)
			a.report.find(ruleAgent, as.At, text, "add it to the cluster, unless it is an EKS Auto Mode cluster, which has it built in")
		}
	}
}
