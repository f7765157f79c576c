package aws_test

import (
	"encoding/json"
	"testing"

	"github.com/irsa-emu/irsa-emu/aws"
)

func FuzzARN(f *testing.F) {
	for _, s := range []string{"arn:aws:iam::111122223333:role/path/r", "arn:aws:s3:::b/k:v", "arn::::::", "arn:a:b:c:d:", "nothing-valid-in-here"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		a, err := aws.ParseARN(s)
		if err != nil {
			return
		}
		if a.String() != s {
			t.Fatalf("%q became %q", s, a.String())
		}
		if again, err := aws.ParseARN(a.String()); err != nil || again != a {
			t.Fatalf("%v, %v", again, err)
		}
	})
}

// FuzzUnmask: what was JSON stays JSON, and what has no mask stays as it is.
func FuzzUnmask(f *testing.F) {
	for _, s := range []string{`{"Arn": "arn:aws:iam::XXXXXXXXXXXX:role/r"}`, `["arn:aws:iam::<ACCOUNT_ID>:role/r", "arn:aws:iam::444455556666:role/r"]`, `"************"`, "arn:aws:s3:::a*"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		out, masks, number := aws.Unmask([]byte(s), aws.DefaultAccount, len(s)%2 == 0)
		if len(masks) == 0 && string(out) != s || len(masks) > 0 && !aws.IsAccount(number) {
			t.Fatalf("%q, %q: %q", s, masks, out)
		}
		if json.Valid([]byte(s)) && !json.Valid(out) {
			t.Fatalf("%q became %q", s, out)
		}
	})
}

// FuzzServiceAccount: both forms of a service account's name are read back as they are
// written, and what fits an API server is read by both.
func FuzzServiceAccount(f *testing.F) {
	for _, s := range []string{"shop/api", "system:serviceaccount:shop:api", "a/b/c", "/", "system:serviceaccount::", "shop/api:x"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if a, ok := aws.ServiceAccountOf(s); ok && a.Subject() != s {
			t.Fatalf("%q became %q", s, a.Subject())
		}
		a, ok := aws.ParseServiceAccount(s)
		if !ok {
			return
		}
		if a.String() != s {
			t.Fatalf("%q became %q", s, a)
		}
		if again, ok := aws.ServiceAccountOf(a.Subject()); a.Fits() && (!ok || again != a) {
			t.Fatalf("%q: %v, %v", a.Subject(), again, ok)
		}
	})
}
