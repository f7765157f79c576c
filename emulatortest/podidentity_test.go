package emulatortest_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/irsa-emu/irsa-emu/decision"
	"github.com/irsa-emu/irsa-emu/emulator"
	"github.com/irsa-emu/irsa-emu/emulatortest"
	"github.com/irsa-emu/irsa-emu/harness"
	"github.com/irsa-emu/irsa-emu/statefile"
)

const podState = `
apiVersion: irsa-emu.dev/v1
kind: State
clusters:
  prod:
    issuer: https://oidc.eks.us-west-2.amazonaws.com/id/PODS
    region: us-west-2
    podIdentityAssociations:
      - {serviceAccount: shop/api, role: "arn:aws:iam::111122223333:role/Shop"}
      - {serviceAccount: shop/refused, role: "arn:aws:iam::111122223333:role/Gone"}
accounts:
  "111122223333":
    roles:
      - name: Shop
        trustPolicy: {Version: "2012-10-17", Statement: [{Effect: Allow, Principal: {Service: pods.eks.amazonaws.com}, Action: ["sts:AssumeRole", "sts:TagSession"]}]}
`

// asPod runs a script as a pod of EKS Pod Identity, and gives back what it wrote
// and why it got no credentials.
func asPod(t *testing.T, serviceAccount, script string) (code int, out string, refused []*decision.Decision, err error) {
	t.Helper()
	t.Setenv("TMPDIR", t.TempDir()) // to see what is left
	state, err := statefile.Parse("state.yaml", []byte(podState), nil)
	if err != nil {
		t.Fatal(err)
	}
	emu := emulatortest.Start(t, emulatortest.Config(func(c *emulator.Config) { c.Given = []statefile.State{state} }))
	var text bytes.Buffer
	code, err = harness.Exec(t.Context(), harness.ExecConfig{
		URL: emu.URL, ServiceAccount: serviceAccount, Command: []string{"sh", "-c", script}, Stdout: &text, Stderr: &text,
		Env:         []string{"PATH=" + os.Getenv("PATH"), "AWS_ROLE_ARN=arn:aws:iam::999999999999:role/Real", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI=/real", "AWS_REGION=eu-west-1"},
		PodIdentity: &harness.PodIdentity{Cluster: "prod", Refused: func(d *decision.Decision) { refused = append(refused, d) }},
	})
	if files, _ := filepath.Glob(os.Getenv("TMPDIR") + "/*"); len(files) > 0 {
		t.Errorf("left behind: %v", files)
	}
	return code, text.String(), refused, err
}

func TestExecAsAPodOfPodIdentity(t *testing.T) {
	code, out, refused, err := asPod(t, "shop/api", `env | grep ^AWS_; ls "$(dirname "$AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE")"; exit 3`)
	if err != nil || code != 3 || len(refused) > 0 {
		t.Fatalf("%d, %v, %d refusals: %s", code, err, len(refused), out)
	}
	for _, want := range []string{"AWS_CONTAINER_CREDENTIALS_FULL_URI=http://127.0.0.1:", "/eks-pod-identity-token\n", "AWS_REGION=us-west-2\n"} {
		if !strings.Contains(out, want) {
			t.Errorf("the command lacks %s:\n%s", want, out)
		}
	}
	for _, other := range []string{"AWS_ROLE_ARN", "AWS_WEB_IDENTITY_TOKEN_FILE", "RELATIVE_URI"} {
		if strings.Contains(out, other) {
			t.Errorf("the command has %s, which SDKs would prefer:\n%s", other, out)
		}
	}
}

func TestExecWithoutAssociationRunsNothing(t *testing.T) {
	code, out, refused, err := asPod(t, "shop/apii", "echo ran")
	if err == nil || code != 1 || out != "" || len(refused) > 0 || !strings.Contains(err.Error(), "cluster prod has associations for shop/api, shop/refused") {
		t.Errorf("%d, %v, %d refusals: %s", code, err, len(refused), out)
	}
}

func TestExecSaysOnceWhyARoleIsRefused(t *testing.T) {
	code, out, refused, err := asPod(t, "shop/refused", `for i in 1 2 3; do curl -s -H "Authorization: $(cat "$AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE")" "$AWS_CONTAINER_CREDENTIALS_FULL_URI" >/dev/null || true; done; echo ran`)
	if err != nil || code != 0 || !strings.Contains(out, "ran") {
		t.Fatalf("%d, %v: %s", code, err, out)
	}
	if len(refused) != 1 || refused[0].Reason.Kind != decision.RoleNotFound {
		t.Errorf("%d refusals: %+v", len(refused), refused)
	}
}
