package sources

import (
	"strings"
	"testing"
)

// What IAM refuses to write today stays in force where it is stored (facts of
// the write: recorded 9).
func TestValidateStored(t *testing.T) {
	const dump = `{"RoleDetailList":[{"RoleName":"old","Arn":"arn:aws:iam::111122223333:role/old","Path":"/","RoleId":"AROAEXAMPLE123456789","AssumeRolePolicyDocument":
{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Federated":"arn:aws:iam::111122223333:oidc-provider/token.actions.githubusercontent.com"},"Action":"sts:AssumeRoleWithWebIdentity"}]}}]}`
	found, err := Options{Stdin: strings.NewReader(dump)}.Read("-")
	if err != nil {
		t.Fatal(err)
	}
	if err := found.Validate(); err == nil || !strings.Contains(err.Error(), "must evaluate") {
		t.Errorf("as written today: %v", err)
	}
	if err := found.ValidateStored(); err != nil {
		t.Errorf("as stored: %v", err)
	}
	if n := len(found.Notes); n == 0 || found.Notes[n-1].Message != StoredNote {
		t.Errorf("notes: %v", found.Notes)
	}
}
