package doctor

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/irsa-emu/irsa-emu/aws"
	"github.com/irsa-emu/irsa-emu/hint"
	"github.com/irsa-emu/irsa-emu/oidc"
	"github.com/irsa-emu/irsa-emu/policy"
	"github.com/irsa-emu/irsa-emu/sts"
)

// trustPolicy is the role's, tried on the token.
func (x *examination) trustPolicy(ctx context.Context) Link {
	if x.podIdentity {
		return x.podTrust()
	}
	a := x.assume(ctx)
	switch {
	case x.AWS && a != nil:
		return x.byAWS(ctx, linkTrustPolicy, "it lets the token in", x.checkOffline()...)
	case a == nil && x.token != "" && x.role.arn != "":
		return unknown("it was not tried", x.checkOffline()...)
	case a == nil && x.role.arn != "" && x.view != nil && x.ServiceAccount != "" && x.issuer != "":
		return x.withoutToken(ctx)
	case a == nil:
		return unknown("not known without a token and a role")
	case a.arn != "":
		return ok("it lets " + x.claims.Subject + " in")
	case a.err != nil:
		return unknown("the STS gave no answer: " + a.err.Error())
	case a.decision == nil:
		return unknown(fmt.Sprintf("%s: %s; why is not known: %v", a.code, a.message, a.decisionErr))
	case len(a.decision.Checks) == 0:
		return unknown("it was not asked: " + a.reason())
	}
	for _, check := range a.decision.Checks {
		if !check.Decision.Allowed {
			return x.notTrusted(check.Decision)
		}
	}
	return ok("it would let " + x.claims.Subject + " in")
}

// withoutToken puts before the trust policy what a token of the service account
// would say, where none can be had.
func (x *examination) withoutToken(ctx context.Context) Link {
	at := x.Now()
	var err error
	if x.claims, err = x.likelyClaims(x.issuer); err != nil {
		return unknown(err.Error())
	}
	verdict := sts.Judge(ctx, x.view, oidc.NotChecked, at, sts.WebIdentityCall{
		RoleARN: x.role.arn, RoleSessionName: sessionName, Claims: x.claims,
	})
	for _, check := range verdict.Checks {
		if !check.Decision.Allowed {
			return x.notTrusted(check.Decision)
		}
	}
	if len(verdict.Checks) == 0 {
		return unknown("it was not asked: " + verdict.Reason().Message)
	}
	return ok("it would let " + x.who().Subject() + " in, by what is known of its token")
}

// likelyClaims are those that a token of the service account would have.
func (x *examination) likelyClaims(issuer string) (*oidc.Unverified, error) {
	at, audience := x.Now(), cmp.Or(x.audience, aws.DefaultAudience)
	payload, err := json.Marshal(map[string]any{
		"iss": issuer, "sub": x.who().Subject(), "aud": audience, "iat": at.Unix(), "exp": at.Add(time.Hour).Unix(),
	})
	if err != nil {
		return nil, err
	}
	return oidc.ReadClaims(payload)
}

// notTrusted shows what irsa-emu explain shows.
func (x *examination) notTrusted(d policy.Decision) Link {
	explained := d
	explained.Hints = nil // those become the fix
	explanation := strings.TrimRight(explained.String(), "\n")
	why := d.Reason
	var mend []string
	for _, known := range d.Hints {
		if known.Code != "differs" && known.Code != "service-account" && !slices.Contains(mend, note(known.String())) {
			mend = append(mend, note(known.String()))
		}
	}
	for _, c := range unmet(d) {
		if advice := hint.Sentence(c.Hint, c.Fix); advice != "" && why == d.Reason {
			why = advice
		}
		if len(c.Got) == 1 && strings.HasSuffix(c.Operator, "StringEquals") && len(mend) == 0 {
			mend = append(mend, note(fmt.Sprintf("if %s/%s is to have the role, write in the trust policy's condition: %q: {%q: %q}", x.Namespace, x.ServiceAccount, c.Operator, c.Key, c.Got[0])))
		}
	}
	link := broken(fmt.Sprintf("it does not let %s in: %s", x.claims.Subject, why), mend...)
	link.More = strings.Split(explanation, "\n")
	link.Fix = append(link.Fix, x.fixTrust()...)
	return link
}

// fixTrust are the commands by which a trust policy is changed.
func (x *examination) fixTrust() []string {
	return append(x.pointAWS(),
		fmt.Sprintf("aws iam get-role --role-name %s --query Role.AssumeRolePolicyDocument > trust-policy.json   # mend it, then:", x.role.name),
		fmt.Sprintf("aws iam update-assume-role-policy --role-name %s --policy-document file://trust-policy.json", x.role.name))
}

// unmet are the conditions for which statements that are about the call do not allow it.
func unmet(d policy.Decision) []policy.ConditionResult {
	var found []policy.ConditionResult
	for _, p := range d.Policies {
		for _, s := range p.Statements {
			if s.Effect != "Allow" || !s.ActionMatch || !s.PrincipalMatch {
				continue
			}
			for _, c := range s.Conditions {
				if !c.Met {
					found = append(found, c)
				}
			}
		}
	}
	return found
}
