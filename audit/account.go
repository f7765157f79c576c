package audit

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/irsa-emu/irsa-emu/aws"
	"github.com/irsa-emu/irsa-emu/sources"
	"github.com/irsa-emu/irsa-emu/spelling"
	"github.com/irsa-emu/irsa-emu/statefile/strictyaml"
	"github.com/irsa-emu/irsa-emu/webhook"
)

type position = strictyaml.Position

// identity is what a service account is given.
type identity struct {
	mechanism   Mechanism
	role        string // as it is written
	at          position
	webhook     webhook.Identity
	association *sources.Association
	said        *sources.ServiceAccount // who annotates
}

// uses is what a container that is given the identity uses.
func (i *identity) uses() string {
	return map[Mechanism]string{IRSA: "role", PodIdentity: "agent", None: "node"}[i.mechanism]
}

// account audits one service account.
func (a *auditor) account(sa *account) {
	given := a.given(sa)
	if given.mechanism == None && len(sa.workloads) == 0 {
		return
	}
	type group struct {
		fate
		titles, exceptions []string
		at                 position
	}
	var groups []*group
	for _, w := range sa.workloads {
		f := a.fateOf(sa, w, given)
		i := slices.IndexFunc(groups, func(g *group) bool {
			return g.mechanism == f.mechanism && g.role == f.role && g.why == f.why
		})
		if i < 0 {
			groups = append(groups, &group{fate: f, at: w.At})
			i = len(groups) - 1
		}
		groups[i].titles = append(groups[i].titles, w.Title())
		groups[i].exceptions = append(groups[i].exceptions, f.row...)
	}
	if len(groups) == 0 {
		groups = []*group{{fate: fate{mechanism: given.mechanism}, at: given.at, titles: []string{}}}
	}
	for _, g := range groups {
		row := Row{Cluster: sa.cluster, Namespace: sa.namespace, ServiceAccount: sa.name, Workloads: g.titles, Exceptions: g.exceptions, Mechanism: g.mechanism, Place: g.at.String()}
		var said answer
		switch {
		case g.mechanism == None:
			said = a.nothing(sa, given, g.fate)
		case g.role != "":
			said = a.webIdentity(sa, g.role, g.audience, g.at)
			said.why = g.why + "; " + said.why
			row.Role = pointer(a.roles.display(g.role))
		case g.mechanism == PodIdentity:
			said = a.podIdentity(sa, given)
			row.Role, row.Place = pointer(a.roles.display(given.role)), given.at.String()
			row.TargetRole = given.association.TargetRole
		default:
			said = a.webIdentity(sa, given.role, given.webhook.Audience, given.at)
			said = a.unsure(given, said)
			row.Role, row.Place = pointer(a.roles.display(given.role)), given.at.String()
		}
		if len(g.titles) == 0 && g.mechanism != None {
			said.why += "; no workload here runs as it"
		}
		row.Verdict, row.Why = said.verdict, said.why
		row.Path = a.path(sa, given, g.fate, g.at, g.titles, said)
		a.report.Matrix = append(a.report.Matrix, row)
	}
}

func pointer(s string) *string { return &s }

// path is the chain of a row, link by link.
func (a *auditor) path(sa *account, given *identity, f fate, at position, titles []string, said answer) []Link {
	var path []Link
	if len(titles) > 0 {
		path = append(path, Link{strings.Join(titles, ", "), at.String()})
	}
	link := Link{What: "service account " + sa.title()}
	if len(sa.said) > 0 {
		link.Place = sa.said[0].At.String()
	}
	path = append(path, link)
	switch {
	case f.role != "":
		path = append(path, Link{"variables set by hand: AWS_ROLE_ARN=" + f.role, at.String()})
	case f.mechanism == IRSA:
		path = append(path, Link{"annotation " + aws.RoleAnnotation + ": " + given.role, given.at.String()})
	case f.mechanism == PodIdentity:
		path = append(path, Link{"association with " + a.roles.display(given.role), given.at.String()})
	}
	if said.role != nil {
		path = append(path, Link{"trust policy of " + a.roles.display(said.role.arn), said.role.place(said.at).String()})
	}
	return path
}

