package incluster

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/irsa-emu/irsa-emu/kube"
)

// Keys are a cluster's public keys, as its API server serves them.
type Keys struct {
	Issuer string
	JWKS   json.RawMessage
}

// ReadKeys asks the API server for its issuer and its keys.
func ReadKeys(ctx context.Context, client *kube.Client) (Keys, error) {
	var document struct{ Issuer string }
	if err := client.Get(ctx, "/.well-known/openid-configuration", &document); err != nil {
		return Keys{}, fmt.Errorf("reading the API server's issuer: %w", err)
	}
	jwks, err := client.Raw(ctx, "/openid/v1/jwks")
	if err != nil {
		return Keys{}, fmt.Errorf("reading the API server's keys: %w", err)
	}
	return Keys{Issuer: document.Issuer, JWKS: jwks}, nil
}

// Publish puts keys into an emulator.
func (k Keys) Publish(ctx context.Context, client *http.Client, emulator, controlToken string) error {
	body, err := json.Marshal(map[string]any{"url": k.Issuer, "jwks": k.JWKS})
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPut, emulator+"/_emu/issuers", bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+controlToken)
	resp, err := client.Do(req)
	if err != nil {
		return fmt.Errorf("publishing keys: %w", err)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, 64<<10))
	if err != nil {
		return fmt.Errorf("publishing keys: %w", err)
	}
	if resp.StatusCode >= 300 {
		return fmt.Errorf("publishing keys to %s: %s: %s", emulator, resp.Status, answer)
	}
	return nil
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
	client := &http.Client{Timeout: 5 * time.Second}
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
		emulator := "http://" + net.JoinHostPort(s.Spec.ClusterIP, EmulatorPort)
		if err := keys.Publish(ctx, client, emulator, p.ControlToken); err != nil {
			failed = err // the others get theirs all the same
		}
	}
	return failed
}
