package kms

import (
	"strings"
	"testing"

	"github.com/irsa-emu/irsa-emu/aws"
)

// FuzzLocate: a KeyId is refused, or names a place: of an ARN that of the ARN, in the
// region of the call; of anything else the call's.
func FuzzLocate(f *testing.F) {
	for _, seed := range []string{
		"", "alias/app", "1234abcd-12ab-34cd-56ef-1234567890ab", "arn:aws:kms:us-west-2:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab",
		"arn:aws:kms:us-west-2:111122223333:alias/app", "arn:aws:kms:eu-west-1:111122223333:key/a", "arn:aws:s3:::b", "arn:", "arn:aws:kms:us-west-2::key/", "alias/", "key/a",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, keyID string) {
		p, refused := locate(keyID, "111122223333", "us-west-2")
		switch {
		case refused != nil && refused.Code != notFound:
			t.Errorf("%q: %s", keyID, refused.Code)
		case refused != nil:
		case p.region != "us-west-2":
			t.Errorf("%q is in %s", keyID, p.region)
		case !p.arn && (p.name != keyID || p.account != "111122223333"):
			t.Errorf("%q names %+v", keyID, p)
		case p.arn:
			a, err := aws.ParseARN(keyID)
			if err != nil || a.Account != p.account || !strings.HasSuffix(keyID, p.name) {
				t.Errorf("%q names %+v: %v", keyID, p, err)
			}
		}
	})
}
