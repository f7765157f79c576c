package prove

import "testing"

// Single rules, each by a policy for which one fault of the analyser would give
// another answer.
func TestRules(t *testing.T) {
	const issuer = "idp.example.com"
	statement := func(effect, conditions string) string {
		return `{"Effect":"` + effect + `","Principal":{"Federated":"arn:aws:iam::111122223333:oidc-provider/` + issuer + `"},"Action":"sts:AssumeRoleWithWebIdentity","Condition":{` + conditions + `}}`
	}
	for _, c := range []struct {
		name, statements string
		want             Verdict // of nobody
	}{
		{"a deny with a variable may be kept away from by choosing it", statement("Allow", `"StringEquals":{"idp.example.com:sub":"u-bb"}`) + "," + statement("Deny", `"StringLike":{"idp.example.com:sub":"u-${sts:RoleSessionName}"}`), Refuted},
		{"and is not known to be, where the usual value is the one", statement("Allow", `"StringEquals":{"idp.example.com:sub":"u-session"}`) + "," + statement("Deny", `"StringLike":{"idp.example.com:sub":"u-${sts:RoleSessionName}"}`), Undecided},
		{"a source identity needs its own action", statement("Allow", `"StringEquals":{"sts:SourceIdentity":"alice"}`), Proved},
		{"an allow with a variable may be met by choosing it", statement("Allow", `"StringEquals":{"idp.example.com:sub":"u-${sts:RoleSessionName}"}`), Refuted},
		{"a variable that has no value", statement("Allow", `"StringLike":{"idp.example.com:sub":"u-${aws:username}"}`), Proved},
		{"a deny with a variable that has no value", statement("Allow", `"StringLike":{"idp.example.com:sub":"u"}`) + "," + statement("Deny", `"StringLike":{"idp.example.com:sub":"${aws:username}*"}`), Refuted},
		{"tokens may list their roles", statement("Allow", `"Bool":{"sts:RoleAuthorizedByIdp":"true"}`), Refuted},
		{"a list that names the one audience twice", statement("Allow", `"ForAllValues:StringEquals":{"idp.example.com:oaud":"a"},"Null":{"idp.example.com:oaud":"false"}`) + "," + statement("Deny", `"StringEquals":{"idp.example.com:oaud":"a"}`), Refuted},
		{"a time before the only one", statement("Allow", `"DateLessThan":{"aws:CurrentTime":"2026-01-01T00:00:00Z"}`), Refuted},
		{"a number below the only one", statement("Allow", `"NumericLessThan":{"idp.example.com:sub":"10"}`), Refuted},
		{"the same text under two operators", statement("Allow", `"StringLike":{"idp.example.com:sub":"a*"},"StringNotEquals":{"idp.example.com:sub":"a*"}`), Refuted},
		{"a text in one operator and a pattern in another", statement("Allow", `"StringLike":{"idp.example.com:sub":"a*"},"StringEquals":{"idp.example.com:sub":"a*"}`), Refuted},
		{"another case, where it does not count", statement("Allow", `"StringEqualsIgnoreCase":{"idp.example.com:sub":"ABC"}`) + "," + statement("Deny", `"StringEquals":{"idp.example.com:sub":"ABC"}`), Refuted},
		{"a deny in which case does not count", statement("Allow", `"StringEquals":{"idp.example.com:sub":"abc"}`) + "," + statement("Deny", `"StringEqualsIgnoreCase":{"idp.example.com:sub":"ABC"}`), Proved},
		{"what an operator takes and its negation does not", statement("Allow", `"StringEquals":{"idp.example.com:sub":"a*"},"StringNotLike":{"idp.example.com:sub":"a*"}`), Proved},
	} {
		role := trustOnly(t, `{"Version":"2012-10-17","Statement":[`+c.statements+`]}`)
		role.ARN = "arn:aws:iam::111122223333:role/r"
		a, err := Holds(testProvider("https://"+issuer, "app"), role, Claim{Nobody: true})
		if err != nil || a.Verdict != c.want {
			t.Errorf("%s: %s, %v, want %s", c.name, a.Verdict, err, c.want)
		}
	}
}

// gain says of [Gains] whether tokens of a provider can assume the role as it is now that
// could not before: proved that there is none, or a witness. A provider that was
// not there before is nil.
func gain(before, now *Role, was, is *Provider) (Answer, error) {
	answer := Answer{Verdict: Proved, Statement: -1}
	rows, err := Gains(before, now, was, is)
	if err != nil {
		return answer, err
	}
	for _, r := range rows {
		a := Answer{Verdict: Refuted, Witness: r.Witness, Statement: -1}
		if r.Witness == nil {
			a = Answer{Verdict: Undecided, Statement: r.Statement, Key: r.Key, Why: r.Why}
		}
		answer = worse(answer, a)
	}
	return answer, nil
}

// What a deny kept out before is new access without it.
func TestGainWithoutDeny(t *testing.T) {
	const allow = `{"Effect":"Allow","Principal":{"Federated":"arn:aws:iam::111122223333:oidc-provider/idp.example.com"},"Action":"sts:AssumeRoleWithWebIdentity","Condition":{"StringLike":{"idp.example.com:sub":"a*"}}}`
	const deny = `{"Effect":"Deny","Principal":{"Federated":"arn:aws:iam::111122223333:oidc-provider/idp.example.com"},"Action":"sts:AssumeRoleWithWebIdentity","Condition":{"StringEquals":{"idp.example.com:sub":"ab"}}}`
	p := testProvider("https://idp.example.com", "app")
	open, closed := trustOnly(t, `{"Version":"2012-10-17","Statement":[`+allow+`]}`), trustOnly(t, `{"Version":"2012-10-17","Statement":[`+allow+`,`+deny+`]}`)
	a, err := gain(closed, open, p, p)
	if err != nil || a.Verdict != Refuted || a.Witness.Claims["sub"] != "ab" {
		t.Errorf("%+v, %v", a, err)
	}
	if a, err = gain(open, closed, p, p); err != nil || a.Verdict != Proved {
		t.Errorf("%+v, %v", a, err)
	}
}
