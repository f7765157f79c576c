package cloudtrail

import (
	"bytes"
	"crypto/tls"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/irsa-emu/irsa-emu/api"
	"github.com/irsa-emu/irsa-emu/decision"
	"github.com/irsa-emu/irsa-emu/wire"
)

// a call of IAM by an administrator.
func callOf(action string, input any) *api.Request {
	return &api.Request{
		Call:      &wire.Call{ID: "request", Service: "iam", Action: action, Region: "us-east-1", HTTP: httptest.NewRequest(http.MethodPost, "/", nil), Input: input},
		Principal: &api.Principal{Type: api.RootUser, Account: "111122223333", ARN: "arn:aws:iam::111122223333:root", UserID: "111122223333"},
		Now:       time.Date(2026, 11, 25, 7, 44, 49, 0, time.UTC), Decision: &decision.Decision{RequestID: "request"},
	}
}

// testService has two actions.
var testService = &api.Description{
	Name: "iam", Actions: map[string]bool{"PutRolePolicy": true, "ListRoles": true},
	Records: &api.Records{Source: "iam.amazonaws.com", Dates: "Jan 2, 2006 3:04:05 PM"},
}

type putInput struct{ PolicyDocument string }

func record(t *testing.T, req *api.Request) (line []byte, fields map[string]any) {
	t.Helper()
	var out bytes.Buffer
	if n, err := New(Config{Writer: &out, Account: "999988887777"}).Record(req, testService); n != 1 || err != nil {
		t.Fatalf("%d records, %v", n, err)
	}
	if err := json.Unmarshal(out.Bytes(), &fields); err != nil {
		t.Fatal(err)
	}
	return out.Bytes(), fields
}

// What a client sends is bounded as the user guide says: parameters over 100 KB
// are left out, other texts are cut at a kilobyte.
func TestRecordIsBounded(t *testing.T) {
	req := callOf("PutRolePolicy", &putInput{strings.Repeat("é", largestField)})
	req.HTTP.Header.Set("User-Agent", strings.Repeat("ü", 5000)+"\xff")
	req.Decision.Error = &decision.Error{Code: "MalformedPolicyDocument", Message: strings.Repeat("ä", 5000), Status: 400}
	line, fields := record(t, req)
	if len(line) > 8<<10 || fields["requestParameters"] != nil {
		t.Errorf("%d bytes, parameters %v", len(line), fields["requestParameters"])
	}
	for _, name := range []string{"userAgent", "errorMessage"} {
		if text := fields[name].(string); len(text) > kilobyte || len(text) < kilobyte-4 || strings.ContainsRune(text, utf8.RuneError) {
			t.Errorf("%s has %d bytes: …%q", name, len(text), text[len(text)-8:])
		}
	}
	req = callOf("PutRolePolicy", &putInput{strings.Repeat("x", largestField/2)})
	if _, fields := record(t, req); fields["requestParameters"] == nil {
		t.Error("parameters of 50 KB were left out")
	}
}

// A line is a record, whatever is in it.
func TestRecordIsOneLine(t *testing.T) {
	req := callOf("PutRolePolicy", &putInput{"{\n\"a\": \"\u2028<&>\r\"}"})
	req.HTTP.Header.Set("User-Agent", "a\nb")
	line, fields := record(t, req)
	if bytes.Count(line, []byte("\n")) != 1 || !bytes.HasSuffix(line, []byte("\n")) {
		t.Errorf("%q", line)
	}
	if got := fields["requestParameters"].(map[string]any)["policyDocument"]; got != "{\n\"a\": \"\u2028<&>\r\"}" {
		t.Errorf("%q", got)
	}
}

func TestTLSDetails(t *testing.T) {
	for _, test := range []struct {
		version, suite uint16
		want           tlsDetails
	}{
		{tls.VersionTLS13, tls.TLS_AES_128_GCM_SHA256, tlsDetails{TLSVersion: "TLSv1.3", CipherSuite: "TLS_AES_128_GCM_SHA256"}},
		{tls.VersionTLS12, tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, tlsDetails{TLSVersion: "TLSv1.2", CipherSuite: "ECDHE-RSA-AES128-GCM-SHA256"}},
		{tls.VersionTLS12, tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, tlsDetails{TLSVersion: "TLSv1.2", CipherSuite: "ECDHE-ECDSA-AES256-GCM-SHA384"}},
		{tls.VersionTLS12, tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, tlsDetails{TLSVersion: "TLSv1.2", CipherSuite: "ECDHE-ECDSA-CHACHA20-POLY1305"}},
	} {
		r := httptest.NewRequest(http.MethodPost, "https://iam.amazonaws.com/", nil)
		r.TLS = &tls.ConnectionState{Version: test.version, CipherSuite: test.suite}
		test.want.ClientProvidedHostHeader = "iam.amazonaws.com"
		if got := tlsOf(r); *got != test.want {
			t.Errorf("%+v, want %+v", *got, test.want)
		}
	}
}

// Calls of services without records leave none, and neither do names that no API has.
func TestNotRecorded(t *testing.T) {
	var out bytes.Buffer
	trail := New(Config{Writer: &out})
	without := *testService
	without.Records = nil
	for _, c := range []struct {
		action  string
		service *api.Description
	}{{"PutRolePolicy", &without}, {"", testService}, {"MadeUp", testService}} {
		req := callOf(c.action, nil)
		if n, err := trail.Record(req, c.service); n != 0 || err != nil || out.Len() > 0 {
			t.Errorf("%q: %d records, %v", c.action, n, err)
		}
	}
}

type failing struct{}

func (failing) Write([]byte) (int, error) { return 0, errors.New("disk full") }

func TestRecordSaysThatItIsLost(t *testing.T) {
	if n, err := New(Config{Writer: failing{}}).Record(callOf("ListRoles", nil), testService); n != 0 || err == nil || !strings.Contains(err.Error(), "disk full") {
		t.Errorf("%d records, %v", n, err)
	}
}

// Records of calls at once do not mix, though the writer takes no care.
func TestRecordsAtOnce(t *testing.T) {
	var out bytes.Buffer
	trail := New(Config{Writer: &out})
	var all sync.WaitGroup
	for range 50 {
		all.Go(func() {
			if _, err := trail.Record(callOf("PutRolePolicy", &putInput{strings.Repeat("x", 2000)}), testService); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	for line := range bytes.Lines(out.Bytes()) {
		if !json.Valid(line) {
			t.Fatalf("%q", line)
		}
	}
}
