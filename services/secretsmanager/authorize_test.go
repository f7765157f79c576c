package secretsmanager_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"

	"github.com/irsa-emu/irsa-emu/decision"
	"github.com/irsa-emu/irsa-emu/iam"
	"github.com/irsa-emu/irsa-emu/services/secretsmanager"
	"github.com/irsa-emu/irsa-emu/services/servicetest"
	"github.com/irsa-emu/irsa-emu/state"
	"github.com/irsa-emu/irsa-emu/statefile"
)

const (
	secretARN = "arn:aws:secretsmanager:us-west-2:111122223333:secret:"
	reader    = "arn:aws:sts::111122223333:assumed-role/reader/test"
)

// declare puts secrets as a State document does.
func declare(t *testing.T, s *servicetest.Server, secrets ...statefile.Secret) {
	t.Helper()
	err := s.Store.Update(context.Background(), func(tx *state.Txn) error {
		return secretsmanager.Apply(tx, servicetest.Account, servicetest.Region, statefile.Account{Secrets: secrets}, s.Now(), rand.Reader)
	})
	if err != nil {
		t.Fatal(err)
	}
}

func text(s string) *statefile.Text { return (*statefile.Text)(&s) }

// TestSuffix: which policies reach a secret. On AWS a policy without the
// suffix does not (measured: ministackorg/ministack#1737).
func TestSuffix(t *testing.T) {
	cases := []struct {
		resource         string // after …:secret:
		created, named   bool   // allowed for a secret that a call created, that a document named
		createdByPartial bool
	}{
		{"db", false, true, false},
		{"db-??????", true, true, true},
		{"db-*", true, true, true},
		{"d*", true, true, true},
		{"db-?????", false, false, false},
		{"other-??????", false, false, false},
	}
	for _, tc := range cases {
		t.Run(tc.resource, func(t *testing.T) {
			s := start(t)
			create(t, client(s.Root(servicetest.Account)), "db", "v")
			c := client(s.Role(servicetest.Account, "reader", servicetest.Allow(secretARN+tc.resource, "secretsmanager:GetSecretValue")))
			check := func(id string, allowed bool) {
				t.Helper()
				_, err := c.GetSecretValue(t.Context(), &sdk.GetSecretValueInput{SecretId: &id})
				if allowed {
					if err != nil {
						t.Errorf("by %s: %v", id, err)
					}
					return
				}
				refused(t, err, "AccessDeniedException", "User: "+reader+" is not authorized to perform: secretsmanager:GetSecretValue on resource: "+id+
					" because no identity-based policy allows the secretsmanager:GetSecretValue action")
				d := s.Last()
				if d.Outcome != decision.Refused || d.Reason.Kind != decision.Policy {
					t.Errorf("decision %+v", d)
				}
				if tc.resource == "db" && !strings.Contains(d.Reason.Advice(), secretARN+"db-??????") {
					t.Errorf("the hint does not say what to write: %q", d.Reason.Advice())
				}
			}
			check("db", tc.created)
			check(secretARN+"db", tc.createdByPartial)

			s = start(t)
			declare(t, s, statefile.Secret{Name: "db", Value: text("v")})
			c = client(s.Role(servicetest.Account, "reader", servicetest.Allow(secretARN+tc.resource, "secretsmanager:GetSecretValue")))
			check("db", tc.named)
		})
	}
	// A document that says the suffix asks for what AWS does.
	s := start(t)
	declare(t, s, statefile.Secret{Name: "db", Suffix: "a1b2c3", Value: text("v")})
	c := client(s.Role(servicetest.Account, "reader", servicetest.Allow(secretARN+"db", "secretsmanager:GetSecretValue")))
	if _, err := c.GetSecretValue(t.Context(), &sdk.GetSecretValueInput{SecretId: aws.String("db")}); err == nil {
		t.Error("a policy without suffix allows a secret whose suffix is known")
	}
}

// TestPermissionFirst: who may not read does not learn what exists.
func TestPermissionFirst(t *testing.T) {
	s := start(t)
	create(t, client(s.Root(servicetest.Account)), "hidden", "v")
	c := client(s.Role(servicetest.Account, "reader"))
	for _, id := range []string{"hidden", "nowhere"} {
		_, err := c.GetSecretValue(t.Context(), &sdk.GetSecretValueInput{SecretId: &id})
		refused(t, err, "AccessDeniedException", "User: "+reader+" is not authorized to perform: secretsmanager:GetSecretValue on resource: "+id+
			" because no identity-based policy allows the secretsmanager:GetSecretValue action")
	}
	// Seen on AWS: actions without a resource name none.
	_, err := c.ListSecrets(t.Context(), &sdk.ListSecretsInput{})
	refused(t, err, "AccessDeniedException", "User: "+reader+" is not authorized to perform: secretsmanager:ListSecrets because no identity-based policy allows the secretsmanager:ListSecrets action")
}

