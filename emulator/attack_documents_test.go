package emulator

import (
	"bytes"
	"crypto/md5"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"github.com/irsa-emu/irsa-emu/statefile"
)

// signedCall sends a body that no SDK would make, signed by the administrator.
func signedCall(t *testing.T, emu *Running, method, path, service, target string, body []byte) (int, http.Header, []byte) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, emu.URL+path, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(body)
	hash := hex.EncodeToString(sum[:])
	digest := md5.Sum(body)
	req.Header.Set("X-Amz-Content-Sha256", hash)
	req.Header.Set("Content-Md5", base64.StdEncoding.EncodeToString(digest[:])) // which DeleteObjects wants
	if target != "" {
		req.Header.Set("X-Amz-Target", target)
		req.Header.Set("Content-Type", "application/x-amz-json-1.1")
	}
	creds := aws.Credentials{AccessKeyID: "test", SecretAccessKey: "test"}
	if err := v4.NewSigner().SignHTTP(t.Context(), creds, req, hash, service, "us-east-1", time.Now()); err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, resp.Header, answer
}

// Documents that expand, nest, or go on, sent to the services that read them.
func TestAttackDocuments(t *testing.T) {
	emu := Start(t, Config{Given: []statefile.State{{Accounts: map[string]statefile.Account{"111122223333": {Buckets: []statefile.Bucket{{Name: "bucket"}}}}}}})
	laughs := `<!DOCTYPE x [<!ENTITY a "ha">`
	for c := 'b'; c < 'z'; c++ {
		laughs += fmt.Sprintf(`<!ENTITY %c "%s">`, c, strings.Repeat(fmt.Sprintf("&%c;", c-1), 10))
	}
	laughs += "]>"
	xml := map[string]string{
		"entities that expand":   laughs + "<Tagging><TagSet><Tag><Key>&y;</Key><Value>v</Value></Tag></TagSet></Tagging>",
		"an external entity":     `<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><Tagging><TagSet><Tag><Key>&e;</Key><Value>v</Value></Tag></TagSet></Tagging>`,
		"nested elements":        strings.Repeat("<a>", 30_000),
		"30,000 attributes":      "<Tagging " + strings.Repeat(`a="1" `, 30_000) + "><TagSet><Tag><Key></Key></Tag></TagSet></Tagging>",
		"thousands of tags":      "<Tagging><TagSet>" + strings.Repeat("<Tag><Key>k</Key><Value>v</Value></Tag>", 8_000) + "</TagSet></Tagging>",
		"a document without end": strings.Repeat("<Tagging>", 250_000),
		"not UTF-8":              "<Tagging><TagSet><Tag><Key>\xff</Key><Value>v</Value></Tag></TagSet></Tagging>",
		"another encoding":       `<?xml version="1.0" encoding="UTF-7"?><Tagging/>`,
	}
	for name, document := range xml {
		for _, path := range []string{"/bucket?tagging", "/bucket?delete", "/bucket?policy", "/bucket?publicAccessBlock", "/bucket/key?tagging", "/bucket/key?uploadId=x"} {
			t.Run("S3, "+path+": "+name, func(t *testing.T) {
				method := http.MethodPut
				if strings.Contains(path, "delete") || strings.Contains(path, "uploadId") {
					method = http.MethodPost
				}
				var status int
				var header http.Header
				var body []byte
				took := allocated(func() { status, header, body = signedCall(t, emu, method, path, "s3", "", []byte(document)) })
				if status < 400 {
					t.Errorf("status %d: %.300s", status, body)
				}
				checkAnswer(t, status, header, body)
				if bytes.Contains(body, []byte("root:")) {
					t.Errorf("a file was read: %.300s", body)
				}
				if most := int64(64<<20 + 40*len(document)); took > most {
					t.Errorf("%d MB were allocated for %d kB", took>>20, len(document)>>10)
				}
			})
		}
	}
	for name, document := range map[string]string{
		"nested lists":      `{"Name":` + strings.Repeat("[", 500_000),
		"nested objects":    strings.Repeat(`{"Name":`, 100_000),
		"duplicates":        `{"Name":"a","Name":1}`,
		"thousands of tags": `{"Name":"n","SecretString":"x","Tags":[` + strings.Repeat(`{"Key":"k","Value":"v"},`, 40_000) + `{}]}`,
		"a number for all":  `{"Name":1e99999,"SecretString":1}`,
		"two documents":     `{"Name":"n"}{"Name":"m"}`,
		"not UTF-8":         "{\"Name\":\"\xff\xfe\"}",
		"two megabytes":     `{"Name":"` + strings.Repeat("x", 2<<20) + `"}`,
	} {
		t.Run("Secrets Manager: "+name, func(t *testing.T) {
			var status int
			var header http.Header
			var body []byte
			took := allocated(func() {
				status, header, body = signedCall(t, emu, http.MethodPost, "/", "secretsmanager", "secretsmanager.CreateSecret", []byte(document))
			})
			if status < 400 {
				t.Errorf("status %d: %.300s", status, body)
			}
			checkAnswer(t, status, header, body)
			if most := int64(64<<20 + 40*len(document)); took > most {
				t.Errorf("%d MB were allocated for %d kB", took>>20, len(document)>>10)
			}
		})
	}
}

