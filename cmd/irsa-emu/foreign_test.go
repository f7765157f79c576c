package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// Names of others that a terminal, a browser, or what runs a workflow (lines that begin
// with ::) would obey: in every file that a command reads, and on its command line.
func TestForeignTextIsEscaped(t *testing.T) {
	const h = "a\x1b[31m\u202eb\u0085\u009b\n::error::c"
	const issuer = "https://issuer.example.com"
	dir := t.TempDir()
	put := func(name string, value any) string {
		text, err := json.Marshal(value)
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	type object = map[string]any
	type list = []any
	trust := func(key, sub string) object {
		provider := "arn:aws:iam::111122223333:oidc-provider/issuer.example.com"
		return object{"Version": "2012-10-17", "Statement": list{object{"Sid": h, "Effect": "Allow", "Action": "sts:AssumeRoleWithWebIdentity",
			"Principal": object{"Federated": provider}, "Condition": object{"StringEquals": object{key: sub}}}}}
	}
	state := func(subject, owner string) object {
		return object{"apiVersion": "irsa-emu.dev/v1", "kind": "State", "clusters": object{owner: object{"issuer": issuer}}, "accounts": object{"111122223333": object{
			"oidcProviders": list{object{"url": issuer, "clientIDs": list{"sts.amazonaws.com", h}}},
			"roles":         list{object{"name": "r", "trustPolicy": trust("issuer.example.com:sub", subject)}},
		}}}
	}
	manifest := func(namespace, name, role, container string) list {
		account := object{"apiVersion": "v1", "kind": "ServiceAccount", "metadata": object{"name": name, "namespace": namespace, "annotations": object{
			"eks.amazonaws.com/role-arn": role, "eks.amazonaws.com/audience": h, "eks.amazonaws.com/skip-containers": h}}}
		pod := object{"apiVersion": "v1", "kind": "Pod", "metadata": object{"name": h, "namespace": namespace}, "spec": object{"serviceAccountName": name,
			"containers": list{object{"name": container, "image": h, "env": list{object{"name": "AWS_ACCESS_KEY_ID", "value": h}}}}}}
		return list{account, pod}
	}
	const role = "arn:aws:iam::111122223333:role/"
	event := object{"eventVersion": "1.08", "eventName": "AssumeRoleWithWebIdentity", "eventSource": "sts.amazonaws.com", "eventTime": "2026-01-01T00:00:00Z", "errorCode": "AccessDenied",
		"errorMessage": h, "awsRegion": h, "sourceIPAddress": h, "eventID": h, "requestID": h, "requestParameters": object{"roleArn": role + "r", "roleSessionName": h},
		"userIdentity": object{"type": "WebIdentityUser", "userName": h, "principalId": "arn:aws:iam::111122223333:oidc-provider/issuer.example.com:sts.amazonaws.com:" + h}}
	policy, oddKey := put("policy.json", trust("issuer.example.com:sub", h)), put("odd.json", trust(h+":sub", "x"))
	given, other, wrong := put("state.json", state(h, "c")), put("other.json", state("x", "c")), put("wrong.json", state("x", h))
	oddOperator := put("operator.json", object{"Version": "2012-10-17", "Statement": list{object{"Effect": "Allow", "Action": "sts:AssumeRoleWithWebIdentity",
		"Principal": object{"Federated": "issuer.example.com"}, "Condition": object{h: object{"issuer.example.com:sub": "x"}}}}})
	claims := put("claims.json", object{"iss": issuer, "sub": h, "aud": list{h}, h: h})
	pods := put("pods.json", object{"apiVersion": "v1", "kind": "List", "items": append(append(manifest(h, "x", role+"r", "c"), manifest("ns", h, role+h, h)...), manifest("ns", "y", h, "c")...)})
	assertions := put("assertions.json", object{"apiVersion": "irsa-emu.dev/v1", "kind": "Assertions", "assertions": list{object{"name": h, "roles": list{"*"}, "only": object{"sub": list{h}}}}})
	discovery, keys := put("discovery.json", object{"issuer": h, "jwks_uri": h}), put("keys.json", object{"keys": list{object{"kty": h, "kid": h, "use": h}, object{"kty": "RSA", "kid": h, "n": "AQAB", "e": h}}})
	template := put("template.json", object{"Resources": object{h: object{"Type": "AWS::IAM::Role", "Properties": object{"RoleName": object{"Ref": h}, "AssumeRolePolicyDocument": object{"Fn::" + h: 1}}}}})
	named := put("name"+h+".json", object{h: 1})
	events := put("events.json", object{"Records": list{event}})
	who := []string{"--issuer", issuer, "--service-account", "ns/x"}
	commands := [][]string{
		append([]string{"check", "--trust-policy", policy, "--explain"}, who...), append([]string{"check", "--trust-policy", oddKey}, who...), append([]string{"check", "--trust-policy", oddOperator}, who...),
		{"check", "--trust-policy", policy, "--claims", claims}, {"check", "--given", given, "--claims", claims, "-o", "json"},
		{"check", "--trust-policy", policy, "--service-account", h}, {"check", "--given", given, "--pod-identity", "--service-account", "ns/" + h},
		append([]string{"check", "--given", template, "--parameter", h + "=" + h}, who...), append([]string{"check", "--given", wrong}, who...),
		{"lint", policy, oddKey, named},
		{"who", "--given", wrong}, {"who", "--given", given, "--claims", claims}, {"who", "--given", given, "--role", h},
		{"prove", "--given", given, "--file", assertions}, {"prove", "--given", given, "--file", assertions, "-o", "markdown"}, {"prove", "--trust-policy", policy, "--never", "sub=" + h},
		{"diff", other, wrong}, {"diff", oddKey, policy},
		{"audit", "--given", pods, "--given", given}, {"audit", "--given", pods, "--given", given, "-o", "markdown"}, {"audit", "--given", pods, "--given", given, "-o", "html"},
		{"audit", "--given", pods, "--given", given, "--migrate"}, {"audit", "--given", pods, "--given", given, "--migrate", "-o", "markdown"},
		{"explain", "--cloudtrail", events, "--given", given}, {"explain", "--cloudtrail", events, "--given", given, "-o", "json"},
		{"issuer", "check", discovery, "--jwks", keys}, {"issuer", "check", discovery, "--jwks", keys, "-o", "json"}, {"issuer", "check", "https://" + h},
		{"run", named}, {"serve", "--given", named}, {"serve", "--store", h}, {"token", "--service-account", h}, {h}, {"check", "--" + h},
	}
	command := regexp.MustCompile(`(?m)^\s*::error`)
	shown := 0
	for _, args := range commands {
		t.Run(strings.Join(args[:min(2, len(args))], " "), func(t *testing.T) {
			_, out, errs := runs(t, "", args...)
			for _, text := range []string{out, errs} {
				if i := strings.IndexFunc(text, func(r rune) bool { return r < ' ' && r != '\n' && r != '\t' || r >= 0x7f && r < 0xa0 || r == 0x202e }); i >= 0 {
					t.Errorf("%q would be obeyed: %q", args, text[max(0, i-80):min(len(text), i+20)])
				}
				if command.MatchString(text) && !strings.HasPrefix(text, "<!doctype html>") { // a page's line ends mean nothing
					t.Errorf("%q: a line would be obeyed: %q", args, text)
				}
			}
			if strings.Contains(out+errs, "31m") {
				shown++
			}
		})
	}
	if shown < len(commands)*9/10 {
		t.Errorf("only %d of %d commands show the text that is tested", shown, len(commands))
	}
}
