// Package secretsmanager is AWS Secrets Manager as far as a role's rights can
// be shown with it: secrets with versions and staging labels, tags, resource
// policies, deletion with a recovery window. Every call is held against the
// caller's policies and the secret's own before it does anything.
//
// There is no encryption: of a KMS key it is asked whether the caller may use it.
// There is no rotation or replication either: their actions answer NotImplemented.
//
// It follows the API reference of Secrets Manager (awsJson 1.1) and the
// answers recorded from AWS by LocalStack's and moto's validated tests; each
// text says where it was seen.
package secretsmanager

import (
	"io"
	"log/slog"
	"net/http"

	"github.com/irsa-emu/irsa-emu/api"
	"github.com/irsa-emu/irsa-emu/state"
	"github.com/irsa-emu/irsa-emu/wire"
)

// Config is what a Service needs.
type Config struct {
	// Log takes what no caller can be told; nil discards it.
	Log *slog.Logger
	// Store keeps the secrets; it was opened with Kinds.
	Store *state.Store
	// Rand makes ARN suffixes, version ids and passwords: crypto/rand.Reader, or something repeatable in tests.
	Rand io.Reader
	// Region is that of secrets in State documents that name none.
	Region string
}

// Service answers the calls of Secrets Manager.
type Service struct {
	store       *state.Store
	rand        io.Reader
	region      string
	log         *slog.Logger
	description *api.Description
}

// New makes a Service.
func New(c Config) *Service {
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return &Service{store: c.Store, rand: c.Rand, region: c.Region, log: c.Log, description: Description()}
}

// Description is what the service says of itself.
func Description() *api.Description {
	return &api.Description{
		Name: "secretsmanager", Title: "Secrets Manager", Protocol: wire.JSON{},
		Hosts: []string{"secretsmanager", "secretsmanager-fips"}, Targets: []string{"secretsmanager"},
		Actions:  api.ActionNames(actions, unsupported...),
		Internal: *wire.Errorf(http.StatusInternalServerError, "InternalServiceError", "An internal error occurred."),
		Records: &api.Records{
			Source: "secretsmanager.amazonaws.com", Dates: "Jan 2, 2006 3:04:05 PM", ErrorCode: api.DeniedAsAccessDenied,
		},
	}
}

// Describe says what the service is.
func (s *Service) Describe() *api.Description { return s.description }

// action answers one call; its error is an *api.Refusal, a *wire.Error or
// the emulator's own.
type action func(*Service, *api.Request) (any, error)

// Keep the list sorted by name.
var actions = map[string]action{
	"BatchGetSecretValue":      (*Service).batchGetSecretValue,
	"CreateSecret":             (*Service).createSecret,
	"DeleteResourcePolicy":     (*Service).deleteResourcePolicy,
	"DeleteSecret":             (*Service).deleteSecret,
	"DescribeSecret":           (*Service).describeSecret,
	"GetRandomPassword":        (*Service).getRandomPassword,
	"GetResourcePolicy":        (*Service).getResourcePolicy,
	"GetSecretValue":           (*Service).getSecretValue,
	"ListSecretVersionIds":     (*Service).listSecretVersionIDs,
	"ListSecrets":              (*Service).listSecrets,
	"PutResourcePolicy":        (*Service).putResourcePolicy,
	"PutSecretValue":           (*Service).putSecretValue,
	"RestoreSecret":            (*Service).restoreSecret,
	"TagResource":              (*Service).tagResource,
	"UntagResource":            (*Service).untagResource,
	"UpdateSecret":             (*Service).updateSecret,
	"UpdateSecretVersionStage": (*Service).updateSecretVersionStage,
	"ValidateResourcePolicy":   (*Service).validateResourcePolicy,
}

// Keep the list sorted.
var unsupported = []string{
	"CancelRotateSecret",
	"RemoveRegionsFromReplication",
	"ReplicateSecretToRegions",
	"RotateSecret",
	"StopReplicationToReplica",
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
