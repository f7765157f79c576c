package secretsmanager_test

import (
	"crypto/rand"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/google/go-cmp/cmp"

	"github.com/irsa-emu/irsa-emu/services/secretsmanager"
	"github.com/irsa-emu/irsa-emu/services/servicetest"
	"github.com/irsa-emu/irsa-emu/state"
	"github.com/irsa-emu/irsa-emu/statefile"
)

// TestDocument: what is exported and applied again is exported the same.
func TestDocument(t *testing.T) {
	s := start(t)
	c := client(s.Root(servicetest.Account))
	declare(t, s,
		statefile.Secret{Name: "your-secret-name", Value: text(`{"username":"admin","password":"s3cr3t"}`), Tags: map[string]string{"b": "2", "a": "1"}},
		statefile.Secret{Name: "elsewhere", Region: "eu-west-1", Binary: []byte{0, 255}},
	)
	create(t, c, "made", "1")
	must[*sdk.PutSecretValueOutput](t)(c.PutSecretValue(t.Context(), &sdk.PutSecretValueInput{SecretId: aws.String("made"), SecretString: aws.String("2")}))
	policy := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"444455556666"},"Action":"secretsmanager:GetSecretValue","Resource":"*"}]}`
	must[*sdk.PutResourcePolicyOutput](t)(c.PutResourcePolicy(t.Context(), &sdk.PutResourcePolicyInput{SecretId: aws.String("made"), ResourcePolicy: &policy}))

	first := secretsmanager.Export(s.Store.Snapshot(), servicetest.Account)
	if len(first) != 3 {
		t.Fatalf("exported %d secrets, want 3", len(first))
	}
	for _, d := range first {
		if (d.Suffix == "") != (d.Name != "made") {
			t.Errorf("%s has the suffix %q", d.Name, d.Suffix)
		}
	}
	other := start(t)
	declare(t, other, first...)
	second := secretsmanager.Export(other.Store.Snapshot(), servicetest.Account)
	if diff := cmp.Diff(first, second); diff != "" {
		t.Errorf("(-first +second):\n%s", diff)
	}
	if got := read(t, client(other.Root(servicetest.Account)), "your-secret-name"); *got.SecretString != `{"username":"admin","password":"s3cr3t"}` {
		t.Errorf("read %q", *got.SecretString)
	}

	// Declared again, a secret keeps its ARN.
	before := read(t, c, "made")
	declare(t, s, statefile.Secret{Name: "made", Value: text("3")})
	if after := read(t, c, "made"); *after.ARN != *before.ARN || *after.SecretString != "3" {
		t.Errorf("after: %s %s, before: %s", *after.ARN, *after.SecretString, *before.ARN)
	}

	found := map[string]bool{}
	secretsmanager.Accounts(s.Store.Snapshot(), found)
	if !cmp.Equal(found, map[string]bool{servicetest.Account: true}) {
		t.Errorf("accounts %v", found)
	}
}

func TestDocumentRefused(t *testing.T) {
	s := start(t)
	for name, d := range map[string]statefile.Secret{
		"bad name":   {Name: "no spaces"},
		"bad policy": {Name: "n", Policy: statefile.NewDocument(`{"Version":"2012-10-17","Statement":[{"Effect":"Maybe"}]}`)},
		"two current": {Name: "n", Versions: []statefile.SecretVersion{
			{ID: "11111111-1111-1111-1111-111111111111", Stages: []string{"AWSCURRENT"}, Value: text("1")},
			{ID: "21111111-1111-1111-1111-111111111111", Stages: []string{"AWSCURRENT"}, Value: text("2")},
		}},
	} {
		err := s.Store.Update(t.Context(), func(tx *state.Txn) error {
			return secretsmanager.Apply(tx, servicetest.Account, servicetest.Region, statefile.Account{Secrets: []statefile.Secret{d}}, time.Now(), rand.Reader)
		})
		if err == nil {
			t.Errorf("%s: applied", name)
		}
	}
}

func TestListPages(t *testing.T) {
	s := start(t)
	c := client(s.Root(servicetest.Account))
	for _, name := range []string{"c", "a", "b"} {
		create(t, c, name, "v")
		s.Advance(time.Second)
	}
	names := func(in sdk.ListSecretsInput) (names []string) {
		pages := sdk.NewListSecretsPaginator(c, &in)
		for pages.HasMorePages() {
			page := must[*sdk.ListSecretsOutput](t)(pages.NextPage(t.Context()))
			for _, secret := range page.SecretList {
				names = append(names, *secret.Name)
			}
		}
		return names
	}
	for _, tc := range []struct {
		in   sdk.ListSecretsInput
		want []string
	}{
		{sdk.ListSecretsInput{}, []string{"c", "a", "b"}},
		{sdk.ListSecretsInput{MaxResults: aws.Int32(1)}, []string{"c", "a", "b"}},
		{sdk.ListSecretsInput{SortOrder: "desc", MaxResults: aws.Int32(2)}, []string{"b", "a", "c"}},
		{sdk.ListSecretsInput{SortBy: "name"}, []string{"a", "b", "c"}},
	} {
		if diff := cmp.Diff(tc.want, names(tc.in)); diff != "" {
			t.Errorf("%+v (-want +got):\n%s", tc.in, diff)
		}
	}
}

func TestRandomPassword(t *testing.T) {
	c := client(start(t).Root(servicetest.Account))
	get := func(in sdk.GetRandomPasswordInput) string {
		return *must[*sdk.GetRandomPasswordOutput](t)(c.GetRandomPassword(t.Context(), &in)).RandomPassword
	}
	if got := get(sdk.GetRandomPasswordInput{}); len(got) != 32 || !contains(got, "abcdefghijklmnopqrstuvwxyz") || !contains(got, "0123456789") {
		t.Errorf("got %q", got)
	}
	if got := get(sdk.GetRandomPasswordInput{PasswordLength: aws.Int64(120), ExcludeCharacters: aws.String("xyzDje@?!.")}); len(got) != 120 || contains(got, "xyzDje@?!.") {
		t.Errorf("got %q", got)
	}
	if got := get(sdk.GetRandomPasswordInput{PasswordLength: aws.Int64(300), ExcludePunctuation: aws.Bool(true), ExcludeLowercase: aws.Bool(true), ExcludeUppercase: aws.Bool(true), IncludeSpace: aws.Bool(true)}); !contains(got, " ") || contains(got, "abcXYZ!-") {
		t.Errorf("got %q", got)
	}
	_, err := c.GetRandomPassword(t.Context(), &sdk.GetRandomPasswordInput{PasswordLength: aws.Int64(3)})
	refused(t, err, "InvalidParameterException", "Password length is too short based on the required types.")
}

func contains(text, any string) bool {
	for _, r := range any {
		for _, have := range text {
			if r == have {
				return true
			}
		}
	}
	return false
}
