package sts

import (
	"strings"
	"testing"
)

func TestParseAdministrator(t *testing.T) {
	for text, want := range map[string]struct {
		key   Administrator
		wrong string
	}{
		"testing:testing":                    {key: Administrator{"testing", "testing", ""}},
		"test:s3cret@222233334444":           {key: Administrator{"test", "s3cret", "222233334444"}},
		"000000000000:test":                  {key: Administrator{"000000000000", "test", ""}},
		"000000000000:t@000000000000":        {key: Administrator{"000000000000", "t", "000000000000"}},
		"a:b:c/d+e=@111122223333":            {key: Administrator{"a", "b:c/d+e=", "111122223333"}},
		"a:p@ss@111122223333":                {key: Administrator{"a", "p@ss", "111122223333"}},
		"AKIAIOSFODNN7EXAMPLE:secret":        {key: Administrator{"AKIAIOSFODNN7EXAMPLE", "secret", ""}},
		"":                                   {wrong: "no secret access key; write KEY:SECRET or KEY:SECRET@ACCOUNT, such as testing:testing"},
		"testing":                            {wrong: "no secret access key; write KEY:SECRET or KEY:SECRET@ACCOUNT, such as testing:testing"},
		":hidden":                            {wrong: "no access key id; write KEY:SECRET, such as testing:testing"},
		"a:":                                 {wrong: "a: no secret access key; write a:SECRET"},
		"a:@111122223333":                    {wrong: "a: no secret access key; write a:SECRET"},
		"a:hidden@1111":                      {wrong: "a: what follows the last @ is not an account id; write twelve digits, also where the secret itself has an @"},
		"a:hidden@":                          {wrong: "a: what follows the last @ is not an account id; write twelve digits, also where the secret itself has an @"},
		"a/b:hidden":                         {wrong: `"a/b": an access key id has letters, digits, dots, dashes and underscores only`},
		"ASIAIOSFODNN7EXAMPLE:hidden":        {wrong: "ASIAIOSFODNN7EXAMPLE: ASIA… are the temporary keys that the STS issues; write another"},
		"111122223333:hidden@222233334444":   {wrong: "111122223333: is the administrator of that account, not of 222233334444; leave @222233334444 out, or write another access key id"},
		strings.Repeat("k", 129) + ":hidden": {wrong: strings.Repeat("k", 40) + "…: an access key id has 128 characters at most"},
	} {
		key, err := ParseAdministrator(text)
		switch {
		case want.wrong == "" && (err != nil || key != want.key):
			t.Errorf("%s: %+v, %v", text, key, err)
		case want.wrong != "" && (err == nil || err.Error() != want.wrong):
			t.Errorf("%s: %v\nwant %s", text, err, want.wrong)
		}
	}
}

// FuzzAdministrator: what is taken can be written again and is the same; what is
// not taken is refused without its secret.
func FuzzAdministrator(f *testing.F) {
	for _, text := range []string{"testing:testing", "a:b@111122223333", "a:p@ss@111122223333", "a/b:c", ":@", "\xff:\xff"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		key, err := ParseAdministrator(text)
		if err != nil {
			if _, secret, ok := strings.Cut(text, ":"); ok && len(secret) > 60 && strings.Contains(err.Error(), secret) {
				t.Fatalf("the error shows the secret: %v", err)
			}
			return
		}
		again := key.AccessKeyID + ":" + key.Secret
		if key.Account != "" {
			again += "@" + key.Account
		}
		if again != text {
			t.Fatalf("%q became %+v", text, key)
		}
	})
}
