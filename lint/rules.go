package lint

import "slices"

// rules is the table. Those of one place look in its order.
var rules []Rule

// The functions report by the table that names them, so that it is filled here.
func init() { rules = table() }

func table() []Rule {
	return slices.Concat(documentRules(), issuerRules(), conditionRules(), statementRules())
}

// documentRules: the document and its actions.
func documentRules() []Rule {
	return []Rule{
		{ID: "syntax", Severity: Error, Reads: AnyPolicy, Summary: "The document is not JSON."},
		{ID: "refused", Severity: Error, Reads: AnyPolicy, Summary: "IAM refuses to store the document.", find: []finder{in(onRefusal, refused)}},
		{ID: "version-variables", Severity: Error, Reads: TrustPolicy, Summary: "Policy variables are plain text without Version 2012-10-17.",
			find: []finder{in(onDocument, version)}},
		{ID: "action-never", Severity: Error, Reads: TrustPolicy, Summary: "The action is none of a trust policy, or none by which the trusted principals come.", find: []finder{in(onActions, impossibleActions)}},
		{ID: "placeholder", Severity: Error, Reads: TrustPolicy, Summary: "A template's placeholder was left in a principal or a key: it names nobody.",
			find: []finder{in(onProvider, placeholderLeft), alone(onKey, placeholderLeft)}},
	}
}

// issuerRules: whom it trusts, and the keys of conditions.
func issuerRules() []Rule {
	return []Rule{
		{ID: "provider-scheme", Severity: Error, Reads: TrustPolicy, Summary: "The provider's ARN holds https://, which IAM refuses.", find: []finder{alone(onProvider, providerScheme)}},
		{ID: "provider-format", Severity: Error, Reads: TrustPolicy, Summary: "The provider's ARN holds another ARN: no provider has that name.", find: []finder{alone(onProvider, providerFormat)}},
		{ID: "provider-account", Severity: Error, Reads: RoleAccount, Summary: "The provider is of another account than the role, where STS does not look for it.", find: []finder{alone(onProvider, providerAccount)}},
		{ID: "provider-partition", Severity: Error, Reads: RoleAccount, Summary: "The provider is of another partition than the role's account, which has none of that name.", find: []finder{alone(onProvider, providerPartition)}},
		{ID: "two-providers", Severity: Error, Reads: TrustPolicy, Summary: "A statement trusts two issuers and tests the keys of one, which the tokens of the other do not have.",
			find: []finder{in(onStatement, twoProviders)}},
		{ID: "never-set-key", Severity: Error, Reads: TrustPolicy, Summary: "STS never sets the condition key: the statement never applies, or the condition lets everyone pass.",
			find: []finder{alone(onKey, keyScheme), alone(onKey, issuerClaim)}},
		{ID: "idle-key", Severity: Note, Reads: TrustPolicy, Summary: "The condition is on a key that STS never sets, and changes nothing.",
			find: []finder{alone(onKey, idleIssuer)}},
		{ID: "trailing-slash", Severity: Error, Reads: Providers, Summary: "A trailing slash too many or too few makes another provider, key or audience.",
			find: []finder{alone(onProvider, providerSlash), alone(onKey, keySlash), alone(onValue, audienceSlash)}},
		{ID: "other-issuer-key", Severity: Error, Reads: Providers, Summary: "The condition key is of another issuer than the one trusted, so that it is never set.",
			find: []finder{alone(onKey, otherIssuer)}},
		{ID: "pod-identity-key", Severity: Error, Reads: TrustPolicy, Summary: "A call of EKS Pod Identity has no such key or value.",
			find: []finder{alone(onKey, podKey), in(onValue, podSource)}},
	}
}

