package secretsmanager

import (
	"slices"

	"github.com/irsa-emu/irsa-emu/api"
	"github.com/irsa-emu/irsa-emu/policy"
)

type putSecretValueInput struct {
	value
	SecretId      string   `wire:"required,min=1,max=2048"`
	VersionStages []string `wire:"min=1,max=20"`
	RotationToken string
}

func (s *Service) putSecretValue(req *api.Request) (any, error) {
	var in putSecretValueInput
	if err := decodeValue(req, &in); err != nil {
		return nil, err
	}
	switch { // before the secret is looked for: recorded on AWS with a secret that does not exist
	case in.ClientRequestToken == "":
		return nil, noToken()
	case !in.given():
		return nil, invalidRequest("You must provide either SecretString or SecretBinary.")
	}
	keys := policy.Context{}
	if len(in.VersionStages) > 0 {
		keys.SetMulti("secretsmanager:VersionStage", in.VersionStages)
	}
	secret, err := s.open(req, in.SecretId, keys)
	if err != nil {
		return nil, err
	}
	if in.RotationToken != "" {
		return nil, api.Unsupported("secretsmanager", "PutSecretValue with RotationToken")
	}
	if err := in.check(); err != nil {
		return nil, err
	}
	if err := checkKey(req, secret); err != nil {
		return nil, err
	}
	stages := in.VersionStages
	if len(stages) == 0 {
		stages = []string{current}
	}
	under, err := secret.write(req, &in.value, secret.KMSKeyID)
	if err != nil {
		return nil, err
	}
	changed, err := s.change(req.HTTP.Context(), secret, func(secret *Secret) error {
		return secret.put(&in.value, under, stages, req)
	})
	if err != nil {
		return nil, err
	}
	v := changed.Versions[changed.version(in.ClientRequestToken)]
	return written{ARN: changed.ARN(), Name: changed.Name, VersionId: v.ID, VersionStages: v.Stages}, nil
}

// write asks for the key under which a new value is written. Where the token is that
// of a version, AWS compares the two values, for which it decrypts the old one.
func (s *Secret) write(req *api.Request, v *value, key string) (keys []string, err error) {
	if !s.Deleted.IsZero() {
		return nil, markedForDeletion()
	}
	if at := s.version(v.ClientRequestToken); at >= 0 {
		return nil, s.decrypt(req, &s.Versions[at])
	}
	return s.encrypt(req, key, v.ClientRequestToken)
}

// put adds a version under the keys. The same token with the same value is the same call
// again, and changes nothing; with another value it is refused.
func (s *Secret) put(v *value, keys, stages []string, req *api.Request) error {
	if !s.Deleted.IsZero() {
		return markedForDeletion()
	}
	if at := s.version(v.ClientRequestToken); at >= 0 {
		if s.Versions[at].sameValue(v.SecretString, v.SecretBinary) {
			return nil
		}
		return tokenInUse(v.ClientRequestToken, s)
	}
	if len(s.Versions) == 0 && !slices.Contains(stages, current) {
		// The first version is the current one whatever was asked for (API reference).
		stages = append(slices.Clone(stages), current)
	}
	version := v.version(req.Now)
	version.Keys = keys
	s.add(version, stages)
	s.Changed = req.Now
	return nil
}

type updateSecretInput struct {
	value
	SecretId    string  `wire:"required,min=1,max=2048"`
	Description *string `wire:"max=2048"`
	KmsKeyId    *string `wire:"max=2048"`
	Type        *string `wire:"max=256"`
}

func (s *Service) updateSecret(req *api.Request) (any, error) {
	var in updateSecretInput
	if err := decodeValue(req, &in); err != nil {
		return nil, err
	}
	if in.given() && in.ClientRequestToken == "" {
		return nil, noToken()
	}
	keys := policy.Context{}
	if in.Description != nil {
		keys.Set("secretsmanager:Description", *in.Description)
	}
	if in.KmsKeyId != nil {
		keys.Set("secretsmanager:KmsKeyId", *in.KmsKeyId)
	}
	secret, err := s.open(req, in.SecretId, keys)
	if err != nil {
		return nil, err
	}
	if err := in.check(); err != nil {
		return nil, err
	}
	if in.given() {
		if err := checkKey(req, secret); err != nil {
			return nil, err
		}
	}
	rewrite, err := secret.update(req, &in)
	if err != nil {
		return nil, err
	}
	changed, err := s.change(req.HTTP.Context(), secret, func(secret *Secret) error {
		if !secret.Deleted.IsZero() {
			return markedForDeletion()
		}
		setIfPresent(&secret.Description, in.Description)
		setIfPresent(&secret.KMSKeyID, in.KmsKeyId)
		setIfPresent(&secret.Type, in.Type)
		secret.Changed = req.Now
		for i := range secret.Versions {
			if keys, ok := rewrite.versions[secret.Versions[i].ID]; ok {
				secret.Versions[i].Keys = keys
			}
		}
		if in.given() {
			return secret.put(&in.value, rewrite.value, []string{current}, req)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	out := written{ARN: changed.ARN(), Name: changed.Name}
	if in.given() {
		out.VersionId = in.ClientRequestToken
	}
	return out, nil
}

// keysAfter are the keys of a secret's values after an update: of the new one, and
// of the versions that were there, by their IDs.
type keysAfter struct {
	value    []string
	versions map[string][]string
}

// update asks for the keys of an update, once what it changes is allowed.
func (s *Secret) update(req *api.Request, in *updateSecretInput) (after keysAfter, err error) {
	if !s.Deleted.IsZero() {
		return after, markedForDeletion()
	}
	key := s.KMSKeyID
	if in.KmsKeyId != nil && *in.KmsKeyId != key {
		key = *in.KmsKeyId
		if err := s.validateKey(req, key); err != nil {
			return after, err
		}
		after.versions = s.encryptedAgain(req, key)
	}
	if in.given() {
		after.value, err = s.write(req, &in.value, key)
	}
	return after, err
}

func setIfPresent(to, from *string) {
	if from != nil {
		*to = *from
	}
}
