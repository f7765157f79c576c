package secretsmanager

import (
	"errors"
	"net/http"
	"strconv"

	"github.com/irsa-emu/irsa-emu/api"
	"github.com/irsa-emu/irsa-emu/aws"
	"github.com/irsa-emu/irsa-emu/iam"
	"github.com/irsa-emu/irsa-emu/policy"
	"github.com/irsa-emu/irsa-emu/services"
)

type resourcePolicyOutput struct {
	ARN            string
	Name           string
	ResourcePolicy string `json:",omitempty"`
}

func (s *Service) getResourcePolicy(req *api.Request) (any, error) {
	var in secretID
	if err := req.DecodeJSON(&in); err != nil {
		return nil, err
	}
	secret, err := s.open(req, in.SecretId, nil)
	if err != nil {
		return nil, err
	}
	out := resourcePolicyOutput{ARN: secret.ARN(), Name: secret.Name}
	if secret.Policy != nil {
		out.ResourcePolicy = secret.policyNow(req.State).Text
	}
	return out, nil
}

type putResourcePolicyInput struct {
	SecretId          string `wire:"required,min=1,max=2048"`
	ResourcePolicy    string `wire:"required,min=1,max=20480"`
	BlockPublicPolicy bool
}

func (s *Service) putResourcePolicy(req *api.Request) (any, error) {
	var in putResourcePolicyInput
	if err := req.DecodeJSON(&in); err != nil {
		return nil, err
	}
	keys := policy.Context{}
	keys.Set("secretsmanager:BlockPublicPolicy", strconv.FormatBool(in.BlockPublicPolicy))
	secret, err := s.open(req, in.SecretId, keys)
	if err != nil {
		return nil, err
	}
	parsed, err := policy.ValidateResource([]byte(in.ResourcePolicy), aws.PartitionIn(secret.ARN()))
	if err != nil {
		return nil, malformed(err)
	}
	if in.BlockPublicPolicy && services.Public(parsed) {
		return nil, api.Fail(http.StatusBadRequest, "PublicPolicyException", publicText)
	}
	document, principals, unknown := iam.BindPrincipals(req.State, parsed)
	if unknown != "" {
		return nil, unsupportedPrincipal(unknown)
	}
	return s.setPolicy(req, secret, &document, principals)
}

func (s *Service) deleteResourcePolicy(req *api.Request) (any, error) {
	var in secretID
	if err := req.DecodeJSON(&in); err != nil {
		return nil, err
	}
	secret, err := s.open(req, in.SecretId, nil)
	if err != nil {
		return nil, err
	}
	return s.setPolicy(req, secret, nil, nil)
}

func (s *Service) setPolicy(req *api.Request, secret *Secret, document *iam.Document, principals []iam.TrustPrincipal) (any, error) {
	changed, err := s.change(req.HTTP.Context(), secret, func(secret *Secret) error {
		if !secret.Deleted.IsZero() {
			return markedForDeletion()
		}
		secret.Policy, secret.PolicyPrincipals = document, principals
		return nil
	})
	if err != nil {
		return nil, err
	}
	return resourcePolicyOutput{ARN: changed.ARN(), Name: changed.Name}, nil
}

type validateResourcePolicyInput struct {
	SecretId       string `wire:"min=1,max=2048"`
	ResourcePolicy string `wire:"required,min=1,max=20480"`
}

type validateResourcePolicyOutput struct {
	PolicyValidationPassed bool
	ValidationErrors       []validationError
}

type validationError struct{ CheckName, ErrorMessage string }

// validateResourcePolicy finds out what PutResourcePolicy would refuse, policies that
// let everybody in, and those that lock the caller out.
func (s *Service) validateResourcePolicy(req *api.Request) (any, error) {
	var in validateResourcePolicyInput
	if err := req.DecodeJSON(&in); err != nil {
		return nil, err
	}
	secret := &Secret{}
	var err error
	if in.SecretId == "" {
		err = authorizeAny(req)
	} else if secret, err = s.open(req, in.SecretId, nil); err == nil && !secret.Deleted.IsZero() {
		err = markedForDeletion()
	}
	if err != nil {
		return nil, err
	}
	parsed, err := policy.ValidateResource([]byte(in.ResourcePolicy), iam.Partition(req.State, req.Principal.Account))
	if err != nil {
		return nil, malformed(err)
	}
	document, principals, unknown := iam.BindPrincipals(req.State, parsed)
	if unknown != "" {
		return nil, unsupportedPrincipal(unknown)
	}
	out := validateResourcePolicyOutput{ValidationErrors: []validationError{}}
	if services.Public(parsed) {
		out.ValidationErrors = append(out.ValidationErrors, validationError{"BlockPublicPolicyCheck", publicText})
	}
	proposed := secret.clone()
	proposed.Policy, proposed.PolicyPrincipals = &document, principals
	if locksOut(req, proposed) {
		out.ValidationErrors = append(out.ValidationErrors, validationError{"LockOutCheck", "This resource policy will not allow you to manage this secret in the future."})
	}
	out.PolicyValidationPassed = len(out.ValidationErrors) == 0
	return out, nil
}

// locksOut says whether the caller could not put another policy once the secret had
// this one (API reference, ValidateResourcePolicy). A secret without a name stands
// for any.
func locksOut(req *api.Request, proposed *Secret) bool {
	access := api.Access{Action: "secretsmanager:PutResourcePolicy", Resource: "*", ResourcePolicy: proposed.resourcePolicy(req.State), Keys: policy.Context{}}
	if proposed.Name != "" {
		access.Resource, access.ResourceAccount = proposed.ARN(), proposed.Account
		services.ResourceTagKeys(access.Keys, proposed.Tags, "secretsmanager:ResourceTag/")
	}
	if req.Would(access).Allowed {
		return false
	}
	access.Resource = arnOf(proposed.Account, proposed.Region, proposed.Name)
	return !proposed.ByName || !req.Would(access).Allowed
}

// publicText: recorded 11.
const publicText = "You can not attach a resource policy that grants Public access to your secret."

const unsupportedText = "This resource policy contains an unsupported principal."

// unsupportedPrincipal: the text on which Terraform's provider waits for a new
// role to be known (hashicorp/terraform-provider-aws, secret_policy.go).
func unsupportedPrincipal(written string) error {
	return iam.NamesNobody(api.Fail(http.StatusBadRequest, "MalformedPolicyDocumentException", unsupportedText), written)
}

// malformed: AWS has one text for whatever is wrong with a policy
// (seen in awsdocs/aws-cloudformation-user-guide#623).
func malformed(err error) error {
	f := api.Fail(http.StatusBadRequest, "MalformedPolicyDocumentException", "This policy has invalid syntax.")
	f.Reason.Message = err.Error()
	var v *policy.ValidationError
	if errors.As(err, &v) {
		if v.Principal != "" {
			f.Wire.Message = unsupportedText
		}
		f.Reason.Advise(v.Hint)
	}
	return f
}
