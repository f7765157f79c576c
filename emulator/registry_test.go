package emulator

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"github.com/irsa-emu/irsa-emu/api"
	"github.com/irsa-emu/irsa-emu/decision"
	"github.com/irsa-emu/irsa-emu/statefile"
	"github.com/irsa-emu/irsa-emu/wire"
)

// notes is a service that only this test has: two actions, one of them not
// implemented. Nothing else in the tree knows its name.
type notes struct{}

func (notes) Describe() *api.Description {
	return &api.Description{
		Name: "notes", Title: "Notes", Protocol: wire.JSON{}, Hosts: []string{"notes"}, Targets: []string{"noteservice_20260101"},
		Actions: map[string]bool{"ReadNote": true, "ShareNote": false},
		Records: &api.Records{Source: "notes.amazonaws.com", Dates: time.RFC3339},
	}
}

func (notes) Serve(w http.ResponseWriter, req *api.Request) error {
	const resource = "arn:aws:notes:us-west-2:111122223333:note/1"
	d := req.Authorize(api.Access{Action: "notes:" + req.Action, Resource: resource})
	if !d.Allowed {
		text := api.DenialText(req.Principal, d, "notes:"+req.Action, resource)
		return api.Denied(d, wire.Errorf(http.StatusBadRequest, "AccessDeniedException", "%s", text))
	}
	wire.WriteJSON(w, req.Call, map[string]string{"Text": "hello"})
	return nil
}

const notesState = `
apiVersion: irsa-emu.dev/v1
kind: State
accounts:
  "111122223333":
    users:
      - name: reader
        accessKeys: [{id: AKIAREADERREADERREAD, secret: reader-secret}]
        inlinePolicies: {p: {Version: "2012-10-17", Statement: [{Effect: Allow, Action: "notes:ReadNote", Resource: "*"}]}}
      - name: stranger
        accessKeys: [{id: AKIASTRANGERSTRANGER, secret: stranger-secret}]
`

