package audit

import (
	"slices"
	"strings"

	"github.com/irsa-emu/irsa-emu/policy"
)

// Rule is one kind of finding.
type Rule struct {
	ID       string
	Severity policy.Severity
	Summary  string
}

var (
	ruleNoSuchRole       = &Rule{"role-not-found", policy.SeverityError, "A service account is given a role that is in none of the sources"}
	ruleRolePath         = &Rule{"role-path", policy.SeverityError, "A role's ARN has another path or letter case than the role"}
	ruleMalformedARN     = &Rule{"role-arn", policy.SeverityError, "A role's ARN is malformed, by a blank or line break for example; the webhook only warns"}
	ruleOtherAccount     = &Rule{"other-account", policy.SeverityError, "The role's account has no OIDC provider for the cluster"}
	ruleNoProvider       = &Rule{"no-provider", policy.SeverityError, "The account has no OIDC provider for the cluster's issuer"}
	ruleOtherIssuer      = &Rule{"other-issuer", policy.SeverityError, "The trust policy is about another issuer than the cluster's"}
	ruleOtherNamespace   = &Rule{"other-namespace", policy.SeverityError, "The trust policy wants the service account in another namespace"}
	ruleOtherName        = &Rule{"other-service-account", policy.SeverityError, "The trust policy wants another service account"}
	ruleAudience         = &Rule{"audience", policy.SeverityError, "The token's audience is not among the provider's client ids, or not the one that the trust policy wants"}
	ruleWildcardEquals   = &Rule{"wildcard-under-equals", policy.SeverityError, "StringEquals takes * to the letter"}
	ruleRefused          = &Rule{"refused", policy.SeverityError, "The trust policy refuses the service account"}
	ruleTagSession       = &Rule{"no-tag-session", policy.SeverityError, "A Pod Identity role's trust policy does not allow sts:TagSession"}
	ruleNotForPods       = &Rule{"not-for-pod-identity", policy.SeverityError, "An association's role does not trust pods.eks.amazonaws.com"}
	ruleAssociationTags  = &Rule{"association-conditions", policy.SeverityError, "A trust policy's conditions on Pod Identity's tags or source never fit the association"}
	ruleTargetRole       = &Rule{"target-role", policy.SeverityError, "An association's role cannot assume its target role"}
	ruleTwoAssociations  = &Rule{"two-associations", policy.SeverityError, "Two associations for one service account; EKS refuses the second"}
	ruleShadowed         = &Rule{"shadowed-annotation", policy.SeverityWarning, "A service account has an association and an annotation with another role; the association wins"}
	ruleNoServiceAccount = &Rule{"association-without-service-account", policy.SeverityWarning, "An association for a service account that no source has"}
	ruleAccountMissing   = &Rule{"service-account-missing", policy.SeverityWarning, "A workload runs as a service account that no source has"}
	ruleConflict         = &Rule{"two-annotations", policy.SeverityWarning, "A service account is given different roles in several places"}
	ruleDropped          = &Rule{"annotation-dropped", policy.SeverityWarning, "A manifest without the annotation for a service account that a tool annotates"}
	ruleAgent            = &Rule{"agent-missing", policy.SeverityNote, "Associations, but no eks-pod-identity-agent among the cluster's add-ons"}
	ruleFargate          = &Rule{"pod-identity-platform", policy.SeverityError, "Pods on Fargate or Windows cannot use Pod Identity"}
	ruleHostNetwork      = &Rule{"host-network", policy.SeverityWarning, "Pods on the host's network reach the node's own role"}
	ruleDefaultAccount   = &Rule{"default-service-account", policy.SeverityWarning, "The default service account has a role: every pod of the namespace gets it"}
	ruleUnused           = &Rule{"unused-role", policy.SeverityWarning, "A role trusts the cluster and is used by nobody"}
	ruleStrangers        = &Rule{"lets-others-in", policy.SeverityWarning, "A trust policy also lets in service accounts that are not meant to have the role"}
	ruleOverride         = &Rule{"variable-override", policy.SeverityWarning, "A container sets a variable that keeps it from its role"}
	ruleStaticKeys       = &Rule{"static-keys", policy.SeverityError, "A container has static keys, which every SDK prefers to the role"}
	ruleNoTokenFile      = &Rule{"role-without-token", policy.SeverityError, "A container sets AWS_ROLE_ARN, but nothing gives it a token"}
	ruleExpiration       = &Rule{"token-expiration", policy.SeverityWarning, "A token expiration out of bounds"}
	ruleSkipped          = &Rule{"skipped-container", policy.SeverityWarning, "A container is left out of the mutation and uses the node's role"}
	ruleSkipLabel        = &Rule{"skipped-pod", policy.SeverityWarning, "A label keeps the webhook from the pod"}
	ruleNoNamespace      = &Rule{"no-namespace", policy.SeverityWarning, "A manifest names no namespace"}
	ruleUnresolved       = &Rule{"unresolved", policy.SeverityWarning, "A value is not rendered, substituted or applied, so the answer is not known"}
	ruleUnknownRole      = &Rule{"role-unknown", policy.SeverityWarning, "The role or its trust policy is in none of the sources, so the answer is not known"}
	ruleUnrendered       = &Rule{"chart-not-rendered", policy.SeverityNote, "The answer holds only if a chart that was not rendered uses the value"}
	ruleTool             = &Rule{"tool-refuses", policy.SeverityError, "The tool of the source refuses this entry"}
)

// Rules are all rules, sorted by their ids.
func Rules() []*Rule {
	all := []*Rule{
		ruleNoSuchRole, ruleRolePath, ruleMalformedARN, ruleOtherAccount, ruleNoProvider, ruleOtherIssuer, ruleOtherNamespace, ruleOtherName, ruleAudience,
		ruleWildcardEquals, ruleRefused, ruleTagSession, ruleNotForPods, ruleAssociationTags, ruleTargetRole, ruleTwoAssociations, ruleShadowed, ruleNoServiceAccount,
		ruleAccountMissing, ruleConflict, ruleDropped, ruleAgent, ruleFargate, ruleHostNetwork, ruleDefaultAccount, ruleUnused, ruleStrangers, ruleOverride,
		ruleStaticKeys, ruleNoTokenFile, ruleExpiration, ruleSkipped, ruleSkipLabel, ruleNoNamespace, ruleUnresolved, ruleUnknownRole, ruleUnrendered, ruleTool,
	}
	slices.SortFunc(all, func(a, b *Rule) int { return strings.Compare(a.ID, b.ID) })
	return all
}
