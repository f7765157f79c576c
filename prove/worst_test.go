package prove

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// cpu is the processor time that this process has used.
func cpu(t testing.TB) time.Duration {
	t.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// hardest are policies that are as hard as their size lets them be. A trust policy has
// at most 8,192 characters (quota), so that every one here could exist.
func hardest() map[string]string {
	const issuer = "idp.example.com"
	list := func(n int, of func(i int) string) []string {
		var out []string
		for i := range n {
			out = append(out, of(i))
		}
		return out
	}
	statement := func(effect string, conditions map[string]map[string][]string) map[string]any {
		return map[string]any{
			"Effect": effect, "Principal": map[string]string{"Federated": "arn:aws:iam::111122223333:oidc-provider/" + issuer},
			"Action": "sts:AssumeRoleWithWebIdentity", "Condition": conditions,
		}
	}
	policy := func(statements ...any) string {
		text, err := json.Marshal(map[string]any{"Version": "2012-10-17", "Statement": statements})
		if err != nil {
			panic(err)
		}
		return string(text)
	}
	one := func(operator string, values []string) string {
		return policy(statement("Allow", map[string]map[string][]string{operator: {issuer + ":sub": values}}))
	}
	many := func(n int, of func(i int) any) []any {
		var out []any
		for i := range n {
			out = append(out, of(i))
		}
		return out
	}
	infix := func(i int) string { return fmt.Sprintf("*x%02d*", i) }
	return map[string]string{
		"600 infixes":               one("StringLike", list(600, infix)),
		"600 infixes, negated":      one("StringNotLike", list(600, infix)),
		"a star, 4,000 marks":       one("StringLike", []string{"*a" + strings.Repeat("?", 4000)}),
		"20 stars, 40 marks each":   one("StringLike", list(20, func(i int) string { return fmt.Sprintf("*%c%s", 'a'+i, strings.Repeat("?", 40)) })),
		"one of 2,000 stars":        one("StringLike", []string{strings.Repeat("a*", 2000)}),
		"one of 1,000 stars, marks": one("StringLike", []string{strings.Repeat("*?a", 1000)}),
		"30 of stars and letters":   one("StringNotLike", list(30, func(i int) string { return strings.Repeat(fmt.Sprintf("*%c*b", 'a'+i%26), 25) })),
		"1,000 literals":            one("StringEquals", list(1000, func(i int) string { return fmt.Sprint("s", i) })),
		"a negation of 8,000":       one("StringNotEquals", []string{strings.Repeat("x", 8000)}),
		"30 statements of infixes": policy(many(40, func(i int) any {
			return statement("Allow", map[string]map[string][]string{"StringLike": {issuer + ":sub": {infix(i)}}})
		})...),
		"30 denies of infixes": policy(append(many(1, func(int) any {
			return statement("Allow", map[string]map[string][]string{"StringLike": {issuer + ":sub": {"*"}}})
		}),
			many(29, func(i int) any {
				return statement("Deny", map[string]map[string][]string{"StringLike": {issuer + ":sub": {infix(i)}}})
			})...)...),
		"4 keys, 30 statements": policy(many(30, func(i int) any {
			c := map[string][]string{}
			for k := range 4 {
				c[fmt.Sprintf("aws:RequestTag/t%d", k)] = []string{fmt.Sprintf("v%d", i*k%7)}
			}
			return statement([]string{"Allow", "Deny"}[i%2], map[string]map[string][]string{"StringNotEquals": c})
		})...),
		"sets of 25 infixes": policy(statement("Allow", map[string]map[string][]string{"ForAllValues:StringLike": {issuer + ":amr": list(12, infix)}}),
			statement("Deny", map[string]map[string][]string{"ForAnyValue:StringNotLike": {issuer + ":amr": list(13, infix)}})),
		"14 tests of a set": policy(many(14, func(i int) any {
			return statement([]string{"Allow", "Deny"}[i%2], map[string]map[string][]string{"ForAnyValue:StringLike": {issuer + ":amr": {infix(i)}}})
		})...),
		"500 numbers":     one("NumericEquals", list(500, func(i int) string { return fmt.Sprint(i * i) })),
		"300 ARNs":        one("ArnLike", list(100, func(i int) string { return fmt.Sprintf("arn:aws:*:*x%d:*:*y%d", i, i) })),
		"10 variables":    one("StringLike", list(10, func(i int) string { return fmt.Sprintf("*%d${sts:RoleSessionName}*${aws:RequestTag/t%d}*", i, i%3) })),
		"500 networks":    policy(statement("Allow", map[string]map[string][]string{"NotIpAddress": {"aws:SourceIp": list(300, func(i int) string { return fmt.Sprintf("10.%d.%d.0/24", i/250, i%250) })}})),
		"wide characters": one("StringLike", list(60, func(i int) string { return fmt.Sprintf("*%c?%c*", rune(0x4e00+i), rune(0x100+i)) })),
	}
}

// No policy makes a question hang: each is answered, if only as undecided. The log has
// the processor time, about a second at most; the package's time limit ends what hangs.
func TestWorst(t *testing.T) {
	for name, src := range hardest() {
		t.Run(name, func(t *testing.T) {
			if os.Getenv("PROVE_POLICIES") == "" && !slices.Contains([]string{"600 infixes", "a star, 4,000 marks", "14 tests of a set", "4 keys, 30 statements"}, name) {
				t.Skip("make proofs plays it")
			}
			if len(src) > 8192+512 {
				t.Errorf("%d characters: AWS refuses it", len(src))
			}
			role := trustOnly(t, src)
			role.ARN = "arn:aws:iam::111122223333:role/r"
			p := testProvider("https://idp.example.com", "app")
			before := cpu(t)
			a, err := Holds(p, role, Claim{Only: []KeyPatterns{{"sub", []string{"*q*", "*r?s*"}}}})
			held := cpu(t)
			rows, err2 := Tokens(p, role)
			listed := cpu(t)
			if err != nil || err2 != nil || len(rows) == 0 && a.Verdict != Proved {
				t.Error(len(rows), err, err2)
			}
			t.Logf("%-9s %v, who %v", a.Verdict, (held - before).Round(time.Millisecond), (listed - held).Round(time.Millisecond))
			if a.Verdict == Undecided && (a.Why == "" || a.Key == "" || a.Statement < 0) {
				t.Errorf("what it depends on is not said: %+v", a)
			}
		})
	}
}
