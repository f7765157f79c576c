package wire_test

import (
	"encoding/json"
	"encoding/xml"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/irsa-emu/irsa-emu/aws"
	"github.com/irsa-emu/irsa-emu/golden"
	"github.com/irsa-emu/irsa-emu/wire"
)

type credentialsOut struct {
	SessionToken, SecretAccessKey string
	Expiration                    wire.Time
	AccessKeyId                   string
}

type resultOut struct {
	SubjectFromWebIdentityToken string
	Audience                    string
	AssumedRoleUser             *struct{ Arn, AssumedRoleId string }
	Credentials                 credentialsOut
	SourceIdentity              string `wire:"omitempty"`
	PackedPolicySize            *int
	Tags                        wire.List[struct{ Key, Value string }]
	ClientIDList                wire.List[string]
	Gone                        wire.List[string] `wire:"omitempty"`
	RoleLastUsed                *struct {
		Region string `wire:"omitempty"`
	}
	IsTruncated bool
	SummaryMap  map[string]int
	Provider    aws.ARN
}

func exampleResult() resultOut {
	size := 6
	return resultOut{
		SubjectFromWebIdentityToken: "system:serviceaccount:default:app", Audience: "sts.amazonaws.com",
		AssumedRoleUser:  &struct{ Arn, AssumedRoleId string }{"arn:aws:sts::111122223333:assumed-role/r/s", "AROA:s"},
		Credentials:      credentialsOut{"token/+=", "secret", wire.At(time.Date(2014, 10, 24, 23, 0, 23, 500, time.FixedZone("x", 3600))), "ASIAEXAMPLE"},
		PackedPolicySize: &size, ClientIDList: wire.List[string]{"a", `<&>"' ` + "\x00\x1b\r\n"},
		RoleLastUsed: &struct {
			Region string `wire:"omitempty"`
		}{},
		SummaryMap: map[string]int{"Users": 2, "Roles": 1},
		Provider:   aws.ARN{Partition: "aws", Service: "iam", Account: "111122223333", Resource: "oidc-provider/h/p"},
	}
}

// Golden answers: status line, headers that matter, body. The layout of STS's
// XML is recorded; the rest of the goldens pins what was decided from it.
func TestAnswers(t *testing.T) {
	call := func(json bool) *wire.Call {
		return &wire.Call{ID: "01234567-89ab-4cde-8f01-23456789abcd", Action: "AssumeRoleWithWebIdentity", WantJSON: json}
	}
	evil := wire.Errorf(403, "AccessDenied", "%s", "x</Message><Code>\r\nX: y\x00 \"é\" &").With("Key", "<k>")
	tests := map[string]func(w http.ResponseWriter){
		"query":            func(w http.ResponseWriter) { wire.WriteQuery(w, call(false), wire.STSNamespace, exampleResult()) },
		"query-json":       func(w http.ResponseWriter) { wire.WriteQuery(w, call(true), wire.STSNamespace, exampleResult()) },
		"query-empty":      func(w http.ResponseWriter) { wire.WriteQuery(w, call(false), wire.IAMNamespace, nil) },
		"query-empty-json": func(w http.ResponseWriter) { wire.WriteQuery(w, call(true), wire.IAMNamespace, nil) },
		"query-error":      func(w http.ResponseWriter) { wire.WriteQueryError(w, call(false), wire.STSNamespace, evil) },
		"query-error-json": func(w http.ResponseWriter) { wire.WriteQueryError(w, call(true), wire.STSNamespace, evil) },
		"query-failure": func(w http.ResponseWriter) {
			wire.WriteQueryError(w, call(false), wire.STSNamespace, wire.Errorf(500, "InternalFailure", "x"))
		},
		"invalid-action": func(w http.ResponseWriter) {
			wire.WriteQueryError(w, call(false), wire.STSNamespace, wire.InvalidAction("NoSuchAction", "2011-06-15"))
		},
		"json": func(w http.ResponseWriter) {
			wire.WriteJSON(w, call(false), map[string]any{"ARN": "a<b>", "CreatedDate": wire.At(time.Unix(1700000000, 250e6))})
		},
		"json-empty": func(w http.ResponseWriter) { wire.WriteJSON(w, call(false), nil) },
		"json-error": func(w http.ResponseWriter) { wire.WriteJSONError(w, call(false), evil) },
		"json-1.0": func(w http.ResponseWriter) {
			c := call(false)
			c.HTTP = httptest.NewRequest("POST", "/", nil)
			c.HTTP.Header.Set("Content-Type", "application/x-amz-json-1.0")
			wire.WriteJSONError(w, c, evil)
		},
		"rest-json-error": func(w http.ResponseWriter) { wire.WriteRESTJSONError(w, call(false), evil) },
		"s3-error":        func(w http.ResponseWriter) { wire.WriteS3Error(w, call(false), evil) },
		"s3-error-head": func(w http.ResponseWriter) {
			c := call(false)
			c.HTTP = httptest.NewRequest("HEAD", "/", nil)
			wire.WriteS3Error(w, c, evil)
		},
		"auth-missing-query": func(w http.ResponseWriter) {
			wire.WriteQueryError(w, call(false), wire.STSNamespace, wire.MissingAuthentication().Query())
		},
		"auth-missing-json": func(w http.ResponseWriter) { wire.WriteJSONError(w, call(false), wire.MissingAuthentication().JSON()) },
		"auth-missing-rest": func(w http.ResponseWriter) {
			wire.WriteRESTJSONError(w, call(false), wire.MissingAuthentication().REST())
		},
	}
	for name, write := range tests {
		t.Run(name, func(t *testing.T) {
			w := httptest.NewRecorder()
			write(w)
			var b strings.Builder
			b.WriteString(w.Result().Status + "\n")
			for _, h := range []string{"Content-Type", "Content-Length", "X-Amzn-Requestid", "X-Amzn-Errortype", "X-Amz-Request-Id", "X-Amz-Id-2"} {
				if v, ok := w.Header()[h]; ok {
					b.WriteString(h + ": " + strings.Join(v, "|") + "\n")
				}
			}
			b.WriteString("\n" + w.Body.String())
			golden.File(t, filepath.Join("testdata", "answers", name+".txt"), b.String())
			wellFormed(t, w)
		})
	}
}

// wellFormed parses a body with the standard library's parsers.
func wellFormed(t *testing.T, w *httptest.ResponseRecorder) {
	t.Helper()
	body := w.Body.Bytes()
	if len(body) == 0 {
		return
	}
	if strings.Contains(w.Header().Get("Content-Type"), "json") {
		if !json.Valid(body) {
			t.Error("not JSON")
		}
		return
	}
	var any struct {
		XMLName xml.Name
	}
	if err := xml.Unmarshal(body, &any); err != nil {
		t.Error(err)
	}
}

func TestWantsJSON(t *testing.T) {
	for accept, want := range map[string]bool{"": false, "application/json": true, "text/xml, Application/JSON;q=0.5": true, "application/jsonp": false, "*/*": false} {
		if wire.WantsJSON(&http.Request{Header: http.Header{"Accept": {accept}}}) != want {
			t.Errorf("%q: not %v", accept, want)
		}
	}
}

func BenchmarkWriteQuery(b *testing.B) {
	call := &wire.Call{ID: wire.NewRequestID(), Action: "AssumeRoleWithWebIdentity"}
	result := exampleResult()
	b.ReportAllocs()
	for b.Loop() {
		wire.WriteQuery(httptest.NewRecorder(), call, wire.STSNamespace, &result)
	}
}
