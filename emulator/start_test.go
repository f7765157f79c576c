package emulator

import (
	"context"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/irsa-emu/irsa-emu/control"
)

// TokenRequest is short for what most tests write.
type TokenRequest = control.TokenRequest

// Start is emulatortest's for the tests in here, which that package imports.
func Start(t testing.TB, config Config) *Running {
	t.Helper()
	r, stop, err := StartBackground(context.Background(), config)
	if err != nil {
		t.Fatalf("starting irsa-emu: %v", err)
	}
	t.Cleanup(func() {
		if err := stop(); err != nil {
			t.Errorf("stopping irsa-emu: %v", err)
		}
	})
	return r
}

// AWSConfig is an SDK configuration of the default account's administrator.
func (r *Running) AWSConfig() aws.Config {
	return aws.Config{
		Region: r.config.Region, BaseEndpoint: aws.String(r.URL),
		Credentials: credentials.NewStaticCredentialsProvider("test", r.config.AdminSecret, ""),
	}
}
