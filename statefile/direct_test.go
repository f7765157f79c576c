package statefile

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/irsa-emu/irsa-emu/statefile/strictyaml"
)

// slowly is Parse by the decoder that finds mistakes and their places.
func slowly(name string, src []byte) (State, error) {
	nodes, err := strictyaml.Parse(name, src)
	if err != nil {
		return State{}, err
	}
	return Decode(name, src, nodes, nil)
}

const directRole = `{"apiVersion":"irsa-emu.dev/v1","kind":"State","accounts":{"111122223333":{"roles":[%s]}}}`

const directTrust = `{"Version": "2012-10-17",
  "Statement": [{"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole", "Condition": {"StringEquals": {"aws:a": ["é\u0041\/", "\u2028x", "<&>"]}, "NumericLessThan": {"aws:n": 1.50}, "Bool": {"aws:b": true}}}]}`

// What is read directly is what the other decoder reads, places included; and
// all that is not plainly right is left to that one.
func TestDirect(t *testing.T) {
	trust := `"trustPolicy": ` + directTrust
	for _, c := range []struct {
		src    string
		direct bool
	}{
		{fmt.Sprintf(directRole, `{"name":"a", `+trust+`, "description":"","created":"2026-01-02T03:04:05Z","maxSessionDuration":3600,"tags":{"a":"b\"c"},"attachedPolicies":[]},
  {"name":"b", "inlinePolicies": {"p": {"Version":"2012-10-17","Statement":[]}}, `+trust+`}`), false}, // an inline policy without a statement
		{fmt.Sprintf(directRole, `{"name":"a", `+trust+`, "description":"","created":"2026-01-02T03:04:05Z","maxSessionDuration":3600,"tags":{"a":"b\"c"},"attachedPolicies":[]}`), true},
		{"\ufeff\n " + fmt.Sprintf(directRole, ``) + "\n", true},
		{`{"apiVersion":"irsa-emu.dev/v1","kind":"State","accounts":{"111122223333":{"secrets":[{"name":"s","value":"v\u00e9"}],"buckets":[{"name":"bucket","objects":{"k":{"binary":"AAE="}}}]}},
			"issuers":[{"url":"https://issuer.example.com","jwks":{"keys":[{"kty":"RSA","n":"AQAB","e":"AQAB"}]}}]}`, true},
		{"{\"apiVersion\":\"irsa-emu.dev/v1\",\"kind\":\"State\",\r\n\t\"clusters\":{\"é\u2028\":{\"issuer\":\"https://x.example.com\"}, \"c\": {\"issuer\":\"https://y.example.com\"}}," +
			`"accounts":{"111122223333":{"oidcProviders":[{"url":"https://x.example.com"}],"users":[{"name":"u"},
				{"name":"v"}],"groups":[ {"name":"g"}],"kmsKeys":[{"id":"k"}],"instanceProfiles":[{"name":"i"}]}}}`, true}, // each entity with its place
		{`{"apiVersion":"irsa-emu.dev/v1","kind":"State"} {}`, false},
		{`{"apiVersion":"irsa-emu.dev/v1","kind":"State",}`, false},
		{`{"apiVersion":"irsa-emu.dev/v1","kind":"Scenario"}`, false},
		{`{"apiVersion":"irsa-emu.dev/v1","kind":"State","kind":"State"}`, false},
		{`{"apiVersion":"irsa-emu.dev/v1","kind":"State","Accounts":{}}`, false},
		{`{"apiVersion":"irsa-emu.dev/v1","kind":"State","accounts":null}`, false},
		{fmt.Sprintf(directRole, `{"name":"a"}`), false},
		{fmt.Sprintf(directRole, `{"name":"a", "trustPolicy": {"file": "x.json"}}`), false},
		{fmt.Sprintf(directRole, `{"name":"a", "trustPolicy": "{}"}`), false},
		{fmt.Sprintf(directRole, `{"name":"a", "maxSessionDuration": 3600.0, `+trust+`}`), false},
		{fmt.Sprintf(directRole, `{"name":"a", "maxSessionDuration": 03600, `+trust+`}`), false},
		{fmt.Sprintf(directRole, `{"name":1, `+trust+`}`), false},
		{fmt.Sprintf(directRole, `{"name":"a", `+strings.Replace(trust, `"Effect": "Allow"`, `"Effect": "Allow", "Effect": "Allow"`, 1)+`}`), false},
		{fmt.Sprintf(directRole, `{"name":"a", `+strings.Replace(trust, `"Allow"`, `"Maybe"`, 1)+`}`), false},
		{fmt.Sprintf(directRole, `{"name":"a", `+trust+`},{"name":"A", `+trust+`}`), false},
		{"{\"apiVersion\":\"irsa-emu.dev/v1\",\"kind\":\"State\",\"accounts\":{\"\xff\":{}}}", false},
	} {
		got, direct := Direct("state.json", []byte(c.src))
		want, err := slowly("state.json", []byte(c.src))
		if direct != c.direct || direct && err != nil {
			t.Errorf("%s:\nread directly: %t; otherwise: %v", c.src, direct, err)
		}
		if !direct {
			continue
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s:\n%s", c.src, diff)
		}
		if again, err := Parse("state.json", []byte(c.src), nil); err != nil || !cmp.Equal(again, want) {
			t.Errorf("%s: Parse reads another: %v", c.src, err)
		}
	}
}

// FuzzDirect holds the direct reader against the other one.
func FuzzDirect(f *testing.F) {
	f.Add([]byte(fmt.Sprintf(directRole, `{"name":"a", "trustPolicy": `+directTrust+`, "tags": {"a": "b"}}`)))
	f.Add([]byte(`{"apiVersion":"irsa-emu.dev/v1","kind":"State","issuers":[{"url":"https://i.example","jwks":{"keys":[]}}]}`))
	f.Add([]byte(`{"apiVersion":"irsa-emu.dev/v1","kind":"State","accounts":{"111122223333":{"secrets":[{"name":"s","binary":"AA==","created":"2026-01-02T03:04:05Z"}],"policies":[{"name":"p","document":{}}]}}}`))
	f.Fuzz(func(t *testing.T, src []byte) {
		got, direct := Direct("state.json", src)
		if !direct {
			return
		}
		if !json.Valid([]byte(strings.TrimPrefix(string(src), "\ufeff"))) {
			t.Fatalf("%q is read, and is not JSON", src)
		}
		want, err := slowly("state.json", src)
		if err != nil {
			t.Fatalf("%q is read directly, and is wrong: %v", src, err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("%q:\n%s", src, diff)
		}
	})
}
