package secretsmanager_test

import (
	"context"
	"crypto/rand"
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/smithy-go"
	"github.com/google/go-cmp/cmp"

	"github.com/irsa-emu/irsa-emu/api"
	"github.com/irsa-emu/irsa-emu/services/kms"
	"github.com/irsa-emu/irsa-emu/services/secretsmanager"
	"github.com/irsa-emu/irsa-emu/services/servicetest"
	"github.com/irsa-emu/irsa-emu/state"
)

func start(t *testing.T) *servicetest.Server {
	t.Helper()
	return servicetest.Start(t, slices.Concat(kms.Kinds(), secretsmanager.Kinds()), false, func(s *state.Store) api.Service {
		return secretsmanager.New(secretsmanager.Config{Store: s, Rand: rand.Reader})
	})
}

func client(c aws.Config) *sdk.Client {
	return sdk.NewFromConfig(c, func(o *sdk.Options) { o.Retryer = aws.NopRetryer{} })
}

// must fails the test unless the call went well; use as must(t)(client.X(…)).
func must[T any](t *testing.T) func(T, error) T {
	return func(out T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
}

// refused checks code, message and status of an error.
func refused(t *testing.T, err error, code, message string) {
	t.Helper()
	var e smithy.APIError
	if !errors.As(err, &e) {
		t.Fatalf("got %v, want %s", err, code)
	}
	if e.ErrorCode() != code || e.ErrorMessage() != message {
		t.Errorf("got  %s: %s\nwant %s: %s", e.ErrorCode(), e.ErrorMessage(), code, message)
	}
	var status interface{ HTTPStatusCode() int }
	if errors.As(err, &status) && status.HTTPStatusCode() != http.StatusBadRequest {
		t.Errorf("status %d, want 400 as for every client error of Secrets Manager", status.HTTPStatusCode())
	}
}

func create(t *testing.T, c *sdk.Client, name, value string) *sdk.CreateSecretOutput {
	t.Helper()
	return must[*sdk.CreateSecretOutput](t)(c.CreateSecret(t.Context(), &sdk.CreateSecretInput{Name: &name, SecretString: &value}))
}

func read(t *testing.T, c *sdk.Client, id string) *sdk.GetSecretValueOutput {
	t.Helper()
	return must[*sdk.GetSecretValueOutput](t)(c.GetSecretValue(t.Context(), &sdk.GetSecretValueInput{SecretId: &id}))
}

// TestLifecycle follows test_create_and_update_secret and its neighbours,
// recorded on AWS by LocalStack.
func TestLifecycle(t *testing.T) {
	s := start(t)
	c := client(s.Root(servicetest.Account))
	for _, name := range []string{"Valid/_+=.@-Name", "Valid/_+=.@-Name-a1b2", "Valid/_+=.@-Name-a1b2c3-", "your-secret-name"} {
		t.Run(name, func(t *testing.T) {
			made := create(t, c, name, "my_secret")
			prefix := "arn:aws:secretsmanager:us-west-2:111122223333:secret:" + name + "-"
			if !strings.HasPrefix(*made.ARN, prefix) || len(*made.ARN) != len(prefix)+6 {
				t.Fatalf("ARN %s, want %s and six characters", *made.ARN, prefix)
			}
			for _, id := range []string{name, *made.ARN, (*made.ARN)[:len(*made.ARN)-7]} {
				got := read(t, c, id)
				if *got.SecretString != "my_secret" || *got.ARN != *made.ARN || *got.Name != name || *got.VersionId != *made.VersionId ||
					!cmp.Equal(got.VersionStages, []string{"AWSCURRENT"}) || got.SecretBinary != nil {
					t.Errorf("by %s: %+v", id, got)
				}
			}
			put := must[*sdk.PutSecretValueOutput](t)(c.PutSecretValue(t.Context(), &sdk.PutSecretValueInput{SecretId: &name, SecretString: aws.String("new_secret")}))
			if got := read(t, c, name); *got.SecretString != "new_secret" || *got.VersionId != *put.VersionId {
				t.Errorf("after PutSecretValue: %+v", got)
			}
			updated := must[*sdk.UpdateSecretOutput](t)(c.UpdateSecret(t.Context(), &sdk.UpdateSecretInput{SecretId: made.ARN, SecretString: aws.String("test123"), Description: aws.String("d1")}))
			described := must[*sdk.DescribeSecretOutput](t)(c.DescribeSecret(t.Context(), &sdk.DescribeSecretInput{SecretId: &name}))
			want := map[string][]string{*put.VersionId: {"AWSPREVIOUS"}, *updated.VersionId: {"AWSCURRENT"}}
			if diff := cmp.Diff(want, described.VersionIdsToStages); diff != "" {
				t.Errorf("VersionIdsToStages (-want +got):\n%s", diff)
			}
			if *described.Description != "d1" || described.Tags != nil || described.LastAccessedDate == nil || described.KmsKeyId != nil {
				t.Errorf("described: %+v", described)
			}
		})
	}
	// A name that ends like an ARN cannot be found by its ARN without suffix.
	made := create(t, c, "Invalid/_+=.@-Name-a1b2c3", "my_secret")
	partial := (*made.ARN)[:len(*made.ARN)-7]
	_, err := c.GetSecretValue(t.Context(), &sdk.GetSecretValueInput{SecretId: &partial})
	refused(t, err, "ResourceNotFoundException", "Secrets Manager can't find the specified secret.")
}

func TestBinaryValue(t *testing.T) {
	c := client(start(t).Root(servicetest.Account))
	value := []byte("\x00\x01\x02\xff")
	must[*sdk.CreateSecretOutput](t)(c.CreateSecret(t.Context(), &sdk.CreateSecretInput{Name: aws.String("b"), SecretBinary: value}))
	if got := read(t, c, "b"); string(got.SecretBinary) != string(value) || got.SecretString != nil {
		t.Errorf("got %+v", got)
	}
}

// TestErrors has texts that were recorded on AWS by LocalStack's and moto's
// validated tests, but for those that say otherwise.
func TestErrors(t *testing.T) {
	s := start(t)
	c := client(s.Root(servicetest.Account))
	ctx := t.Context()
	made := create(t, c, "here", "v")
	create(t, c, "going", "v")
	must[*sdk.DeleteSecretOutput](t)(c.DeleteSecret(ctx, &sdk.DeleteSecretInput{SecretId: aws.String("going")}))
	must[*sdk.CreateSecretOutput](t)(c.CreateSecret(ctx, &sdk.CreateSecretInput{Name: aws.String("empty")}))
	missing := "00000000-0000-0000-0000-000000000000"
	marked := "You can't perform this operation on the secret because it was marked for deletion."
	invalidName := "Invalid name. Must be a valid name containing alphanumeric characters, or any of the following: -/_+=.@!"
	notFound := "Secrets Manager can't find the specified secret."
	get := func(in sdk.GetSecretValueInput) func() error {
		return func() error { _, err := c.GetSecretValue(ctx, &in); return err }
	}
	cases := []struct {
		name          string
		call          func() error
		code, message string
	}{
		{"no such secret", get(sdk.GetSecretValueInput{SecretId: aws.String("nowhere")}), "ResourceNotFoundException", notFound},
		{"wrong suffix", get(sdk.GetSecretValueInput{SecretId: aws.String((*made.ARN)[:len(*made.ARN)-6] + "zzzzzz")}), "ResourceNotFoundException", notFound},
		{"no value", get(sdk.GetSecretValueInput{SecretId: aws.String("empty")}), "ResourceNotFoundException",
			"Secrets Manager can't find the specified secret value for staging label: AWSCURRENT"},
		{"no such version", get(sdk.GetSecretValueInput{SecretId: aws.String("here"), VersionId: &missing}), "ResourceNotFoundException",
			"Secrets Manager can't find the specified secret value for VersionId: " + missing},
		{"no such stage", get(sdk.GetSecretValueInput{SecretId: aws.String("here"), VersionStage: aws.String("AWSPENDING")}), "ResourceNotFoundException",
			"Secrets Manager can't find the specified secret value for staging label: AWSPENDING"},
		{"version and stage differ", get(sdk.GetSecretValueInput{SecretId: aws.String("here"), VersionId: made.VersionId, VersionStage: aws.String("AWSPREVIOUS")}),
			"InvalidRequestException", "You provided a VersionStage that is not associated to the provided VersionId."},
		{"read a deleted one", get(sdk.GetSecretValueInput{SecretId: aws.String("going")}), "InvalidRequestException", marked},
		{"bad name", get(sdk.GetSecretValueInput{SecretId: aws.String(" Inv *?!]Name\\-")}), "ValidationException", invalidName},
		{"create with a bad name", func() error {
			_, err := c.CreateSecret(ctx, &sdk.CreateSecretInput{Name: aws.String("Inv Name"), SecretString: aws.String("v")})
			return err
		}, "ValidationException", invalidName},
		{"create a deleted one", func() error {
			_, err := c.CreateSecret(ctx, &sdk.CreateSecretInput{Name: aws.String("going"), SecretString: aws.String("v")})
			return err
		}, "InvalidRequestException", "You can't create this secret because a secret with this name is already scheduled for deletion."},
		{"create twice", func() error {
			_, err := c.CreateSecret(ctx, &sdk.CreateSecretInput{Name: aws.String("here"), SecretString: aws.String("v")})
			return err
		}, "ResourceExistsException", "The operation failed because the secret here already exists."},
		{"create with a used token", func() error {
			_, err := c.CreateSecret(ctx, &sdk.CreateSecretInput{Name: aws.String("here"), SecretString: aws.String("w"), ClientRequestToken: made.VersionId})
			return err
		}, "ResourceExistsException", "You can't use ClientRequestToken " + *made.VersionId + " because that value is already in use for a version of secret " + *made.ARN + "."},
		{"put with a used token", func() error {
			_, err := c.PutSecretValue(ctx, &sdk.PutSecretValueInput{SecretId: aws.String("here"), SecretString: aws.String("w"), ClientRequestToken: made.VersionId})
			return err
		}, "ResourceExistsException", "You can't use ClientRequestToken " + *made.VersionId + " because that value is already in use for a version of secret " + *made.ARN + "."},
		{"put nothing", func() error {
			_, err := c.PutSecretValue(ctx, &sdk.PutSecretValueInput{SecretId: aws.String("here")})
			return err
		}, "InvalidRequestException", "You must provide either SecretString or SecretBinary."},
		{"update a deleted one", func() error {
			_, err := c.UpdateSecret(ctx, &sdk.UpdateSecretInput{SecretId: aws.String("going"), SecretString: aws.String("w")})
			return err
		}, "InvalidRequestException", marked},
		{"move the current label unnamed", func() error {
			put := must[*sdk.PutSecretValueOutput](t)(c.PutSecretValue(ctx, &sdk.PutSecretValueInput{SecretId: aws.String("here"), SecretString: aws.String("p"), VersionStages: []string{"AWSPENDING"}}))
			_, err := c.UpdateSecretVersionStage(ctx, &sdk.UpdateSecretVersionStageInput{SecretId: aws.String("here"), VersionStage: aws.String("AWSCURRENT"), MoveToVersionId: put.VersionId})
			return err
		}, "InvalidParameterException", "The parameter RemoveFromVersionId can't be empty. Staging label AWSCURRENT is currently attached to version " + *made.VersionId + ", so you must explicitly reference that version in RemoveFromVersionId."},
		{"remove the current label", func() error { // the text: terraform-provider-aws
			_, err := c.UpdateSecretVersionStage(ctx, &sdk.UpdateSecretVersionStageInput{SecretId: aws.String("here"), VersionStage: aws.String("AWSCURRENT"), RemoveFromVersionId: made.VersionId})
			return err
		}, "InvalidParameterException", "You can only move staging label AWSCURRENT to a different secret version. It can’t be completely removed."},
		{"tag a deleted one", func() error {
			_, err := c.UntagResource(ctx, &sdk.UntagResourceInput{SecretId: aws.String("going"), TagKeys: []string{"k"}})
			return err
		}, "InvalidRequestException", marked},
		{"window out of range", func() error { // the text: moto
			_, err := c.DeleteSecret(ctx, &sdk.DeleteSecretInput{SecretId: aws.String("here"), RecoveryWindowInDays: aws.Int64(6)})
			return err
		}, "InvalidParameterException", "The RecoveryWindowInDays value must be between 7 and 30 days (inclusive)."},
		{"malformed policy", func() error { // the text: awsdocs/aws-cloudformation-user-guide#623
			_, err := c.PutResourcePolicy(ctx, &sdk.PutResourcePolicyInput{SecretId: aws.String("here"), ResourcePolicy: aws.String("{")})
			return err
		}, "MalformedPolicyDocumentException", "This policy has invalid syntax."},
		{"ids and filters", func() error { // the text: moto
			_, err := c.BatchGetSecretValue(ctx, &sdk.BatchGetSecretValueInput{})
			return err
		}, "InvalidParameterException", "Either 'SecretIdList' or 'Filters' must be provided, but not both."},
		{"bad token", func() error { // ours
			_, err := c.ListSecrets(ctx, &sdk.ListSecretsInput{NextToken: aws.String("?")})
			return err
		}, "InvalidNextTokenException", "Invalid Token"},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			refused(t, tc.call(), tc.code, tc.message)
			if d := s.Last(); d.Error == nil || d.Error.Code != tc.code || d.Reason == nil {
				t.Errorf("the decision does not say it: %+v", d)
			}
		})
	}
}

