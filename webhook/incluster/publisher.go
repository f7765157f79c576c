package incluster

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/irsa-emu/irsa-emu/aws"
	"github.com/irsa-emu/irsa-emu/control"
	"github.com/irsa-emu/irsa-emu/kube"
)

// ReadKeys asks the API server for its issuer and its public keys.
func ReadKeys(ctx context.Context, client *kube.Client) (control.IssuerKeys, error) {
	var document struct{ Issuer string }
	if err := client.Get(ctx, aws.DiscoveryPath, &document); err != nil {
		return control.IssuerKeys{}, fmt.Errorf("reading the API server's issuer: %w", err)
	}
	jwks, err := client.Raw(ctx, aws.ClusterKeysPath)
	if err != nil {
		return control.IssuerKeys{}, fmt.Errorf("reading the API server's keys: %w", err)
	}
	return control.IssuerKeys{URL: document.Issuer, JWKS: jwks}, nil
}

// Publisher gives the cluster's keys to every emulator in a namespace, now
// and again: keys are rotated, and emulators forget.
type Publisher struct {
	Client       *kube.Client
	Namespace    string
	Selector     string // of the emulators' Services
	ControlToken string
	Interval     time.Duration
	Logger       *slog.Logger
}

// Run publishes until the context ends.
func (p *Publisher) Run(ctx context.Context) {
	client := control.HTTP()
	client.Timeout = 5 * time.Second
	defer client.CloseIdleConnections()
	last := ""
	for {
		if err := p.publish(ctx, client); err != nil && ctx.Err() == nil {
			if err.Error() != last {
				p.Logger.Warn("publishing the cluster's keys", "error", err)
			}
			last = err.Error()
		} else {
			last = ""
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(p.Interval):
		}
	}
}

func (p *Publisher) publish(ctx context.Context, client *http.Client) error {
	keys, err := ReadKeys(ctx, p.Client)
	if err != nil {
		return err
	}
	var services corev1.ServiceList
	if err := p.Client.Get(ctx, kube.Path("services", p.Namespace, "")+"?labelSelector="+url.QueryEscape(p.Selector), &services); err != nil {
		return fmt.Errorf("listing emulators: %w", err)
	}
	var failed error
	for _, s := range services.Items {
		emulator := control.Client{URL: "http://" + net.JoinHostPort(s.Spec.ClusterIP, EmulatorPort), Token: p.ControlToken, HTTP: client}
		if err := emulator.PublishKeys(ctx, keys); err != nil {
			failed = fmt.Errorf("publishing keys to %s: %w", emulator.URL, err) // the others get theirs all the same
		}
	}
	return failed
}
