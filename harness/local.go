package harness

import (
	"context"
	"fmt"
	"time"

	"github.com/irsa-emu/irsa-emu/control"
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
	control  *control.Client
	issuer   string
}

func (c *local) Name() string { return "local" }
func (c *local) URL() string  { return c.emulator.URL() }

// Can: the emulator signs any claims, for any number of clusters, and nobody else is here.
func (c *local) Can(n Need) bool {
	switch n {
	case NeedRotation, NeedClaims, NeedAlone, NeedClusters:
		return true
	}
	return false
}

func (c *local) Token(ctx context.Context, r TokenRequest) (string, error) {
	issuer := c.issuer
	if r.Issuer != "" {
		issuer = r.Issuer
	}
	return signToken(ctx, c.control, control.TokenRequest{
		Issuer: issuer, ServiceAccount: r.ServiceAccount, Pod: r.Pod, Audience: r.Audience,
		ExpiresInSeconds: int64(r.ExpiresIn / time.Second), Claims: r.Claims,
	})
}

// RotateKeys gives the issuer a new signing key.
func (c *local) RotateKeys(ctx context.Context) error {
	_, err := c.control.Rotate(ctx, control.Rotation{Issuer: c.issuer})
	return err
}

func (c *local) Close() error {
	c.control.HTTP.CloseIdleConnections()
	return c.emulator.Close()
}
