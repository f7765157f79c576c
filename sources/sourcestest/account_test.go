package sourcestest

import (
	"encoding/json"
	"fmt"
	"testing"

	_ "github.com/irsa-emu/irsa-emu/golden" // go test ./... -update goes by here
)

func TestAccount(t *testing.T) {
	var account struct {
		RoleDetailList []struct{ Arn string }
	}
	text := Account(3, func(namespace, role int) string { return fmt.Sprintf("system:serviceaccount:%d:%d", namespace, role) })
	if err := json.Unmarshal([]byte(text), &account); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	if len(account.RoleDetailList) != 3 || account.RoleDetailList[2].Arn != "arn:aws:iam::111122223333:role/role-2" {
		t.Errorf("%+v", account)
	}
}
