package kms

import (
	"time"

	"github.com/irsa-emu/irsa-emu/aws"
	"github.com/irsa-emu/irsa-emu/iam"
	"github.com/irsa-emu/irsa-emu/policy"
	"github.com/irsa-emu/irsa-emu/state"
)

// Key is a key of the customer's.
type Key struct {
	Account     string       `json:"account"`
	Region      string       `json:"region"`
	ID          string       `json:"id"`
	Description string       `json:"description,omitempty"`
	Policy      iam.Document `json:"policy"`
	// PolicyPrincipals are the roles and users that the policy means.
	PolicyPrincipals []iam.TrustPrincipal `json:"policyPrincipals,omitempty"`
	// State is Enabled, Disabled or PendingDeletion.
	State string `json:"state"`
	// Deletion is when a key that is pending deletion is gone.
	Deletion    time.Time `json:"deletion,omitzero"`
	MultiRegion bool      `json:"multiRegion,omitempty"`
	// RotationDays is the period of automatic rotation; 0: it is off.
	RotationDays int       `json:"rotationDays,omitempty"`
	Created      time.Time `json:"created"`
	Tags         []aws.Tag `json:"tags,omitempty"`

	// manager is the service that AWS keeps the key for, of one that is not stored.
	manager string
	// assumed marks a key that nothing declares.
	assumed bool
}

// The states of keys (KMS developer guide, "Key states of AWS KMS keys").
const (
	enabled         = "Enabled"
	disabled        = "Disabled"
	pendingDeletion = "PendingDeletion"
)

const (
	symmetric      = "SYMMETRIC_DEFAULT"
	encryptDecrypt = "ENCRYPT_DECRYPT"
)

// Alias is a name of a key.
type Alias struct {
	Account string    `json:"account"`
	Region  string    `json:"region"`
	Name    string    `json:"name"` // with alias/
	KeyID   string    `json:"keyId"`
	Created time.Time `json:"created"`
	Updated time.Time `json:"updated"`
}

// Kinds are the tables that this service keeps in the store.
func Kinds() []state.Kind {
	return []state.Kind{
		{Name: "kms-key", Type: (*Key)(nil)},
		{Name: "kms-alias", Type: (*Alias)(nil), Indexes: map[string]func(state.Entity) []string{
			byKey: func(e state.Entity) []string {
				a := e.(*Alias)
				return []string{stateKey(a.Account, a.Region, a.KeyID)}
			},
		}},
	}
}

// byKey finds the aliases of a key.
const byKey = "key"

func stateKey(account, region, name string) string { return account + "/" + region + "/" + name }

// StateKey is ACCOUNT/REGION/ID.
func (k *Key) StateKey() string { return stateKey(k.Account, k.Region, k.ID) }

// Check implements [state.Checked].
func (k *Key) Check() error { return state.Lacking("policy", k.Policy.Text, "state", k.State) }

// StateKey is ACCOUNT/REGION/alias/NAME.
func (a *Alias) StateKey() string { return stateKey(a.Account, a.Region, a.Name) }

// Check implements [state.Checked].
func (a *Alias) Check() error { return state.Lacking("keyId", a.KeyID) }

// ARN is arn:aws:kms:REGION:ACCOUNT:key/ID.
func (k *Key) ARN() string { return arnOf(k.Account, k.Region, "key/"+k.ID) }

// ARN is arn:aws:kms:REGION:ACCOUNT:alias/NAME.
func (a *Alias) ARN() string { return arnOf(a.Account, a.Region, a.Name) }

func arnOf(account, region, resource string) string {
	return aws.RegionalARN("kms", region, account, resource)
}

// policyNow is the policy with the principals that it means, as they are now.
func (k *Key) policyNow(r state.Reader) iam.Document {
	return iam.InForce(r, k.Policy, k.PolicyPrincipals)
}

// resourcePolicy is the policy in the form that it is evaluated in.
func (k *Key) resourcePolicy(r state.Reader) *policy.Named {
	return &policy.Named{Name: k.ARN(), Type: policy.ResourcePolicy, Document: k.policyNow(r).Parsed()}
}

// aliases are the names of a key.
func (k *Key) aliases(r state.Reader) []string {
	if k.manager != "" {
		return []string{"alias/aws/" + k.manager}
	}
	var names []string
	for a := range state.LookupAll[*Alias](r, byKey, k.StateKey()) {
		names = append(names, a.Name)
	}
	return names
}

// keys are the condition keys that a key has, in lower case like
// [api.Request.ContextKeys], and those of its use: every read of a secret sets them.
func (k *Key) keys(r state.Reader) policy.Context {
	keys := make(policy.Context, 16)
	keys.Set("kms:keyspec", symmetric)
	keys.Set("kms:customermasterkeyspec", symmetric)
	keys.Set("kms:keyusage", encryptDecrypt)
	keys.Set("kms:customermasterkeyusage", encryptDecrypt)
	keys.Set("kms:keyorigin", "AWS_KMS")
	keys.SetBool("kms:multiregion", k.MultiRegion)
	if k.MultiRegion {
		keys.Set("kms:multiregionkeytype", "PRIMARY")
		keys.Set("kms:primaryregion", k.Region)
	}
	if names := k.aliases(r); len(names) > 0 {
		keys.SetMulti("kms:resourcealiases", names)
	}
	for _, t := range k.Tags {
		keys.Set("aws:ResourceTag/"+t.Key, t.Value)
	}
	return keys
}

// gone says whether the waiting period of a deletion is over.
func (k *Key) gone(now time.Time) bool { return k.State == pendingDeletion && now.After(k.Deletion) }

// defaultPolicy is that of a key which is made without one: the account's IAM
// policies decide (KMS developer guide, "Default key policy").
func defaultPolicy(root string) iam.Document {
	return iam.DocumentOf(`{
  "Version" : "2012-10-17",
  "Id" : "key-default-1",
  "Statement" : [ {
    "Sid" : "Enable IAM User Permissions",
    "Effect" : "Allow",
    "Principal" : {
      "AWS" : "` + root + `"
    },
    "Action" : "kms:*",
    "Resource" : "*"
  } ]
}`)
}

// managedPolicy is that of a key which AWS keeps for a service: everybody of the
// account may use it through the service, and nobody else (Secrets Manager user
// guide, "Secret encryption and decryption", which shows the whole of it).
func managedPolicy(root, account, service string) iam.Document {
	return iam.DocumentOf(`{
  "Version" : "2012-10-17",
  "Id" : "auto-` + service + `",
  "Statement" : [ {
    "Sid" : "Allow access through ` + service + ` for all principals in the account that are authorized to use it",
    "Effect" : "Allow",
    "Principal" : {
      "AWS" : "*"
    },
    "Action" : [ "kms:Encrypt", "kms:Decrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:CreateGrant", "kms:DescribeKey" ],
    "Resource" : "*",
    "Condition" : {
      "StringEquals" : {
        "kms:CallerAccount" : "` + account + `"
      },
      "StringLike" : {
        "kms:ViaService" : "` + service + `.*"
      }
    }
  }, {
    "Sid" : "Allow direct access to key metadata to the account",
    "Effect" : "Allow",
    "Principal" : {
      "AWS" : "` + root + `"
    },
    "Action" : [ "kms:Describe*", "kms:Get*", "kms:List*", "kms:RevokeGrant" ],
    "Resource" : "*"
  } ]
}`)
}
