package secretsmanager

import (
	"errors"
	"strconv"
	"time"

	"github.com/irsa-emu/irsa-emu/api"
	"github.com/irsa-emu/irsa-emu/policy"
	"github.com/irsa-emu/irsa-emu/state"
	"github.com/irsa-emu/irsa-emu/wire"
)

type deleteSecretInput struct {
	SecretId                   string `wire:"required,min=1,max=2048"`
	RecoveryWindowInDays       *int64
	ForceDeleteWithoutRecovery bool
}

type deleteSecretOutput struct {
	ARN          string
	Name         string
	DeletionDate wire.Time
}

func (s *Service) deleteSecret(req *api.Request) (any, error) {
	var in deleteSecretInput
	if err := req.DecodeJSON(&in); err != nil {
		return nil, err
	}
	window := int64(30)
	keys := policy.Context{}
	keys.Set("secretsmanager:ForceDeleteWithoutRecovery", strconv.FormatBool(in.ForceDeleteWithoutRecovery))
	if in.RecoveryWindowInDays != nil {
		window = *in.RecoveryWindowInDays
		keys.Set("secretsmanager:RecoveryWindowInDays", strconv.FormatInt(window, 10))
	}
	switch {
	case window < 7 || window > 30:
		return nil, invalidParameter("The RecoveryWindowInDays value must be between 7 and 30 days (inclusive).")
	case in.ForceDeleteWithoutRecovery && in.RecoveryWindowInDays != nil:
		return nil, invalidParameter("You can't use ForceDeleteWithoutRecovery in conjunction with RecoveryWindowInDays.")
	}
	secret, err := s.open(req, in.SecretId, keys)
	missing := isNotFound(err)
	switch {
	case err != nil && !missing:
		return nil, err
	case missing && !in.ForceDeleteWithoutRecovery:
		return nil, err
	case missing:
		return s.deletedNothing(req, in.SecretId)
	case in.ForceDeleteWithoutRecovery:
		err := s.store.Update(req.HTTP.Context(), func(tx *state.Txn) error {
			tx.Delete(secret)
			return nil
		})
		return deleteSecretOutput{secret.ARN(), secret.Name, wire.At(req.Now)}, err
	}
	changed, err := s.change(req.HTTP.Context(), secret, func(secret *Secret) error {
		if !secret.Deleted.IsZero() {
			return markedForDeletion()
		}
		secret.Deleted = req.Now.Add(time.Duration(window) * 24 * time.Hour)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return deleteSecretOutput{changed.ARN(), changed.Name, wire.At(changed.Deleted)}, nil
}

// deletedNothing answers a forced deletion of a secret that does not exist as
// if it had existed. Recorded on AWS.
func (s *Service) deletedNothing(req *api.Request, id string) (any, error) {
	p, err := locate(id, req.Principal.Account, req.Region)
	if err != nil {
		return nil, err
	}
	if p.suffix == "" {
		if p.suffix, err = s.randomString(6, alphanumeric); err != nil {
			return nil, err
		}
	}
	return deleteSecretOutput{arnOf(p.account, p.region, p.name) + "-" + p.suffix, p.name, wire.At(req.Now)}, nil
}

func isNotFound(err error) bool {
	var f *api.Refusal
	return errors.As(err, &f) && f.Wire.Code == "ResourceNotFoundException"
}

func (s *Service) restoreSecret(req *api.Request) (any, error) {
	var in secretID
	if err := req.DecodeJSON(&in); err != nil {
		return nil, err
	}
	secret, err := s.open(req, in.SecretId, nil)
	if err != nil {
		return nil, err
	}
	changed, err := s.change(req.HTTP.Context(), secret, func(secret *Secret) error {
		secret.Deleted = time.Time{}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return written{ARN: changed.ARN(), Name: changed.Name}, nil
}
