package aws

import (
	"strings"
	"testing"
)

func TestUnmask(t *testing.T) {
	for text, want := range map[string]string{
		`"arn:aws:iam::XXXXXXXXXXXX:role/a"`:                                    `"arn:aws:iam::111122223333:role/a"`,
		`"arn:aws:iam::1234XXXXXXXX:oidc-provider/h"`:                           `"arn:aws:iam::111122223333:oidc-provider/h"`,
		`"arn:aws-cn:iam::************:role/a"`:                                 `"arn:aws-cn:iam::111122223333:role/a"`,
		`"arn:aws:iam::<ACCOUNT_ID>:role/a"`:                                    `"arn:aws:iam::111122223333:role/a"`,
		`"arn:aws:iam::[REDACTED]:role/a"`:                                      `"arn:aws:iam::111122223333:role/a"`,
		`"arn:aws:iam::YOUR_ACCOUNT_ID:role/a"`:                                 `"arn:aws:iam::111122223333:role/a"`,
		`"arn:aws:eks:us-west-2:xxxxxxxxxxxx:cluster/a"`:                        `"arn:aws:eks:us-west-2:111122223333:cluster/a"`,
		`{"Account": "XXXXXXXXXXXX"}`:                                           `{"Account": "111122223333"}`,
		`"arn:aws:iam::XXXXXXXXXXXX:role/a" "arn:aws:iam::444455556666:role/b"`: `"arn:aws:iam::444455556666:role/a" "arn:aws:iam::444455556666:role/b"`,
		`"arn:aws:iam::ACCT:role/a"`:                                            `"arn:aws:iam::111122223333:role/a"`,
		`"arn:aws:iam::1234-5678-9012:role/a"`:                                  `"arn:aws:iam::111122223333:role/a"`,
		`"arn:aws:sts::nnnnnnnnnnnn:assumed-role/a/b"`:                          `"arn:aws:sts::111122223333:assumed-role/a/b"`,
		`"arn%3Aaws%3Aiam%3A%3AXXXXXXXXXXXX%3Aoidc-provider%2Fh"`:               `"arn%3Aaws%3Aiam%3A%3A111122223333%3Aoidc-provider%2Fh"`,
		// Patterns, variables and AWS's own are none.
		`"arn:aws:iam::*:role/a"`:                          "",
		`"arn:aws:iam::1111*:role/a"`:                      "",
		`"arn:aws:iam::cloudfront:user/CloudFront Origin"`: "",
		`"arn:aws:iam::123456:role/a"`:                     "",
		`"arn:aws:iam:::role/a"`:                           "",
		`"arn:aws:iam::${aws:PrincipalAccount}:role/a"`:    "",
		`"arn:aws:iam::aws:policy/AdministratorAccess"`:    "",
		`"arn:aws:s3:::xxx-account-bucket/*"`:              "",
		`"arn:aws:iam::${AWS::AccountId}:oidc-provider/a"`: "",
		`"XX"`: "",
	} {
		out, masks, _ := Unmask([]byte(text), DefaultAccount, false)
		if want == "" && (string(out) != text || masks != nil) || want != "" && (string(out) != want || len(masks) != 1 || strings.Contains(text, masks[0]) == false) {
			t.Errorf("%s: %s, %q", text, out, masks)
		}
	}
}

// What AWS has printed has whole numbers only.
func TestUnmaskPrinted(t *testing.T) {
	for _, text := range []string{`"arn:aws:iam::123456:role/a"`, `"arn:aws:iam:::role/a"`} {
		if out, masks, _ := Unmask([]byte(text), DefaultAccount, true); string(out) != `"arn:aws:iam::111122223333:role/a"` || len(masks) != 1 {
			t.Errorf("%s: %s, %q", text, out, masks)
		}
	}
}
