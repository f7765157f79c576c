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
