package secretsmanager

import (
	"net/http"
	"slices"

	"github.com/irsa-emu/irsa-emu/api"
	"github.com/irsa-emu/irsa-emu/services/kms"
	"github.com/irsa-emu/irsa-emu/wire"
)

// Nothing is encrypted here. What is kept is the keys that a version would be under,
// and they are asked for whenever AWS asks for them (user guide, "Secret encryption
// and decryption in AWS Secrets Manager").

// validation is in the place of a version where the key of a secret is set or
// changed: whether the caller may use it is found out, and nothing encrypted.
const validation = "RequestToValidateKeyAccess"

func (s *Secret) use(action, key, versionID string) kms.Use {
	if kms.IsManaged(key, "secretsmanager") {
		key = "" // of the secret's own account, however it is named
	}
	return kms.Use{
		Service: "secretsmanager", Action: action, Key: key, Account: s.Account, Region: s.Region,
		Context: map[string]string{"SecretARN": s.ARN(), "SecretVersionId": versionID},
	}
}

// encrypt asks for the key under which a version is written, and gives what the
// version keeps of it.
func (s *Secret) encrypt(req *api.Request, key, versionID string) ([]string, error) {
	arn, f := s.use("GenerateDataKey", key, versionID).Authorize(req)
	switch {
	case f != nil:
		return nil, cannotUse(f, "EncryptionFailure", "encrypt")
	case kms.IsManaged(key, "secretsmanager"):
		return []string{""}, nil
	}
	return []string{arn}, nil
}

// decrypt asks for one of the keys that a version is under: after the key of a
// secret was changed, either of the two will do.
func (s *Secret) decrypt(req *api.Request, v *Version) error {
	var first error
	for _, key := range s.keysOf(v) {
		_, f := s.use("Decrypt", key, v.ID).Authorize(req)
		if f == nil {
			return nil
		}
		if first == nil {
			first = cannotUse(f, "DecryptionFailure", "decrypt")
		}
	}
	return first
}

// keysOf are the keys that a version is under, the newest first.
func (s *Secret) keysOf(v *Version) []string {
	if len(v.Keys) > 0 {
		return v.Keys
	}
	return []string{s.KMSKeyID}
}

// validateKey finds out whether the caller may use the key that a secret gets.
func (s *Secret) validateKey(req *api.Request, key string) error {
	if _, err := s.encrypt(req, key, validation); err != nil {
		return err
	}
	if _, f := s.use("Decrypt", key, validation).Authorize(req); f != nil {
		return cannotUse(f, "DecryptionFailure", "decrypt")
	}
	return nil
}

// encryptedAgain are the keys of the versions, by their IDs, after the secret got
// another: those with one of AWS's labels are put under it as well, if the caller
// may use both keys. Otherwise they stay as they
// are, and the call succeeds all the same (API reference, UpdateSecret, KmsKeyId;
// user guide, "Change the encryption key").
func (s *Secret) encryptedAgain(req *api.Request, key string) map[string][]string {
	under := map[string][]string{}
	for i := range s.Versions {
		v := &s.Versions[i]
		under[v.ID] = s.keysOf(v)
		labelled := slices.ContainsFunc(v.Stages, func(stage string) bool { return stage == current || stage == previous || stage == pending })
		if !labelled || s.decrypt(req, v) != nil {
			continue
		}
		arn, f := s.use("Encrypt", key, v.ID).Authorize(req)
		if f != nil {
			continue
		}
		if kms.IsManaged(key, "secretsmanager") {
			arn = ""
		}
		under[v.ID] = append([]string{arn}, slices.DeleteFunc(slices.Clone(under[v.ID]), func(k string) bool { return k == arn })...)
	}
	return under
}

// cannotUse words why a key cannot be used. What AWS says where policies are why is
// in countless issues, such as external-secrets/external-secrets#390; of a disabled
// key see recorded 11a.
func cannotUse(f *kms.Failure, code, verb string) error {
	if f.Denied() {
		return f.Refusal(wire.Errorf(http.StatusBadRequest, "AccessDeniedException", "Access to KMS is not allowed"))
	}
	return f.Refusal(wire.Errorf(http.StatusBadRequest, code, "Secrets Manager can't %s the secret value: %s (Service: AWSKMS; Status Code: 400; Error Code: %s; Request ID: %s; Proxy: null)",
		verb, f.Message, f.Code, wire.NewRequestID()))
}
