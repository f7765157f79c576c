package audit

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/irsa-emu/irsa-emu/api"
	"github.com/irsa-emu/irsa-emu/aws"
	"github.com/irsa-emu/irsa-emu/decision"
	"github.com/irsa-emu/irsa-emu/oidc"
	"github.com/irsa-emu/irsa-emu/policy"
	"github.com/irsa-emu/irsa-emu/sources"
	"github.com/irsa-emu/irsa-emu/sts"
	"github.com/irsa-emu/irsa-emu/wire"
)

// answer is a verdict with the role it is about and the place in its trust policy.
type answer struct {
	verdict Verdict
	why     string
	role    *role
	at      policy.Position
	checks  []decision.Check // of EKS Pod Identity
}

// resolve finds the role that a service account is given. Without one, the
// answer says why.
func (a *auditor) resolve(sa *account, arn string, podIdentity bool, at position) (*role, answer) {
	for _, text := range []string{sa.namespace, sa.name, sa.cluster} {
		if missing := sources.Unresolved(text); missing != "" {
			a.report.find(ruleUnresolved, at, fmt.Sprintf("%s: %s is not known", sa.title(), missing), "give the rendered form")
			return nil, answer{verdict: Unknown, why: missing + " is not known"}
		}
	}
	if r := a.roles.get(arn); r != nil {
		a.used[r.arn] = true
		return r, answer{}
	}
	if m := a.made(arn); m != nil {
		if m.Namespace == sa.namespace && m.ServiceAccount == sa.name && a.clusterOf(m.Cluster) == sa.cluster && m.PodIdentity == podIdentity {
			return nil, answer{verdict: Gets, why: m.By + " makes the role with a trust policy for this service account"}
		}
		text := fmt.Sprintf("%s makes the role for %s/%s", m.By, m.Namespace, m.ServiceAccount)
		a.report.find(ruleOtherName, at, fmt.Sprintf("%s is given %s, but %s", sa.title(), arn, text), "give each service account its own role")
		return nil, answer{verdict: Refused, why: text}
	}
	if missing := sources.Unresolved(arn); missing != "" {
		return nil, a.unresolvedRole(sa, arn, missing, podIdentity, at)
	}
	if aws.RoleARNProblem(arn) != "" {
		return nil, a.malformed(sa, arn, at)
	}
	return nil, a.missing(sa, arn, at)
}

// unresolvedRole answers for an ARN of which a part is not known, with what would
// follow if it were the only role that it can be.
func (a *auditor) unresolvedRole(sa *account, arn, missing string, podIdentity bool, at position) answer {
	said := answer{verdict: Unknown, why: missing + " in the role's ARN is not known"}
	if r := a.roles.like(arn); r != nil && !podIdentity {
		if then, _, _ := a.evaluate(sa, r, ""); then == policy.Yes {
			said.why += fmt.Sprintf("; if the role is %s and the names are these: gets", r.arn)
		}
	}
	a.report.find(ruleUnresolved, at, fmt.Sprintf("%s: the role %s is not known: %s", sa.title(), arn, missing), "give the rendered manifests, or a plan in which the ARN is known")
	return said
}

func (a *auditor) malformed(sa *account, arn string, at position) answer {
	what, fix := "is not a role's ARN", "write arn:aws:iam::ACCOUNT:role/NAME"
	if trimmed := strings.TrimSpace(arn); aws.RoleARNProblem(trimmed) == "" {
		what, fix = "has a blank or a line break at its end or start", "write "+trimmed
	}
	a.report.find(ruleMalformedARN, at, fmt.Sprintf("%s: the role ARN %q %s: the webhook warns and injects it, the STS refuses it", sa.title(), arn, what), fix)
	return answer{verdict: Refused, why: fmt.Sprintf("the ARN %q %s: the webhook warns and injects it, the STS refuses it", arn, what)}
}