// given tells what a service account is given, and reports what is odd about it.
func (a *auditor) given(sa *account) *identity {
	annotations, at, said := a.annotations(sa)
	config := webhook.Config{RegionalSTS: true}
	id := &identity{mechanism: None}
	if annotated, ok := config.IdentityOf(annotations); ok {
		id = &identity{mechanism: IRSA, role: annotated.RoleARN, at: at[aws.RoleAnnotation], webhook: annotated, said: said}
		a.use(annotated.RoleARN)
		a.expiration(sa, annotations, at)
		if sa.name == "default" {
			a.report.find(ruleDefaultAccount, id.at, fmt.Sprintf("the default service account of namespace %s has the role %s: every pod there that names no other gets it", sa.namespace, annotated.RoleARN), "make a service account for the workload and name it in serviceAccountName")
		}
	}
	if len(sa.associations) == 0 {
		return id
	}
	first := sa.associations[0]
	for _, other := range sa.associations[1:] {
		a.report.find(ruleTwoAssociations, other.At, fmt.Sprintf("a second association for %s in cluster %s; the first is at %s, and EKS refuses this one with ResourceInUseException", sa.title(), sa.cluster, first.At), "leave one of them")
		a.use(other.Role)
	}
	if id.mechanism == IRSA && id.role != first.Role {
		a.report.find(ruleShadowed, id.at, fmt.Sprintf("%s: the annotation for %s is shadowed by the association with %s", sa.title(), id.role, a.roles.display(first.Role)), "take out the annotation, or the association at "+first.At.String())
	}
	if id.mechanism == IRSA && id.role == first.Role {
		a.report.find(ruleBoth, id.at, fmt.Sprintf("%s has %s by its annotation and by the association at %s; pods made since the association use it alone", sa.title(), a.roles.display(first.Role), first.At), "take out the annotation when no pod from before is left; irsa-emu audit --migrate says what else there is to take out")
	}
	if len(sa.said) == 0 && !first.Creates && first.Addon == "" && sa.name != "default" {
		a.report.find(ruleNoServiceAccount, first.At, fmt.Sprintf("an association for the service account %s, which is in none of the sources; EKS does not look whether it exists", sa.title()), "check the namespace and the name"+a.didYouMean(sa)+", or give its manifest too")
	}
	a.use(first.Role)
	a.use(first.TargetRole)
	return &identity{mechanism: PodIdentity, role: first.Role, at: first.At, webhook: config.PodIdentityOf(annotations), association: first}
}

// didYouMean names a service account of the sources that is spelt almost alike.
func (a *auditor) didYouMean(sa *account) string {
	for _, other := range a.accounts {
		if other == sa || len(other.said) == 0 {
			continue
		}
		if other.namespace == sa.namespace && spelling.Distance(other.name, sa.name) <= 2 || other.name == sa.name && spelling.Distance(other.namespace, sa.namespace) <= 2 {
			return " (did you mean " + other.title() + "?)"
		}
	}
	return ""
}

// annotations are those of the service account as all sources together say them.
func (a *auditor) annotations(sa *account) (values map[string]string, at map[string]position, by *sources.ServiceAccount) {
	values, at = map[string]string{}, map[string]position{}
	var bare, tool *sources.ServiceAccount
	for _, s := range sa.said {
		role, has := s.Annotations[aws.RoleAnnotation]
		switch {
		case has && by != nil && values[aws.RoleAnnotation] != role:
			a.report.find(ruleConflict, s.AnnotationAt[aws.RoleAnnotation], fmt.Sprintf("%s is given %s here and %s at %s; whichever is applied last counts", sa.title(), role, values[aws.RoleAnnotation], at[aws.RoleAnnotation]), "leave one of them")
			a.use(values[aws.RoleAnnotation])
		case !has && s.By == "":
			bare = s
		}
		if has {
			by = s
			if s.By != "" {
				tool = s
			}
		}
		for key, value := range s.Annotations {
			values[key], at[key] = value, s.AnnotationAt[key]
		}
	}
	if bare != nil && tool != nil && tool == by {
		a.report.find(ruleDropped, bare.At, fmt.Sprintf("a manifest of %s without the role annotation that %s gives it; applied later, it can drop the role", sa.title(), tool.By), "annotate it here too, or leave the service account to "+tool.By)
	}
	return values, at, by
}

