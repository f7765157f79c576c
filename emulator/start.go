package emulator

import (
	"context"
	"errors"
	"net"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/irsa-emu/irsa-emu/control"
)

// Running is an emulator in this process that listens on loopback.
type Running struct {
	*Emulator
	// URL is where it listens.
	URL string
}

// T is what [Start] needs of a *testing.T: the program that is not a test does
// not link package testing.
type T interface {
	Helper()
	Cleanup(func())
	Errorf(format string, args ...any)
	Fatalf(format string, args ...any)
}

// Start runs an emulator for a test and ends it with the test. Package
// emulatortest has more: a pod's credentials, state from files, decisions, faults.
func Start(t T, config Config) *Running {
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

// StartBackground runs an emulator on a free loopback port until stop is
// called, which waits for it to end. Go tests use package emulatortest.
func StartBackground(ctx context.Context, config Config) (r *Running, stop func() error, err error) {
	e, err := New(ctx, config)
	if err != nil {
		return nil, nil, err
	}
	l, err := listen(ctx, net.JoinHostPort("127.0.0.1", "0"))
	if err != nil {
		return nil, nil, errors.Join(err, e.Close())
	}
	ca, err := newCA(e.config.Now)
	if err != nil {
		return nil, nil, errors.Join(err, l.Close(), e.Close())
	}
	run := e.server.start(ca, l)
	stop = func() error {
		return errors.Join(e.server.shutdown(run, ServeConfig{Drain: 5 * time.Second}), e.Close())
	}
	return &Running{Emulator: e, URL: "http://" + l.Addr().String()}, stop, nil
}

// Issuer is the URL of the issuer whose tokens [Running.Token] gives when it is
// asked for none in particular; of several, which it refuses to choose from, the
// emulator's own.
func (r *Running) Issuer() string {
	issuer, err := r.minter.defaultIssuer(r.store.Snapshot())
	if err != nil {
		return r.minter.issuers.defaultURL()
	}
	return issuer
}

// Token is a token of a service account, NAMESPACE/NAME, for sts.amazonaws.com;
// request fills in what else it should have.
func (r *Running) Token(ctx context.Context, request control.TokenRequest) (string, error) {
	return r.minter.mint(ctx, request)
}

// AWSConfig is an SDK configuration of the default account's administrator,
// with the emulator's endpoint and region.
func (r *Running) AWSConfig() aws.Config {
	return aws.Config{
		Region: r.config.Region, BaseEndpoint: aws.String(r.URL),
		Credentials: credentials.NewStaticCredentialsProvider("test", r.config.AdminSecret, ""),
	}
}
