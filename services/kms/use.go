package kms

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/irsa-emu/irsa-emu/api"
	"github.com/irsa-emu/irsa-emu/decision"
	"github.com/irsa-emu/irsa-emu/policy"
	"github.com/irsa-emu/irsa-emu/wire"
)

// Use is what a service does with a key on behalf of who called it: it makes a call
// of KMS with the caller's rights (IAM user guide, "Forward access sessions").
type Use struct {
	// Service is the signing name of the service that calls.
	Service string
	// Action is KMS's, without kms: GenerateDataKey or Decrypt.
	Action string
	// Key is a key ID, an alias or the ARN of either; "" is the key that AWS keeps
	// for the service. Account and Region are where one is that is no ARN.
	Key, Account, Region string
	// Declared says that the key must be declared, and is not taken to be there
	// because it is named; see [place.open].
	Declared bool
	// Context is the encryption context.
	Context map[string]string
}

// The codes of KMS.
const (
	accessDenied = "AccessDeniedException"
	notFound     = "NotFoundException"
	isDisabled   = "DisabledException"
	invalidState = "KMSInvalidStateException"
)

// Failure is why a key cannot be used. Each service has words of its own for it.
type Failure struct {
	// Code and Message are what KMS answers.
	Code, Message string
	// Reason is what it does not say.
	Reason decision.Reason
	// Foreign says that the key is of another account than the caller's.
	Foreign bool
}

func failure(code, format string, args ...any) *Failure {
	text := fmt.Sprintf(format, args...)
	return &Failure{Code: code, Message: text, Reason: decision.Reason{Kind: decision.Parameter, Message: text}}
}

// Denied says whether it is the policies that do not allow the use.
func (f *Failure) Denied() bool { return f.Code == accessDenied }

// Refusal is the failure in the words of the service that used the key.
func (f *Failure) Refusal(answer *wire.Error) *api.Refusal {
	r := api.Refuse(f.Reason.Kind, answer)
	r.Reason = f.Reason
	return r
}

// Authorize finds the key and holds the use against its policy and the caller's. It
// gives the key's ARN. The check is in the call's decision; of a key that AWS keeps
// for the service, whose policy allows everybody of its account what the service
// lets them do, only where it is refused.
func (u Use) Authorize(req *api.Request) (arn string, f *Failure) {
	name := u.Key
	if name == "" {
		name = managedAlias(u.Service)
	}
	p, f := locate(name, u.Account, u.Region)
	if f != nil {
		return "", f
	}
	made := u.call(req, p)
	k, f := p.find(req.State, req.Now, u.Action == "Decrypt")
	if f == nil && k.assumed && u.Declared {
		f = p.missing()
	}
	if f == nil {
		made.Decision.Resource = k.ARN()
		f = u.authorize(req, made, k, p)
	}
	if f != nil {
		made.Decision.Error = &decision.Error{Code: f.Code, Message: f.Message, Status: http.StatusBadRequest}
		noteCall(req, made)
		return "", f
	}
	if k.manager == "" {
		noteCall(req, made)
	}
	return made.Decision.Resource, nil
}

// noteCall has a call recorded after the one that made it.
func noteCall(req, made *api.Request) {
	made.ID = wire.NewRequestID()
	made.Decision.RequestID = made.ID
	req.Made = append(req.Made, made)
}

func (u Use) authorize(req, made *api.Request, k *Key, p place) *Failure {
	keys := k.keys(req.State)
	u.setKeys(keys, req, p)
	d := made.Authorize(api.Access{
		Action: "kms:" + u.Action, Resource: made.Decision.Resource, ResourceAccount: k.Account,
		ResourcePolicy: k.resourcePolicy(req.State), ResourceDecides: true, Keys: keys,
	})
	if k.manager == "" || !d.Allowed {
		req.Decision.AddCheck(decision.Check{Action: d.Action, Resource: d.Resource, Decision: d})
	}
	if !d.Allowed {
		return u.denied(made.Principal, k, d)
	}
	return k.usable()
}

