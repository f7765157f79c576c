package secretsmanager_test

import (
	"context"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"github.com/irsa-emu/irsa-emu/decision"
	"github.com/irsa-emu/irsa-emu/services/kms"
	"github.com/irsa-emu/irsa-emu/services/servicetest"
	"github.com/irsa-emu/irsa-emu/state"
	"github.com/irsa-emu/irsa-emu/statefile"
)

const (
	keyARN   = "arn:aws:kms:us-west-2:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"
	otherKey = "arn:aws:kms:us-west-2:111122223333:key/11111111-2222-4333-8444-555555555555"
	noKMS    = "Access to KMS is not allowed"
)

// keys puts keys as a State document does.
func keys(t *testing.T, s *servicetest.Server, keys ...statefile.KMSKey) {
	t.Helper()
	err := s.Store.Update(context.Background(), func(tx *state.Txn) error {
		return kms.Apply(tx, servicetest.Account, servicetest.Region, statefile.Account{KMSKeys: keys}, s.Now())
	})
	if err != nil {
		t.Fatal(err)
	}
}

func key(policies ...string) statefile.KMSKey {
	k := statefile.KMSKey{ID: "1234abcd-12ab-34cd-56ef-1234567890ab", Aliases: []string{"alias/app"}}
	for _, p := range policies {
		k.Policy = statefile.NewDocument(p)
	}
	return k
}

// keyPolicy is one of a statement, whose inside is given beside the effect and the
// resource.
func keyPolicy(rest string) string {
	return `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Resource":"*",` + rest + `}]}`
}

const (
	sm    = "secretsmanager:*"
	root  = `"Principal":{"AWS":"arn:aws:iam::111122223333:root"},"Action":"kms:*"`
	named = `"Principal":{"AWS":"arn:aws:iam::111122223333:role/reader"},"Action":"kms:Decrypt"`
)

// TestKeyPolicy: who reads a secret under a customer's key. Identity policies count
// only where the key policy leaves it to them (KMS developer guide, "Key policies in
// AWS KMS"; the conditions: Secrets Manager user guide, "Secret encryption and
// decryption").
func TestKeyPolicy(t *testing.T) {
	decrypt := servicetest.Allow(keyARN, "kms:Decrypt")
	context := func(key, value string) string {
		return root + `,"Condition":{"StringLike":{"` + key + `":"` + value + `"}}`
	}
	cases := []struct {
		name, policy, identity string
		allowed                bool
		hint                   string
	}{
		{"no right", "", servicetest.Allow("*", sm), false, "key-identity-policy"},
		{"the account decides", "", decrypt, true, ""},
		{"another key's right", "", servicetest.Allow(otherKey, "kms:Decrypt"), false, "key-identity-policy"},
		{"another action", "", servicetest.Allow(keyARN, "kms:Encrypt"), false, "key-identity-policy"},
		{"the alias's right", "", servicetest.Allow("arn:aws:kms:us-west-2:111122223333:alias/app", "kms:Decrypt"), false, "key-identity-policy"},
		{"the key policy names the role", keyPolicy(named), servicetest.Allow("*", sm), true, ""},
		{"no root in the key policy", keyPolicy(strings.ReplaceAll(named, "reader", "another")), decrypt, false, "key-policy"},
		{"root for reads of the key alone", keyPolicy(strings.ReplaceAll(root, "kms:*", "kms:Describe*")), decrypt, false, "key-policy"},
		{"everybody", keyPolicy(`"Principal":"*","Action":"kms:Decrypt"`), servicetest.Allow("*", sm), true, ""},
		{"everybody of the account", keyPolicy(`"Principal":{"AWS":"*"},"Action":"kms:*","Condition":{"StringEquals":{"kms:CallerAccount":"111122223333","kms:ViaService":"secretsmanager.us-west-2.amazonaws.com"}}`), servicetest.Allow("*", sm), true, ""},
		{"via another service", keyPolicy(context("kms:ViaService", "s3.us-west-2.amazonaws.com")), decrypt, false, "key-policy"},
		{"of the secret", keyPolicy(context("kms:EncryptionContext:SecretARN", secretARN+"db-??????")), decrypt, true, ""},
		{"of another secret", keyPolicy(context("kms:EncryptionContext:SecretARN", secretARN+"other-??????")), decrypt, false, "key-policy"},
		{"of a version", keyPolicy(context("kms:EncryptionContext:SecretVersionId", "*-*")), decrypt, true, ""},
		{"by the context's keys", keyPolicy(root + `,"Condition":{"ForAnyValue:StringEquals":{"kms:EncryptionContextKeys":"SecretARN"}}`), decrypt, true, ""},
		{"by an alias", keyPolicy(root + `,"Condition":{"ForAnyValue:StringLike":{"kms:ResourceAliases":"alias/app"}}`), decrypt, true, ""},
		{"via a service of AWS", keyPolicy(root + `,"Condition":{"Bool":{"aws:ViaAWSService":"true"}}`), decrypt, true, ""},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			s := start(t)
			if tc.policy == "" {
				keys(t, s, key())
			} else {
				s.Role(servicetest.Account, "reader")
				s.Role(servicetest.Account, "another")
				keys(t, s, key(tc.policy))
			}
			declare(t, s, statefile.Secret{Name: "db", Value: text("v"), KMSKeyID: keyARN})
			c := client(s.Role(servicetest.Account, "reader", servicetest.Allow("*", sm), tc.identity))
			_, err := c.GetSecretValue(t.Context(), &sdk.GetSecretValueInput{SecretId: aws.String("db")})
			d := s.Last()
			if last := d.Checks[len(d.Checks)-1]; last.Action != "kms:Decrypt" || last.Resource != keyARN {
				t.Errorf("the last check is %s on %s", last.Action, last.Resource)
			}
			if tc.allowed {
				if err != nil {
					t.Errorf("%v\n%s", err, d.Text())
				}
				return
			}
			refused(t, err, "AccessDeniedException", noKMS)
			if d.Outcome != decision.Refused || d.Reason.Kind != decision.Policy || d.Reason.Fix == "" {
				t.Errorf("reason %+v", d.Reason)
			}
			if !d.Checks[len(d.Checks)-1].Decision.Explains(tc.hint) {
				t.Errorf("no hint %s in\n%s", tc.hint, d.Text())
			}
		})
	}
}