// TestRawCalls sends what no SDK sends. Recorded on AWS: test_no_client_request_token.
func TestRawCalls(t *testing.T) {
	s := start(t)
	c := client(s.Root(servicetest.Account))
	create(t, c, "here", "v")
	noToken := func(o *sdk.Options) { o.IdempotencyTokenProvider = nil }
	message := "You must provide a ClientRequestToken value. We recommend a UUID-type value."
	_, err := c.CreateSecret(t.Context(), &sdk.CreateSecretInput{Name: aws.String("x"), SecretString: aws.String("v")}, noToken)
	refused(t, err, "InvalidRequestException", message)
	_, err = c.PutSecretValue(t.Context(), &sdk.PutSecretValueInput{SecretId: aws.String("here"), SecretString: aws.String("v")}, noToken)
	refused(t, err, "InvalidRequestException", message)
	_, err = c.UpdateSecret(t.Context(), &sdk.UpdateSecretInput{SecretId: aws.String("here"), SecretString: aws.String("v")}, noToken)
	refused(t, err, "InvalidRequestException", message)

	_, err = c.CreateSecret(t.Context(), &sdk.CreateSecretInput{Name: aws.String("x"), SecretString: aws.String(strings.Repeat("s", 65537))})
	refused(t, err, "ValidationException", "1 validation error detected: Value at 'secretString' failed to satisfy constraint: Member must have length less than or equal to 65536")
}

