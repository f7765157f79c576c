package given

import (
	"strings"
	"testing"

	"github.com/irsa-emu/irsa-emu/prove"
)

// resources is an account with a role of a service account that may do everything, if
// all says so, and resources of two accounts.
func resources(all bool, own, other string) string {
	inline := ""
	if all {
		inline = `, inlinePolicies: {p: {Version: "2012-10-17", Statement: [{Effect: Allow, Action: "*", Resource: "*"}]}}`
	}
	return stateHead + `
accounts:
  "111122223333":
` + provider + `
    roles:
      - {name: r, trustPolicy: ` + trusts("system:serviceaccount:a:r") + inline + `}
` + own + `
  "444455556666":
    roles: []
` + other
}

func named(effect, principal, action string) string {
	return `{Version: "2012-10-17", Statement: [{Effect: ` + effect + `, Principal: {AWS: "` + principal + `"}, Action: "` + action + `", Resource: "*"}]}`
}

const (
	theRole    = "arn:aws:iam::111122223333:role/r"
	theSession = "arn:aws:sts::111122223333:assumed-role/r/alice"
)

// Of a KMS key the key policy decides, of another account's resource both sides (KMS
// developer guide, "Key policies in AWS KMS"; IAM user guide, "Cross-account policy
// evaluation logic"), and who opens a session chooses which one a policy names.
func TestResourcesApart(t *testing.T) {
	key := func(policy string) string { return "    kmsKeys: [{id: k, region: eu-west-1" + policy + "}]\n" }
	bucket := func(policy string) string { return "    buckets: [{name: theirs" + policy + "}]\n" }
	policy := func(effect, principal, action string) string {
		return ", policy: " + named(effect, principal, action)
	}
	const decrypt, get = "kms:Decrypt", "s3:GetObject"
	const ownKey, foreignKey = "arn:aws:kms:eu-west-1:111122223333:key/k", "arn:aws:kms:eu-west-1:444455556666:key/k"
	for _, c := range []struct {
		name             string
		all              bool
		own, other       string
		action, resource string
		want             prove.Verdict
	}{
		{"the key policy names the role, which has no policy", false, key(policy("Allow", theRole, decrypt)), "", decrypt, ownKey, prove.Refuted},
		{"the same of any key", false, key(policy("Allow", theRole, decrypt)), "", decrypt, "*", prove.Refuted},
		{"the key policy names another role", true, key(policy("Allow", theRole+"x", decrypt)), "", decrypt, ownKey, prove.Proved},
		{"the key policy leaves it to the account", true, key(policy("Allow", "111122223333", "kms:*")), "", decrypt, ownKey, prove.Refuted},
		{"and the account does not allow it", false, key(policy("Allow", "111122223333", "kms:*")), "", decrypt, ownKey, prove.Proved},
		{"AWS's own key policy", true, key(""), "", decrypt, ownKey, prove.Refuted},
		{"the key policy names a session", false, key(policy("Allow", theSession, decrypt)), "", decrypt, ownKey, prove.Refuted},
		{"another account's key, and both allow it", true, "", key(policy("Allow", theRole, decrypt)), decrypt, foreignKey, prove.Refuted},
		{"another account's key by itself", false, "", key(policy("Allow", theRole, decrypt)), decrypt, foreignKey, prove.Proved},
		{"another account's key with AWS's policy", true, "", key(""), decrypt, foreignKey, prove.Proved},
		{"another account's bucket, and both allow it", true, "", bucket(policy("Allow", theRole, get)), get, "arn:aws:s3:::theirs/*", prove.Refuted},
		{"another account's bucket for the whole account", true, "", bucket(policy("Allow", "111122223333", get)), get, "arn:aws:s3:::theirs/*", prove.Refuted},
		{"another account's bucket by itself", false, "", bucket(policy("Allow", theRole, get)), get, "arn:aws:s3:::theirs/*", prove.Proved},
		{"another account's bucket without a policy", true, "", bucket(""), get, "arn:aws:s3:::theirs/*", prove.Proved},
		{"a bucket of which nothing is known", true, "", bucket(""), get, "arn:aws:s3:::some/*", prove.Refuted},
		{"the own bucket names a session", false, bucket(policy("Allow", theSession, get)), "", get, "arn:aws:s3:::theirs/*", prove.Refuted},
	} {
		m := read(t, resources(c.all, c.own, c.other))
		if got := verdict(t, m, `{name: n, roles: [r], actions: ["`+c.action+`"], resources: ["`+c.resource+`"], nobody: true}`); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
}

// A change of a resource's policy alone gives and takes access.
func TestCompareResources(t *testing.T) {
	bucket := func(policy string) *Model {
		return read(t, resources(false, "    buckets: [{name: ours"+policy+"}]\n", ""))
	}
	key := func(all bool, policy string) *Model {
		return read(t, resources(all, "    kmsKeys: [{id: k, region: eu-west-1, policy: "+policy+"}]\n", ""))
	}
	for _, c := range []struct {
		name       string
		was, now   *Model
		call, need string
	}{
		{"a bucket policy", bucket(""), bucket(", policy: " + named("Allow", theRole, "s3:GetObject")), "s3:GetObject on arn:aws:s3:::ours", ""},
		{"a bucket policy for a session", bucket(""), bucket(", policy: " + named("Allow", theSession, "s3:GetObject")), "s3:GetObject on arn:aws:s3:::ours", "alice"},
		{"a key policy", key(false, named("Allow", theRole+"x", "kms:*")), key(false, named("Allow", theRole, "kms:Decrypt")), "kms:Decrypt on arn:aws:kms:eu-west-1:111122223333:key/k", ""},
		{"a key policy that leaves it to the account", key(true, named("Allow", theRole+"x", "kms:*")), key(true, named("Allow", "111122223333", "kms:Decrypt")), "kms:Decrypt on arn:aws:kms:eu-west-1:111122223333:key/k", ""},
	} {
		d, err := Compare(t.Context(), c.was, c.now)
		if err != nil || len(d.Gained) != 1 || d.Gained[0].Call != c.call || !strings.Contains(strings.Join(d.Gained[0].Needs, " "), c.need) {
			t.Errorf("%s: %+v, %v; want %s with %q", c.name, d.Gained, err, c.call, c.need)
		}
		if back, err := Compare(t.Context(), c.now, c.was); err != nil || len(back.Gained) > 0 || len(back.Lost) != 1 {
			t.Errorf("%s, the other way: %+v, %v", c.name, back, err)
		}
	}
}

// A trust policy that names a session lets in who can open one of that name.
func TestNamedSessions(t *testing.T) {
	state := func(condition string) *Model {
		trust := strings.TrimSuffix(trusts("system:serviceaccount:a:r"), "}}]}") + condition + "}}]}"
		return read(t, stateHead+`
accounts:
  "111122223333":
`+provider+`
    roles:
      - {name: r, trustPolicy: `+trust+`}
      - {name: behind, trustPolicy: {Statement: [{Effect: Allow, Principal: {AWS: "`+theSession+`"}, Action: "sts:AssumeRole"}]}}
`)
	}
	reaches := func(m *Model) string {
		t.Helper()
		list, err := m.Who(t.Context(), "r", 100)
		if err != nil || len(list) != 1 {
			t.Fatal(list, err)
		}
		if len(list[0].Reaches) == 0 {
			return ""
		}
		return list[0].Reaches[0].Role + " " + strings.Join(list[0].Reaches[0].Needs, ", ")
	}
	if got, want := reaches(state("")), "arn:aws:iam::111122223333:role/behind sts:RoleSessionName of the session of "+theRole+" = alice (the caller chooses it)"; got != want {
		t.Errorf("reaches %q, want %q", got, want)
	}
	if got := reaches(state(`, StringEquals: {"sts:RoleSessionName": "bob"}`)); got != "" {
		t.Errorf("reaches %q, and every session's name is bob", got)
	}
}

// What is stored under a customer's key takes the right to use the key as well, and
// the service asks for it (Secrets Manager user guide, "Secret encryption").
func TestLocked(t *testing.T) {
	key := func(policy string) string {
		return "    kmsKeys: [{id: k, region: eu-west-1, aliases: [alias/app], policy: " + policy + "}]\n" + `    secrets: [{name: s, region: eu-west-1, value: x, kmsKeyId: alias/app}, {name: open, region: eu-west-1, value: x}]
    buckets: [{name: ours, region: eu-west-1, objects: {kept: {content: x, encryption: {ServerSideEncryption: "aws:kms", SSEKMSKeyId: k}}}}]
`
	}
	viaSecrets := `{Version: "2012-10-17", Statement: [{Effect: Allow, Principal: {AWS: "` + theRole + `"}, Action: "kms:*", Resource: "*", Condition: {StringEquals: {"kms:ViaService": "secretsmanager.eu-west-1.amazonaws.com"}}}]}`
	for _, c := range []struct {
		name, policy, action, resource string
		want                           prove.Verdict
	}{
		{"a key for others", named("Allow", theRole+"x", "kms:*"), "secretsmanager:GetSecretValue", "arn:aws:secretsmanager:eu-west-1:111122223333:secret:s-??????", prove.Proved},
		{"a secret beside it", named("Allow", theRole+"x", "kms:*"), "secretsmanager:GetSecretValue", "*", prove.Refuted},
		{"what takes no key", named("Allow", theRole+"x", "kms:*"), "secretsmanager:DescribeSecret", "arn:aws:secretsmanager:eu-west-1:111122223333:secret:s-??????", prove.Refuted},
		{"a key for reading", named("Allow", theRole, "kms:Decrypt"), "secretsmanager:GetSecretValue", "arn:aws:secretsmanager:eu-west-1:111122223333:secret:s-??????", prove.Refuted},
		{"a key for reading alone", named("Allow", theRole, "kms:Decrypt"), "secretsmanager:PutSecretValue", "arn:aws:secretsmanager:eu-west-1:111122223333:secret:s-??????", prove.Proved},
		{"a key through the service", viaSecrets, "secretsmanager:GetSecretValue", "arn:aws:secretsmanager:eu-west-1:111122223333:secret:s-??????", prove.Refuted},
		{"a key through another service", viaSecrets, "s3:GetObject", "arn:aws:s3:::ours/kept", prove.Proved},
		{"an object that may be under no key", viaSecrets, "s3:GetObject", "arn:aws:s3:::ours/*", prove.Refuted},
	} {
		m := read(t, resources(true, key(c.policy), ""))
		if got := verdict(t, m, `{name: n, roles: [r], actions: ["`+c.action+`"], resources: ["`+c.resource+`"], nobody: true}`); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
}

// A caller can give a session tags and a source identity, where both sides let it
// (IAM user guide, "Passing session tags in AWS STS").
func TestTaggedCalls(t *testing.T) {
	m := func(actions string) *Model {
		return read(t, stateHead+`
accounts:
  "111122223333":
`+provider+`
    roles:
      - {name: r, trustPolicy: `+trusts("system:serviceaccount:a:r")+`, inlinePolicies: {p: {Version: "2012-10-17", Statement: [{Effect: Allow, Action: [`+actions+`], Resource: "*"}]}}}
      - {name: tagged, trustPolicy: {Version: "2012-10-17", Statement: [{Effect: Allow, Principal: {AWS: "111122223333"}, Action: ["sts:AssumeRole", "sts:TagSession"], Condition: {StringEquals: {"aws:RequestTag/team": red}}}]}}
`)
	}
	for actions, want := range map[string]int{`"sts:AssumeRole", "sts:TagSession"`: 1, `"sts:AssumeRole"`: 0} {
		list, err := m(actions).Who(t.Context(), "", 100)
		if err != nil || len(list) != 2 || len(list[0].Reaches) != want {
			t.Fatalf("%s: %+v, %v", actions, list, err)
		}
		if p := list[1].Principals; len(p) != 1 || p[0].Kind != prove.AccountCaller || !strings.Contains(strings.Join(p[0].Needs, " "), "aws:RequestTag/team = red (the caller chooses it)") {
			t.Errorf("the account: %+v", p)
		}
	}
}

// An association of EKS Pod Identity gives a service account a role.
func TestComparePods(t *testing.T) {
	state := func(associations, actions string) *Model {
		return read(t, `apiVersion: irsa-emu.dev/v1
kind: State
clusters:
  c1: {issuer: "https://oidc.eks.eu-west-1.amazonaws.com/id/E", region: eu-west-1, account: "111122223333", podIdentityAssociations: [`+associations+`]}
accounts:
  "111122223333":
    roles:
      - {name: p, trustPolicy: {Version: "2012-10-17", Statement: [{Effect: Allow, Principal: {Service: pods.eks.amazonaws.com}, Action: [`+actions+`]}]}}
`)
	}
	const both, one = `"sts:AssumeRole", "sts:TagSession"`, `{serviceAccount: a/b, role: "arn:aws:iam::111122223333:role/p"}`
	for _, c := range []struct {
		name     string
		was, now *Model
		want     int
	}{
		{"a new one", state("", both), state(one, both), 1},
		{"one that EKS cannot use", state("", `"sts:AssumeRole"`), state(one, `"sts:AssumeRole"`), 0},
		{"the same", state(one, both), state(one, both), 0},
	} {
		d, err := Compare(t.Context(), c.was, c.now)
		if err != nil || len(d.Gained) != c.want || len(d.Lost)+len(d.Undecided) > 0 {
			t.Errorf("%s: %+v, %v", c.name, d, err)
		}
		if c.want == 1 && (d.Gained[0].Pattern != "system:serviceaccount:a:b" || d.Gained[0].Role != "arn:aws:iam::111122223333:role/p") {
			t.Errorf("%s: %+v", c.name, d.Gained)
		}
	}
}
