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
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
)

// Keys are a cluster's public keys, as its API server serves them.
type Keys struct {
	Issuer string
	JWKS   json.RawMessage
}

// ReadKeys asks the API server for its issuer and its keys.
func ReadKeys(ctx context.Context, client kubernetes.Interface) (Keys, error) {
	rest := client.Discovery().RESTClient()
	discovery, err := rest.Get().AbsPath("/.well-known/openid-configuration").DoRaw(ctx)
	if err != nil {
		return Keys{}, fmt.Errorf("reading the API server's issuer: %w", err)
	}
	var document struct{ Issuer string }
	if err := json.Unmarshal(discovery, &document); err != nil {
		return Keys{}, fmt.Errorf("the API server's discovery document: %w", err)
	}
	jwks, err := rest.Get().AbsPath("/openid/v1/jwks").DoRaw(ctx)
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
	Client       kubernetes.Interface
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
	services, err := p.Client.CoreV1().Services(p.Namespace).List(ctx, metav1.ListOptions{LabelSelector: p.Selector})
	if err != nil {
		return fmt.Errorf("listing emulators: %w", err)
	}
	var failed error
	for _, s := range services.Items {
		url := "http://" + net.JoinHostPort(s.Spec.ClusterIP, EmulatorPort)
		if err := keys.Publish(ctx, client, url, p.ControlToken); err != nil {
			failed = err // the others get theirs all the same
		}
	}
	return failed
}
