package policy

import (
	"strings"

	"github.com/irsa-emu/irsa-emu/aws"
)

// sharedIssuers are the identity providers whose issuer URL all their customers
// share, with the condition key that tells one customer from another (the guide,
// "Identity-provider controls for shared OIDC providers"). Names are URLs without
// scheme.
var sharedIssuers = map[string]string{
	"sts.windows.net/33e01921-4d64-4f8c-a055-5bdaffd5e33d": "sts:RoleSessionName", // Microsoft Sentinel
	"agent.buildkite.com":     "sub",
	"oidc.codefresh.io":       "sub",
	"studio.datachain.ai/api": "sub",
	aws.GitHubIssuer:          "sub",
	"oidc-configuration.audit-log.githubusercontent.com": "sub",
	"vstoken.actions.githubusercontent.com":              "sub",
	"gitlab.com":                                         "sub",
	"api.pulumi.com/oidc":                                "aud",
	"sandboxes.cloud":                                    "aud",
	"scalr.io":                                           "sub",
	"tokens.cloud.shisho.dev":                            "sub",
	"app.terraform.io":                                   "sub",
	"proidc.upbound.io":                                  "sub",
	"oidc.vercel.com":                                    "aud",
	// IBM Turbonomic
	"rh-oidc.s3.us-east-1.amazonaws.com/22ejnvnnturfmt6km08idd0nt4hekbn7": "sub",
	"rh-oidc.s3.us-east-1.amazonaws.com/23e3sd27sju1hoou6ohfs68vbno607tr": "sub",
	"rh-oidc.s3.us-east-1.amazonaws.com/23ne21h005qjl3n33d8dui5dlrmv2tmg": "sub",
	"rh-oidc.s3.us-east-1.amazonaws.com/24jrf12m5dj7ljlfb4ta2frhrcoadm26": "sub",
	"oidc.op1.openshiftapps.com/2f785sojlpb85i7402pk3qogugim5nfb":         "sub",
	"oidc.op1.openshiftapps.com/2c51blsaqa9gkjt0o9rt11mle8mmropu":         "sub",
	aws.CognitoIssuer: "aud",
}

// SharedIssuerKey returns the condition key that a trust policy for a shared
// issuer must test. The issuer may be given as URL, as host and path, or as the
// ARN of its provider.
func SharedIssuerKey(issuer string) (key string, shared bool) {
	name := aws.IssuerName(issuer)
	claim, shared := sharedIssuers[name]
	if shared && !strings.Contains(claim, ":") {
		claim = name + ":" + claim
	}
	return claim, shared
}
