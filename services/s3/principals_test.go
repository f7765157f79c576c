package s3_test

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/irsa-emu/irsa-emu/iam"
	"github.com/irsa-emu/irsa-emu/services/servicetest"
	"github.com/irsa-emu/irsa-emu/state"
)

// TestPolicyPrincipals: a role that is deleted and made again is another one, and
// the policy shows the id of the first (IAM user guide, "AWS JSON policy elements:
// Principal"); one that never was is refused, in a text of many public reports.
func TestPolicyPrincipals(t *testing.T) {
	s := start(t, false)
	root := client(s.Root(servicetest.Account))
	b := bucket(t, root, "reports")
	write(t, root, b, "k", "v")
	ctx := t.Context()
	put := func(principal string) error {
		_, err := root.PutBucketPolicy(ctx, &sdk.PutBucketPolicyInput{Bucket: &b, Policy: aws.String(
			`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":` + principal + `},"Action":"s3:GetObject","Resource":"arn:aws:s3:::reports/*"}]}`)})
		return err
	}
	shown := func() string {
		return *must[*sdk.GetBucketPolicyOutput](t)(root.GetBucketPolicy(ctx, &sdk.GetBucketPolicyInput{Bucket: &b})).Policy
	}
	guest := client(s.Role(servicetest.Account, "guest"))
	get := func() error {
		_, err := guest.GetObject(ctx, &sdk.GetObjectInput{Bucket: &b, Key: aws.String("k")})
		return err
	}
	again := func(id string) { // deletes the role, and makes another if there is an id
		if err := s.Store.Update(ctx, func(tx *state.Txn) error {
			role, ok := iam.RoleByName(tx, servicetest.Account, "guest")
			if !ok {
				t.Fatal("there is no role")
			}
			tx.Delete(role)
			if id != "" {
				other := *role
				other.ID = id
				tx.Put(&other)
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
	}
	const arn = `"arn:aws:iam::111122223333:role/guest"`
	for _, nobody := range []string{`"arn:aws:iam::111122223333:role/nobody"`, `"arn:aws:iam::111122223333:user/nobody"`, `["111122223333","arn:aws:iam::111122223333:role/nobody"]`,
		`"AROAXXXXXXXXXXXXXXXXX"`, `"AIDAXXXXXXXXXXXXXXXXX"`, `"arn:aws-cn:iam::111122223333:role/guest"`, `"nonsense"`, `"arn:aws:iam::111122223333:role/*"`} {
		refused(t, put(nobody), 400, "MalformedPolicy", "Invalid principal in policy")
	}
	for _, known := range []string{`"111122223333"`, `"arn:aws:iam::444455556666:root"`, arn} {
		if err := put(known); err != nil {
			t.Errorf("%s: %v", known, err)
		}
	}
	if err := get(); err != nil || !strings.Contains(shown(), arn) {
		t.Fatalf("the role that is named: %v, %s", err, shown())
	}
	again("AROASECONDSECONDSECON")
	if text := shown(); !strings.Contains(text, `"AROAGUEST1111"`) || strings.Contains(text, arn) {
		t.Errorf("of a deleted role the policy shows %s", text)
	}
	// The session of the test is of the first role; one of the second has its id.
	guest = client(s.Session(servicetest.Account, "guest"))
	if err := get(); err == nil {
		t.Error("a role of the same name is let in")
	}
	refused(t, put(`"AROAGUEST1111"`), 400, "MalformedPolicy", "Invalid principal in policy")
	if err := put(arn); err != nil {
		t.Fatal(err)
	}
	if err := get(); err != nil {
		t.Errorf("the second role, once it is named: %v", err)
	}
	if err := put(`"AROASECONDSECONDSECON"`); err != nil || !strings.Contains(shown(), arn) {
		t.Errorf("by its id: %v, %s", err, shown())
	}
}
