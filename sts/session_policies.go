package sts

import (
	"bytes"
	"encoding/json"

	"github.com/irsa-emu/irsa-emu/api"
	"github.com/irsa-emu/irsa-emu/aws"
	"github.com/irsa-emu/irsa-emu/iam"
	"github.com/irsa-emu/irsa-emu/policy"
	"github.com/irsa-emu/irsa-emu/state"
)

// policyDescriptor is a member of the parameter PolicyArns; the API has its
// name in lower case.
type policyDescriptor struct {
	Arn string `wire:"name=arn,min=20,max=2048,pattern=IAMTEXT"`
}

// String is by analogy with tagElement's: the shape's name in the STS's model.
func (p policyDescriptor) String() string { return "PolicyDescriptorType(arn=" + p.Arn + ")" }

// sessionPolicies are those of one call.
type sessionPolicies struct {
	inline string // without white space that means nothing
	arns   []string
}

// readSessionPolicies checks the parameters Policy and PolicyArns. Managed
// policies are AWS's or of the account of the role or user.
func readSessionPolicies(r state.Reader, account string, inline *string, arns []policyDescriptor) (sessionPolicies, *api.Refusal) {
	var p sessionPolicies
	if inline != nil {
		if _, err := policy.ValidateSession([]byte(*inline)); err != nil {
			return p, malformedPolicy(err)
		}
		var compact bytes.Buffer
		if err := json.Compact(&compact, []byte(*inline)); err != nil {
			return p, malformedPolicy(err)
		}
		p.inline = compact.String()
	}
	for _, d := range arns {
		arn, err := aws.ParseARN(d.Arn)
		if err != nil {
			return p, roleARNInvalid(d.Arn)
		}
		if _, ok := iam.PolicyByARN(r, d.Arn); !ok || (arn.Account != account && arn.Account != "aws") || arn.Partition != iam.Partition(r, account) {
			return p, policyMissing(d.Arn)
		}
		p.arns = append(p.arns, d.Arn)
	}
	return p, nil
}

func (p *sessionPolicies) given() bool { return p.inline != "" || len(p.arns) > 0 }

func (p *sessionPolicies) apply(s *Session) {
	s.HasPolicies, s.Policy, s.PolicyARNs = p.given(), p.inline, p.arns
}
