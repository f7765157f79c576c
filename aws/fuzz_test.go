package aws_test

import (
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
