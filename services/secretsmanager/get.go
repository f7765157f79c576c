package secretsmanager

import (
	"slices"
	"time"

	"github.com/irsa-emu/irsa-emu/api"
	"github.com/irsa-emu/irsa-emu/policy"
	"github.com/irsa-emu/irsa-emu/wire"
)

type getSecretValueInput struct {
	SecretId     string `wire:"required,min=1,max=2048"`
	VersionId    string `wire:"min=32,max=64"`
	VersionStage string `wire:"min=1,max=256"`
}

type secretValue struct {
	ARN           string
	Name          string
	VersionId     string
	SecretString  *string   `json:",omitempty" wire:"secret"`
	SecretBinary  []byte    `json:",omitempty" wire:"secret"`
	VersionStages []string  `json:",omitempty"`
	CreatedDate   wire.Time `json:",omitzero"`
}

func (s *Service) getSecretValue(req *api.Request) (any, error) {
	var in getSecretValueInput
	if err := req.DecodeJSON(&in); err != nil {
		return nil, err
	}
	secret, err := s.open(req, in.SecretId, in.keys())
	if err != nil {
		return nil, err
	}
	return s.read(req, secret, in)
}

// keys are the condition keys of a read. A call that names no version asks for
// AWSCURRENT, and policies limit reads to that label with
// ForAnyValue:StringEquals (permission examples of the user guide).
func (in *getSecretValueInput) keys() policy.Context {
	keys := policy.Context{}
	setIfGiven(keys, "secretsmanager:VersionId", in.VersionId)
	stage := in.VersionStage
	if stage == "" && in.VersionId == "" {
		stage = current
	}
	setIfGiven(keys, "secretsmanager:VersionStage", stage)
	return keys
}

// read gives the value of a version once the caller may have it.
func (s *Service) read(req *api.Request, secret *Secret, in getSecretValueInput) (*secretValue, error) {
	if !secret.Deleted.IsZero() {
		return nil, markedForDeletion()
	}
	if err := checkKey(req, secret); err != nil {
		return nil, err
	}
	at, err := secret.choose(in.VersionId, in.VersionStage)
	if err != nil {
		return nil, err
	}
	if err := secret.decrypt(req, &secret.Versions[at]); err != nil {
		return nil, err
	}
	s.noteAccess(req, secret, secret.Versions[at].ID)
	v := secret.Versions[at]
	return &secretValue{
		ARN: secret.ARN(), Name: secret.Name, VersionId: v.ID, SecretString: v.String, SecretBinary: v.Binary,
		VersionStages: v.Stages, CreatedDate: wire.At(v.Created),
	}, nil
}

// checkKey refuses the value to another account when the secret has the
// default key, which only its own account can use. Recorded on AWS.
func checkKey(req *api.Request, secret *Secret) error {
	if secret.Account != req.Principal.Account && !secret.ownKey() {
		return invalidRequest("You can't access a secret from a different AWS account if you encrypt the secret with the default KMS service key.").
			WithHint("give the secret a KMS key of its own account's: KmsKeyId, or kmsKeyId in a State document")
	}
	return nil
}

// choose finds the version that a call asks for; AWSCURRENT when it says nothing.
func (s *Secret) choose(id, stage string) (int, error) {
	if id == "" {
		if stage == "" {
			stage = current
		}
		at := s.staged(stage)
		if at < 0 {
			return 0, valueNotFound("staging label", stage)
		}
		return at, nil
	}
	at := s.version(id)
	if at < 0 {
		return 0, valueNotFound("VersionId", id)
	}
	if stage != "" && !slices.Contains(s.Versions[at].Stages, stage) {
		return 0, invalidRequest("You provided a VersionStage that is not associated to the provided VersionId.")
	}
	return at, nil
}

// noteAccess keeps the day of the last access. AWS keeps no more than the day,
// so that a secret is written once a day however often it is read. A read is
// answered even while the store takes no writes.
func (s *Service) noteAccess(req *api.Request, secret *Secret, versionID string) {
	day := req.Now.UTC().Truncate(24 * time.Hour)
	at := secret.version(versionID)
	if secret.Accessed.Equal(day) && secret.Versions[at].Accessed.Equal(day) {
		return
	}
	_, err := s.change(req.HTTP.Context(), secret, func(newest *Secret) error {
		newest.Accessed = day
		if at := newest.version(versionID); at >= 0 {
			newest.Versions[at].Accessed = day
		}
		return nil
	})
	if err != nil {
		s.log.Warn("secretsmanager: the day of the last access was not kept", "requestId", req.ID, "secret", secret.ARN(), "err", err)
	}
}