func TestConditionKeys(t *testing.T) {
	s := start(t)
	root := client(s.Root(servicetest.Account))
	must[*sdk.CreateSecretOutput](t)(root.CreateSecret(t.Context(), &sdk.CreateSecretInput{
		Name: aws.String("n"), SecretString: aws.String("v"), Tags: tagsOf("team", "payments")}))
	must[*sdk.PutSecretValueOutput](t)(root.PutSecretValue(t.Context(), &sdk.PutSecretValueInput{SecretId: aws.String("n"), SecretString: aws.String("w")}))
	get := func(stage string) func(*sdk.Client) error {
		return func(c *sdk.Client) error {
			in := &sdk.GetSecretValueInput{SecretId: aws.String("n")}
			if stage != "" {
				in.VersionStage = &stage
			}
			_, err := c.GetSecretValue(t.Context(), in)
			return err
		}
	}
	made := 0
	newSecret := func(tags []types.Tag) func(*sdk.Client) error {
		return func(c *sdk.Client) error {
			made++
			_, err := c.CreateSecret(t.Context(), &sdk.CreateSecretInput{Name: aws.String(fmt.Sprint("made-", made)), SecretString: aws.String("v"), Tags: tags})
			return err
		}
	}
	cases := []struct {
		name, condition string
		call            func(*sdk.Client) error
		allowed         bool
	}{
		{"aws:ResourceTag", `"StringEquals":{"aws:ResourceTag/team":"payments"}`, get(""), true},
		{"secretsmanager:ResourceTag", `"StringEquals":{"secretsmanager:ResourceTag/team":"payments"}`, get(""), true},
		{"another tag", `"StringEquals":{"aws:ResourceTag/team":"search"}`, get(""), false},
		{"SecretId as given", `"StringEquals":{"secretsmanager:SecretId":"n"}`, get(""), true},
		{"the current version by default", `"ForAnyValue:StringEquals":{"secretsmanager:VersionStage":"AWSCURRENT"}`, get(""), true},
		{"not the previous one", `"ForAnyValue:StringEquals":{"secretsmanager:VersionStage":"AWSCURRENT"}`, get("AWSPREVIOUS"), false},
		{"request tag", `"StringEquals":{"aws:RequestTag/team":"payments"}`, newSecret(tagsOf("team", "payments")), true},
		{"no request tag", `"StringEquals":{"aws:RequestTag/team":"payments"}`, newSecret(nil), false},
		{"tag keys", `"ForAllValues:StringEquals":{"aws:TagKeys":["team"]}`, newSecret(tagsOf("team", "x", "owner", "y")), false},
		{"name", `"StringLike":{"secretsmanager:Name":"made-*"}`, newSecret(nil), true},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			c := client(s.Role(servicetest.Account, "reader",
				`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"secretsmanager:*","Resource":"*","Condition":{`+tc.condition+`}}]}`))
			if err := tc.call(c); (err == nil) != tc.allowed {
				t.Errorf("allowed %v, want %v: %v", err == nil, tc.allowed, err)
			}
		})
	}
}

