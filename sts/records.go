package sts

import (
	"net/http"
	"strings"

	"github.com/irsa-emu/irsa-emu/api"
	"github.com/irsa-emu/irsa-emu/aws"
	"github.com/irsa-emu/irsa-emu/decision"
)

// globalHost is the endpoint that is in no region; the partition aws alone has one. It
// is the event source of all.
const globalHost = "sts.amazonaws.com"

func isGlobal(r *http.Request) bool { return strings.EqualFold(r.Host, globalHost) }

// records is what CloudTrail's records of the STS have of their own.
var records = &api.Records{
	Source: globalHost, Dates: "Jan 2, 2006, 3:04:05 PM", ErrorCode: recordedCode, ErrorMessage: recordedMessage,
	Global: isGlobal,
	// IAM user guide, the table of the STS's actions: all others are reads.
	Changes: []string{"GetFederationToken", "GetSessionToken", "AssumeRoot"},
	// Refused calls of AssumeRole have no parameters; those of
	// AssumeRoleWithWebIdentity, which no principal makes, do (see recordedMessage).
	Bare: true, Parameters: recordedParameters,
	// No record was seen that has these.
	Omit:      []string{"packedPolicySize", "sessionTokenSize", "sessionTokenUtilization"},
	Resources: recordedRole, Shared: true, Additional: requestDetails,
	Identities: map[string]string{"AssumeRoleWithWebIdentity": "WebIdentityUser", "AssumeRoleWithSAML": "SAMLUser"},
}

// recordedCode is a code as CloudTrail's records have it: the name of the
// exception in the API reference.
func recordedCode(code string) string {
	switch code {
	case "IDPCommunicationError", "IDPRejectedClaim", "InvalidIdentityToken", "MalformedPolicyDocument", "PackedPolicyTooLarge":
		return code + "Exception"
	}
	return code
}

// recordedMessage is the answer's, but for a web identity that a trust policy does
// not let in: of that, records say this much (a refused call of an EKS service
// account, published in the development notes of the Argo Workflows plugin
// awf-aws; re:Post's article on troubleshooting IRSA has it too).
func recordedMessage(req *api.Request) string {
	if req.Principal == nil && req.Decision.Error.Code == "AccessDenied" && req.Action == "AssumeRoleWithWebIdentity" {
		return "An unknown error occurred"
	}
	return req.Decision.Error.Message
}

func recordedParameters(req *api.Request, tree map[string]any) {
	delete(tree, "tokenCode") // a secret, if only for half a minute
	session := req.Decision.Session
	switch {
	case session == nil:
	case req.Action == "AssumeRoleWithWebIdentity":
		addToken(tree, session)
	case req.Action == "AssumeRole" && req.Principal != nil:
		addIncoming(tree, req.Principal)
	}
}

// addToken adds what a token brought: the IAM user guide's example has it among
// the parameters.
func addToken(tree map[string]any, session *decision.Session) {
	if len(session.Tags) > 0 {
		tree["principalTags"] = session.Tags
	}
	if len(session.TransitiveTagKeys) > 0 {
		tree["transitiveTagKeys"] = session.TransitiveTagKeys
	}
	if session.SourceIdentity != "" {
		tree["sourceIdentity"] = session.SourceIdentity
	}
}

// addIncoming adds the tags that the calling session hands on; see the guide's
// "Example AWS STS role chaining API event".
func addIncoming(tree map[string]any, caller *api.Principal) {
	incoming := map[string]string{}
	for _, tag := range caller.SessionTags {
		for _, key := range caller.TransitiveTagKeys {
			if strings.EqualFold(tag.Key, key) {
				incoming[tag.Key] = tag.Value
			}
		}
	}
	if len(incoming) > 0 {
		tree["incomingTransitiveTags"] = incoming
	}
}

// recordedRole is the role that a call assumes.
func recordedRole(req *api.Request) []api.RecordResource {
	if !strings.HasPrefix(req.Action, "AssumeRole") {
		return nil
	}
	arn, err := aws.ParseARN(req.Decision.Resource)
	if err != nil {
		return nil
	}
	return []api.RecordResource{{AccountID: arn.Account, Type: "AWS::IAM::Role", ARN: req.Decision.Resource}}
}

// requestDetails says which kind of endpoint issued a session, as records since
// 2025 do (ccbrown/cloud-snitch, a record of AssumeRoleWithWebIdentity in its
// tests), and for a web identity how the connection to its issuer was trusted: IAM
// user guide, "Example OIDC AWS STS API event". An issuer that the emulator stands
// in for counts as one whose root is trusted, as EKS's are.
func requestDetails(req *api.Request, region string, global bool) map[string]any {
	if req.Decision.Session == nil {
		return nil
	}
	endpoint := "regional"
	if global {
		endpoint = "global"
	}
	data := map[string]any{"RequestDetails": map[string]any{"awsServingRegion": region, "endpointType": endpoint}}
	if token := req.Decision.Token; token != nil {
		data["identityProviderConnectionVerificationMethod"] = "IAMTrustStore"
		if token.PinnedKeys {
			data["identityProviderConnectionVerificationMethod"] = "Thumbprint"
		}
	}
	return data
}