// A State document that comes over the network names files of this machine.
func TestAttackStateThatNamesFiles(t *testing.T) {
	emu := Start(t, Config{})
	for _, path := range []string{"/etc/passwd", "../../../../etc/passwd", "/proc/self/environ", "/dev/zero"} {
		var answer struct{ Error string }
		body := `{"apiVersion":"irsa-emu.dev/v1","kind":"State","accounts":{"111122223333":{"secrets":[{"name":"s","value":{"file":"` + path + `"}}],
"policies":[{"name":"p","document":{"file":"` + path + `"}}]}},"issuers":[{"url":"https://i.example.com","jwks":{"file":"` + path + `"}}]}`
		if status := callControl(t, emu, http.MethodPost, "/_emu/state", body, &answer); status != http.StatusBadRequest {
			t.Errorf("%s: status %d", path, status)
		}
		if !strings.Contains(answer.Error, "a file cannot be named here") || strings.Contains(answer.Error, "root:") {
			t.Errorf("%s: %s", path, answer.Error)
		}
	}
}

// Bodies that are JSON and no object, null above all, which decodes to no map at all.
func TestAttackBodiesOfNoObject(t *testing.T) {
	emu := Start(t, Config{})
	for _, call := range []struct{ method, path, service, target string }{
		{http.MethodPost, "/clusters?nextToken=a", "eks", ""},
		{http.MethodGet, "/clusters/c", "eks", ""},
		{http.MethodPost, "/clusters/c/pod-identity-associations", "eks", ""},
		{http.MethodPost, "/clusters/c/access-entries", "eks", ""},
		{http.MethodPost, "/clusters/c/addons/vpc-cni/update", "eks", ""},
		{http.MethodPost, "/tags/arn:aws:eks:us-east-1:111122223333:cluster%2Fc", "eks", ""},
		{http.MethodPost, "/clusters/c/assume-role-for-pod-identity", "eks-auth", ""},
		{http.MethodPost, "/policy/validation", "access-analyzer", ""},
		{http.MethodPost, "/", "secretsmanager", "secretsmanager.CreateSecret"},
		{http.MethodPost, "/", "kms", "TrentService.Encrypt"},
	} {
		for _, body := range []string{"null", "3", "[]", "[null]", `"x"`, "{}", `{"":null}`, ""} {
			status, header, answer := signedCall(t, emu, call.method, call.path, call.service, call.target, []byte(body))
			if status >= 500 && status != http.StatusNotImplemented {
				t.Errorf("%s %s%s with %q: status %d, %s, %v", call.method, call.path, call.target, body, status, answer, header)
			}
		}
	}
}
