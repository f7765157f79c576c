// Package kms is AWS Key Management Service as far as it decides who may use a key:
// keys with their policies, aliases, states, tags. [Use] is what other services ask
// when they read or write under a key.
//
// There is no key material: the cryptographic operations, grants, imports,
// replicas and custom key stores answer NotImplemented.
//
// It follows the KMS API reference (awsJson 1.1) and developer guide.
package kms

import (
	"io"
	"net/http"

	"github.com/irsa-emu/irsa-emu/api"
	"github.com/irsa-emu/irsa-emu/state"
	"github.com/irsa-emu/irsa-emu/wire"
)

// Name is the signing name.
const Name = "kms"

// Config is what a Service needs.
type Config struct {
	// Store keeps the keys; it was opened with Kinds.
	Store *state.Store
	// Rand makes key IDs: crypto/rand.Reader, or something repeatable in tests.
	Rand io.Reader
	// Region is that of keys in State documents that name none.
	Region string
}

// Service answers the calls of KMS.
type Service struct {
	store       *state.Store
	rand        io.Reader
	region      string
	description *api.Description
}

// New makes a Service.
func New(c Config) *Service {
	return &Service{store: c.Store, rand: c.Rand, region: c.Region, description: Description()}
}

// Description is what the service says of itself.
func Description() *api.Description {
	return &api.Description{
		Name: Name, Title: "KMS", Protocol: wire.JSON{}, Hosts: []string{Name, Name + "-fips"}, Targets: []string{"trentservice"},
		Actions:  api.ActionNames(actions, unsupported...),
		Internal: *wire.Errorf(http.StatusInternalServerError, "KMSInternalException", "An internal error occurred."),
		// GenerateDataKey and Decrypt count as reads (Secrets Manager user guide, "Secret
		// encryption and decryption", its records).
		Records: &api.Records{Source: "kms.amazonaws.com", Dates: "Jan 2, 2006, 3:04:05 PM", Changes: changes, Resources: resources, ErrorCode: api.DeniedAsAccessDenied},
	}
}

// changes are the actions that are no reads.
var changes = []string{
	"CancelKeyDeletion", "CreateAlias", "CreateKey", "DeleteAlias", "DisableKey", "DisableKeyRotation", "EnableKey", "EnableKeyRotation",
	"PutKeyPolicy", "ScheduleKeyDeletion", "TagResource", "UntagResource", "UpdateAlias", "UpdateKeyDescription",
}

// resources are the key that a call concerns.
func resources(req *api.Request) []api.RecordResource {
	k, f := keyOfARN(req.State, req.Decision.Resource, req.Now)
	if f != nil {
		return nil
	}
	return []api.RecordResource{{AccountID: k.Account, Type: "AWS::KMS::Key", ARN: k.ARN()}}
}

// Describe says what the service is.
func (s *Service) Describe() *api.Description { return s.description }

// action answers one call.
type action func(*Service, *api.Request) (any, error)

// Keep the list sorted by name.
var actions = map[string]action{
	"CancelKeyDeletion":    (*Service).cancelKeyDeletion,
	"CreateAlias":          (*Service).createAlias,
	"CreateKey":            (*Service).createKey,
	"DeleteAlias":          (*Service).deleteAlias,
	"DescribeKey":          (*Service).describeKey,
	"DisableKey":           (*Service).disableKey,
	"DisableKeyRotation":   (*Service).disableKeyRotation,
	"EnableKey":            (*Service).enableKey,
	"EnableKeyRotation":    (*Service).enableKeyRotation,
	"GetKeyPolicy":         (*Service).getKeyPolicy,
	"GetKeyRotationStatus": (*Service).getKeyRotationStatus,
	"ListAliases":          (*Service).listAliases,
	"ListKeyPolicies":      (*Service).listKeyPolicies,
	"ListKeys":             (*Service).listKeys,
	"ListResourceTags":     (*Service).listResourceTags,
	"PutKeyPolicy":         (*Service).putKeyPolicy,
	"ScheduleKeyDeletion":  (*Service).scheduleKeyDeletion,
	"TagResource":          (*Service).tagResource,
	"UntagResource":        (*Service).untagResource,
	"UpdateAlias":          (*Service).updateAlias,
	"UpdateKeyDescription": (*Service).updateKeyDescription,
}

// Keep the list sorted.
var unsupported = []string{
	"ConnectCustomKeyStore", "CreateCustomKeyStore", "CreateGrant", "Decrypt", "DeleteCustomKeyStore", "DeleteImportedKeyMaterial", "DeriveSharedSecret",
	"DescribeCustomKeyStores", "DisconnectCustomKeyStore", "Encrypt", "GenerateDataKey", "GenerateDataKeyPair", "GenerateDataKeyPairWithoutPlaintext",
	"GenerateDataKeyWithoutPlaintext", "GenerateMac", "GenerateRandom", "GetParametersForImport", "GetPublicKey", "ImportKeyMaterial", "ListGrants",
	"ListKeyRotations", "ListRetirableGrants", "ReEncrypt", "ReplicateKey", "RetireGrant", "RevokeGrant", "RotateKeyOnDemand", "Sign",
	"UpdateCustomKeyStore", "UpdatePrimaryRegion", "Verify", "VerifyMac",
}

// Serve answers one call.
func (s *Service) Serve(w http.ResponseWriter, req *api.Request) error {
	result, err := actions[req.Action](s, req)
	if err != nil {
		return err
	}
	wire.WriteJSON(w, req.Call, result)
	return nil
}
