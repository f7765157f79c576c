package policy

import (
	"strings"

	"github.com/irsa-emu/irsa-emu/hint"
)

// circleCIShape finds policies that know one shape of CircleCI's subjects and are
// asked about the other one: of CIRCLE_OIDC_TOKEN, or of CIRCLE_OIDC_TOKEN_V2, which
// has the repository and the ref too (CircleCI's documentation, "OpenID Connect tokens").
func circleCIShape(want []string, got string) hint.Hint {
	const more = "/vcs-origin/"
	isSubject := func(s string) bool { return strings.HasPrefix(s, "org/") && strings.Contains(s, "/project/") }
	if !isSubject(got) {
		return hint.Hint{}
	}
	second, other := strings.Contains(got, more), ""
	for _, w := range want {
		switch {
		case !isSubject(w):
		case strings.Contains(w, more) == second, strings.HasSuffix(w, "*"):
			return hint.Hint{} // the policy knows this shape: it is something else
		case other == "":
			other = w
		}
	}
	switch {
	case other == "":
		return hint.Hint{}
	case second:
		return fixed("circleci-subject", "send the job's CIRCLE_OIDC_TOKEN, or write "+other+more+"* under StringLike",
			"the token is CircleCI's second one, whose subject has the repository and the ref; the policy knows that of the first one only")
	}
	return fixed("circleci-subject", "send the job's CIRCLE_OIDC_TOKEN_V2",
		"the policy wants the subject of CircleCI's second token, with the repository and the ref; the token is the first one")
}
