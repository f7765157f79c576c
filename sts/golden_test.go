package sts

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/irsa-emu/irsa-emu/api"
	"github.com/irsa-emu/irsa-emu/decision"
	"github.com/irsa-emu/irsa-emu/golden"
)

// TestGolden runs the cases in testdata/*.txtar. A file of an archive is a case:
// lines that say how the call differs from a good one, a line "----", and the
// answer: the status, the body, and the decision's reason.
//
//	action NAME        instead of AssumeRoleWithWebIdentity
//	form KEY=VALUE     sets a parameter; form -KEY removes it
//	role NAME          the role, in the home account unless it is an ARN
//	claim KEY=JSON     sets a claim of the token; claim -KEY removes it
//	payload JSON       is the token's payload, as it stands
//	header JSON        is the token's header (the signature then fits it still)
//	unsigned           cuts the signature's first letters off
//	token TEXT         is the token
//	as NAME            signs: admin, alice, or an earlier case of the archive
//	clock DURATION     moves the clock
//	json               asks for a JSON answer
//	nokeys             has no keys of any issuer
//
// Lines that begin with # tell where the behaviour is known from.
func TestGolden(t *testing.T) {
	golden.Archives(t, "testdata/*.txtar", func(t *testing.T, a *txtar.Archive) {
		f := newFixture(t)
		issued := map[string]credentialsElement{}
		golden.Steps(t, a, func(t *testing.T, name, script string) string { return f.golden(t, name, script, issued) })
	})
}

func (f *fixture) golden(t *testing.T, name, script string, issued map[string]credentialsElement) string {
	t.Helper()
	f.rand.restart(name)
	f.now = epoch
	f.keys = map[string]bool{issuer: true, github: true}
	web := claims()
	form := url.Values{"Action": {"AssumeRoleWithWebIdentity"}, "Version": {Version}, "RoleArn": {"arn:aws:iam::" + home + ":role/open"}, "RoleSessionName": {"session"}}
	var payload, header, token *string
	unsigned, wantJSON := false, false
	var p *api.Principal
	for line := range strings.Lines(script) {
		verb, rest, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		key, value, _ := strings.Cut(rest, "=")
		switch verb {
		case "#", "":
		case "action":
			form = url.Values{"Action": {rest}, "Version": {Version}}
		case "form":
			if strings.HasPrefix(rest, "-") {
				form.Del(rest[1:])
			} else {
				form.Set(key, expand(value))
			}
		case "role":
			if !strings.HasPrefix(rest, "arn:") {
				rest = "arn:aws:iam::" + home + ":role/" + rest
			}
			form.Set("RoleArn", rest)
		case "claim":
			if strings.HasPrefix(rest, "-") {
				delete(web, rest[1:])
			} else {
				// A claim's name may hold "=" no more than a URL's path does.
				web[key] = json.RawMessage(expand(value))
			}
		case "payload":
			payload = &rest
		case "header":
			header = &rest
		case "token":
			rest = expand(rest)
			token = &rest
		case "unsigned":
			unsigned = true
		case "as":
			p = f.caller(t, rest, issued)
		case "clock":
			d, err := time.ParseDuration(rest)
			if err != nil {
				t.Fatal(err)
			}
			f.now = epoch.Add(d)
		case "json":
			wantJSON = true
		case "nokeys":
			f.keys = nil
		default:
			t.Fatalf("unknown line %q", line)
		}
	}
	if form.Get("Action") == "AssumeRoleWithWebIdentity" && !form.Has("WebIdentityToken") && !strings.Contains(script, "form -WebIdentityToken") {
		if token == nil {
			signed := f.token(t, web, payload, header)
			token = &signed
		}
		if unsigned {
			*token = (*token)[:strings.LastIndexByte(*token, '.')+1] + "AAAA" + (*token)[strings.LastIndexByte(*token, '.')+5:]
		}
		form.Set("WebIdentityToken", *token)
	}
	req := f.request(form, p)
	req.WantJSON = wantJSON
	w := httptest.NewRecorder()
	f.ServeAWS(w, req)
	var answer struct {
		Result struct{ Credentials credentialsElement } `xml:",any"`
	}
	if w.Code == 200 && xml.Unmarshal(w.Body.Bytes(), &answer) == nil {
		issued[name] = answer.Result.Credentials
	}
	return rendered(w, req.Decision)
}

// expand writes out {N*text}, and times relative to the clock as in {+301s}.
func expand(s string) string {
	s = regexp.MustCompile(`\{(\d+)\*([^}]*)\}`).ReplaceAllStringFunc(s, func(m string) string {
		var n int
		var text string
		count, text, _ := strings.Cut(m[1:len(m)-1], "*")
		fmt.Sscan(count, &n)
		return strings.Repeat(text, n)
	})
	return regexp.MustCompile(`\{[+-][0-9hms.]+\}`).ReplaceAllStringFunc(s, func(m string) string {
		d, err := time.ParseDuration(m[1 : len(m)-1])
		if err != nil {
			return m
		}
		return fmt.Sprint(epoch.Add(d).Unix())
	})
}

func (f *fixture) token(t *testing.T, web map[string]any, payload, header *string) string {
	if payload == nil && header == nil {
		return sign(t, web)
	}
	body, head := mustJSON(web), fmt.Sprintf(`{"alg":"RS256","kid":%q}`, signer().Keys[0].KID)
	if payload != nil {
		body = *payload
	}
	if header != nil {
		head = strings.ReplaceAll(*header, "KID", signer().Keys[0].KID)
	}
	return signRaw(t, head, body)
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
	return f.principal(t, c.AccessKeyId, c.SessionToken)
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

func signRaw(t *testing.T, header, payload string) string {
	t.Helper()
	signed := base64.RawURLEncoding.EncodeToString([]byte(header)) + "." + base64.RawURLEncoding.EncodeToString([]byte(payload))
	return signed + "." + base64.RawURLEncoding.EncodeToString(rs256(t, signed))
}
