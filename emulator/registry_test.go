package emulator

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/smithy-go"

	"github.com/irsa-emu/irsa-emu/api"
	"github.com/irsa-emu/irsa-emu/decision"
	"github.com/irsa-emu/irsa-emu/harness"
	"github.com/irsa-emu/irsa-emu/harness/clients"
	"github.com/irsa-emu/irsa-emu/state"
	"github.com/irsa-emu/irsa-emu/statefile"
	"github.com/irsa-emu/irsa-emu/wire"
)

// note is what accounts have of the service that only this test has, in State
// documents and in the store.
type note struct {
	Account string `json:"-"`
	Name    string `json:"name"`
	Region  string `json:"region,omitempty"`
	Text    string `json:"text"`
}

type storedNote struct{ Account, Name, Region, Text string }

func (n *storedNote) StateKey() string { return n.Account + "/" + n.Name }

var notesSection = &statefile.Section[note]{
	Name: "notes", Title: "note", Description: "Notes.",
	Identity: func(n note) string { return n.Name }, Region: func(n *note) *string { return &n.Region },
	Check: func(c *statefile.Check, at string, n *note) {
		if len(n.Text) > 20 {
			c.Errorf(at+".text", "%d characters; write at most 20", len(n.Text))
		}
	},
}

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
	resource := "arn:aws:notes:us-west-2:111122223333:note/1"
	d := req.Authorize(api.Access{Action: "notes:" + req.Action, Resource: resource})
	if !d.Allowed {
		text := api.DenialText(req.Principal, d, "notes:"+req.Action, resource)
		return api.Denied(d, wire.Errorf(http.StatusBadRequest, "AccessDeniedException", "%s", text))
	}
	var in struct{ Name string }
	if err := req.DecodeJSON(&in); err != nil {
		return err
	}
	n, ok := state.Get[*storedNote](req.State, req.Principal.Account+"/"+in.Name)
	if !ok {
		return api.Fail(http.StatusBadRequest, "ResourceNotFoundException", "There is no note %s.", in.Name)
	}
	wire.WriteJSON(w, req.Call, map[string]string{"Text": n.Text, "Region": n.Region})
	return nil
}

func (notes) Apply(tx *state.Txn, doc *statefile.State, _ time.Time) error {
	for account, a := range doc.Accounts {
		for _, n := range notesSection.Items(&a) {
			tx.Put(&storedNote{account, n.Name, n.Region, n.Text})
		}
	}
	return nil
}

func (notes) Export(r state.Reader, doc *statefile.State) {
	for n := range state.All[*storedNote](r, "") {
		a := doc.Accounts[n.Account]
		notesSection.Set(&a, append(notesSection.Items(&a), note{Name: n.Name, Region: n.Region, Text: n.Text}))
		doc.Accounts[n.Account] = a
	}
}

func (notes) Reset(tx *state.Txn, account string) {
	if account != "" {
		account += "/"
	}
	state.DeleteAll[*storedNote](tx, account)
}

// notesClient has the shape of a client of the AWS SDK.
type notesClient struct{ config aws.Config }

type readNoteInput struct{ Name *string }

type readNoteOutput struct{ Text, Region *string }

func (c *notesClient) ReadNote(ctx context.Context, in *readNoteInput, _ ...func(*aws.Config)) (*readNoteOutput, error) {
	key, err := c.config.Credentials.Retrieve(ctx)
	if err != nil {
		return nil, err
	}
	body, err := json.Marshal(in)
	if err != nil {
		return nil, err
	}
	resp, text, err := postTarget(ctx, *c.config.BaseEndpoint, "NoteService_20260101.ReadNote", "", "notes", string(body), key)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode != http.StatusOK {
		var answer struct {
			Type    string `json:"__type"`
			Message string
		}
		if err := json.Unmarshal([]byte(text), &answer); err != nil {
			return nil, err
		}
		return nil, &smithy.GenericAPIError{Code: answer.Type, Message: answer.Message}
	}
	out := new(readNoteOutput)
	return out, json.Unmarshal([]byte(text), out)
}

