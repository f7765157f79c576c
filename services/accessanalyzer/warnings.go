package accessanalyzer

import (
	"slices"
	"strings"

	"github.com/irsa-emu/irsa-emu/aws"
	"github.com/irsa-emu/irsa-emu/lazyregexp"
	"github.com/irsa-emu/irsa-emu/policy"
)

// Findings that are no errors: what works and is wider, or less clear, than people
// think. Texts are those of the reference; that of GitHub's subjects, and which of
// them it is said of, is as people were told of their policies: of environments and
// wildcards, not of a branch of a repository.

// severity is a finding's type and its part of the reference.
type severity struct{ kind, section string }

var (
	isError           = severity{"ERROR", "error"}
	isWarning         = severity{"WARNING", "general-warning"}
	isSecurityWarning = severity{"SECURITY_WARNING", "security-warning"}
)

func (v *validator) warnings() {
	if v.doc.Version == "" {
		v.add(isWarning, "MISSING_VERSION", "We recommend that you specify the Version element to help you with debugging permission issues.", nil)
	}
	for i := range v.doc.Statements {
		st := &v.doc.Statements[i]
		if st.Effect != "Allow" {
			continue
		}
		at := []step{member("Statement"), item(i)}
		if _, not := st.PrincipalValues(); not && v.resource && !v.trust {
			v.add(isSecurityWarning, "ALLOW_WITH_NOT_PRINCIPAL", "Using Allow with NotPrincipal can be overly permissive. We recommend that you use Principal instead.", within(at, member("NotPrincipal")))
		}
		if !v.resource {
			v.passRole(st, at)
		}
		v.forAllValues(st, at)
		if v.trust {
			v.gitHubSubject(st, at)
		}
	}
}

// within is the path to a part of what is at a path.
func within(at []step, steps ...step) []step { return slices.Concat(at, steps) }

const (
	passRole    = "iam:PassRole"
	specifyARNs = " We recommend that you specify resource ARNs"
	orService   = " or add the iam:PassedToService condition key to your statement."
)

// passRole is about statements that let a session hand any role to a service.
func (v *validator) passRole(st *policy.Statement, at []step) {
	if !st.Concerns(passRole) || slices.ContainsFunc(st.Conditions, func(c policy.Condition) bool { return strings.EqualFold(c.Key, "iam:PassedToService") }) {
		return
	}
	named := slices.ContainsFunc(st.Actions.Values, func(action string) bool { return strings.EqualFold(action, passRole) })
	wild := slices.IndexFunc(st.Resources.Values, func(resource string) bool { return strings.Contains(resource, "*") })
	all := slices.Contains(st.Resources.Values, "*")
	actions, resources := within(at, member("Action")), within(at, member("Resource"))
	if st.Actions.Not {
		actions = within(at, member("NotAction"))
	}
	if st.Resources.Not {
		resources = within(at, member("NotResource"))
	}
	warn := func(code, details string) { v.add(isSecurityWarning, code, details, actions, resources) }
	switch {
	case st.Resources.Not && st.Actions.Not:
		warn("PASS_ROLE_WITH_NOT_ACTION_AND_NOT_RESOURCE", "Using NotAction with NotResource can be overly permissive because it can allow iam:PassRole permissions on multiple resources.."+specifyARNs+" instead.")
	case st.Resources.Not && named:
		warn("PASS_ROLE_WITH_NOT_RESOURCE", "Using the iam:PassRole action with NotResource can be overly permissive because it can allow iam:PassRole permissions on multiple resources."+specifyARNs+" instead.")
	case st.Resources.Not:
		warn("PASS_ROLE_WITH_STAR_IN_ACTION_AND_NOT_RESOURCE", "Using an action with a wildcard (*) and NotResource can be overly permissive because it can allow iam:PassRole permissions on multiple resources."+specifyARNs+" instead.")
	case st.Actions.Not && all:
		warn("PASS_ROLE_WITH_STAR_IN_RESOURCE_AND_NOT_ACTION", "Using a resource with wildcards (*) and NotAction can be overly permissive because it allows iam:PassRole permissions on all resources."+specifyARNs+orService)
	case named && wild >= 0:
		warn("PASS_ROLE_WITH_STAR_IN_RESOURCE", "Using the iam:PassRole action with wildcards (*) in the resource can be overly permissive because it allows iam:PassRole permissions on multiple resources."+specifyARNs+orService)
	case !named && !st.Actions.Not && all:
		warn("PASS_ROLE_WITH_STAR_IN_ACTION_AND_RESOURCE", "Using wildcards (*) in the action and the resource can be overly permissive because it allows iam:PassRole permissions on all resources."+specifyARNs+orService)
	}
}

// forAllValues is about a qualifier that lets in who does not have the key at all.
func (v *validator) forAllValues(st *policy.Statement, at []step) {
	for j := range st.Conditions {
		c := &st.Conditions[j]
		t, known := c.Test()
		if known && t.Qualifier == policy.ForAllValues && t.Comparison != "Null" && singleValued(c.Key) {
			v.add(isSecurityWarning, "FORALLVALUES_WITH_SINGLE_VALUED_KEY", "Using ForAllValues qualifier with the single-valued condition key "+c.Key+" can be overly permissive. We recommend that you remove ForAllValues:.",
				within(at, member("Condition"), member(c.Operator), member(c.Key)))
		}
	}
}

// singleValued says of a key that it is known to have one value: AWS's own, tags, and
// claims of a token; of other services' keys it is not known.
func singleValued(key string) bool {
	prefix, name, _ := strings.Cut(strings.ToLower(key), ":")
	_, of, isClaim := policy.CutClaim(strings.ToLower(key))
	claim := isClaim && slices.Contains([]string{"sub", "aud", "azp"}, of)
	return !aws.MultivaluedKey(key) && (prefix == "aws" || prefix == "sts" || claim || strings.HasPrefix(name, "resourcetag/"))
}

const gitHubSubject = aws.GitHubIssuer + ":sub"

// aBranch are subjects of one branch of one repository.
var aBranch = lazyregexp.New(`^repo:[^:*?]+/[^:*?]+:ref:refs/heads/[^*?]+$`)

func (v *validator) gitHubSubject(st *policy.Statement, at []step) {
	for j := range st.Conditions {
		c := &st.Conditions[j]
		if strings.EqualFold(c.Key, gitHubSubject) && slices.ContainsFunc(c.Values, func(value string) bool { return !aBranch.MatchString(value) }) {
			v.add(isWarning, "SPECIFIC_GITHUB_REPO_AND_BRANCH_RECOMMENDED", "Using a wildcard (*) in "+gitHubSubject+" can allow requests from more sources than you intended. Specify the value of "+gitHubSubject+" with the repository and branch name.",
				within(at, member("Condition"), member(c.Operator), member(c.Key)))
		}
	}
}
