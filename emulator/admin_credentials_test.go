package emulator

import (
	"crypto/hmac"
	"crypto/sha1" //nolint:gosec // Signature Version 2
	"encoding/base64"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	awssts "github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"

	"github.com/irsa-emu/irsa-emu/sts"
)

// Suites written for other emulators sign with keys of their own, moto's with a
// session token besides.
func TestAdminCredentials(t *testing.T) {
	emu := Start(t, Config{Administrators: []sts.Administrator{
		{AccessKeyID: "testing", Secret: "testing"}, {AccessKeyID: "other", Secret: "s/e+c=r@t", Account: "222233334444"},
		{AccessKeyID: "000000000000", Secret: "zero"}, {AccessKeyID: "test", Secret: "mine"},
	}})
	for name, call := range map[string]struct{ key, secret, token, want string }{
		"moto's":                         {"testing", "testing", "testing", "111122223333"},
		"moto's, without the token":      {"testing", "testing", "", "111122223333"},
		"of another account":             {"other", "s/e+c=r@t", "", "222233334444"},
		"an account's digits":            {"000000000000", "zero", "", "000000000000"},
		"in place of the usual":          {"test", "mine", "", "111122223333"},
		"the usual of other accounts":    {"333344445555", "test", "", "333344445555"},
		"with another secret":            {"testing", "test", "", "SignatureDoesNotMatch"},
		"the usual secret of what it is": {"000000000000", "test", "", "SignatureDoesNotMatch"},
		"one that was replaced":          {"test", "test", "", "SignatureDoesNotMatch"},
		"in other letters":               {"Testing", "testing", "", "InvalidClientTokenId"},
	} {
		t.Run(name, func(t *testing.T) {
			config := emu.AWSConfig()
			config.Credentials = credentials.NewStaticCredentialsProvider(call.key, call.secret, call.token)
			who, err := awssts.NewFromConfig(config).GetCallerIdentity(t.Context(), nil)
			var refused smithy.APIError
			switch {
			case err == nil && *who.Account == call.want && *who.Arn == "arn:aws:iam::"+call.want+":root":
			case errors.As(err, &refused) && refused.ErrorCode() == call.want:
			default:
				t.Errorf("%v, %v", who, err)
			}
		})
	}
}

func TestAdminCredentialsPresign(t *testing.T) {
	emu := Start(t, Config{Region: "us-west-2", Administrators: []sts.Administrator{{AccessKeyID: "testing", Secret: "testing"}}})
	config := emu.AWSConfig()
	config.Credentials = credentials.NewStaticCredentialsProvider("testing", "testing", "testing")
	client := s3.NewFromConfig(config, pathStyle)
	if _, err := client.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: aws.String("reports"), CreateBucketConfiguration: usWest2}); err != nil {
		t.Fatal(err)
	}
	if _, err := client.PutObject(t.Context(), &s3.PutObjectInput{Bucket: aws.String("reports"), Key: aws.String("k"), Body: object("hello")}); err != nil {
		t.Fatal(err)
	}
	version4, err := s3.NewPresignClient(client).PresignGetObject(t.Context(), &s3.GetObjectInput{Bucket: aws.String("reports"), Key: aws.String("k")})
	if err != nil {
		t.Fatal(err)
	}
	h := hmac.New(sha1.New, []byte("testing"))
	h.Write([]byte("GET\n\n\n4102444800\n/reports/k"))
	version2 := emu.URL + "/reports/k?" + url.Values{"AWSAccessKeyId": {"testing"}, "Expires": {"4102444800"}, "Signature": {base64.StdEncoding.EncodeToString(h.Sum(nil))}}.Encode()
	for _, target := range []string{version4.URL, version2} {
		for _, wrong := range []bool{false, true} {
			if wrong {
				target = strings.Replace(target, "/reports/k", "/reports/other", 1)
			}
			answer, err := http.Get(target)
			if err != nil {
				t.Fatal(err)
			}
			answer.Body.Close()
			if (answer.StatusCode == http.StatusOK) == wrong || wrong && answer.StatusCode != http.StatusForbidden {
				t.Errorf("%s: %d", target, answer.StatusCode)
			}
		}
	}
}

func TestAdminCredentialsOfGoPrograms(t *testing.T) {
	for want, keys := range map[string][]sts.Administrator{
		"administrator a: the access key id is there twice; write it once": {{AccessKeyID: "a", Secret: "b"}, {AccessKeyID: "a", Secret: "c"}},
		`administrator a: account "1": an account id is twelve digits`:     {{AccessKeyID: "a", Secret: "b", Account: "1"}},
	} {
		if e, err := New(t.Context(), Config{Administrators: keys}); err == nil || !strings.HasSuffix(err.Error(), want) {
			t.Errorf("%v, %v; want %s", e, err, want)
		}
	}
}