// A registered service is routed, authenticated, refused in its protocol's
// words, counted and recorded, with no edit anywhere else.
func TestRegisteredService(t *testing.T) {
	given, err := statefile.Parse("state.yaml", []byte(notesState), nil)
	if err != nil {
		t.Fatal(err)
	}
	var trail logBuffer
	emu := Start(t, Config{
		Given: []statefile.State{given}, CloudTrail: &trail,
		Services: []Registration{{New: func(*Environment) api.Service { return notes{} }}},
	})
	reader := aws.Credentials{AccessKeyID: "AKIAREADERREADERREAD", SecretAccessKey: "reader-secret"}
	stranger := aws.Credentials{AccessKeyID: "AKIASTRANGERSTRANGER", SecretAccessKey: "stranger-secret"}
	forged := aws.Credentials{AccessKeyID: "AKIAREADERREADERREAD", SecretAccessKey: "guessed"}
	for _, c := range []struct {
		name, target, host string
		key                aws.Credentials
		status             int
		body               string
		outcome            decision.Outcome
	}{
		{"allowed", "NoteService_20260101.ReadNote", "", reader, 200, `{"Text":"hello"}`, decision.Allowed},
		{"by its host", "NoteService_20260101.ReadNote", "notes.us-west-2.amazonaws.com", reader, 200, `{"Text":"hello"}`, decision.Allowed},
		{"no policy", "NoteService_20260101.ReadNote", "", stranger, 400, `{"__type":"AccessDeniedException","Message":"User: arn:aws:iam::111122223333:user/stranger is not authorized to perform: notes:ReadNote`, decision.Refused},
		{"not signed", "NoteService_20260101.ReadNote", "", aws.Credentials{}, 400, `{"__type":"MissingAuthenticationTokenException"`, decision.Refused},
		{"forged", "NoteService_20260101.ReadNote", "", forged, 400, `{"__type":"InvalidSignatureException"`, decision.Refused},
		{"not implemented", "NoteService_20260101.ShareNote", "", reader, 501, `{"__type":"NotImplemented","Message":"irsa-emu does not implement notes:ShareNote."}`, decision.Failed},
		{"no such action", "NoteService_20260101.Madeup", "", reader, 400, `{"__type":"UnknownOperationException"`, decision.Failed},
	} {
		t.Run(c.name, func(t *testing.T) {
			resp, body := callTarget(t, emu.URL, c.target, c.host, "notes", c.key)
			if resp.StatusCode != c.status || !strings.HasPrefix(body, c.body) {
				t.Errorf("got %d %s, want %d %s", resp.StatusCode, body, c.status, c.body)
			}
			d, ok := emu.decisions.Get(resp.Header.Get("X-Amzn-Requestid"))
			if !ok || d.Service != "notes" || d.Outcome != c.outcome {
				t.Errorf("decision %+v, want one of notes that is %s", d, c.outcome)
			}
		})
	}
	text := scrape(t, emu)
	for _, want := range []string{
		`irsa_emu_calls_total{action="ReadNote",outcome="allowed",reason="",service="notes"} 2`,
		`irsa_emu_calls_total{action="ReadNote",outcome="refused",reason="policy",service="notes"} 1`,
		`irsa_emu_calls_total{action="unknown",outcome="failed",reason="unsupported",service="notes"} 1`,
	} {
		if !strings.Contains(text, want+"\n") {
			t.Errorf("the metrics lack %s", want)
		}
	}
	if n := strings.Count(trail.String(), `"eventSource":"notes.amazonaws.com"`); n != 6 {
		t.Errorf("%d CloudTrail records, want 6: all calls but that of no action", n)
	}
	resp, err := http.Get(emu.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if greeting, _ := io.ReadAll(resp.Body); !bytes.Contains(greeting, []byte("Notes")) {
		t.Errorf("the greeting does not name it: %s", greeting)
	}
}

// Services that are not served say so by the name in the scope of the
// signature, in the protocol of the request.
func TestUnservedByTheirNames(t *testing.T) {
	emu := Start(t, Config{})
	admin := aws.Credentials{AccessKeyID: "test", SecretAccessKey: "test"}
	for _, c := range []struct{ target, service, want string }{
		{"TrentService.Encrypt", "kms", "irsa-emu does not serve kms:Encrypt;"},
		{"DynamoDB_20120810.GetItem", "dynamodb", "irsa-emu does not serve dynamodb:GetItem;"},
		{"StarlingDoveService.PutConfigRule", "config", "irsa-emu does not serve config:PutConfigRule;"},
		{"DynamoDB_20120810.GetItem", "", "irsa-emu does not serve dynamodb:GetItem;"},
	} {
		key := admin
		if c.service == "" {
			key = aws.Credentials{}
		}
		resp, body := callTarget(t, emu.URL, c.target, "", c.service, key)
		want := fmt.Sprintf(`{"__type":"NotImplemented","Message":"%s`, c.want)
		if resp.StatusCode != http.StatusNotImplemented || !strings.HasPrefix(body, want) || resp.Header.Get("Content-Type") != "application/x-amz-json-1.1" {
			t.Errorf("%s of %q: %d %s %s, want 501 %s", c.target, c.service, resp.StatusCode, resp.Header.Get("Content-Type"), body, want)
		}
	}
}

// callTarget makes a call of awsJson 1.1, unsigned without a key.
func callTarget(t *testing.T, url, target, host, service string, key aws.Credentials) (*http.Response, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, strings.NewReader("{}"))
	if err != nil {
		t.Fatal(err)
	}
	r.Host = host
	r.Header.Set("X-Amz-Target", target)
	r.Header.Set("Content-Type", "application/x-amz-json-1.1")
	if key.AccessKeyID != "" {
		sum := sha256.Sum256([]byte("{}"))
		if err := v4.NewSigner().SignHTTP(t.Context(), key, r, hex.EncodeToString(sum[:]), service, "us-west-2", time.Now()); err != nil {
			t.Fatal(err)
		}
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, string(body)
}