// missing answers for a role that no source has.
func (a *auditor) missing(sa *account, arn string, at position) answer {
	account := accountOf(arn)
	if a.found.LeftOut[account+"/"+strings.ToLower(aws.NameIn(arn))] {
		a.report.find(ruleUnknownRole, at, fmt.Sprintf("%s: the trust policy of %s is not known from the sources", sa.title(), arn), "give a plan or an account's details that hold it")
		return answer{verdict: Unknown, why: "the role's trust policy is not known from the sources"}
	}
	like := a.roles.similar(arn)
	if like != nil && strings.EqualFold(like.Name, aws.NameIn(arn)) {
		text := fmt.Sprintf("the role's ARN is %s; partition, path and letter case count", like.arn)
		a.report.find(ruleRolePath, at, fmt.Sprintf("%s is given %s, but %s", sa.title(), arn, text), "write "+like.arn)
		return answer{verdict: Refused, why: text, role: like}
	}
	mean := ""
	if like != nil {
		mean = " (did you mean " + like.arn + "?)"
	}
	if a.found.AllRoles[account] {
		a.report.find(ruleNoSuchRole, at, fmt.Sprintf("%s is given %s, and account %s has no such role", sa.title(), arn, account), "make the role, or write the right ARN"+mean)
		return answer{verdict: Refused, why: "account " + account + " has no such role" + mean}
	}
	if !slices.ContainsFunc(a.roles.list, func(r *role) bool { return r.account == account }) { // nothing was given that could have it
		a.report.note(fmt.Sprintf("no role of account %s is in the sources, so it is not known whom its roles let in: give a plan, or what aws iam get-account-authorization-details prints", account))
		return answer{verdict: Unknown, why: "no role of account " + account + " is in the sources"}
	}
	a.report.find(ruleNoSuchRole, at, fmt.Sprintf("%s is given %s, which is in none of the sources", sa.title(), arn), "give a source that has it (a plan, aws iam get-account-authorization-details), or write the right ARN"+mean)
	return answer{verdict: Unknown, why: "the role is in none of the sources" + mean}
}

// made is the role of that name that a tool makes.
func (a *auditor) made(arn string) *sources.MadeRole {
	for i := range a.m.Made {
		if a.m.Made[i].ARN == arn {
			return &a.m.Made[i]
		}
	}
	return nil
}

// webIdentity answers for IRSA: may a token of the service account assume the role?
func (a *auditor) webIdentity(sa *account, arn, audience string, at position) answer {
	if sa.namespace == "" {
		return answer{verdict: Unknown, why: "its namespace is not known (--namespace), and the trust policy is about it"}
	}
	r, said := a.resolve(sa, arn, false, at)
	if r == nil {
		return said
	}
	if a.issuerOf(sa.cluster).url == "" {
		return answer{verdict: Unknown, why: a.issuerOf(sa.cluster).why, role: r}
	}
	if r.trust == nil {
		return answer{verdict: Unknown, why: "the role's trust policy is not known", role: r}
	}
	a.granted = append(a.granted, grant{sa, r})
	if refused := a.provider(sa, r, audience, at); refused != "" {
		return answer{verdict: Refused, why: refused, role: r}
	}
	yes, decision, open := a.evaluate(sa, r, audience)
	switch yes {
	case policy.Yes:
		return answer{verdict: Gets, why: "the role's trust policy allows " + sa.subject(), role: r, at: decided(decision)}
	case policy.Unknown:
		return answer{verdict: Unknown, why: "the trust policy hangs on " + keysOf(open) + ", which no source has", role: r}
	}
	why, place := a.classify(sa, r, audience, decision, at)
	return answer{verdict: Refused, why: why, role: r, at: place}
}

func (sa *account) subject() string { return sa.who().Subject() }

