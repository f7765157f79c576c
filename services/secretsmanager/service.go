// Package secretsmanager is AWS Secrets Manager as far as a role's rights can
// be shown with it: secrets with versions and staging labels, tags, resource
// policies, deletion with a recovery window. Every call is held against the
// caller's policies and the secret's own before it does anything.
//
// There is no encryption, rotation or replication here: a KMS key is a name
// that is kept, and the actions of the others answer NotImplemented.
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
	"github.com/irsa-emu/irsa-emu/services"
	"github.com/irsa-emu/irsa-emu/state"
	"github.com/irsa-emu/irsa-emu/wire"
)

// Config is what a Service needs.
type Config struct {
	// Store keeps the secrets; it was opened with Kinds.
	Store *state.Store
	// Rand makes ARN suffixes, version ids and passwords: crypto/rand.Reader, or something repeatable in tests.
	Rand io.Reader
	// Log takes what no caller can be told; nil discards it.
	Log *slog.Logger
}

// Service answers the calls of Secrets Manager.
type Service struct {
	store *state.Store
	rand  io.Reader
	log   *slog.Logger
}

// New makes a Service.
func New(c Config) *Service {
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return &Service{store: c.Store, rand: c.Rand, log: c.Log}
}

// action answers one call; its error is a *services.Failure, a *wire.Error or
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
var unsupported = map[string]bool{
	"CancelRotateSecret":           true,
	"RemoveRegionsFromReplication": true,
	"ReplicateSecretToRegions":     true,
	"RotateSecret":                 true,
	"StopReplicationToReplica":     true,
}

// ServeAWS answers one call that the dispatcher has routed and authenticated.
func (s *Service) ServeAWS(w http.ResponseWriter, req *api.Request) {
	result, err := s.answer(req)
	if err == nil {
		wire.WriteJSON(w, req.Call, result)
		return
	}
	f := services.AsFailure(err, "InternalServiceError")
	if f.Cause != nil {
		s.log.Error("secretsmanager: call failed", "action", req.Action, "requestId", req.ID, "err", f.Cause)
	}
	services.Record(req, f)
	wire.WriteJSONError(w, req.Call, f.Wire)
}

// HasAction says whether Secrets Manager has an action of that name, served here or not.
func (s *Service) HasAction(name string) bool {
	_, served := actions[name]
	return served || unsupported[name]
}

func (s *Service) answer(req *api.Request) (any, error) {
	if req.Principal == nil {
		return nil, wire.MissingAuthentication().JSON()
	}
	if unsupported[req.Action] {
		return nil, services.Unsupported("secretsmanager", req.Action)
	}
	do, ok := actions[req.Action]
	if !ok {
		// What awsJson 1.1 services answer to a target that they do not have.
		return nil, services.Fail(http.StatusBadRequest, "UnknownOperationException", "")
	}
	return do(s, req)
}