// expiration reports a token life that the webhook or the API server changes.
func (a *auditor) expiration(sa *account, annotations map[string]string, at map[string]position) {
	const name = aws.ExpirationAnnotation
	check := func(value string, at position, whose string) {
		seconds, err := strconv.ParseInt(value, 10, 64)
		switch {
		case err != nil:
			a.report.find(ruleExpiration, at, fmt.Sprintf("%s: %s is %q, which is not a number of seconds; the default, %d, is used", whose, name, value, webhook.DefaultExpiration), fmt.Sprintf("write seconds, %d to %d", webhook.MinExpiration, webhook.MaxExpiration))
		case seconds < webhook.MinExpiration || seconds > webhook.MaxExpiration:
			a.report.find(ruleExpiration, at, fmt.Sprintf("%s: %s is %d; less than %d is raised to it, and AWS expects no more than %d", whose, name, seconds, webhook.MinExpiration, webhook.MaxExpiration), fmt.Sprintf("write seconds, %d to %d", webhook.MinExpiration, webhook.MaxExpiration))
		}
	}
	if value, ok := annotations[name]; ok {
		check(value, at[name], sa.title())
	}
	for _, w := range sa.workloads {
		if w.Pod != nil && w.Pod.Annotations[name] != "" {
			check(w.Pod.Annotations[name], w.At, w.Title())
		}
	}
}

// nothing words why pods get no role.
func (a *auditor) nothing(sa *account, given *identity, f fate) answer {
	if given.mechanism != None {
		return answer{verdict: NoRole, why: f.why}
	}
	why := "no annotation, no association"
	switch made := a.madeFor(sa); {
	case len(sa.said) > 0 || sa.name == "default" && sa.namespace != "":
		if sa.name == "default" && len(sa.said) == 0 {
			why = "the default service account: no annotation, no association here"
		}
	case made != nil:
		why = fmt.Sprintf("%s makes the role %s for it, but neither the service account nor an annotation (roleOnly)", made.By, made.ARN)
	case f.uses == "keys": // whatever the service account is given
	default:
		at := sa.workloads[0].At
		a.report.find(ruleAccountMissing, at, fmt.Sprintf("%s runs as the service account %s, which is in none of the sources", sa.workloads[0].Title(), sa.title()), "give its manifest too, or write the right name"+a.didYouMean(sa))
		return answer{verdict: Unknown, why: "the service account is in none of the sources, so its annotation is not known" + also(f.why)}
	}
	if f.why == "" {
		why += "; falls to the node role, if the pod reaches it"
	}
	return answer{verdict: NoRole, why: why + also(f.why)}
}

func also(why string) string {
	if why == "" {
		return ""
	}
	return "; " + why
}

// madeFor is the role that a tool makes for the service account's IRSA.
func (a *auditor) madeFor(sa *account) *sources.MadeRole {
	for i := range a.m.Made {
		m := &a.m.Made[i]
		if a.clusterOf(m.Cluster) == sa.cluster && m.Namespace == sa.namespace && m.ServiceAccount == sa.name {
			return m
		}
	}
	return nil
}

// use remembers that somebody is given a role.
func (a *auditor) use(arn string) {
	if r := a.roles.like(strings.TrimSpace(arn)); r != nil {
		a.used[r.arn] = true
	}
	a.used[strings.TrimSpace(arn)] = true
}

// unsure weakens an answer about what a chart or a tool is said to make.
func (a *auditor) unsure(given *identity, said answer) answer {
	s := given.said
	if s == nil || s.Unsure == "" {
		return said
	}
	rule := ruleUnrendered
	if said.verdict == Gets && s.Nameless {
		rule, said.verdict, said.why = ruleUnresolved, Unknown, "if the name is as the trust policy has it: gets"
	}
	if said.verdict == Gets || rule == ruleUnresolved {
		a.report.find(rule, s.At, fmt.Sprintf("%s: %s", s.By, s.Unsure), "give the rendered manifests (helm template, argocd app manifests, flux build)")
	}
	said.why = s.Unsure + "; " + said.why
	return said
}