func declareNotes(t *testing.T) Registration {
	t.Helper()
	notesDeclared.Do(func() {
		if err := statefile.Declare(notesSection); err != nil {
			t.Fatal(err)
		}
		if err := clients.Declare("notes", func(c aws.Config) any { return &notesClient{c} }); err != nil {
			t.Fatal(err)
		}
	})
	return Registration{Describe: notes{}.Describe, Kinds: []state.Kind{{Name: "note", Type: (*storedNote)(nil)}}, New: func(*Environment) api.Service { return notes{} }}
}

var notesDeclared sync.Once

const notesState = `
apiVersion: irsa-emu.dev/v1
kind: State
accounts:
  "111122223333":
    notes: [{name: todo, text: hello}]
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
	registration := declareNotes(t)
	given, err := statefile.Parse("state.yaml", []byte(notesState), nil)
	if err != nil {
		t.Fatal(err)
	}
	var trail logBuffer
	emu := Start(t, Config{Given: []statefile.State{given}, CloudTrail: &trail, Services: []Registration{registration}, Region: "us-west-2"})
	reader := aws.Credentials{AccessKeyID: "AKIAREADERREADERREAD", SecretAccessKey: "reader-secret"}
	stranger := aws.Credentials{AccessKeyID: "AKIASTRANGERSTRANGER", SecretAccessKey: "stranger-secret"}
	forged := aws.Credentials{AccessKeyID: "AKIAREADERREADERREAD", SecretAccessKey: "guessed"}
	const answer = `{"Region":"us-west-2","Text":"hello"}`
	for _, c := range []struct {
		name, target, host string
		key                aws.Credentials
		status             int
		body               string
		outcome            decision.Outcome
	}{
		{"allowed", "NoteService_20260101.ReadNote", "", reader, 200, answer, decision.Allowed},
		{"by its host", "NoteService_20260101.ReadNote", "notes.us-west-2.amazonaws.com", reader, 200, answer, decision.Allowed},
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

// Its part of State documents is loaded, checked, exported, reset and in the
// schema, again with no edit anywhere else.
func TestRegisteredServiceInStateDocuments(t *testing.T) {
	registration := declareNotes(t)
	given, err := statefile.Parse("state.yaml", []byte(notesState), nil)
	if err != nil {
		t.Fatal(err)
	}
	emu := Start(t, Config{Given: []statefile.State{given}, Services: []Registration{registration}, Region: "us-west-2"})
	export := func() string {
		doc, err := emu.documents.export()
		if err != nil {
			t.Fatal(err)
		}
		text, err := json.Marshal(doc)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	exported := export()
	if !strings.Contains(exported, `"notes":[{"name":"todo","region":"us-west-2","text":"hello"}]`) {
		t.Errorf("the export lacks the note: %s", exported)
	}
	// The quick reader of JSON takes it as well.
	if again, ok := statefile.Direct("export.json", []byte(exported)); !ok {
		t.Error("the export is not plainly right")
	} else if a := again.Accounts["111122223333"]; len(notesSection.Items(&a)) != 1 {
		t.Errorf("read again it has the notes %v", notesSection.Items(&a))
	}
	for text, want := range map[string]string{
		`notes: [{name: a, text: one}, {name: a, text: two}]`: "the same note as",
		`notes: [{name: a, text: far too long for any note}]`: "write at most 20",
		`notes: [{name: a, words: x}]`:                        `unknown field "words"`,
		`notes: [{name: a, region: Mars, text: x}]`:           "a region, such as us-west-2",
		`note: []`: "write notes",
	} {
		doc := "apiVersion: irsa-emu.dev/v1\nkind: State\naccounts:\n  \"111122223333\":\n    " + text + "\n"
		if _, err := statefile.Parse("state.yaml", []byte(doc), nil); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
	schema, err := json.Marshal(statefile.Schema())
	if err != nil || !bytes.Contains(schema, []byte(`"notes":{"items":{"properties":{"name":{"type":"string"}`)) {
		t.Errorf("the schema lacks the notes: %v", err)
	}
	later := given
	later.Accounts = map[string]statefile.Account{}
	var other statefile.Account
	notesSection.Set(&other, []note{{Name: "todo", Text: "changed"}, {Name: "more", Text: "x"}})
	later.Accounts["111122223333"] = other
	if err := emu.documents.apply(t.Context(), later); err != nil {
		t.Fatal(err)
	}
	if err := emu.ResetAccount(t.Context(), "111122223333"); err != nil {
		t.Fatal(err)
	}
	if got := export(); strings.Contains(got, "changed") || strings.Contains(got, "more") || !strings.Contains(got, "todo") {
		t.Errorf("after the reset: %s", got)
	}
}

// Scenarios call it, and give it state.
func TestRegisteredServiceInScenarios(t *testing.T) {
	registration := declareNotes(t)
	scenarios, err := harness.Parse("scenario.yaml", []byte(`
apiVersion: irsa-emu.dev/v1
kind: Scenario
metadata: {name: notes}
spec:
  given: {accounts: {"111122223333": {notes: [{name: todo, text: hello}]}}}
  steps:
    - name: the administrator reads the note
      call: {service: notes, operation: ReadNote, input: {Name: todo}}
      expect: {output: {Text: hello}}
    - name: there is no other
      call: {service: notes, operation: ReadNote, input: {Name: other}}
      expect: {error: ResourceNotFoundException}
`), nil)
	if err != nil {
		t.Fatal(err)
	}
	harness.Test(t, harness.Config{Start: harness.Local(func(ctx context.Context) (harness.Emulator, error) {
		running, stop, err := StartBackground(ctx, Config{Services: []Registration{registration}})
		return &stoppable{running, stop}, err
	})}, scenarios)
	for text, want := range map[string]string{
		"{service: note, operation: ReadNote}":                 "notes",
		"{service: notes, operation: Read}":                    "ReadNote",
		"{service: notes, operation: ReadNote, input: {N: x}}": "Name",
	} {
		doc := "apiVersion: irsa-emu.dev/v1\nkind: Scenario\nmetadata: {name: x}\nspec:\n  steps:\n    - {name: x, call: " + text + "}\n"
		if _, err := harness.Parse("scenario.yaml", []byte(doc), nil); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want advice to write %s", text, err, want)
		}
	}
}

type stoppable struct {
	*Running
	stop func() error
}

func (s *stoppable) URL() string  { return s.Running.URL }
func (s *stoppable) Close() error { return s.stop() }

// Services that are not served say so by the name in the scope of the
// signature, in the protocol of the request.
func TestUnservedByTheirNames(t *testing.T) {
	emu := Start(t, Config{})
	admin := aws.Credentials{AccessKeyID: "test", SecretAccessKey: "test"}
	for _, c := range []struct{ target, service, want string }{
		{"CertificateManager.ListCertificates", "acm", "irsa-emu does not serve acm:ListCertificates;"},
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
	resp, body, err := postTarget(t.Context(), url, target, host, service, `{"Name":"todo"}`, key)
	if err != nil {
		t.Fatal(err)
	}
	return resp, body
}

func postTarget(ctx context.Context, url, target, host, service, body string, key aws.Credentials) (*http.Response, string, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		return nil, "", err
	}
	r.Host = host
	r.Header.Set("X-Amz-Target", target)
	r.Header.Set("Content-Type", "application/x-amz-json-1.1")
	if key.AccessKeyID != "" {
		sum := sha256.Sum256([]byte(body))
		if err := v4.NewSigner().SignHTTP(ctx, key, r, hex.EncodeToString(sum[:]), service, "us-west-2", time.Now()); err != nil {
			return nil, "", err
		}
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return nil, "", err
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	return resp, string(answer), err
}
