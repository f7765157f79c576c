package main

import (
	"bytes"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/irsa-emu/irsa-emu/emulatortest"
)

// TestExplainTheLastError: the call just made is explained, whether it was refused
// or failed. Role ARNs with a slip in them and session names that are too long are
// ValidationErrors (aws-load-balancer-controller 1353, Netflix/consoleme 9156).
func TestExplainTheLastError(t *testing.T) {
	emu := emulatortest.Start(t)
	call := func(role, session string) {
		t.Helper()
		answer, err := http.PostForm(emu.URL, url.Values{
			"Action": {"AssumeRoleWithWebIdentity"}, "Version": {"2011-06-15"}, "RoleArn": {role}, "RoleSessionName": {session}, "WebIdentityToken": {"not-a-token"},
		})
		if err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()
	}
	explain := func() (int, string) {
		var stdout, stderr bytes.Buffer
		code := run(t.Context(), []string{"explain", "--url", emu.URL}, func(string) (string, bool) { return "", false }, strings.NewReader(""), &stdout, &stderr)
		return code, stdout.String() + stderr.String()
	}
	if code, text := explain(); code != exitFailed || !strings.Contains(text, "no call was refused so far") {
		t.Errorf("before any call: exit %d, %s", code, text)
	}
	for _, tt := range []struct{ name, role, session, want string }{
		{"refused", "arn:aws:iam::111122223333:role/first", "session", "not-a-jwt"},
		{"an ARN with a slip", "an:aws-cn:iam::111122223333:role/second", "session", "an:aws-cn"},
		{"a session name that is too long", "arn:aws:iam::111122223333:role/third", strings.Repeat("s", 65), "roleSessionName"},
		{"refused again", "arn:aws:iam::111122223333:role/fourth", "session", "role/fourth"},
	} {
		call(tt.role, tt.session)
		if code, text := explain(); code != exitOK || !strings.Contains(text, tt.want) {
			t.Errorf("%s: exit %d, lacks %q:\n%s", tt.name, code, tt.want, text)
		}
	}
}
