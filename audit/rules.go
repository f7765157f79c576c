package audit

import (
	"slices"
	"strings"

	"github.com/irsa-emu/irsa-emu/lint"
)

// Rule is one kind of finding.
type Rule struct {
	ID       string
	Severity lint.Severity
	Summary  string
}

var (
	ruleNoSuchRole       = &Rule{"role-not-found", lint.Error, "A service account is given a role that is in none of the sources"}
	ruleRolePath         = &Rule{"role-path", lint.Error, "A role's ARN has another partition, path or letter case than the role"}
	ruleMalformedARN     = &Rule{"role-arn", lint.Error, "A role's ARN is malformed, by a blank or line break for example; the webhook only warns"}
	ruleOtherAccount     = &Rule{"other-account", lint.Error, "The role's account has no OIDC provider for the cluster"}
	ruleNoProvider       = &Rule{"no-provider", lint.Error, "The account has no OIDC provider for the cluster's issuer"}
	ruleOtherIssuer      = &Rule{"other-issuer", lint.Error, "The trust policy is about another issuer than the cluster's"}
	ruleOtherNamespace   = &Rule{"other-namespace", lint.Error, "The trust policy wants the service account in another namespace"}
	ruleOtherName        = &Rule{"other-service-account", lint.Error, "The trust policy wants another service account"}
	ruleAudience         = &Rule{"audience", lint.Error, "The token's audience is not among the provider's client ids, or not the one that the trust policy wants"}
	ruleWildcardEquals   = lintRule("wildcard-under-equals")
	ruleRefused          = &Rule{"role-refuses", lint.Error, "The trust policy refuses the service account"}
	ruleTagSession       = lintRule("no-tag-session")
	ruleNotForPods       = &Rule{"not-for-pod-identity", lint.Error, "An association's role does not trust pods.eks.amazonaws.com"}
	ruleAssociationTags  = lintRule("association-conditions")
	ruleTargetRole       = &Rule{"target-role", lint.Error, "An association's role cannot assume its target role"}
	ruleTwoAssociations  = &Rule{"two-associations", lint.Error, "Two associations for one service account; EKS refuses the second"}
	ruleShadowed         = &Rule{"shadowed-annotation", lint.Warning, "A service account has an association and an annotation with another role; the association wins"}
	ruleBoth             = &Rule{"both-mechanisms", lint.Note, "A service account has an association and an annotation with the same role; the association counts"}
	ruleNoServiceAccount = &Rule{"association-without-service-account", lint.Warning, "An association for a service account that no source has"}
	ruleAccountMissing   = &Rule{"service-account-missing", lint.Warning, "A workload runs as a service account that no source has"}
	ruleConflict         = &Rule{"two-annotations", lint.Warning, "A service account is given different roles in several places"}
	ruleDropped          = &Rule{"annotation-dropped", lint.Warning, "A manifest without the annotation for a service account that a tool annotates"}
	ruleAgent            = &Rule{"agent-missing", lint.Note, "Associations, but no eks-pod-identity-agent among the cluster's add-ons"}
	ruleFargate          = &Rule{"pod-identity-platform", lint.Error, "Pods on Fargate or Windows cannot use Pod Identity"}
	ruleHostNetwork      = &Rule{"host-network", lint.Warning, "Pods on the host's network reach the node's own role"}
	ruleDefaultAccount   = &Rule{"default-service-account", lint.Warning, "The default service account has a role: every pod of the namespace gets it"}
	ruleUnused           = &Rule{"unused-role", lint.Warning, "A role trusts the cluster and is used by nobody"}
	ruleStrangers        = &Rule{"lets-others-in", lint.Warning, "A trust policy also lets in service accounts that are not meant to have the role"}
	ruleOverride         = &Rule{"variable-override", lint.Warning, "A container sets a variable that keeps it from its role"}
	ruleStaticKeys       = &Rule{"static-keys", lint.Error, "A container has static keys, which every SDK prefers to the role"}
	ruleNoTokenFile      = &Rule{"role-without-token", lint.Error, "A container sets AWS_ROLE_ARN, but nothing gives it a token"}
	ruleExpiration       = &Rule{"token-expiration", lint.Warning, "A token expiration out of bounds"}
	ruleSkipped          = &Rule{"skipped-container", lint.Warning, "A container is left out of the mutation and uses the node's role"}
	ruleSkipLabel        = &Rule{"skipped-pod", lint.Warning, "A label keeps the webhook from the pod"}
	ruleNoNamespace      = &Rule{"no-namespace", lint.Warning, "A manifest names no namespace"}
	ruleUnresolved       = &Rule{"unresolved", lint.Warning, "A value is not rendered, substituted or applied, so the answer is not known"}
	ruleUnknownRole      = &Rule{"role-unknown", lint.Warning, "The role or its trust policy is in none of the sources, so the answer is not known"}
	ruleUnrendered       = &Rule{"chart-not-rendered", lint.Note, "The answer holds only if a chart that was not rendered uses the value"}
	ruleTool             = &Rule{"tool-refuses", lint.Error, "The tool of the source refuses this entry"}
)

// lintRule is a rule that lint has, too: one that looks at a trust policy alone and
// one that looks at a whole account say the same by the same name.
func lintRule(id string) *Rule {
	r, ok := lint.RuleByID(id)
	if !ok {
		panic("audit: lint has no rule " + id)
	}
	return &Rule{r.ID, r.Severity, r.Summary}
}

// Rules are all rules, sorted by their ids.
func Rules() []*Rule {
	all := []*Rule{
		ruleNoSuchRole, ruleRolePath, ruleMalformedARN, ruleOtherAccount, ruleNoProvider, ruleOtherIssuer, ruleOtherNamespace, ruleOtherName, ruleAudience,
		ruleWildcardEquals, ruleRefused, ruleTagSession, ruleNotForPods, ruleAssociationTags, ruleTargetRole, ruleTwoAssociations, ruleShadowed, ruleBoth, ruleNoServiceAccount,
		ruleAccountMissing, ruleConflict, ruleDropped, ruleAgent, ruleFargate, ruleHostNetwork, ruleDefaultAccount, ruleUnused, ruleStrangers, ruleOverride,
		ruleStaticKeys, ruleNoTokenFile, ruleExpiration, ruleSkipped, ruleSkipLabel, ruleNoNamespace, ruleUnresolved, ruleUnknownRole, ruleUnrendered, ruleTool,
	}
	slices.SortFunc(all, func(a, b *Rule) int { return strings.Compare(a.ID, b.ID) })
	return all
}
