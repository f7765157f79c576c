package iam

import "testing"

// TestActions: an action is either there or known to be missing, never both.
func TestActions(t *testing.T) {
	for _, name := range unsupported {
		if _, served := actions[name]; served {
			t.Errorf("%s is in both tables", name)
		}
	}
	// aws-sdk-go-v2/service/iam v1.64 has 180 operations.
	if n := len(Description().Actions); n != 180 {
		t.Errorf("%d actions are known", n)
	}
}
