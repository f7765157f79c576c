package main

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/irsa-emu/irsa-emu/golden"
	"github.com/irsa-emu/irsa-emu/prove/given"
	"github.com/irsa-emu/irsa-emu/sts/ststest"
)

// TestJudgedAsByTheServer plays every golden case of the STS's
// AssumeRoleWithWebIdentity through the command check, with the token and with its
// claims alone: code, message, reason,
// hint, what lies beyond it and the policy's decisions are the server's. What
// check cannot know is left out by name and with the reason.
func TestJudgedAsByTheServer(t *testing.T) {
	files, err := filepath.Glob("../../sts/testdata/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no cases: %v", err)
	}
	played := 0
	for _, path := range files {
		archive, err := txtar.ParseFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range archive.Files {
			script, answer, _ := strings.Cut(string(file.Data), "----\n")
			c, err := ststest.Read(script, "KID")
			if err != nil {
				t.Fatal(err)
			}
			if c.Form.Get("Action") != ststest.WebIdentity {
				continue // another action: check answers none of them
			}
			played++
			want := readAnswer(answer)
			t.Run(strings.TrimSuffix(filepath.Base(path), ".txtar")+"/"+file.Name, func(t *testing.T) {
				if slices.Contains(ofCall, want.kind) {
					t.Skipf("%s: check makes no call and has no such parameter", want.kind)
				}
				token := c.Signed() + "." + base64.RawURLEncoding.EncodeToString([]byte("nobody looks at it"))
				if c.Token != nil {
					token = *c.Token
				}
				playThroughCheck(t, c, want, "--token", token)
				if claims, whole := payloadOf(token); whole && !slices.Contains(ofShape, want.kind) {
					playThroughCheck(t, c, want, "--claims", claims)
					playThroughWho(t, c, want, claims)
				}
			})
		}
	}
	if played < 80 {
		t.Errorf("%d cases were played", played)
	}
}

// stsAnswer is what a call was answered, by the server or by check.
type stsAnswer struct {
	code, message, kind, reason, hint string
	beyond, checked                   []string
}

var (
	codeElement    = regexp.MustCompile(`(?:<Code>|"Code":")([^<"]*)`)
	messageElement = regexp.MustCompile(`(?:<Message>|"Message":")((?:[^<"\\]|\\.)*)`)
	refusedLine    = regexp.MustCompile(`(?m)^(?:refused|failed), ([a-z-]+): (.*)$`)
	hintLine       = regexp.MustCompile(`(?m)^hint: (.*)$`)
	beyondLine     = regexp.MustCompile(`(?m)^beyond: (.*)$`)
	checkedLine    = regexp.MustCompile(`(?m)^checked (.*)$`)
)

func readAnswer(text string) stsAnswer {
	one := func(re *regexp.Regexp, group int) string {
		if m := re.FindStringSubmatch(text); m != nil {
			return m[group]
		}
		return ""
	}
	all := func(re *regexp.Regexp) (found []string) {
		for _, m := range re.FindAllStringSubmatch(text, -1) {
			found = append(found, m[1])
		}
		return found
	}
	return stsAnswer{
		code: one(codeElement, 1), message: unescaped.Replace(one(messageElement, 1)), kind: one(refusedLine, 1), reason: one(refusedLine, 2), hint: one(hintLine, 1),
		beyond: all(beyondLine), checked: all(checkedLine),
	}
}

var unescaped = strings.NewReplacer("&quot;", `"`, "&#39;", "'", "&#34;", `"`, "&lt;", "<", "&gt;", ">", "&amp;", "&")

// What check leaves out of the answer.
var (
	// A signature is never there, and keys are not fetched.
	ofKeys = []string{"unknown-key", "keys-unavailable", "unusable-key", "bad-signature", "thumbprint"}
	// A token may be an old one: its times are noted.
	ofTimes = []string{"expired", "issued-in-future", "not-yet-valid"}
	// An input that is no token is not a question: the command ends with 2.
	ofShape = []string{"not-a-jwt", "unsupported-algorithm", "critical-header"}
	// Parameters of the call that check does not have.
	ofCall = []string{"parameter", "provider-id", "unsupported"}
)

// payloadOf is the claims of a token, and whether none is missing: what is, is added
// to claims that are written down, or asked for.
func payloadOf(token string) (string, bool) {
	_, rest, _ := strings.Cut(token, ".")
	payload, _, ok := strings.Cut(rest, ".")
	text, err := base64.RawURLEncoding.DecodeString(payload)
	var claims map[string]any
	whole := ok && err == nil && json.Unmarshal(text, &claims) == nil
	for _, claim := range []string{"iss", "sub", "aud", "iat", "exp"} {
		_, there := claims[claim]
		whole = whole && there
	}
	return string(text), whole
}

