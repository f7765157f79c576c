package emulator

import (
	"crypto/sha256"
	"encoding/hex"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
)

// TestScopeOfAnotherService: AWS's own hosts take signatures for their service
// only. Vault forwards what a client signed under such a host name.
func TestScopeOfAnotherService(t *testing.T) {
	emu := Start(t, Config{})
	const form = "Action=GetCallerIdentity&Version=2011-06-15"
	sum := sha256.Sum256([]byte(form))
	for _, c := range []struct {
		host, service string
		status        int
		body          string
	}{
		{"sts.us-west-2.amazonaws.com", "sts", 200, "<Arn>arn:aws:iam::111122223333:root</Arn>"},
		{"sts.us-west-2.amazonaws.com", "iam", 403, "<Code>SignatureDoesNotMatch</Code>\n    <Message>Credential should be scoped to correct service: &#39;sts&#39;."},
		{"localhost", "sts", 200, "<Arn>arn:aws:iam::111122223333:root</Arn>"},
		{"localhost", "iam", 400, "<Code>InvalidAction</Code>"},
	} {
		t.Run(c.service+" at "+c.host, func(t *testing.T) {
			r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, emu.URL, strings.NewReader(form))
			if err != nil {
				t.Fatal(err)
			}
			r.Host = c.host
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			key := aws.Credentials{AccessKeyID: "test", SecretAccessKey: "test"}
			if err := v4.NewSigner().SignHTTP(t.Context(), key, r, hex.EncodeToString(sum[:]), c.service, "us-west-2", time.Now()); err != nil {
				t.Fatal(err)
			}
			answer, err := http.DefaultClient.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			defer answer.Body.Close()
			body, err := io.ReadAll(answer.Body)
			if err != nil {
				t.Fatal(err)
			}
			if text := strings.ReplaceAll(string(body), "'", "&#39;"); answer.StatusCode != c.status || !strings.Contains(text, c.body) {
				t.Errorf("got %d %s, want %d %s", answer.StatusCode, body, c.status, c.body)
			}
		})
	}
}