// conditionRules: conditions whose keys can be set, and their values.
func conditionRules() []Rule {
	return []Rule{
		{ID: "multivalued", Severity: Error, Reads: TrustPolicy, Summary: "A multivalued key without ForAnyValue or ForAllValues never matches.",
			find: []finder{in(onCondition, multivalued)}},
		{ID: "all-values-absent", Severity: Warning, Reads: TrustPolicy, Summary: "ForAllValues is true when the key is absent.",
			find: []finder{in(onCondition, allValues)}},
		{ID: "role-tag", Severity: Error, Reads: RoleTags, Summary: "A condition wants a tag of the role that the role does not have, or has another value of.", find: []finder{in(onCondition, roleTag)}},
		{ID: "association-conditions", Severity: Error, Reads: Associations, Summary: "A condition keeps out an association of EKS Pod Identity that gives the role.", find: []finder{in(onCondition, associationConditions)}},
		{ID: "never-matches", Severity: Error, Reads: TrustPolicy, Summary: "No request can have a value that the condition wants.",
			find: []finder{in(onCondition, noValues), in(onValue, neverMatches)}},
		{ID: "wildcard-under-equals", Severity: Error, Reads: TrustPolicy, Summary: "A wildcard under an operator that compares letter by letter is a plain character.",
			find: []finder{in(onValue, wildcardUnderEquals)}},
		{ID: "aud-sub-swapped", Severity: Error, Reads: TrustPolicy, Summary: "An audience stands under sub, or a subject under aud.",
			find: []finder{alone(onValue, audienceUnderSubject)}},
		{ID: "sts-amazon-com", Severity: Error, Reads: TrustPolicy, Summary: "The audience is sts.amazonaws.com, not sts.amazon.com.",
			find: []finder{alone(onValue, stsAmazonCom)}},
		{ID: "letter-case", Severity: Error, Reads: Providers, Summary: "A value differs from the right one in letter case only.",
			find: []finder{alone(onProvider, providerCase), alone(onValue, valueCase)}},
		{ID: "sub-format", Severity: Error, Reads: TrustPolicy, Summary: "No token can have such a subject.",
			find: []finder{alone(onValue, impossible)}},
		{ID: "strangers", Severity: Warning, Reads: TrustPolicy, Summary: "A pattern lets in subjects of others, who only need a fitting name.",
			find: []finder{alone(onValue, strangers)}},
		{ID: "ref-and-environment", Severity: Warning, Reads: TrustPolicy, Summary: "A subject of GitHub has a ref or an environment, and both only where it is customised.",
			find: []finder{alone(onValue, bothContexts)}},
	}
}

// statementRules: what a statement lets in.
func statementRules() []Rule {
	return []Rule{
		{ID: "unknown-provider", Severity: Warning, Reads: Providers, Summary: "The account has no such provider: every token is refused until it is made.", find: []finder{alone(onProvider, unknownProvider)}},
		{ID: "anyone", Severity: Warning, Reads: TrustPolicy, Summary: "Everyone who has an AWS account may assume the role.", find: []finder{in(onStatement, anyone)}},
		{ID: "service-name", Severity: Error, Reads: TrustPolicy, Summary: "The name of EKS Pod Identity's service is misspelt.", find: []finder{in(onStatement, serviceName)}},
		{ID: "no-tag-session", Severity: Error, Reads: Associations, Summary: "A role for EKS Pod Identity does not allow sts:TagSession, so that EKS refuses its association.", find: []finder{in(onStatement, noTagSession)}},
		{ID: "shared-issuer", Severity: Error, Reads: TrustPolicy, Summary: "An issuer of everybody is trusted without the condition that IAM demands.",
			find: []finder{in(onTrust, sharedIssuer)}},
		{ID: "sub-wildcard", Severity: Warning, Reads: TrustPolicy, Summary: "Every subject of the issuer meets the condition.",
			find: []finder{in(onTrust, openSubjects)}},
		{ID: "no-sub", Severity: Warning, Reads: TrustPolicy, Summary: "Without a condition on sub every identity of the issuer may assume the role.", find: []finder{in(onTrust, noSubject)}},
		{ID: "no-aud", Severity: Warning, Reads: Providers, Summary: "Without a condition on aud a token that was made for another purpose may do.", find: []finder{in(onTrust, noAudience)}},
		{ID: "one-github-shape", Severity: Note, Reads: TrustPolicy, Summary: "The policy does not know GitHub's immutable subjects, which new, renamed and transferred repositories have since 2026-07-15.",
			find: []finder{in(onTrust, oneShape)}},
		{ID: "unreachable", Severity: Note, Reads: TrustPolicy, Summary: "A statement changes nothing beside another one.",
			find: []finder{in(onDocument, unreachable)}},
	}
}