// TestKeyOfSecret: which calls ask for which right (Secrets Manager user guide, "How
// Secrets Manager uses your KMS key").
func TestKeyOfSecret(t *testing.T) {
	create := func(c *sdk.Client, name, key, value string) error {
		in := &sdk.CreateSecretInput{Name: &name, KmsKeyId: &key}
		if value != "" {
			in.SecretString = &value
		}
		_, err := c.CreateSecret(t.Context(), in)
		return err
	}
	cases := []struct {
		name  string
		call  func(*sdk.Client) error
		needs []string
	}{
		{"CreateSecret without a value", func(c *sdk.Client) error { return create(c, "new", keyARN, "") }, []string{"kms:GenerateDataKey", "kms:Decrypt"}},
		{"CreateSecret by alias", func(c *sdk.Client) error { return create(c, "new", "alias/app", "v") }, []string{"kms:GenerateDataKey", "kms:Decrypt"}},
		{"CreateSecret under the default key", func(c *sdk.Client) error { return create(c, "new", "alias/aws/secretsmanager", "v") }, nil},
		{"PutSecretValue", func(c *sdk.Client) error {
			_, err := c.PutSecretValue(t.Context(), &sdk.PutSecretValueInput{SecretId: aws.String("db"), SecretString: aws.String("w")})
			return err
		}, []string{"kms:GenerateDataKey"}},
		{"PutSecretValue once more", func(c *sdk.Client) error {
			_, err := c.PutSecretValue(t.Context(), &sdk.PutSecretValueInput{SecretId: aws.String("db"), SecretString: aws.String("v"), ClientRequestToken: aws.String(version)})
			return err
		}, []string{"kms:Decrypt"}},
		{"UpdateSecret with a value", func(c *sdk.Client) error {
			_, err := c.UpdateSecret(t.Context(), &sdk.UpdateSecretInput{SecretId: aws.String("db"), SecretString: aws.String("w")})
			return err
		}, []string{"kms:GenerateDataKey"}},
		{"UpdateSecret of the description", func(c *sdk.Client) error {
			_, err := c.UpdateSecret(t.Context(), &sdk.UpdateSecretInput{SecretId: aws.String("db"), Description: aws.String("w")})
			return err
		}, nil},
		{"UpdateSecret to the key", func(c *sdk.Client) error {
			_, err := c.UpdateSecret(t.Context(), &sdk.UpdateSecretInput{SecretId: aws.String("plain"), KmsKeyId: aws.String(keyARN)})
			return err
		}, []string{"kms:GenerateDataKey", "kms:Decrypt"}},
		{"DescribeSecret", func(c *sdk.Client) error {
			_, err := c.DescribeSecret(t.Context(), &sdk.DescribeSecretInput{SecretId: aws.String("db")})
			return err
		}, nil},
		{"DeleteSecret", func(c *sdk.Client) error {
			_, err := c.DeleteSecret(t.Context(), &sdk.DeleteSecretInput{SecretId: aws.String("db")})
			return err
		}, nil},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			attempt := func(rights ...string) error {
				s := start(t)
				keys(t, s, key())
				declare(t, s, statefile.Secret{Name: "db", KMSKeyID: keyARN, Versions: []statefile.SecretVersion{{ID: version, Stages: []string{"AWSCURRENT"}, Value: text("v")}}})
				declare(t, s, statefile.Secret{Name: "plain", Value: text("v")})
				policies := []string{servicetest.Allow("*", sm)}
				if len(rights) > 0 {
					policies = append(policies, servicetest.Allow(keyARN, rights...))
				}
				return tc.call(client(s.Role(servicetest.Account, "reader", policies...)))
			}
			if err := attempt(tc.needs...); err != nil {
				t.Errorf("with %v: %v", tc.needs, err)
			}
			for i := range tc.needs {
				less := append(append([]string{}, tc.needs[:i]...), tc.needs[i+1:]...)
				refused(t, attempt(less...), "AccessDeniedException", noKMS)
			}
		})
	}
}

