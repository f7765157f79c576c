package main

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// An emulator that is there and does not tell its region, as one in a cluster
// without its control token, is said; one that does not run yet is not.
func TestEnvSaysThatTheRegionIsNotKnown(t *testing.T) {
	refusing := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusForbidden)
		_, _ = w.Write([]byte(`{"error": "the control token is missing"}`))
	}))
	defer refusing.Close()
	gone := httptest.NewServer(http.NotFoundHandler())
	gone.Close()
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"env", "--url", refusing.URL}, "irsa-emu: the control token is missing: the region is not known, and us-east-1 is taken; set IRSA_EMU_CONTROL_TOKEN, or write --region\n"},
		{[]string{"env", "--url", refusing.URL, "--region", "eu-west-3"}, ""},
		{[]string{"env", "--url", gone.URL}, ""},
	} {
		var stdout, stderr bytes.Buffer
		code := run(t.Context(), c.args, func(string) (string, bool) { return "", false }, strings.NewReader(""), &stdout, &stderr)
		if code != 0 || stderr.String() != c.want || !strings.Contains(stdout.String(), "export AWS_REGION=") {
			t.Errorf("%v: %d, %q, %q", c.args, code, stderr.String(), stdout.String())
		}
	}
}
