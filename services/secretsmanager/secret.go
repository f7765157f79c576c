package secretsmanager

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/irsa-emu/irsa-emu/aws"
	"github.com/irsa-emu/irsa-emu/iam"
	"github.com/irsa-emu/irsa-emu/policy"
	"github.com/irsa-emu/irsa-emu/services/kms"
	"github.com/irsa-emu/irsa-emu/state"
)

// Secret is a secret with all its versions.
type Secret struct {
	Account string `json:"account"`
	Region  string `json:"region"`
	Name    string `json:"name"`
	// Suffix is the six characters that Secrets Manager adds to the name in the ARN.
	Suffix string `json:"suffix"`
	// ByName marks a secret that a State document declared without saying its suffix: see Service.authorize.
	ByName      bool   `json:"byName,omitempty"`
	Description string `json:"description,omitempty"`
	KMSKeyID    string `json:"kmsKeyId,omitempty"`
	Type        string `json:"type,omitempty"`
	// Versions are in the order of their creation.
	Versions []Version `json:"versions,omitempty"`
	// Tags is nil until the first tag, and empty once the last is gone: AWS tells these apart.
	Tags   []aws.Tag     `json:"tags"`
	Policy *iam.Document `json:"policy,omitempty"`
	// PolicyPrincipals are the roles and users that the policy means.
	PolicyPrincipals []iam.TrustPrincipal `json:"policyPrincipals,omitempty"`
	Created          time.Time            `json:"created"`
	Changed          time.Time            `json:"changed"`
	Accessed         time.Time            `json:"accessed,omitzero"` // a day
	// Deleted is when the secret will be gone; zero unless its deletion is scheduled.
	Deleted time.Time `json:"deleted,omitzero"`
}

// Version is one value of a secret.
type Version struct {
	ID     string   `json:"id"`
	Stages []string `json:"stages,omitempty"` // in the order in which they were attached
	// String is nil when the value is Binary.
	String   *string   `json:"string,omitempty"`
	Binary   []byte    `json:"binary,omitempty"`
	Created  time.Time `json:"created"`
	Accessed time.Time `json:"accessed,omitzero"` // a day
	// Keys are the KMS keys that the version is under, the newest first: their ARNs,
	// "" for the default key. Without any it is under the secret's.
	Keys []string `json:"keys,omitempty"`
}

// The staging labels that Secrets Manager itself moves.
const (
	current  = "AWSCURRENT"
	previous = "AWSPREVIOUS"
	pending  = "AWSPENDING"
)

func stateKey(account, region, name string) string { return account + "/" + region + "/" + name }

// StateKey is ACCOUNT/REGION/NAME.
func (s *Secret) StateKey() string { return stateKey(s.Account, s.Region, s.Name) }

// Check implements [state.Checked].
func (s *Secret) Check() error {
	if s.Policy != nil && s.Policy.Text == "" {
		return errors.New("policy is empty")
	}
	for i, v := range s.Versions {
		if v.ID == "" {
			return fmt.Errorf("versions[%d]: id is missing", i)
		}
	}
	return state.Lacking("suffix", s.Suffix)
}

// ARN is arn:aws:secretsmanager:REGION:ACCOUNT:secret:NAME-SUFFIX.
func (s *Secret) ARN() string { return arnOf(s.Account, s.Region, s.Name) + "-" + s.Suffix }

// arnOf is the ARN without suffix.
func arnOf(account, region, name string) string {
	return aws.RegionalARN("secretsmanager", region, account, "secret:"+name)
}

// Kinds are the tables that this service keeps in the store.
func Kinds() []state.Kind {
	return []state.Kind{{Name: "secret", Type: (*Secret)(nil)}}
}

// clone is a copy whose versions and tags may be changed.
func (s *Secret) clone() *Secret {
	c := *s
	c.Versions = slices.Clone(s.Versions)
	for i := range c.Versions {
		c.Versions[i].Stages = slices.Clone(c.Versions[i].Stages)
		c.Versions[i].Keys = slices.Clone(c.Versions[i].Keys)
	}
	c.Tags = slices.Clone(s.Tags)
	return &c
}

// version finds a version by its id, and gives -1 for none.
func (s *Secret) version(id string) int {
	return slices.IndexFunc(s.Versions, func(v Version) bool { return v.ID == id })
}

// staged finds the version that has the label, and gives -1 for none.
func (s *Secret) staged(stage string) int {
	return slices.IndexFunc(s.Versions, func(v Version) bool { return slices.Contains(v.Stages, stage) })
}

// policyNow is the policy with the principals that it means, as they are now.
func (s *Secret) policyNow(r state.Reader) iam.Document {
	return iam.InForce(r, *s.Policy, s.PolicyPrincipals)
}

// resourcePolicy is the policy in the form that it is evaluated in.
func (s *Secret) resourcePolicy(r state.Reader) *policy.Named {
	if s == nil || s.Policy == nil {
		return nil
	}
	return &policy.Named{Name: s.ARN(), Type: policy.ResourcePolicy, Document: s.policyNow(r).Parsed()}
}

// ownKey says whether the secret is encrypted with a key of the customer's,
// which alone can be used from another account.
func (s *Secret) ownKey() bool {
	return !kms.IsManaged(s.KMSKeyID, "secretsmanager")
}

// sameValue says whether a version already holds that value.
func (v *Version) sameValue(text *string, binary []byte) bool {
	if (v.String == nil) != (text == nil) {
		return false
	}
	if text != nil {
		return *v.String == *text
	}
	return bytes.Equal(v.Binary, binary)
}

// add puts a new version last and gives it the labels.
func (s *Secret) add(v Version, stages []string) {
	v.Stages = nil
	s.Versions = append(s.Versions, v)
	for _, stage := range stages {
		s.move(stage, len(s.Versions)-1)
	}
	s.prune(v.Created)
}

// move takes a label from whichever version has it and gives it to the version
// at index to, or to none when to is -1. Where AWSCURRENT was, AWSPREVIOUS
// comes, and an AWSPENDING that was there goes: recorded on AWS.
func (s *Secret) move(stage string, to int) {
	from := s.staged(stage)
	if from == to {
		return
	}
	if from >= 0 {
		s.label(from, stage, false)
	}
	if to >= 0 {
		s.label(to, stage, true)
	}
	if stage != current || from < 0 {
		return
	}
	if old := s.staged(previous); old >= 0 {
		s.label(old, previous, false)
	}
	s.label(from, pending, false)
	s.label(from, previous, true)
}

func (s *Secret) label(at int, stage string, on bool) {
	v := &s.Versions[at]
	v.Stages = slices.DeleteFunc(v.Stages, func(have string) bool { return have == stage })
	if on {
		v.Stages = append(v.Stages, stage)
	}
}

// prune drops the oldest versions without labels beyond a hundred, but none
// that is younger than a day, as AWS does.
func (s *Secret) prune(now time.Time) {
	over := len(s.Versions) - 100
	s.Versions = slices.DeleteFunc(s.Versions, func(v Version) bool {
		if over <= 0 || len(v.Stages) > 0 || now.Sub(v.Created) < 24*time.Hour {
			return false
		}
		over--
		return true
	})
}
