// SPDX-License-Identifier: Apache-2.0

package irsaemu_test

import (
	"cmp"
	"context"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/testcontainers/testcontainers-go"
	"github.com/testcontainers/testcontainers-go/wait"

	irsaemu "github.com/irsa-emu/irsa-emu/integrations/testcontainers"
)

const role = "arn:aws:iam::111122223333:role/payments"

func start(t *testing.T, opts ...testcontainers.ContainerCustomizer) *irsaemu.Container {
	if err := exec.CommandContext(t.Context(), "docker", "info").Run(); err != nil {
		t.Skipf("no Docker engine answers: docker info: %v", err)
	}
	emu, err := irsaemu.Run(t.Context(), cmp.Or(os.Getenv("IRSA_EMU_IMAGE"), "irsa-emu"), opts...)
	testcontainers.CleanupContainer(t, emu)
	if err != nil {
		t.Fatal(err)
	}
	return emu
}

func TestPodConfig(t *testing.T) {
	ctx := t.Context()
	emu := start(t, irsaemu.WithState("state.yaml"), irsaemu.WithArgs("--region", "us-west-2"))
	config, err := emu.PodConfig(ctx, "payments/api", role)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := secretsmanager.NewFromConfig(config).GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{SecretId: aws.String("payments/db")})
	if err != nil {
		t.Fatal(err)
	}
	if got := aws.ToString(secret.SecretString); got != "open sesame" {
		t.Errorf("secret %q", got)
	}
	other, err := emu.PodConfig(ctx, "other/api", role)
	if err != nil {
		t.Fatal(err)
	}
	_, refused := sts.NewFromConfig(other).GetCallerIdentity(ctx, nil)
	if refused == nil || !strings.Contains(refused.Error(), "AccessDenied") {
		t.Fatalf("another service account: %v", refused)
	}
	why, err := emu.Explain(ctx, refused)
	if err != nil || !strings.Contains(why, `got     "system:serviceaccount:other:api"`) {
		t.Errorf("explained as\n%s\n%v", why, err)
	}
	if _, err := emu.Explain(ctx, io.EOF); err == nil {
		t.Error("an error of something else was explained")
	}
}

func TestLoadAndReset(t *testing.T) {
	ctx := t.Context()
	emu := start(t)
	admin, err := emu.AdminConfig(ctx, "111122223333")
	if err != nil {
		t.Fatal(err)
	}
	secrets := func() int {
		all, err := secretsmanager.NewFromConfig(admin).ListSecrets(ctx, nil)
		if err != nil {
			t.Fatal(err)
		}
		return len(all.SecretList)
	}
	if err := emu.Load(ctx, "state.yaml"); err != nil {
		t.Fatal(err)
	}
	admin.Region = "us-west-2"
	if n := secrets(); n != 1 {
		t.Errorf("%d secrets", n)
	}
	if err := emu.Reset(ctx); err != nil {
		t.Fatal(err)
	}
	if n := secrets(); n != 0 {
		t.Errorf("%d secrets after the reset", n)
	}
	bad := filepath.Join(t.TempDir(), "bad.yaml")
	if err := os.WriteFile(bad, []byte("apiVersion: irsa-emu.dev/v1\nkind: State\nacounts: {}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := emu.Load(ctx, bad); err == nil || !strings.Contains(err.Error(), "acounts") {
		t.Errorf("a bad state: %v", err)
	}
	if _, err := emu.PodConfig(ctx, "api", role); err == nil || !strings.Contains(err.Error(), "write NAMESPACE/NAME") {
		t.Errorf("a bad service account: %v", err)
	}
	if _, err := emu.Pod(ctx, "payments/api", "payments"); err == nil || !strings.Contains(err.Error(), "write its ARN") {
		t.Errorf("a bad role: %v", err)
	}
}

// A folder is given whole, with the files that its documents name.
func TestFolder(t *testing.T) {
	folder := t.TempDir()
	files := map[string]string{
		"state.yaml": "apiVersion: irsa-emu.dev/v1\nkind: State\naccounts: {\"111122223333\": {roles: [{name: r, trustPolicy: {file: trust.json}}]}}\n",
		"trust.json": `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"111122223333"},"Action":"sts:AssumeRole"}]}`,
	}
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	emu := start(t, irsaemu.WithState(folder))
	admin, err := emu.AdminConfig(t.Context(), "test")
	if err != nil {
		t.Fatal(err)
	}
	_, err = sts.NewFromConfig(admin).AssumeRole(t.Context(), &sts.AssumeRoleInput{RoleArn: aws.String("arn:aws:iam::111122223333:role/r"), RoleSessionName: aws.String("test")})
	if err != nil {
		t.Error(err)
	}
}

// Another container is a pod: IRSA_EMU_APP_IMAGE is one in which `app chain` prints who it is to AWS.
func TestPod(t *testing.T) {
	image := os.Getenv("IRSA_EMU_APP_IMAGE")
	if image == "" {
		t.Skip("IRSA_EMU_APP_IMAGE names no image of a program")
	}
	ctx := context.Background()
	emu := start(t, irsaemu.WithState("state.yaml"), irsaemu.WithArgs("--region", "us-west-2"))
	pod, err := emu.Pod(ctx, "payments/api", role)
	if err != nil {
		t.Fatal(err)
	}
	app, err := testcontainers.Run(ctx, image, pod, testcontainers.WithCmd("app", "chain"), testcontainers.WithWaitStrategy(wait.ForExit()))
	testcontainers.CleanupContainer(t, app)
	if err != nil {
		t.Fatal(err)
	}
	logs, err := app.Logs(ctx)
	if err != nil {
		t.Fatal(err)
	}
	out, err := io.ReadAll(logs)
	if err != nil || !strings.Contains(string(out), ":assumed-role/payments/") {
		t.Errorf("the program printed %q, %v", out, err)
	}
}
