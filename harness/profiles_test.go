package harness

import (
	"reflect"
	"strings"
	"testing"

	"github.com/irsa-emu/irsa-emu/oidc"
)

// The schema of scenarios lists the profiles that there are.
func TestSchemaListsProfiles(t *testing.T) {
	field, _ := reflect.TypeFor[Identity]().FieldByName("Profile")
	var listed []string
	for _, part := range strings.Split(field.Tag.Get("jsonschema"), ",") {
		listed = append(listed, strings.TrimPrefix(part, "enum="))
	}
	if got := strings.Join(listed, ", "); got != oidc.ProfileNames() {
		t.Errorf("the schema lists %s; there are %s", got, oidc.ProfileNames())
	}
}