func TestUnsupported(t *testing.T) {
	c := client(start(t).Root(servicetest.Account))
	_, err := c.RotateSecret(t.Context(), &sdk.RotateSecretInput{SecretId: aws.String("x")})
	var e smithy.APIError
	if !errors.As(err, &e) || e.ErrorCode() != "NotImplemented" || !strings.Contains(e.ErrorMessage(), "secretsmanager:RotateSecret") {
		t.Errorf("got %v", err)
	}
}

// TestSameCallAgain: recorded on AWS by moto.
func TestSameCallAgain(t *testing.T) {
	c := client(start(t).Root(servicetest.Account))
	token := aws.String("EXAMPLE1-90ab-cdef-fedc-ba987SECRET1")
	in := &sdk.CreateSecretInput{Name: aws.String("n"), SecretString: aws.String("Hello"), ClientRequestToken: token}
	first := must[*sdk.CreateSecretOutput](t)(c.CreateSecret(t.Context(), in))
	again := must[*sdk.CreateSecretOutput](t)(c.CreateSecret(t.Context(), in))
	if *first.ARN != *again.ARN || *again.VersionId != *token {
		t.Errorf("created again: %+v", again)
	}
	put := must[*sdk.PutSecretValueOutput](t)(c.PutSecretValue(t.Context(), &sdk.PutSecretValueInput{SecretId: first.ARN, SecretString: aws.String("Hello"), ClientRequestToken: token}))
	if *put.VersionId != *token || !cmp.Equal(put.VersionStages, []string{"AWSCURRENT"}) {
		t.Errorf("put again: %+v", put)
	}
	updated := must[*sdk.UpdateSecretOutput](t)(c.UpdateSecret(t.Context(), &sdk.UpdateSecretInput{SecretId: first.ARN, SecretString: aws.String("Hello"), ClientRequestToken: token}))
	if *updated.VersionId != *token {
		t.Errorf("updated again: %+v", updated)
	}
}

