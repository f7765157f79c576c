package audit

import (
	"fmt"
	"slices"
	"strings"

	"github.com/irsa-emu/irsa-emu/aws"
	"github.com/irsa-emu/irsa-emu/policy"
	"github.com/irsa-emu/irsa-emu/spelling"
)

// classify tells what is wrong between a service account and a trust policy that
// refuses it, reports it, and gives the reason and its place in the policy.
func (a *auditor) classify(sa *account, r *role, audience string, d policy.Decision, at position) (string, policy.Position) {
	url := strings.TrimPrefix(a.issuerOf(sa.cluster).url, "https://")
	report := func(rule *Rule, place policy.Position, why, fix string) (string, policy.Position) {
		a.report.find(rule, at, fmt.Sprintf("%s is given %s, and its trust policy (%s) refuses it: %s", sa.title(), a.roles.display(r.arn), r.place(place), why), fix)
		return why, place
	}
	if issuers := r.federated(); len(issuers) > 0 && !slices.Contains(issuers, url) {
		return report(ruleOtherIssuer, r.trust.Statements[0].Start, fmt.Sprintf("the trust policy is about the issuer %s, the cluster's is %s", strings.Join(issuers, ", "), url),
			fmt.Sprintf("write the provider %s and its condition keys %s:sub and :aud", aws.ProviderARN(r.partition, r.account, url), url))
	}
	for _, s := range statements(d) {
		if s.Effect == "Deny" && s.Applies {
			return report(ruleRefused, s.Start, "a Deny statement applies", "leave it out, or except the service account in its condition")
		}
	}
	for _, s := range statements(d) {
		for i := range s.Conditions {
			c := &s.Conditions[i]
			if s.Effect != "Allow" || c.Met || !s.ActionMatch {
				continue
			}
			place := conditionPlace(r, s.Index, i)
			rule, why, fix := condition(sa, c, url, audience)
			return report(rule, place, why, fix)
		}
	}
	why := d.Reason
	if len(d.Hints) > 0 {
		why = d.Hints[0].Message
	}
	return report(ruleRefused, policy.Position{}, why, "irsa-emu check --role "+r.arn+" --service-account "+sa.title()+" explains it statement by statement")
}

func statements(d policy.Decision) []policy.StatementResult {
	if len(d.Policies) == 0 {
		return nil
	}
	return d.Policies[0].Statements
}

func conditionPlace(r *role, statement, condition int) policy.Position {
	if s := r.trust.Statements; statement < len(s) && condition < len(s[statement].Conditions) {
		return s[statement].Conditions[condition].Start
	}
	return policy.Position{}
}

// condition words why one condition is not met.
func condition(sa *account, c *policy.ConditionResult, url, audience string) (rule *Rule, why, fix string) {
	want := strings.Join(c.Want, ", ")
	write := fmt.Sprintf("write %s under %s, or run the workload as what it wants", sa.subject(), c.Key)
	prefix, claim := "", ""
	if i := strings.LastIndexByte(c.Key, ':'); i >= 0 {
		prefix, claim = c.Key[:i], strings.ToLower(c.Key[i+1:])
	}
	switch {
	case (claim == "sub" || claim == "aud") && !strings.EqualFold(prefix, url) && strings.Contains(prefix, "."):
		return ruleOtherIssuer, fmt.Sprintf("the condition key %s is of another issuer than the cluster's, %s", c.Key, url), "write " + url + ":" + claim
	case claim == "aud":
		return ruleAudience, fmt.Sprintf("the trust policy wants the audience %s, the token has %s", want, audience), "write " + audience + " under " + c.Key + ", or annotate the service account with eks.amazonaws.com/audience"
	case claim == "sub" && strings.HasPrefix(c.Operator, "StringEquals") && strings.ContainsAny(want, "*?"):
		return ruleWildcardEquals, fmt.Sprintf("%s takes * and ? to the letter, and the trust policy wants %s", c.Operator, want), "write StringLike in place of StringEquals"
	case claim != "sub":
		got := "nothing"
		if c.Present {
			got = strings.Join(c.Got, ", ")
		}
		return ruleRefused, fmt.Sprintf("%s %s wants %s, the call has %s", c.Operator, c.Key, want, got), "change the condition"
	}
	for _, w := range c.Want {
		of, ok := aws.ServiceAccountOf(w)
		switch {
		case !ok:
		case of.Name == sa.name && of.Namespace != sa.namespace:
			return ruleOtherNamespace, fmt.Sprintf("the trust policy wants %s:%s, the service account is %s:%s", of.Namespace, of.Name, sa.namespace, sa.name), write
		case of.Namespace == sa.namespace && spelling.Distance(of.Name, sa.name) <= 2:
			return ruleOtherName, fmt.Sprintf("the trust policy wants %s:%s, the service account is %s:%s (did you mean %s?)", of.Namespace, of.Name, sa.namespace, sa.name, of.Name), write
		}
	}
	short := make([]string, len(c.Want))
	for i, w := range c.Want {
		short[i] = strings.TrimPrefix(w, aws.ServiceAccountPrefix)
	}
	return ruleOtherName, fmt.Sprintf("the trust policy wants %s, the service account is %s:%s", strings.Join(short, ", "), sa.namespace, sa.name), write
}