// call is the call of KMS. Nothing of the client's connection is in it.
func (u Use) call(req *api.Request, p place) *api.Request {
	in := input{KeyId: p.given, EncryptionContext: u.Context}
	if u.Action == "GenerateDataKey" {
		in.KeySpec = "AES_256"
	}
	return &api.Request{
		Call:      &wire.Call{Service: Name, Action: u.Action, Region: u.Region, Input: in},
		Principal: req.Principal, State: req.State, Now: req.Now, PoliciesOf: req.PoliciesOf,
		Decision: &decision.Decision{}, InvokedBy: u.Service + "." + dnsSuffix,
	}
}

// dnsSuffix ends the names of services.
const dnsSuffix = "amazonaws.com"

// input is what the record of the call shows.
type input struct {
	KeyId             string            `json:"keyId"`
	KeySpec           string            `json:"keySpec,omitempty"`
	EncryptionContext map[string]string `json:"encryptionContext,omitempty"`
}

// setKeys sets the condition keys of the use (service authorization reference, AWS
// KMS; IAM user guide, aws:ViaAWSService and aws:MultiFactorAuthPresent).
func (u Use) setKeys(keys policy.Context, req *api.Request, p place) {
	keys.SetBool("aws:viaawsservice", true)
	keys.SetBool("aws:securetransport", true)
	keys.Set("kms:viaservice", u.Service+"."+u.Region+"."+dnsSuffix) // in every partition (KMS developer guide, "kms:ViaService")
	if p := req.Principal; p != nil {
		keys.Set("kms:calleraccount", p.Account)
		if p.Type == api.IAMUser && !p.Temporary {
			keys.SetBool("aws:multifactorauthpresent", false) // the service calls with temporary credentials (there)
		}
	}
	if strings.HasPrefix(p.name, "alias/") {
		keys.Set("kms:requestalias", p.name)
	}
	for name, value := range u.Context {
		keys.Set("kms:encryptioncontext:"+name, value)
	}
	if len(u.Context) > 0 {
		keys.SetMulti("kms:encryptioncontextkeys", slices.Sorted(maps.Keys(u.Context)))
	}
}

// denied words the refusal as KMS does. Who has no right to a key of another
// account does not learn whether it is there, nor what it is called, but what they
// named (recorded 11a).
func (u Use) denied(p *api.Principal, k *Key, d policy.Decision) *Failure {
	caller := "anonymous"
	if p != nil {
		caller = p.ARN
	}
	text := api.DenialText(p, d, "kms:"+u.Action, k.ARN())
	foreign := p == nil || p.Account != k.Account
	if foreign && d.By == policy.ResourcePolicy && d.Outcome == policy.ImplicitDeny {
		on := "this resource"
		if u.Action == "Decrypt" {
			on = "the resource associated with this ciphertext"
		}
		text = "User: " + caller + " is not authorized to perform: kms:" + u.Action + " on " + on +
			" because the resource does not exist in this Region, no resource-based policies allow access, or a resource-based policy explicitly denies access"
	}
	f := failure(accessDenied, "%s", text)
	f.Foreign = foreign
	f.Reason = api.Denied(d, wire.Errorf(http.StatusBadRequest, accessDenied, "%s", text)).Reason
	f.Reason.Message = fmt.Sprintf("%s on the key %s: %s", "kms:"+u.Action, k.ARN(), f.Reason.Message)
	if k.assumed {
		f.Reason.Message += "; nothing declares the key, so its policy is taken to be AWS's default one"
	}
	return f
}

// usable says why a key that may be used cannot be (KMS developer guide, "Key states
// of AWS KMS keys"; the texts: LocalStack, tests/aws/services/s3,
// test_s3_sse_validate_kms_key_state).
func (k *Key) usable() *Failure {
	switch {
	case k.State == disabled:
		f := failure(isDisabled, "%s is disabled.", k.ARN())
		f.Reason.Hint, f.Reason.Fix = "the key is disabled", "enable it: aws kms enable-key --key-id "+k.ID
		return f
	case k.State == pendingDeletion:
		f := failure(invalidState, "%s is pending deletion.", k.ARN())
		f.Reason.Hint, f.Reason.Fix = "the key is pending deletion", "aws kms cancel-key-deletion --key-id "+k.ID+", and enable it"
		return f
	}
	return nil
}
