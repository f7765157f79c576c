package denial

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/irsa-emu/irsa-emu/aws"
	"github.com/irsa-emu/irsa-emu/iam"
	"github.com/irsa-emu/irsa-emu/lazyregexp"
	"github.com/irsa-emu/irsa-emu/oidc"
	"github.com/irsa-emu/irsa-emu/policy"
	"github.com/irsa-emu/irsa-emu/prove"
	"github.com/irsa-emu/irsa-emu/sts"
)

// webIdentity answers for AssumeRoleWithWebIdentity.
func (x *Explainer) webIdentity(e *Event, out *Explanation) {
	arn := e.role()
	out.Resource = arn
	provider, audience, subject := e.webIdentity()
	if e.ErrorCode != "AccessDenied" && e.ErrorCode != "AccessDeniedException" {
		out.settle(Elsewhere, "the token itself was refused, before the role was looked at: "+e.ErrorMessage)
		out.Next = append(out.Next, "irsa-emu check --token FILE and irsa-emu issuer check look at tokens and issuers")
		return
	}
	r := x.roleOf(arn)
	switch {
	case arn == "":
		out.settle(Undecided, "the event does not say which role was asked for")
		out.Missing = append(out.Missing, "roleArn")
		return
	case r == nil:
		out.unread("the role " + arn)
		return
	case subject == "" || provider == "":
		out.settle(Undecided, "the event does not say whose token it was")
		out.Missing = append(out.Missing, "userIdentity.userName and identityProvider")
		return
	}
	unknown, inferred := e.tokenKeys(r, provider, subject)
	d, ok := e.judged(r, provider, audience, subject, inferred)
	if !ok {
		out.settle(Undecided, "the event's identity cannot be read as a token's")
		return
	}
	switch x.decide(out, d, x.placeIn(r), unknown) {
	case policy.Yes:
		first := []string{"a token of this audience and subject would be let in by this trust policy; a wrong audience would be InvalidIdentityToken, not AccessDenied"}
		if p := x.providerOf(r, provider); p != nil && !slices.Contains(p, audience) {
			first = append(first, fmt.Sprintf("the provider of the sources takes %s and not %s: it is not the deployed one, or the trust policy differs", strings.Join(p, ", "), audience))
		}
		first = append(first, "a session tag or source identity in the token would need sts:TagSession or sts:SetSourceIdentity, which the event does not show")
		out.contradict("the trust policy of the sources allows this token", e, first...)
	case policy.Unknown:
		out.settle(Undecided, fmt.Sprintf("what the event says fits the trust policy; it hangs on %s, which the event does not have: the call is refused if that is not as wanted", strings.Join(out.Missing, " and ")))
		out.Next = append(out.Next, "the token's claims are in the job or pod that made it; irsa-emu check --claims FILE --given … decides")
	default:
		out.settle(Explained, whyNot(d, unknown)+inferredNote(inferred))
		out.Next = append(out.Next, "change the trust policy, or the identity that asks")
		for _, h := range d.Hints {
			out.Next = append(out.Next, h.Message)
		}
		if note := immutable(subject, out.Statements); note != "" {
			out.Why = note + ": " + out.Why
		}
	}
}

// providerOf are the client ids of the provider that the event names; nil when the
// sources do not have it.
func (x *Explainer) providerOf(r *prove.Role, arn string) []string {
	host, _ := aws.OIDCProvider(arn)
	for _, p := range x.found.State.Accounts[r.Account].OIDCProviders {
		if aws.ProviderURL(p.URL) == host {
			return p.ClientIDs
		}
	}
	return nil
}

// judged asks the STS's judge of the trust policy, with what the event has of the
// token and of the call. That the provider exists and takes the audience is
// granted: AWS refuses a token otherwise, and not the call.
func (e *Event) judged(r *prove.Role, provider, audience, subject string, inferred map[string]string) (policy.Decision, bool) {
	host := aws.IssuerName(provider)
	now := e.time()
	token := map[string]any{"iss": "https://" + host, "sub": subject, "aud": audience, "iat": now.Unix(), "exp": now.Unix() + 3600}
	for claim, value := range inferred {
		token[claim] = value
	}
	payload, err := json.Marshal(token)
	if err != nil {
		return policy.Decision{}, false
	}
	claims, err := oidc.ReadClaims(payload)
	if err != nil {
		return policy.Decision{}, false
	}
	keys := policy.Context{}
	e.network(keys)
	var tags []aws.Tag
	for key, value := range r.Tags {
		tags = append(tags, aws.Tag{Key: key, Value: value})
	}
	arn, _ := aws.SplitARN(r.ARN)
	view := &sts.GrantedView{Of: &iam.Role{Account: r.Account, Partition: arn[1], Trust: iam.NewDocument(r.Trust.Document), Tags: tags}, Audience: audience}
	v := sts.Judge(context.Background(), view, oidc.NotChecked, now, sts.WebIdentityCall{RoleARN: r.ARN, RoleSessionName: e.parameter("roleSessionName"), PolicyName: r.Trust.Name, Claims: claims, Keys: keys})
	if len(v.Checks) == 0 {
		return policy.Decision{}, false
	}
	return v.Checks[0].Decision, true
}