// evaluate asks the trust policy as the STS does.
func (a *auditor) evaluate(sa *account, r *role, audience string) (policy.Answer, policy.Decision, []policy.Open) {
	if audience == "" {
		audience = aws.DefaultAudience
	}
	issuer := a.issuerOf(sa.cluster).url
	payload, err := json.Marshal(map[string]any{"iss": issuer, "sub": sa.subject(), "aud": []string{audience}, "iat": a.o.Now.Unix(), "exp": a.o.Now.Unix() + 3600})
	if err != nil {
		return policy.Unknown, policy.Decision{}, nil
	}
	claims, err := oidc.ReadClaims(payload)
	if err != nil || r.trust == nil {
		return policy.Unknown, policy.Decision{}, nil
	}
	// What comes before the trust policy is asked elsewhere, with more to say.
	view := &sts.GrantedView{Of: r.stored(), Audience: audience}
	request := api.Request{Call: new(wire.Call), Now: a.o.Now}
	verdict := sts.Judge(context.Background(), view, oidc.NotChecked, a.o.Now, sts.WebIdentityCall{
		RoleARN: r.arn, RoleSessionName: "session", Claims: claims, More: request.Keys(),
	})
	if len(verdict.Checks) == 0 {
		return policy.Unknown, policy.Decision{}, nil
	}
	d := verdict.Checks[0].Decision
	yes, open := policy.Partly(d, ofCall)
	return yes, d, open
}

// ofCall are keys that a call has and no source: its own name for the session,
// and where it comes from.
func ofCall(key string) bool {
	switch strings.ToLower(key) {
	case "sts:rolesessionname", "aws:sourceip", "aws:sourcevpc", "aws:sourcevpce", "aws:vpcsourceip", "aws:useragent", "aws:referer", "aws:requestedregion", "aws:principalorgid", "aws:resourceorgid":
		return true
	}
	return false
}

// decided is the place of the statement that allows.
func decided(d policy.Decision) policy.Position {
	for _, p := range d.Policies {
		for _, s := range p.Statements {
			if s.Applies {
				return s.Start
			}
		}
	}
	return policy.Position{}
}

func keysOf(open []policy.Open) string {
	var keys []string
	for _, o := range open {
		if !slices.Contains(keys, o.Key) {
			keys = append(keys, o.Key)
		}
	}
	return strings.Join(keys, " and ")
}

// provider looks for the OIDC provider in the role's account. It gives the reason
// of a refusal.
func (a *auditor) provider(sa *account, r *role, audience string, at position) string {
	url := a.issuerOf(sa.cluster).url
	held := a.found.State.Accounts[r.account].OIDCProviders
	for i := range held {
		if aws.ProviderURL(held[i].URL) != aws.ProviderURL(url) {
			continue
		}
		if !slices.Contains(held[i].ClientIDs, audience) {
			text := fmt.Sprintf("the token's audience %s is not among the provider's client ids (%s)", audience, strings.Join(held[i].ClientIDs, ", "))
			a.report.find(ruleAudience, at, sa.title()+": "+text, "register "+audience+" as a client id of the provider, or take out the annotation eks.amazonaws.com/audience")
			return text
		}
		return ""
	}
	for id, other := range a.found.State.Accounts {
		for i := range other.OIDCProviders {
			if id != r.account && aws.ProviderURL(other.OIDCProviders[i].URL) == aws.ProviderURL(url) {
				if _, complete := a.found.Providers[r.account]; complete || len(held) > 0 {
					text := fmt.Sprintf("the role is of account %s, and the provider of the cluster's issuer is in account %s: a trust policy can name providers of its own account only", r.account, id)
					a.report.find(ruleOtherAccount, at, sa.title()+": "+text, "register the issuer as a provider of account "+r.account+" too, or use a role of account "+id)
					return text
				}
			}
		}
	}
	if _, complete := a.found.Providers[r.account]; complete {
		text := fmt.Sprintf("account %s has no OIDC provider for %s", r.account, url)
		a.report.find(ruleNoProvider, at, sa.title()+": "+text, "register it: aws iam create-open-id-connect-provider --url "+url+" --client-id-list sts.amazonaws.com")
		return text
	}
	a.report.note(fmt.Sprintf("taken for granted: account %s has an OIDC provider for %s, with the client id %s", r.account, url, audience))
	return ""
}