const version = "11111111-2222-4333-8444-666666666666"

// TestKeyChanged: after a change of the key, either key opens the versions that were
// put under it, which needs the right to both (user guide, "Change the encryption key").
func TestKeyChanged(t *testing.T) {
	for _, both := range []bool{true, false} {
		s := start(t)
		second := key()
		second.ID, second.Aliases = "11111111-2222-4333-8444-555555555555", nil
		keys(t, s, key(), second)
		rights := []string{servicetest.Allow("*", sm), servicetest.Allow(keyARN, "kms:GenerateDataKey", "kms:Decrypt"), servicetest.Allow(otherKey, "kms:GenerateDataKey", "kms:Decrypt")}
		if both {
			rights = append(rights, servicetest.Allow(otherKey, "kms:Encrypt"))
		}
		admin := client(s.Role(servicetest.Account, "admin", rights...))
		must[*sdk.CreateSecretOutput](t)(admin.CreateSecret(t.Context(), &sdk.CreateSecretInput{Name: aws.String("db"), SecretString: aws.String("v"), KmsKeyId: aws.String(keyARN)}))
		must[*sdk.UpdateSecretOutput](t)(admin.UpdateSecret(t.Context(), &sdk.UpdateSecretInput{SecretId: aws.String("db"), KmsKeyId: aws.String(otherKey)}))
		read := func(role, key string) error {
			c := client(s.Role(servicetest.Account, role, servicetest.Allow("*", sm), servicetest.Allow(key, "kms:Decrypt")))
			_, err := c.GetSecretValue(t.Context(), &sdk.GetSecretValueInput{SecretId: aws.String("db")})
			return err
		}
		if err := read("old", keyARN); err != nil {
			t.Errorf("kms:Encrypt %v: with the old key: %v", both, err)
		}
		if err := read("new", otherKey); (err == nil) != both {
			t.Errorf("kms:Encrypt %v: with the new key: %v", both, err)
		}
	}
}

