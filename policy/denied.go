package policy

import (
	"github.com/irsa-emu/irsa-emu/aws"
)

// DeniedText is the end of AWS's refusal, from the space on, that says which
// type of policy decided: " because no identity-based policy allows the
// s3:GetObject action" or " with an explicit deny in an identity-based policy".
// It is empty for an allowed request. The words are those of the IAM guide's
// "Troubleshoot access denied error messages"; since 2026 AWS adds the ARN of the
// denying policy where that has one.
func DeniedText(d Decision, action string) string {
	switch d.Outcome {
	case ExplicitDeny:
		text := " with an explicit deny in " + withArticle(d.By)
		if isPolicyARN(d.ByName) && d.By != TrustPolicy && d.By != ResourcePolicy {
			text += ": " + d.ByName
		}
		return text
	case ImplicitDeny:
		return " because no " + policyWords(d.By) + " allows the " + action + " action"
	}
	return ""
}

func isPolicyARN(name string) bool {
	arn, err := aws.ParseARN(name)
	_, is := arn.Named("iam", "policy")
	return err == nil && is
}

func policyWords(t SourceType) string {
	switch t {
	case TrustPolicy:
		return "role trust policy"
	case BoundaryPolicy:
		return "permissions boundary"
	case SessionPolicy:
		return "session policy"
	case ResourcePolicy:
		return "resource-based policy"
	}
	return "identity-based policy"
}

func withArticle(t SourceType) string {
	switch t {
	case TrustPolicy:
		return "the " + policyWords(t)
	case IdentityPolicy:
		return "an " + policyWords(t)
	}
	return "a " + policyWords(t)
}