// tokenKeys tells the condition keys that the call had, or may have had, and that
// the event does not have, and what of the token follows from its subject.
func (e *Event) tokenKeys(r *prove.Role, provider, subject string) (unknown func(string) bool, inferred map[string]string) {
	host := aws.IssuerName(provider)
	inferred = fromSubject(subject)
	eks := prove.KindOf(host) == prove.EKS
	return func(key string) bool {
		key = strings.ToLower(key)
		if claim, ok := strings.CutPrefix(key, strings.ToLower(host)+":"); ok {
			// Tokens of clusters have no claim but these that becomes a key.
			return claim != "sub" && claim != "aud" && inferred[claim] == "" && !(eks && (claim == "amr" || claim == "email"))
		}
		return e.unseen(key) || key == "sts:rolesessionname" && e.parameters == nil || r.Tags == nil && strings.HasPrefix(key, "aws:resourcetag/")
	}, inferred
}

// unseen are keys of any call that no event has.
func (e *Event) unseen(key string) bool {
	for _, prefix := range []string{"aws:requesttag/", "aws:sourcevpc", "aws:vpcsourceip", "aws:tagkeys", "sts:transitivetagkeys", "sts:sourceidentity", "aws:referer", "aws:principalorg", "aws:resourceorg", "aws:sourceorg"} {
		if strings.HasPrefix(key, prefix) {
			return key != "aws:sourcevpce" || e.VPCEndpointID == ""
		}
	}
	return false
}

var address = lazyregexp.New(`^[0-9a-fA-F:.]+$`)

// network sets the keys of where a call came from.
func (e *Event) network(ctx policy.Context) {
	if address.MatchString(e.SourceIPAddress) {
		ctx.Set("aws:SourceIp", e.SourceIPAddress)
	} else if e.SourceIPAddress != "" {
		ctx.SetBool("aws:ViaAWSService", true) // a service's name stands in its place
	}
	for key, value := range map[string]string{"aws:UserAgent": e.UserAgent, "aws:RequestedRegion": e.AWSRegion, "aws:SourceVpce": e.VPCEndpointID} {
		if value != "" {
			ctx.Set(key, value)
		}
	}
	ctx.SetBool("aws:SecureTransport", true)
	if t := e.time(); !t.IsZero() {
		ctx.Set("aws:CurrentTime", t.UTC().Format(aws.TimeLayout))
		ctx.Set("aws:EpochTime", fmt.Sprint(t.Unix()))
	}
}

var githubSubject = lazyregexp.New(`^repo:([^/@:]+)(?:@(\d+))?/([^@:]+)(?:@(\d+))?:(.+)$`)

// fromSubject are claims of GitHub that its default subjects hold.
func fromSubject(subject string) map[string]string {
	m := githubSubject.FindStringSubmatch(subject)
	if m == nil {
		return nil
	}
	claims := map[string]string{"repository": m[1] + "/" + m[3], "repository_owner": m[1]}
	if m[4] != "" {
		claims["repository_owner_id"], claims["repository_id"] = m[2], m[4]
	}
	if ref, ok := strings.CutPrefix(m[5], "ref:"); ok {
		claims["ref"] = ref
	}
	if environment, ok := strings.CutPrefix(m[5], "environment:"); ok {
		claims["environment"] = environment
	}
	return claims
}

func inferredNote(claims map[string]string) string {
	if len(claims) == 0 {
		return ""
	}
	return " (repository, ref and environment are inferred from the subject)"
}

// immutable names the commonest change of 2026: GitHub's subjects with ids.
func immutable(subject string, statements []Statement) string {
	m := githubSubject.FindStringSubmatch(subject)
	if m == nil || m[4] == "" {
		return ""
	}
	for _, s := range statements {
		if strings.HasSuffix(s.Key, ":sub") && slices.ContainsFunc(s.Want, func(w string) bool { return strings.HasPrefix(w, "repo:") && !strings.Contains(w, "@") }) {
			return "the subject is in GitHub's immutable form, and the pattern knows the old form only"
		}
	}
	return ""
}

// whyNot is one sentence for a refusal that is known.
func whyNot(d policy.Decision, unknown func(string) bool) string {
	var other []string
	for _, p := range d.Policies {
		for _, s := range p.Statements {
			switch {
			case s.Effect == "Deny" && s.Applies:
				return fmt.Sprintf("a Deny statement applies (statement %d of %s)", s.Index+1, p.Name)
			case s.Effect != "Allow" || !s.ActionMatch:
				continue
			case !s.PrincipalMatch:
				other = append(other, fmt.Sprintf("statement %d is for %s", s.Index+1, strings.Join(names(s.Principals.Values), ", ")))
				continue
			}
			for _, c := range s.Conditions {
				if !c.Met && !unknown(c.Key) {
					return fmt.Sprintf("the condition %s %s is false: it wants %s, the call had %s", c.Operator, c.Key, quoted(c.Want), quoted(c.Got))
				}
			}
		}
	}
	if len(other) > 0 {
		return "no statement of the trust policy is for the caller: " + strings.Join(other, "; ") + "; the caller is " + caller(d.Caller)
	}
	return d.Reason
}

func caller(p policy.Principal) string {
	return cmp.Or(p.Federated, p.Service, p.RoleARN, p.ARN)
}

func quoted(values []string) string {
	if len(values) == 0 {
		return "nothing"
	}
	out := make([]string, len(values))
	for i, v := range values {
		out[i] = fmt.Sprintf("%q", v)
	}
	return strings.Join(out, " or ")
}
