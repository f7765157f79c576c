package secretsmanager

import (
	"slices"

	"github.com/irsa-emu/irsa-emu/api"
	"github.com/irsa-emu/irsa-emu/policy"
	"github.com/irsa-emu/irsa-emu/services/kms"
	"github.com/irsa-emu/irsa-emu/wire"
)

type listSecretVersionIDsInput struct {
	SecretId          string `wire:"required,min=1,max=2048"`
	MaxResults        *int   `wire:"min=1,max=100"`
	NextToken         string `wire:"min=1,max=4096"`
	IncludeDeprecated bool
}

type listSecretVersionIDsOutput struct {
	ARN       string
	Name      string
	Versions  []versionEntry
	NextToken string `json:",omitempty"`
}

type versionEntry struct {
	VersionId        string
	VersionStages    []string  `json:",omitempty"`
	LastAccessedDate wire.Time `json:",omitzero"`
	CreatedDate      wire.Time
	KmsKeyIds        []string
}

func (s *Service) listSecretVersionIDs(req *api.Request) (any, error) {
	var in listSecretVersionIDsInput
	if err := req.DecodeJSON(&in); err != nil {
		return nil, err
	}
	secret, err := s.open(req, in.SecretId, nil)
	if err != nil {
		return nil, err
	}
	versions := []versionEntry{}
	for _, v := range secret.Versions {
		if len(v.Stages) == 0 && !in.IncludeDeprecated {
			continue
		}
		versions = append(versions, versionEntry{v.ID, v.Stages, wire.At(v.Accessed), wire.At(v.Created), secret.shownKeys(&v)})
	}
	limit := 100
	if in.MaxResults != nil {
		limit = *in.MaxResults
	}
	page, next, err := paginate(versions, in.NextToken, limit)
	if err != nil {
		return nil, err
	}
	return listSecretVersionIDsOutput{secret.ARN(), secret.Name, page, next}, nil
}

// shownKeys are the keys of a version as they are listed. Recorded on AWS of the
// default key.
func (s *Secret) shownKeys(v *Version) []string {
	keys := slices.Clone(s.keysOf(v))
	for i := range keys {
		if kms.IsManaged(keys[i], "secretsmanager") {
			keys[i] = "DefaultEncryptionKey"
		}
	}
	return keys
}

type updateSecretVersionStageInput struct {
	SecretId            string `wire:"required,min=1,max=2048"`
	VersionStage        string `wire:"required,min=1,max=256"`
	RemoveFromVersionId string `wire:"min=32,max=64"`
	MoveToVersionId     string `wire:"min=32,max=64"`
}

func (s *Service) updateSecretVersionStage(req *api.Request) (any, error) {
	var in updateSecretVersionStageInput
	if err := req.DecodeJSON(&in); err != nil {
		return nil, err
	}
	keys := policy.Context{}
	keys.Set("secretsmanager:VersionStage", in.VersionStage)
	secret, err := s.open(req, in.SecretId, keys)
	if err != nil {
		return nil, err
	}
	changed, err := s.change(req.HTTP.Context(), secret, func(secret *Secret) error {
		if err := secret.moveStage(&in); err != nil {
			return err
		}
		secret.Changed = req.Now
		return nil
	})
	if err != nil {
		return nil, err
	}
	return written{ARN: changed.ARN(), Name: changed.Name}, nil
}

// moveStage checks and does what the call asks for.
func (s *Secret) moveStage(in *updateSecretVersionStageInput) error {
	if !s.Deleted.IsZero() {
		return markedForDeletion()
	}
	to := -1
	if in.MoveToVersionId != "" {
		if to = s.version(in.MoveToVersionId); to < 0 {
			return valueNotFound("VersionId", in.MoveToVersionId)
		}
	}
	if in.RemoveFromVersionId != "" && s.version(in.RemoveFromVersionId) < 0 {
		return valueNotFound("VersionId", in.RemoveFromVersionId)
	}
	holder := s.staged(in.VersionStage)
	switch {
	case to < 0 && in.RemoveFromVersionId == "":
		return invalidParameter("You must specify at least one of RemoveFromVersionId and MoveToVersionId.")
	case to < 0 && in.VersionStage == current:
		// The apostrophe is AWS's (quoted in terraform-provider-aws).
		return invalidParameter("You can only move staging label AWSCURRENT to a different secret version. It can’t be completely removed.")
	case holder >= 0 && holder != to && in.RemoveFromVersionId == "":
		// Recorded on AWS.
		return invalidParameter("The parameter RemoveFromVersionId can't be empty. Staging label %s is currently attached to version %s, so you must explicitly reference that version in RemoveFromVersionId.",
			in.VersionStage, s.Versions[holder].ID)
	case in.RemoveFromVersionId != "" && (holder < 0 || s.Versions[holder].ID != in.RemoveFromVersionId):
		return invalidParameter("The parameter RemoveFromVersionId isn't valid. Staging label %s isn't currently attached to version %s.",
			in.VersionStage, in.RemoveFromVersionId)
	}
	if holder < 0 && to < 0 {
		return nil
	}
	s.move(in.VersionStage, to)
	return nil
}