func TestDeleteAndRestore(t *testing.T) {
	s := start(t)
	c := client(s.Root(servicetest.Account))
	ctx := t.Context()
	made := create(t, c, "n", "v")
	gone := must[*sdk.DeleteSecretOutput](t)(c.DeleteSecret(ctx, &sdk.DeleteSecretInput{SecretId: aws.String("n"), RecoveryWindowInDays: aws.Int64(7)}))
	if want := s.Now().Add(7 * 24 * time.Hour); !gone.DeletionDate.Equal(want) {
		t.Errorf("DeletionDate %v, want %v", gone.DeletionDate, want)
	}
	if d := must[*sdk.DescribeSecretOutput](t)(c.DescribeSecret(ctx, &sdk.DescribeSecretInput{SecretId: aws.String("n")})); d.DeletedDate == nil {
		t.Error("DescribeSecret does not show the deletion")
	}
	list := func(planned bool) int {
		return len(must[*sdk.ListSecretsOutput](t)(c.ListSecrets(ctx, &sdk.ListSecretsInput{IncludePlannedDeletion: &planned})).SecretList)
	}
	if list(false) != 0 || list(true) != 1 {
		t.Errorf("listed: %d, with planned deletions %d", list(false), list(true))
	}
	must[*sdk.RestoreSecretOutput](t)(c.RestoreSecret(ctx, &sdk.RestoreSecretInput{SecretId: aws.String("n")}))
	read(t, c, "n")

	must[*sdk.DeleteSecretOutput](t)(c.DeleteSecret(ctx, &sdk.DeleteSecretInput{SecretId: aws.String("n"), RecoveryWindowInDays: aws.Int64(7)}))
	s.Advance(8 * 24 * time.Hour)
	_, err := c.RestoreSecret(ctx, &sdk.RestoreSecretInput{SecretId: aws.String("n")})
	refused(t, err, "ResourceNotFoundException", "Secrets Manager can't find the specified secret.")
	if again := create(t, c, "n", "v2"); *again.ARN == *made.ARN {
		t.Error("a secret made anew has the ARN of the old one")
	}
	force := aws.Bool(true)
	must[*sdk.DeleteSecretOutput](t)(c.DeleteSecret(ctx, &sdk.DeleteSecretInput{SecretId: aws.String("n")}))
	must[*sdk.DeleteSecretOutput](t)(c.DeleteSecret(ctx, &sdk.DeleteSecretInput{SecretId: aws.String("n"), ForceDeleteWithoutRecovery: force}))
	create(t, c, "n", "v3")

	// Recorded on AWS: test_delete_non_existent_secret_returns_as_if_secret_exists.
	none := must[*sdk.DeleteSecretOutput](t)(c.DeleteSecret(ctx, &sdk.DeleteSecretInput{SecretId: aws.String("never"), ForceDeleteWithoutRecovery: force}))
	if *none.Name != "never" || none.ARN == nil || none.DeletionDate == nil {
		t.Errorf("got %+v", none)
	}
}

// TestTags: recorded on AWS, an empty list is not an absent one.
func TestTags(t *testing.T) {
	c := client(start(t).Root(servicetest.Account))
	ctx := context.Background()
	create(t, c, "n", "v")
	tags := func() any {
		return must[*sdk.DescribeSecretOutput](t)(c.DescribeSecret(ctx, &sdk.DescribeSecretInput{SecretId: aws.String("n")})).Tags
	}
	must[*sdk.TagResourceOutput](t)(c.TagResource(ctx, &sdk.TagResourceInput{SecretId: aws.String("n"), Tags: tagsOf("tag1", "value1", "tag2", "x")}))
	must[*sdk.TagResourceOutput](t)(c.TagResource(ctx, &sdk.TagResourceInput{SecretId: aws.String("n"), Tags: tagsOf("tag2", "value2")}))
	if diff := cmp.Diff(tagsOf("tag1", "value1", "tag2", "value2"), tags(), ignoreSmithy); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	must[*sdk.UntagResourceOutput](t)(c.UntagResource(ctx, &sdk.UntagResourceInput{SecretId: aws.String("n"), TagKeys: []string{"tag1", "tag2"}}))
	if diff := cmp.Diff(tagsOf(), tags(), ignoreSmithy); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