// TestOtherAccount: both sides must allow, and the default key is for the
// secret's own account only. Recorded on AWS: test_cross_account_access.
func TestOtherAccount(t *testing.T) {
	s := start(t)
	owner := client(s.Root(servicetest.Account))
	guest := client(s.Role(servicetest.Other, "guest", servicetest.Allow("*", "secretsmanager:*")))
	ctx := t.Context()
	made := create(t, owner, "shared", "v")
	_, err := guest.GetSecretValue(ctx, &sdk.GetSecretValueInput{SecretId: made.ARN})
	refused(t, err, "AccessDeniedException", "User: arn:aws:sts::444455556666:assumed-role/guest/test is not authorized to perform: secretsmanager:GetSecretValue on resource: "+*made.ARN+
		" because no resource-based policy allows the secretsmanager:GetSecretValue action")

	policy := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::444455556666:role/guest"},"Action":"secretsmanager:*","Resource":"*"}]}`
	must[*sdk.PutResourcePolicyOutput](t)(owner.PutResourcePolicy(ctx, &sdk.PutResourcePolicyInput{SecretId: made.ARN, ResourcePolicy: &policy}))
	must[*sdk.DescribeSecretOutput](t)(guest.DescribeSecret(ctx, &sdk.DescribeSecretInput{SecretId: made.ARN}))
	if got := must[*sdk.GetResourcePolicyOutput](t)(guest.GetResourcePolicy(ctx, &sdk.GetResourcePolicyInput{SecretId: made.ARN})); *got.ResourcePolicy != policy {
		t.Errorf("policy %s", *got.ResourcePolicy)
	}
	_, err = guest.GetSecretValue(ctx, &sdk.GetSecretValueInput{SecretId: made.ARN})
	refused(t, err, "InvalidRequestException", "You can't access a secret from a different AWS account if you encrypt the secret with the default KMS service key.")

	shared := key(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":["111122223333","444455556666"]},"Action":"kms:*","Resource":"*"}]}`)
	keys(t, s, shared)
	must[*sdk.UpdateSecretOutput](t)(owner.UpdateSecret(ctx, &sdk.UpdateSecretInput{SecretId: made.ARN, KmsKeyId: aws.String(keyARN)}))
	_, err = guest.GetSecretValue(ctx, &sdk.GetSecretValueInput{SecretId: made.ARN})
	refused(t, err, "AccessDeniedException", noKMS)
	guest = client(s.Role(servicetest.Other, "guest", servicetest.Allow("*", "secretsmanager:*"), servicetest.Allow(keyARN, "kms:Decrypt")))
	read(t, guest, *made.ARN)
	if list := must[*sdk.ListSecretsOutput](t)(guest.ListSecrets(ctx, &sdk.ListSecretsInput{})); len(list.SecretList) != 0 {
		t.Error("another account's secret is listed")
	}
	must[*sdk.DeleteResourcePolicyOutput](t)(owner.DeleteResourcePolicy(ctx, &sdk.DeleteResourcePolicyInput{SecretId: made.ARN}))
	if _, err := guest.DescribeSecret(ctx, &sdk.DescribeSecretInput{SecretId: made.ARN}); err == nil {
		t.Error("allowed without a resource policy")
	}
}

func TestBlockPublicPolicy(t *testing.T) {
	s := start(t)
	c := client(s.Root(servicetest.Account))
	create(t, c, "n", "v")
	public := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"secretsmanager:GetSecretValue","Resource":"*"}]}`
	_, err := c.PutResourcePolicy(t.Context(), &sdk.PutResourcePolicyInput{SecretId: aws.String("n"), ResourcePolicy: &public, BlockPublicPolicy: aws.Bool(true)})
	if err == nil || !strings.Contains(err.Error(), "PublicPolicyException") {
		t.Errorf("got %v", err)
	}
	limited := strings.Replace(public, `"Resource":"*"`, `"Resource":"*","Condition":{"StringEquals":{"aws:PrincipalOrgID":"o-abcdef1234"}}`, 1)
	must[*sdk.PutResourcePolicyOutput](t)(c.PutResourcePolicy(t.Context(), &sdk.PutResourcePolicyInput{SecretId: aws.String("n"), ResourcePolicy: &limited, BlockPublicPolicy: aws.Bool(true)}))
	for condition, passed := range map[string]bool{`"StringEquals":{"aws:PrincipalOrgID":"o-abcdef1234"}`: true, `"Bool":{"aws:SecureTransport":"true"}`: false} {
		text := strings.Replace(public, `"Resource":"*"`, `"Resource":"*","Condition":{`+condition+`}`, 1)
		checked := must[*sdk.ValidateResourcePolicyOutput](t)(c.ValidateResourcePolicy(t.Context(), &sdk.ValidateResourcePolicyInput{ResourcePolicy: &text}))
		if checked.PolicyValidationPassed != passed {
			t.Errorf("%s: passed %v", condition, checked.PolicyValidationPassed)
		}
	}
	checked := must[*sdk.ValidateResourcePolicyOutput](t)(c.ValidateResourcePolicy(t.Context(), &sdk.ValidateResourcePolicyInput{ResourcePolicy: &public}))
	if checked.PolicyValidationPassed || len(checked.ValidationErrors) != 1 || *checked.ValidationErrors[0].CheckName != "BlockPublicPolicyCheck" {
		t.Errorf("validated: %+v", checked)
	}
}

// TestValidateResourcePolicy: the API performs three checks, and asks for two
// permissions (API reference, ValidateResourcePolicy).
func TestValidateResourcePolicy(t *testing.T) {
	s := start(t)
	ctx := t.Context()
	create(t, client(s.Root(servicetest.Account)), "n", "v")
	text := func(effect, principal, action, condition string) *string {
		return aws.String(`{"Version":"2012-10-17","Statement":[{"Effect":"` + effect + `","Principal":` + principal + `,"Action":"` + action + `","Resource":"*"` + condition + `}]}`)
	}
	for name, actions := range map[string][]string{"ValidateResourcePolicy": {"secretsmanager:PutResourcePolicy"}, "PutResourcePolicy": {"secretsmanager:ValidateResourcePolicy"}} {
		c := client(s.Role(servicetest.Account, "without"+name, servicetest.Allow("*", actions...)))
		for _, id := range []*string{nil, aws.String("n")} {
			_, err := c.ValidateResourcePolicy(ctx, &sdk.ValidateResourcePolicyInput{SecretId: id, ResourcePolicy: text("Allow", `{"AWS":"111122223333"}`, "secretsmanager:GetSecretValue", "")})
			if err == nil || !strings.Contains(err.Error(), "not authorized to perform: secretsmanager:"+name) {
				t.Errorf("without %s: %v", name, err)
			}
		}
	}
	manager := client(s.Role(servicetest.Account, "manager", servicetest.Allow("*", "secretsmanager:*")))
	for _, tc := range []struct {
		text *string
		want []string
	}{
		{text("Allow", `{"AWS":"111122223333"}`, "secretsmanager:GetSecretValue", ""), nil},
		{text("Deny", `"*"`, "secretsmanager:GetSecretValue", ""), nil},
		{text("Deny", `"*"`, "secretsmanager:*", ""), []string{"LockOutCheck"}},
		{text("Deny", `{"AWS":"arn:aws:iam::111122223333:role/manager"}`, "secretsmanager:Put*", ""), []string{"LockOutCheck"}},
		{text("Deny", `"*"`, "secretsmanager:*", `,"Condition":{"StringNotEquals":{"aws:PrincipalArn":"arn:aws:iam::111122223333:role/manager"}}`), nil},
		{text("Deny", `"*"`, "secretsmanager:*", `,"Condition":{"StringNotEquals":{"aws:SourceVpce":"vpce-1a2b"}}`), []string{"LockOutCheck"}},
		{text("Allow", `"*"`, "secretsmanager:GetSecretValue", ""), []string{"BlockPublicPolicyCheck"}},
	} {
		for _, id := range []*string{nil, aws.String("n")} {
			out := must[*sdk.ValidateResourcePolicyOutput](t)(manager.ValidateResourcePolicy(ctx, &sdk.ValidateResourcePolicyInput{SecretId: id, ResourcePolicy: tc.text}))
			var got []string
			for _, e := range out.ValidationErrors {
				got = append(got, *e.CheckName)
			}
			if !slices.Equal(got, tc.want) || out.PolicyValidationPassed != (len(tc.want) == 0) {
				t.Errorf("%s: %v, passed %v; want %v", *tc.text, got, out.PolicyValidationPassed, tc.want)
			}
		}
	}
}

// TestBatch: each secret needs its own permission (API reference).
func TestBatch(t *testing.T) {
	s := start(t)
	root := client(s.Root(servicetest.Account))
	create(t, root, "one", "1")
	create(t, root, "two", "2")
	c := client(s.Role(servicetest.Account, "reader", servicetest.Allow("*", "secretsmanager:BatchGetSecretValue"),
		servicetest.Allow(secretARN+"one-??????", "secretsmanager:GetSecretValue"), servicetest.Allow(secretARN+"none", "secretsmanager:GetSecretValue")))
	out := must[*sdk.BatchGetSecretValueOutput](t)(c.BatchGetSecretValue(t.Context(), &sdk.BatchGetSecretValueInput{SecretIdList: []string{"one", "two", "none"}}))
	if len(out.SecretValues) != 1 || *out.SecretValues[0].SecretString != "1" || len(out.Errors) != 2 ||
		*out.Errors[0].SecretId != "two" || *out.Errors[0].ErrorCode != "AccessDeniedException" || *out.Errors[1].ErrorCode != "ResourceNotFoundException" {
		t.Errorf("got %+v and %+v", out.SecretValues, out.Errors)
	}
	in := &sdk.BatchGetSecretValueInput{Filters: []types.Filter{{Key: "name", Values: []string{"o"}}}}
	if _, err := c.BatchGetSecretValue(t.Context(), in); err == nil || !strings.Contains(err.Error(), "secretsmanager:ListSecrets") {
		t.Errorf("with filters: %v", err)
	}
	if out := must[*sdk.BatchGetSecretValueOutput](t)(root.BatchGetSecretValue(t.Context(), in)); len(out.SecretValues) != 1 {
		t.Errorf("with filters: %+v", out)
	}
}

// TestPolicyPrincipals: what never was is refused, in the text on which Terraform's
// provider waits; what is deleted and made again is not let in.
func TestPolicyPrincipals(t *testing.T) {
	s := start(t)
	owner := client(s.Root(servicetest.Account))
	ctx := t.Context()
	must[*sdk.CreateSecretOutput](t)(owner.CreateSecret(ctx, &sdk.CreateSecretInput{Name: aws.String("n"), SecretString: aws.String("v")}))
	allow := func(principal string) *string {
		return aws.String(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"` + principal + `"},"Action":"secretsmanager:GetSecretValue","Resource":"*"}]}`)
	}
	put := func(principal string) error {
		_, err := owner.PutResourcePolicy(ctx, &sdk.PutResourcePolicyInput{SecretId: aws.String("n"), ResourcePolicy: allow(principal)})
		return err
	}
	const text = "MalformedPolicyDocumentException: This resource policy contains an unsupported principal."
	for _, nobody := range []string{"arn:aws:iam::111122223333:user/nobody", "arn:aws:iam::111122223333:role/nobody", "AROAXXXXXXXXXXXXXXXXX", "nonsense"} {
		if err := put(nobody); err == nil || !strings.Contains(err.Error(), text) {
			t.Errorf("%s: %v", nobody, err)
		}
		if _, err := owner.ValidateResourcePolicy(ctx, &sdk.ValidateResourcePolicyInput{ResourcePolicy: allow(nobody)}); err == nil || !strings.Contains(err.Error(), text) {
			t.Errorf("validating %s: %v", nobody, err)
		}
	}
	guest := client(s.Role(servicetest.Account, "guest"))
	if err := put("arn:aws:iam::111122223333:role/guest"); err != nil {
		t.Fatal(err)
	}
	get := func() error {
		_, err := guest.GetSecretValue(ctx, &sdk.GetSecretValueInput{SecretId: aws.String("n")})
		return err
	}
	if err := get(); err != nil {
		t.Fatal(err)
	}
	if err := s.Store.Update(ctx, func(tx *state.Txn) error {
		role, _ := iam.RoleByName(tx, servicetest.Account, "guest")
		other := *role
		other.ID = "AROASECONDSECONDSECON"
		tx.Put(&other)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	guest = client(s.Session(servicetest.Account, "guest"))
	if err := get(); err == nil {
		t.Error("a role of the same name is let in")
	}
	if shown := must[*sdk.GetResourcePolicyOutput](t)(owner.GetResourcePolicy(ctx, &sdk.GetResourcePolicyInput{SecretId: aws.String("n")})); !strings.Contains(*shown.ResourcePolicy, `"AROAGUEST1111"`) {
		t.Errorf("the policy shows %s", *shown.ResourcePolicy)
	}
}

// TestTagsAtCreation: API reference, CreateSecret, "Required permissions".
func TestTagsAtCreation(t *testing.T) {
	s := start(t)
	create := func(c *sdk.Client, name string, tags []types.Tag) error {
		_, err := c.CreateSecret(t.Context(), &sdk.CreateSecretInput{Name: &name, SecretString: aws.String("v"), Tags: tags})
		return err
	}
	c := client(s.Role(servicetest.Account, "reader", servicetest.Allow("*", "secretsmanager:CreateSecret")))
	if err := create(c, "plain", nil); err != nil {
		t.Error(err)
	}
	if err := create(c, "tagged", tagsOf("team", "a")); err == nil || !strings.Contains(err.Error(), reader+" is not authorized to perform: secretsmanager:TagResource on resource: tagged") {
		t.Errorf("tags without the permission to tag: %v", err)
	}
	c = client(s.Role(servicetest.Account, "reader", servicetest.Allow("*", "secretsmanager:CreateSecret", "secretsmanager:TagResource")))
	if err := create(c, "tagged", tagsOf("team", "a")); err != nil {
		t.Error(err)
	}
}