// TestKeyStates: what is said of keys that cannot be used (recorded 11a).
func TestKeyStates(t *testing.T) {
	s := start(t)
	off, going := key(), key()
	off.State, off.Aliases = "Disabled", nil
	going.ID, going.State, going.Aliases = "11111111-2222-4333-8444-555555555555", "PendingDeletion", nil
	keys(t, s, off, going)
	declare(t, s, statefile.Secret{Name: "off", Value: text("v"), KMSKeyID: keyARN}, statefile.Secret{Name: "going", Value: text("v"), KMSKeyID: otherKey})
	c := client(s.Root(servicetest.Account))
	for name, want := range map[string]string{
		"off": keyARN + " is disabled. (Service: AWSKMS; Status Code: 400; Error Code: DisabledException;", "going": otherKey + " is pending deletion. (",
	} {
		_, err := c.GetSecretValue(t.Context(), &sdk.GetSecretValueInput{SecretId: &name})
		if err == nil || !strings.Contains(err.Error(), "DecryptionFailure: Secrets Manager can't decrypt the secret value: "+want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	_, err := c.CreateSecret(t.Context(), &sdk.CreateSecretInput{Name: aws.String("new"), KmsKeyId: aws.String("arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab")})
	if err == nil || !strings.Contains(err.Error(), "EncryptionFailure") || !strings.Contains(err.Error(), "Invalid arn eu-west-1") {
		t.Errorf("another region's key: %v", err)
	}
}

// TestKeyAcrossAccounts needs the key's policy, the secret's and the caller's own.
func TestKeyAcrossAccounts(t *testing.T) {
	const reader = "arn:aws:iam::444455556666:role/reader"
	for _, tc := range []struct {
		name, keyPolicy, identity string
		allowed                   bool
	}{
		{"all three", keyPolicy(`"Principal":{"AWS":"444455556666"},"Action":"kms:Decrypt"`), keyARN, true},
		{"no key policy", keyPolicy(root), keyARN, false},
		{"no right of its own", keyPolicy(`"Principal":{"AWS":"` + reader + `"},"Action":"kms:Decrypt"`), otherKey, false},
	} {
		s := start(t)
		c := client(s.Role(servicetest.Other, "reader", servicetest.Allow("*", sm), servicetest.Allow(tc.identity, "kms:Decrypt")))
		keys(t, s, key(tc.keyPolicy))
		declare(t, s, statefile.Secret{Name: "db", Suffix: "a1b2c3", Value: text("v"), KMSKeyID: keyARN,
			Policy: statefile.NewDocument(keyPolicy(`"Principal":{"AWS":"444455556666"},"Action":"secretsmanager:GetSecretValue"`))})
		_, err := c.GetSecretValue(t.Context(), &sdk.GetSecretValueInput{SecretId: aws.String(secretARN + "db-a1b2c3")})
		if tc.allowed {
			if err != nil {
				t.Errorf("%s: %v\n%s", tc.name, err, s.Last().Text())
			}
			continue
		}
		refused(t, err, "AccessDeniedException", noKMS)
	}
}

// TestUndeclaredKeys: an account that lists no keys has every key that is named, with
// AWS's default policy; one that lists some has those, and what something is under.
func TestUndeclaredKeys(t *testing.T) {
	s := start(t)
	declare(t, s, statefile.Secret{Name: "db", Value: text("v"), KMSKeyID: keyARN})
	get := func(role string, rights ...string) error {
		policies := []string{servicetest.Allow("*", sm)}
		if len(rights) > 0 {
			policies = append(policies, servicetest.Allow(keyARN, rights...))
		}
		_, err := client(s.Role(servicetest.Account, role, policies...)).GetSecretValue(t.Context(), &sdk.GetSecretValueInput{SecretId: aws.String("db")})
		return err
	}
	refused(t, get("without"), "AccessDeniedException", noKMS)
	if err := get("with", "kms:Decrypt"); err != nil {
		t.Error(err)
	}
	keys(t, s, statefile.KMSKey{Aliases: []string{"alias/another"}})
	if err := get("with", "kms:Decrypt"); err != nil {
		t.Errorf("a secret shows that its key is there, listed or not: %v", err)
	}
	_, err := client(s.Root(servicetest.Account)).CreateSecret(t.Context(), &sdk.CreateSecretInput{Name: aws.String("new"), KmsKeyId: aws.String(keyARN)})
	if err == nil || !strings.Contains(err.Error(), "Key '"+keyARN+"' does not exist") {
		t.Errorf("a new secret under a key that is not listed: %v", err)
	}
}
