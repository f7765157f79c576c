package statefile

import (
	"strings"
	"time"

	"github.com/irsa-emu/irsa-emu/lazyregexp"
	"github.com/irsa-emu/irsa-emu/statefile/strictyaml"
)

var kmsKeySection = &Section[KMSKey]{
	Name: "kmsKeys", Title: "KMS key", Identity: func(k KMSKey) string { return k.Region + "/" + k.identity() },
	Region: func(k *KMSKey) *string { return &k.Region }, Check: checkKMSKey,
	field: func(a *Account) *[]KMSKey { return &a.KMSKeys },
}

// KMSKey is a key of the customer's in AWS KMS: who may use it, and no key material.
type KMSKey struct {
	ID          string   `json:"id,omitempty" jsonschema_description:"The key ID, which is what the ARN has after key/, such as 1234abcd-12ab-34cd-56ef-1234567890ab; made from the first alias when left out."`
	Region      string   `json:"region,omitempty" jsonschema_description:"AWS region; the emulator's own when left out."`
	Aliases     []string `json:"aliases,omitempty" jsonschema_description:"Names of the key, each with alias/ before it."`
	Description string   `json:"description,omitempty"`
	Policy      Document `json:"policy,omitzero" jsonschema_description:"Key policy: IAM JSON, inline or {file: key-policy.json}. When left out it is AWS's default, which lets the account's IAM policies decide."`
	// State is that of DescribeKey.
	State        string            `json:"state,omitempty" jsonschema:"enum=Enabled,enum=Disabled,enum=PendingDeletion" jsonschema_description:"Enabled when left out."`
	DeletionDate time.Time         `json:"deletionDate,omitzero" jsonschema_description:"When a key that is pending deletion will be gone."`
	MultiRegion  bool              `json:"multiRegion,omitempty"`
	Rotation     bool              `json:"rotation,omitempty" jsonschema_description:"Whether automatic rotation is on."`
	Created      time.Time         `json:"created,omitzero"`
	Tags         map[string]string `json:"tags,omitempty"`
	Written
}

// identity is the ID, or the alias that stands for it.
func (k *KMSKey) identity() string {
	if k.ID == "" && len(k.Aliases) > 0 {
		return k.Aliases[0]
	}
	return k.ID
}

// What IDs and aliases are made of (API reference, CreateAlias; the patterns of
// KeyId in other services' models). A pattern that counts to 250 takes half a
// millisecond of each start.
var (
	kmsKeyIDPattern = lazyregexp.New(`^[A-Za-z0-9-]+$`)
	kmsAliasPattern = lazyregexp.New(`^alias/[A-Za-z0-9/_-]+$`)
)

// isKMSKeyID says whether a text can be the ID of a key.
func isKMSKeyID(id string) bool { return len(id) <= 128 && kmsKeyIDPattern.MatchString(id) }

// IsKMSAlias says whether a text can be the name of an alias.
func IsKMSAlias(name string) bool { return len(name) <= 256 && kmsAliasPattern.MatchString(name) }

func checkKMSKey(c *Check, at string, k *KMSKey) {
	v := c.v
	v.optional(at+".id", k.ID, isKMSKeyID, "what the key's ARN has after key/: letters, digits and hyphens")
	if k.ID == "" && len(k.Aliases) == 0 {
		v.errorf(at, "a key without a name; write its id, or an alias under aliases")
	}
	for i, alias := range k.Aliases {
		at := strictyaml.Index(at+".aliases", i)
		switch {
		case strings.HasPrefix(alias, "alias/aws/"):
			v.errorf(at, "%q; the names below alias/aws/ are AWS's own keys, which are there anyway", alias)
		case !IsKMSAlias(alias):
			v.errorf(at, "%q; write alias/ and a name of letters, digits and /_-", alias)
		}
	}
	switch k.State {
	case "", "Enabled", "Disabled", "PendingDeletion":
	default:
		v.errorf(at+".state", "%q; write Enabled, Disabled or PendingDeletion", k.State)
	}
	if !k.DeletionDate.IsZero() && k.State != "PendingDeletion" {
		v.errorf(at+".deletionDate", "a date for a key that is not to be deleted; write state: PendingDeletion as well")
	}
	v.resourcePolicy(at+".policy", k.Policy)
}
