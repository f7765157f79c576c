package sts

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/irsa-emu/irsa-emu/api"
	"github.com/irsa-emu/irsa-emu/decision"
	"github.com/irsa-emu/irsa-emu/golden"
	"github.com/irsa-emu/irsa-emu/iam"
	"github.com/irsa-emu/irsa-emu/statefile"
	"github.com/irsa-emu/irsa-emu/sts/ststest"
)

// TestGolden runs the cases in testdata/*.txtar. A file of an archive is a case:
// a script (see [ststest.Case]), a line "----", and the answer: the status, the
// body, and what the decision says.
func TestGolden(t *testing.T) {
	golden.Archives(t, "testdata/*.txtar", func(t *testing.T, a *txtar.Archive) {
		f := newFixture(t)
		issued := map[string]credentialsElement{}
		golden.Steps(t, a, func(t *testing.T, name, script string) string { return f.golden(t, name, script, issued) })
	})
}

// TestFixtureIsWritten: testdata/state.json is the fixture as a State document,
// for those who play the cases elsewhere.
func TestFixtureIsWritten(t *testing.T) {
	snapshot := newFixture(t).store.Snapshot()
	doc := statefile.State{Accounts: map[string]statefile.Account{}}
	for _, account := range []string{home, away} {
		doc.Accounts[account] = iam.Export(snapshot, account)
	}
	text, err := json.MarshalIndent(doc, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	golden.File(t, "testdata/state.json", string(text)+"\n")
}

func (f *fixture) golden(t *testing.T, name, script string, issued map[string]credentialsElement) string {
	t.Helper()
	c, err := ststest.Read(script, signer().Keys[0].KID)
	if err != nil {
		t.Fatal(err)
	}
	f.rand.restart(name)
	f.now = epoch.Add(c.Clock)
	f.keys = allKeys(c.Keys)
	if !c.Form.Has("Version") {
		c.Form.Set("Version", Version)
	}
	if !c.NoToken && !c.Form.Has("WebIdentityToken") {
		c.Form.Set("WebIdentityToken", token(t, c))
	}
	var p *api.Principal
	if c.As != "" {
		p = f.caller(t, c.As, issued)
	}
	req := f.request(c.Form, p)
	req.WantJSON = c.JSON
	w := httptest.NewRecorder()
	api.Answer(f.Service, w, req)
	var answer struct {
		Result struct{ Credentials credentialsElement } `xml:",any"`
	}
	if w.Code == 200 && xml.Unmarshal(w.Body.Bytes(), &answer) == nil {
		issued[name] = answer.Result.Credentials
	}
	return rendered(w, req.Decision)
}

// token is the signed token of a case.
func token(t *testing.T, c *ststest.Case) string {
	t.Helper()
	if c.Token != nil {
		return *c.Token
	}
	signature := base64.RawURLEncoding.EncodeToString(rs256(t, c.Signed()))
	if c.Unsigned {
		signature = "AAAA" + signature[4:]
	}
	return c.Signed() + "." + signature
}

func (f *fixture) caller(t *testing.T, name string, issued map[string]credentialsElement) *api.Principal {
	switch name {
	case "admin":
		return f.principal(t, "test", "")
	case "alice":
		return f.principal(t, userKey, "")
	}
	c, ok := issued[name]
	if !ok {
		t.Fatalf("no earlier case %q issued credentials", name)
	}
	return f.principal(t, c.AccessKeyId, string(c.SessionToken)) // the text of the answer
}

var (
	sessionTokens = regexp.MustCompile(`IQoJb3JpZ2luX2Vj[A-Za-z0-9+/=]+`)
	secrets       = regexp.MustCompile(`(<SecretAccessKey>|"SecretAccessKey":")[A-Za-z0-9+/]{40}(<|")`)
)

// rendered is an answer as the golden files have it. Session tokens are too long to read; their size is left.
func rendered(w *httptest.ResponseRecorder, d *decision.Decision) string {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%d %s\n", w.Code, w.Header().Get("Content-Type"))
	body := sessionTokens.ReplaceAllStringFunc(w.Body.String(), func(token string) string { return fmt.Sprintf("TOKEN(%d)", len(token)) })
	b.WriteString(secrets.ReplaceAllString(body, "${1}SECRET(40)${2}"))
	if !bytes.HasSuffix(b.Bytes(), []byte("\n")) {
		b.WriteByte('\n')
	}
	if d.Reason != nil {
		fmt.Fprintf(&b, "%s, %s: %s\n", d.Outcome, d.Reason.Kind, strings.ReplaceAll(d.Reason.Message, signer().Keys[0].KID, "KID"))
		if d.Reason.Advice() != "" {
			fmt.Fprintf(&b, "hint: %s\n", d.Reason.Advice())
		}
	}
	for _, r := range d.Beyond {
		fmt.Fprintf(&b, "beyond: %s: %s\n", r.Kind, strings.ReplaceAll(r.Message, signer().Keys[0].KID, "KID"))
	}
	for _, c := range d.Checks {
		fmt.Fprintf(&b, "checked %s: %s\n", c.Action, c.Decision.Outcome)
	}
	return b.String()
}
