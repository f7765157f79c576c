package kms

import (
	"errors"

	"github.com/irsa-emu/irsa-emu/api"
	"github.com/irsa-emu/irsa-emu/aws"
	"github.com/irsa-emu/irsa-emu/iam"
	"github.com/irsa-emu/irsa-emu/policy"
)

// A key has one policy, which is called default.
type policyInput struct {
	keyInput
	PolicyName string `wire:"min=1,max=128"`
}

func (in *policyInput) check() error {
	if in.PolicyName != "" && in.PolicyName != "default" {
		return fail(notFound, "No such policy exists")
	}
	return nil
}

func (s *Service) getKeyPolicy(req *api.Request) (any, error) {
	var in policyInput
	if err := req.DecodeJSON(&in); err != nil {
		return nil, err
	}
	k, err := s.open(req, in.KeyId, nil)
	if err != nil {
		return nil, err
	}
	if err := in.check(); err != nil {
		return nil, err
	}
	return struct{ Policy, PolicyName string }{k.policyNow(req.State).Text, "default"}, nil
}

func (s *Service) listKeyPolicies(req *api.Request) (any, error) {
	var in struct {
		keyInput
		pageInput
	}
	if err := req.DecodeJSON(&in); err != nil {
		return nil, err
	}
	if _, err := s.open(req, in.KeyId, nil); err != nil {
		return nil, err
	}
	return struct {
		PolicyNames []string
		page
	}{PolicyNames: []string{"default"}}, nil
}

func (s *Service) putKeyPolicy(req *api.Request) (any, error) {
	var in struct {
		policyInput
		Policy                         string `wire:"required,min=1,max=131072"`
		BypassPolicyLockoutSafetyCheck bool
	}
	if err := req.DecodeJSON(&in); err != nil {
		return nil, err
	}
	keys := policy.Context{}
	keys.SetBool("kms:BypassPolicyLockoutSafetyCheck", in.BypassPolicyLockoutSafetyCheck)
	k, err := s.open(req, in.KeyId, keys)
	if err != nil {
		return nil, err
	}
	if err := in.check(); err != nil {
		return nil, err
	}
	_, err = s.change(req.HTTP.Context(), k, func(k *Key) error {
		if err := k.live(); err != nil {
			return err
		}
		return k.setPolicy(req, in.Policy, in.BypassPolicyLockoutSafetyCheck)
	})
	return nil, err
}

const malformedPolicy = "MalformedPolicyDocumentException"

// setPolicy takes a policy that KMS would take: its principals exist, and it lets
// the caller write the next one, unless that check is to be left out. The texts are
// those that hashicorp/terraform-provider-aws waits on (internal/service/kms) and
// that its users report (#14312, #245).
func (k *Key) setPolicy(req *api.Request, text string, unchecked bool) error {
	parsed, err := policy.ValidateResource([]byte(text), aws.PartitionIn(k.ARN()))
	if err != nil {
		f := fail(malformedPolicy, "The new key policy is not valid.")
		f.Reason.Message = err.Error()
		var v *policy.ValidationError
		if errors.As(err, &v) {
			if v.Principal != "" {
				f.Wire.Message = invalidPrincipals
			}
			f.Reason.Advise(v.Hint)
		}
		return f
	}
	document, principals, unknown := iam.BindPrincipals(req.State, parsed)
	if unknown != "" {
		return iam.NamesNobody(fail(malformedPolicy, invalidPrincipals), unknown)
	}
	k.Policy, k.PolicyPrincipals = document, principals
	if unchecked {
		return nil
	}
	d := req.Authorize(api.Access{
		Action: "kms:PutKeyPolicy", Resource: k.ARN(), ResourceAccount: k.Account,
		ResourcePolicy: k.resourcePolicy(req.State), ResourceDecides: true, Keys: k.keys(req.State),
	})
	if d.Allowed {
		return nil
	}
	return fail(malformedPolicy, "The new key policy will not allow you to update the key policy in the future.").Explain(d)
}

const invalidPrincipals = "Policy contains a statement with one or more invalid principals."
