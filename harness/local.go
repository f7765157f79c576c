package harness

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Local is the cluster that needs no cluster: an emulator for each scenario,
// whose own issuer stands in for the API server's.
func Local(start StartEmulator) StartCluster {
	return func(ctx context.Context, t Target) (Cluster, error) {
		e, err := start(ctx)
		if err != nil {
			return nil, fmt.Errorf("starting an emulator: %w", err)
		}
		return &local{emulator: e, control: newControl(e.URL(), ""), issuer: t.Issuer}, nil
	}
}

type local struct {
	emulator Emulator
	control  *control
	issuer   string
}

func (c *local) Name() string { return "local" }
func (c *local) URL() string  { return c.emulator.URL() }

// SetsClaims says that tokens may have any claims.
func (c *local) SetsClaims() {}

func (c *local) Token(ctx context.Context, r TokenRequest) (string, error) {
	return c.control.token(ctx, tokenRequest{
		Issuer: c.issuer, ServiceAccount: r.ServiceAccount, Pod: r.Pod, Audience: r.Audience,
		ExpiresInSeconds: int64(r.ExpiresIn / time.Second), Claims: r.Claims,
	})
}

// RotateKeys gives the issuer a new signing key.
func (c *local) RotateKeys(ctx context.Context) error { return c.control.rotateKeys(ctx, c.issuer) }

func (c *local) Close() error {
	c.control.close()
	return c.emulator.Close()
}

// ErrNoCluster is what a kind of cluster answers that this build cannot start.
var ErrNoCluster = errors.New("this kind of cluster cannot be started here; use --cluster local")

// Unsupported is the start of a kind of cluster that this build does not have.
func Unsupported(name string) StartCluster {
	return func(context.Context, Target) (Cluster, error) {
		return nil, fmt.Errorf("cluster %s: %w", name, ErrNoCluster)
	}
}
