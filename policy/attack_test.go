package policy

import (
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"

	"github.com/irsa-emu/irsa-emu/term"
)

// slowPolicies are documents of about size bytes, each of one thing repeated.
func slowPolicies(size int) map[string]string {
	repeat := func(head, tail string, item func(i int) string) string {
		var b strings.Builder
		b.WriteString(`{"Version":"2012-10-17","Statement":[` + head)
		for i := 0; b.Len() < size; i++ {
			if i > 0 {
				b.WriteByte(',')
			}
			b.WriteString(item(i))
		}
		b.WriteString(tail + `]}`)
		return b.String()
	}
	same := func(text string) func(int) string { return func(int) string { return text } }
	const open, like, end = `{"Effect":"Allow","Resource":"*","Action":`, `{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"StringLike":{"aws:x":`, `}}}`
	return map[string]string{
		"statements": repeat("", "", same(`{"Effect":"Allow","Action":"s3:*","Resource":"*"}`)),
		"statements with Sids": repeat("", "", func(i int) string {
			return fmt.Sprintf(`{"Sid":"S%d","Effect":"Allow","Action":"s3:*","Resource":"*"}`, i)
		}),
		"broken statements": repeat("", "", same(`{"Effect":"X","Action":"a","Resource":[{}]}`)),
		"trust":             repeat("", "", same(`{"Effect":"Allow","Principal":{"Federated":"arn:aws:iam::111122223333:oidc-provider/i"},"Action":"sts:AssumeRoleWithWebIdentity"}`)),
		"trust with mistakes": repeat("", "", func(i int) string {
			return fmt.Sprintf(`{"Effect":"Allow","Principal":{"Federated":"arn:aws:iam::111122223333:oidc-provider/i%d"},"Action":"sts:AssumeRoleWithWebIdentity","Condition":{"StringEquals":{"i:sub":"*a*b?"}}}`, i)
		}),
		"actions":        repeat(open+"[", "]}", func(i int) string { return fmt.Sprintf(`"s3:*a*%d?"`, i) }),
		"values":         repeat(like+"[", "]"+end, same(`"*a?b"`)),
		"variables":      repeat(like+"[", "]"+end, same(`"${aws:x}*${aws:x}"`)),
		"keys":           repeat(`{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"StringLike":{`, end, func(i int) string { return fmt.Sprintf(`"aws:k%d":"*a*b"`, i) }),
		"operators":      repeat(`{"Effect":"Allow","Action":"*","Resource":"*","Condition":{`, "}}", func(i int) string { return fmt.Sprintf(`"Op%d":{"a":"b"}`, i) }),
		"stars":          `{"Version":"2012-10-17","Statement":[` + like + `"` + strings.Repeat("*a", size/2) + `b"` + end + `]}`,
		"question marks": `{"Version":"2012-10-17","Statement":[` + like + `"*` + strings.Repeat("?", 2048) + `b*"` + end + `]}`,
		"open variables": `{"Version":"2012-10-17","Statement":[` + open + `"` + strings.Repeat("${", size/2) + `"}]}`,
		"nested lists":   strings.Repeat("[", size),
		"nested members": strings.Repeat(`{"Statement":`, size/13),
		"blank lines":    strings.Repeat("\n", size) + "x",
	}
}

// Documents built to be slow or to fill the memory: whatever is done with one
// costs in proportion to its length. Time is not asked, since a machine may be
// busy; TestHostilePatterns counts what matching compares.
func TestAttackSlowPolicies(t *testing.T) {
	r := Request{Action: "s3:" + strings.Repeat("a", 1000), Resource: "arn:aws:s3:::" + strings.Repeat("a", 1000), Context: Context{},
		Principal: Principal{Account: "111122223333", ARN: "arn:aws:iam::111122223333:user/a"}}
	r.Context.Set("aws:x", strings.Repeat("a", 15_000)) // as long as a claim can be
	cost := func(src string) uint64 {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		doc, err := Parse([]byte(src))
		for _, validate := range []func([]byte) (*Document, error){anywhere(ValidateIdentity), anywhere(ValidateInline), ValidateSession, anywhere(ValidateResource),
			func(src []byte) (*Document, error) { return ValidateTrust(src, TrustOptions{}) }} {
			validate([]byte(src))
		}
		if err == nil {
			d := Evaluate(Policies{Identity: []Named{{Document: doc}}, Resource: &Named{Document: doc}}, r)
			Explain(term.NewPrinter(io.Discard, false), d, ExplainOptions{All: true})
		}
		runtime.ReadMemStats(&after)
		return after.TotalAlloc - before.TotalAlloc
	}
	short, long := slowPolicies(6_000), slowPolicies(24_000)
	for name, src := range long {
		t.Run(name, func(t *testing.T) {
			few, many := cost(short[name]), cost(src)
			if many > 6*few+1<<20 {
				t.Errorf("%d kB for a document of %d kB, %d kB for one of %d kB", few>>10, len(short[name])>>10, many>>10, len(src)>>10)
			}
		})
	}
}
