package main

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

const interceptState = `apiVersion: irsa-emu.dev/v1
kind: State
clusters: {c: {issuer: "https://oidc.eks.us-west-2.amazonaws.com/id/EXAMPLE", region: us-west-2, account: "111122223333", podIdentityAssociations: [{serviceAccount: app/app, role: "arn:aws:iam::111122223333:role/Pod"}]}}
accounts:
  "111122223333":
    roles:
      - {name: Pod, trustPolicy: {Version: "2012-10-17", Statement: [{Effect: Allow, Principal: {Service: pods.eks.amazonaws.com}, Action: ["sts:AssumeRole", "sts:TagSession"]}]}}
`

func writeState(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "state.yaml")
	if err := os.WriteFile(path, []byte(interceptState), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// execIntercept runs irsa-emu exec --intercept in a process of its own, since its
// helper is the program, started again.
func execIntercept(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	given := writeState(t)
	temporary := t.TempDir()
	t.Setenv("TMPDIR", temporary)
	cmd := irsaEmu(t.Context(), nil, append([]string{"exec", "--given", given, "--service-account", "app/app"}, args...)...)
	var out, says bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &says
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	if left, _ := filepath.Glob(temporary + "/irsa-emu-exec-*"); len(left) > 0 {
		t.Errorf("left behind: %q", left)
	}
	return cmd.ProcessState.ExitCode(), out.String(), says.String()
}

func TestExecIntercept(t *testing.T) {
	if _, err := exec.LookPath("curl"); err != nil {
		t.Skip("curl is not installed")
	}
	const ask = `curl -sS "https://sts.amazonaws.com/?Action=GetCallerIdentity&Version=2011-06-15"; env | grep ^AWS_ENDPOINT_URL; curl -sSH "Authorization: $(cat $AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE)" $AWS_CONTAINER_CREDENTIALS_FULL_URI; exit 7`
	for _, mode := range []string{"--intercept", "--intercept=proxy", "--intercept=hosts"} {
		code, out, says := execIntercept(t, mode, "--pod-identity", "--", "sh", "-c", ask)
		if strings.Contains(says, "--intercept=proxy, for a program") {
			t.Logf("%s: %s", mode, says) // this machine lets us make no namespaces
			continue
		}
		if code != 7 || !strings.Contains(out, "MissingAuthenticationToken") || strings.Contains(out, "AWS_ENDPOINT_URL") || !strings.Contains(out, `"AccessKeyId"`) {
			t.Errorf("%s: exit code %d\n%s%s", mode, code, out, says)
		}
	}
}

// The agent of EKS Pod Identity lives by the emulator's clock, whenever that is moved.
func TestExecPodIdentityFollowsTheClock(t *testing.T) {
	if _, err := exec.LookPath("curl"); err != nil {
		t.Skip("curl is not installed")
	}
	server, err := serveProcess(t.Context(), nil, "--listen", "127.0.0.1:0", "--given", writeState(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.kill)
	const script = `expires() { curl -sSH "Authorization: $(cat $AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE)" $AWS_CONTAINER_CREDENTIALS_FULL_URI | sed 's/.*"Expiration":"\([^"]*\)".*/\1/'; }
a=$(expires); curl -sSo /dev/null "$0/_emu/clock" -d '{"advance":"25h"}'
for i in $(seq 300); do b=$(expires); case $b in 20*) [ "$a" = "$b" ] || exit 0;; esac; sleep 0.1; done; echo "$a $b"; exit 1`
	cmd := irsaEmu(t.Context(), nil, "exec", "--url", server.url, "--pod-identity", "--service-account", "app/app", "--", "sh", "-c", script, server.url)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v: %s", err, out)
	}
}

func TestExecInterceptMistakes(t *testing.T) {
	role := []string{"--role", "arn:aws:iam::111122223333:role/Pod"}
	for want, test := range map[string]struct {
		code int
		args []string
	}{
		"--intercept proxy: write --intercept=proxy":             {exitUsage, append([]string{"--intercept", "proxy"}, role...)},
		"--intercept=magic: write auto, proxy or hosts":          {exitUsage, append(append([]string{"--intercept=magic"}, role...), "--", "true")},
		"has asked the proxy for none of AWS's hosts; a program": {3, append(append([]string{"--intercept=proxy"}, role...), "--", "sh", "-c", "exit 3")},
		"executable file not found":                              {127, append(append([]string{"--intercept"}, role...), "--", "irsa-emu-no-such-program")},
	} {
		if code, out, says := execIntercept(t, test.args...); code != test.code || !strings.Contains(says, want) || out != "" {
			t.Errorf("%q: exit code %d, %q, %q; want %q", test.args, code, out, says, want)
		}
	}
}