func playThroughCheck(t *testing.T, c *ststest.Case, want stsAnswer, flag, input string) {
	t.Helper()
	args := []string{"check", "--given", "../../sts/testdata/state.json", flag, "-", "-o", "json", "--role", c.Form.Get("RoleArn"), "--session-name", c.Form.Get("RoleSessionName")}
	if seconds := c.Form.Get("DurationSeconds"); seconds != "" {
		args = append(args, "--duration-seconds", seconds)
	}
	var stdout, stderr bytes.Buffer
	exit := run(t.Context(), args, func(string) (string, bool) { return "", false }, strings.NewReader(input), &stdout, &stderr)
	errs := golden.Unworded(stderr.String())
	switch {
	case slices.Contains(ofShape, want.kind):
		if exit != exitUsage || !strings.Contains(errs, want.code+": "+want.message+" ("+want.reason+")") || !strings.Contains(errs, want.hint) {
			t.Errorf("exit %d, %s\nwant %+v", exit, errs, want)
		}
		return
	case want.kind == "role-not-found":
		// A role that was not given is a wrong question, not an answer.
		if exit != exitUsage || !strings.Contains(errs, "no such role is given") {
			t.Errorf("exit %d, %s", exit, errs)
		}
		return
	}
	var v verdict
	if err := json.Unmarshal([]byte(golden.Unworded(stdout.String())), &v); err != nil {
		t.Fatalf("exit %d, %s: %v", exit, errs, err)
	}
	if slices.Contains(ofTimes, want.kind) && !slices.ContainsFunc(v.Notes, func(note string) bool { return strings.Contains(note, "the STS would refuse it: ") }) {
		t.Errorf("the token's times are not noted: %q", v.Notes)
	}
	compareAnswers(t, withoutUnknown(want), ofCheck(&v))
	if wantExit := map[bool]int{true: exitOK, false: exitFailed}[v.Allowed]; exit != wantExit {
		t.Errorf("exit %d, want %d", exit, wantExit)
	}
}

// playThroughWho holds which roles the bearer of the claims has against the STS's
// answer for one of them; how long a session may last is not asked.
func playThroughWho(t *testing.T, c *ststest.Case, want stsAnswer, claims string) {
	t.Helper()
	want = withoutUnknown(want)
	args := []string{"who", "--given", "../../sts/testdata/state.json", "--claims", "-", "-o", "json"}
	var stdout, stderr bytes.Buffer
	exit := run(t.Context(), args, func(string) (string, bool) { return "", false }, strings.NewReader(claims), &stdout, &stderr)
	var found struct {
		Roles []given.Holder `json:"roles"`
	}
	if exit == exitOK {
		if err := json.Unmarshal(stdout.Bytes(), &found); err != nil {
			t.Fatal(err)
		}
	} else if exit != exitUsage {
		t.Fatalf("exit %d: %s", exit, &stderr)
	}
	at := slices.IndexFunc(found.Roles, func(h given.Holder) bool { return h.Role == c.Form.Get("RoleArn") && len(h.Through) == 0 })
	switch {
	case want.kind == "duration":
	case want.kind == "" && at < 0:
		t.Errorf("who does not list the role: exit %d, %s", exit, &stderr)
	case want.kind != "" && at >= 0 && !found.Roles[at].Undecided && len(found.Roles[at].Needs) == 0 && found.Roles[at].Call == "":
		t.Errorf("who lists the role, which the STS refuses (%s: %s)", want.kind, want.reason)
	}
}

// withoutUnknown is what remains of an answer without what check cannot know: what
// lies beyond becomes the answer.
func withoutUnknown(want stsAnswer) stsAnswer {
	unknown := slices.Concat(ofKeys, ofTimes)
	want.beyond = slices.DeleteFunc(slices.Clone(want.beyond), func(b string) bool {
		kind, _, _ := strings.Cut(b, ": ")
		return slices.Contains(unknown, kind)
	})
	if !slices.Contains(unknown, want.kind) {
		return want
	}
	want.code, want.message, want.kind, want.reason, want.hint = "", "", "", "", ""
	if len(want.beyond) > 0 {
		want.kind, want.reason, _ = strings.Cut(want.beyond[0], ": ")
		want.beyond = want.beyond[1:]
		return want
	}
	for _, checked := range want.checked {
		if action, outcome, _ := strings.Cut(checked, ": "); outcome != "allowed" {
			want.kind, want.code, want.message = "trust-policy", "AccessDenied", "Not authorized to perform "+action
			break
		}
	}
	return want
}

func ofCheck(v *verdict) stsAnswer {
	var got stsAnswer
	if v.Error != nil {
		got.code, got.message = v.Error.Code, v.Error.Message
		got.kind, got.reason, got.hint = v.Reason.Kind, v.Reason.Message, v.Reason.Advice()
	}
	for _, b := range v.Beyond {
		got.beyond = append(got.beyond, b.Kind+": "+b.Message)
	}
	for _, d := range v.Checks {
		got.checked = append(got.checked, fmt.Sprintf("%s: %s", d.Action, d.Outcome))
	}
	return got
}

// compareAnswers leaves out texts that the golden case does not have.
func compareAnswers(t *testing.T, want, got stsAnswer) {
	t.Helper()
	if want.kind != got.kind || !slices.Equal(want.beyond, got.beyond) || !slices.Equal(want.checked, got.checked) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	for _, text := range [][2]string{{want.code, got.code}, {want.message, got.message}, {want.reason, got.reason}, {want.hint, got.hint}} {
		if text[0] != "" && text[0] != text[1] {
			t.Errorf("got  %q\nwant %q", text[1], text[0])
		}
	}
	if want.kind == "" && got.code != "" {
		t.Errorf("refused: %+v", got)
	}
}
