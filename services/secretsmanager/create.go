package secretsmanager

import (
	"fmt"
	"io"
	"maps"
	"net/http"
	"time"
	"unicode/utf8"

	"github.com/irsa-emu/irsa-emu/api"
	"github.com/irsa-emu/irsa-emu/aws"
	"github.com/irsa-emu/irsa-emu/policy"
	"github.com/irsa-emu/irsa-emu/services"
	"github.com/irsa-emu/irsa-emu/state"
)

// value is the value that a call brings: text, bytes or nothing. It is checked
// by decodeValue rather than by tags, so that no message prints it.
type value struct {
	ClientRequestToken string  `wire:"min=32,max=64"`
	SecretString       *string `wire:"secret"`
	SecretBinary       []byte  `wire:"secret"`
}

func (v *value) lengths() error {
	what, length := "secretString", 0
	switch {
	case v.SecretString != nil:
		length = utf8.RuneCountInString(*v.SecretString)
	case v.SecretBinary != nil:
		what, length = "secretBinary", len(v.SecretBinary)
	default:
		return nil
	}
	constraint := ""
	switch {
	case length < 1:
		constraint = "greater than or equal to 1"
	case length > 65536:
		constraint = "less than or equal to 65536"
	default:
		return nil
	}
	return api.Fail(http.StatusBadRequest, "ValidationException",
		"1 validation error detected: Value at '%s' failed to satisfy constraint: Member must have length %s", what, constraint)
}

// decodeValue reads the input of a call that may bring a value.
func decodeValue(req *api.Request, in interface{ lengths() error }) error {
	if err := req.DecodeJSON(in); err != nil {
		return err
	}
	return in.lengths()
}

func (v *value) given() bool { return v.SecretString != nil || v.SecretBinary != nil }

func (v *value) check() error {
	if v.SecretString != nil && v.SecretBinary != nil {
		return invalidParameter("You can't specify both a binary secret value and a string secret value in the same secret.")
	}
	return nil
}

func (v *value) version(now time.Time) Version {
	return Version{ID: v.ClientRequestToken, String: v.SecretString, Binary: v.SecretBinary, Created: now}
}

// written is the answer of the actions that change a secret.
type written struct {
	ARN           string
	Name          string
	VersionId     string   `json:",omitempty"`
	VersionStages []string `json:",omitempty"`
}

type createSecretInput struct {
	value
	Name              string `wire:"required,min=1,max=512"`
	Description       string `wire:"max=2048"`
	KmsKeyId          string `wire:"max=2048"`
	Tags              []aws.Tag
	Type              string `wire:"max=256"`
	AddReplicaRegions []struct {
		Region, KmsKeyId string
	}
}

func (s *Service) createSecret(req *api.Request) (any, error) {
	var in createSecretInput
	if err := decodeValue(req, &in); err != nil {
		return nil, err
	}
	if !nameChars.MatchString(in.Name) {
		return nil, invalidName()
	}
	if in.ClientRequestToken == "" {
		return nil, noToken()
	}
	suffix, err := s.randomString(6, alphanumeric)
	if err != nil {
		return nil, err
	}
	secret := &Secret{
		Account: req.Principal.Account, Region: req.Region, Name: in.Name, Suffix: suffix,
		Description: in.Description, KMSKeyID: in.KmsKeyId, Type: in.Type, Tags: in.Tags, Created: req.Now, Changed: req.Now,
	}
	keys := policy.Context{}
	keys.Set("secretsmanager:Name", in.Name)
	setIfGiven(keys, "secretsmanager:Description", in.Description)
	setIfGiven(keys, "secretsmanager:KmsKeyId", in.KmsKeyId)
	services.RequestTagKeys(keys, in.Tags)
	// Seen on AWS: creation is held against the ARN with the new suffix
	// (iann0036/iam-dataset#22), and a policy for "…:secret:NAME" does not allow it.
	p := place{account: secret.Account, region: secret.Region, name: secret.Name, arn: secret.ARN()}
	if err := authorize(req, "secretsmanager:CreateSecret", in.Name, p, nil, keys); err != nil {
		return nil, err
	}
	if len(in.Tags) > 0 { // API reference, CreateSecret, "Required permissions"
		if err := authorize(req, "secretsmanager:TagResource", in.Name, p, nil, maps.Clone(keys)); err != nil {
			return nil, err
		}
	}
	if len(in.AddReplicaRegions) > 0 {
		return nil, api.Unsupported("secretsmanager", "CreateSecret with AddReplicaRegions")
	}
	if err := in.check(); err != nil {
		return nil, err
	}
	if err := checkTags(in.Tags); err != nil {
		return nil, err
	}
	if in.KmsKeyId != "" {
		if err := secret.validateKey(req, in.KmsKeyId); err != nil {
			return nil, err
		}
	}
	if in.given() {
		v := in.version(req.Now)
		if v.Keys, err = secret.encrypt(req, in.KmsKeyId, v.ID); err != nil {
			return nil, err
		}
		secret.add(v, []string{current})
	}
	var kept *Secret
	err = s.store.Update(req.HTTP.Context(), func(tx *state.Txn) error {
		kept = secret
		old, exists := state.Get[*Secret](tx, secret.StateKey())
		if !exists || old.gone(req.Now) {
			tx.Put(secret)
			return nil
		}
		kept = old
		return old.createdAgain(&in)
	})
	if err != nil {
		return nil, err
	}
	out := written{ARN: kept.ARN(), Name: kept.Name}
	if in.given() {
		out.VersionId = in.ClientRequestToken
	}
	return out, nil
}

// createdAgain says how the creation of a secret ends that exists: well when
// it is the same call again. Recorded on AWS.
func (s *Secret) createdAgain(in *createSecretInput) error {
	if !s.Deleted.IsZero() {
		return invalidRequest("You can't create this secret because a secret with this name is already scheduled for deletion.")
	}
	if at := s.version(in.ClientRequestToken); at >= 0 && in.given() {
		if s.Versions[at].sameValue(in.SecretString, in.SecretBinary) {
			return nil
		}
		return tokenInUse(in.ClientRequestToken, s)
	}
	return api.Fail(http.StatusBadRequest, "ResourceExistsException", "The operation failed because the secret %s already exists.", s.Name)
}

func setIfGiven(keys policy.Context, key, value string) {
	if value != "" {
		keys.Set(key, value)
	}
}

const alphanumeric = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"

// randomString draws n characters, each of the alphabet equally likely.
func (s *Service) randomString(n int, alphabet string) (string, error) {
	text := make([]byte, n)
	for i := range text {
		at, err := s.random(len(alphabet))
		if err != nil {
			return "", err
		}
		text[i] = alphabet[at]
	}
	return string(text), nil
}

// random draws a number below n, which is at most 256.
func (s *Service) random(n int) (int, error) {
	limit := 256 - 256%n // a byte from here on would favour the small numbers
	var b [1]byte
	for {
		if _, err := io.ReadFull(s.rand, b[:]); err != nil {
			return 0, fmt.Errorf("secretsmanager: drawing a random number: %w", err)
		}
		if int(b[0]) < limit {
			return int(b[0]) % n, nil
		}
	}
}
