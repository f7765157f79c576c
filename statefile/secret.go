package statefile

import (
	"time"

	"github.com/irsa-emu/irsa-emu/lazyregexp"
	"github.com/irsa-emu/irsa-emu/statefile/strictyaml"
)

var secretSection = &Section[Secret]{
	Name: "secrets", Title: "secret", Identity: func(s Secret) string { return s.Region + "/" + s.Name },
	Region: func(s *Secret) *string { return &s.Region }, Check: checkSecret,
	field: func(a *Account) *[]Secret { return &a.Secrets },
}

// Secret is a Secrets Manager secret: one value, or all its Versions.
type Secret struct {
	Name        string            `json:"name"`
	Region      string            `json:"region,omitempty" jsonschema_description:"AWS region; the emulator's own when left out."`
	Suffix      string            `json:"suffix,omitempty" jsonschema_description:"The six characters after the name in the ARN; made when left out."`
	Description string            `json:"description,omitempty"`
	KMSKeyID    string            `json:"kmsKeyId,omitempty" jsonschema_description:"Key ID, alias/NAME or ARN of a KMS key; AWS's own key for Secrets Manager when left out."`
	Value       *Text             `json:"value,omitempty" jsonschema_description:"The SecretString, inline or {file: secret.json}."`
	Binary      []byte            `json:"binary,omitempty" jsonschema_description:"The SecretBinary in base64, in place of value."`
	Versions    []SecretVersion   `json:"versions,omitempty" jsonschema_description:"All versions, oldest first, in place of value and binary."`
	Policy      Document          `json:"policy,omitzero" jsonschema_description:"Resource policy: IAM JSON, inline or {file: policy.json}."`
	Created     time.Time         `json:"created,omitzero"`
	Changed     time.Time         `json:"changed,omitzero"`
	Deleted     time.Time         `json:"deleted,omitzero" jsonschema_description:"When the secret will be gone, for one whose deletion is scheduled."`
	Tags        map[string]string `json:"tags,omitempty"`
	Written
}

// SecretVersion is one version of a secret's value.
type SecretVersion struct {
	ID      string    `json:"id" jsonschema_description:"VersionId, 32 to 64 characters."`
	Stages  []string  `json:"stages,omitempty" jsonschema_description:"Staging labels, such as AWSCURRENT."`
	Value   *Text     `json:"value,omitempty"`
	Binary  []byte    `json:"binary,omitempty" jsonschema_description:"Base64, in place of value."`
	Created time.Time `json:"created,omitzero"`
	// KMSKeyIDs are those of a version which is not under the secret's key alone.
	KMSKeyIDs []string `json:"kmsKeyIds,omitempty" jsonschema_description:"ARNs of the KMS keys that the version is under, any of which will do, where that is not the secret's alone; an empty one is AWS's own key."`
}

// Lengths are compared apart: a regular expression that counts to 512 is large.
var secretPattern = lazyregexp.New(`^[\w/+=.@-]+$`)

func isSecretName(s string) bool { return len(s) <= 512 && secretPattern.MatchString(s) }

func checkSecret(c *Check, at string, s *Secret) {
	v := c.v
	v.optional(at+".name", s.Name, isSecretName, "1 to 512 letters, digits and /_+=.@-")
	if n := len(s.Suffix); n != 0 && n != 6 {
		v.errorf(at+".suffix", "%q; write six characters", s.Suffix)
	}
	if n := count(s.Value != nil, s.Binary != nil, len(s.Versions) > 0); n > 1 {
		v.errorf(at, "write one of value, binary and versions")
	}
	seen := map[string]string{}
	for i, version := range s.Versions {
		at := strictyaml.Index(at+".versions", i)
		if count(version.Value != nil, version.Binary != nil) > 1 {
			v.errorf(at, "write one of value and binary")
		}
		for _, stage := range version.Stages {
			if other, twice := seen[stage]; twice {
				v.errorf(at+".stages", "the label %s is at version %s too; keep it at one", stage, other)
			}
			seen[stage] = version.ID
		}
	}
	v.resourcePolicy(at+".policy", s.Policy)
}
