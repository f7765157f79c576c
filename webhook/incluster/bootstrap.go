package incluster

import (
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/irsa-emu/irsa-emu/kube"
)

// Bootstrap is what the webhook does before it answers.
type Bootstrap struct {
	Client *kube.Client
	// Namespace is the webhook's own; Secret, Service and Webhook are names of
	// its Secret, its Service and its MutatingWebhookConfiguration.
	Namespace, Secret, Service, Webhook string
	Now                                 func() time.Time
}

// Wait runs it once the API server answers: after a node's restart that takes a
// while, in which it would be no help to end and be started again ever more seldom.
// What the API server refuses ends the wait, unless it has only just started: then
// it has not read its roles yet.
func (b *Bootstrap) Wait(ctx context.Context, logger *slog.Logger) (map[string][]byte, *tls.Certificate, error) {
	started := b.Now()
	for last := ""; ; {
		secret, certificate, err := b.Run(ctx)
		early := (apierrors.IsForbidden(err) || apierrors.IsUnauthorized(err)) && b.Now().Sub(started) < time.Minute
		if err == nil || !kube.Transient(err) && !early || ctx.Err() != nil {
			return secret, certificate, err
		}
		if err.Error() != last {
			logger.Warn("waiting for the API server", "error", err)
			last = err.Error()
		}
		select {
		case <-ctx.Done():
			return nil, nil, err
		case <-time.After(500 * time.Millisecond):
		}
	}
}

// Run makes the Secret unless it is there, puts the authority into the
// webhook's configuration, and gives back the Secret and a certificate for
// the Service.
func (b *Bootstrap) Run(ctx context.Context) (map[string][]byte, *tls.Certificate, error) {
	secret, err := b.secret(ctx)
	if err != nil {
		return nil, nil, err
	}
	host := b.Service + "." + b.Namespace + ".svc"
	certificate, err := serverCertificate(secret, b.Now(), host, host+".cluster.local")
	if err != nil {
		return nil, nil, err
	}
	patch := []map[string]any{
		{"op": "add", "path": "/webhooks/0/clientConfig/caBundle", "value": secret[SecretCA]}, // base64 in JSON, as the API has it
	}
	if err := b.Client.Patch(ctx, webhookConfigurations+b.Webhook, types.JSONPatchType, patch); err != nil {
		return nil, nil, fmt.Errorf("putting the authority into MutatingWebhookConfiguration %s: %w", b.Webhook, err)
	}
	return secret, certificate, nil
}

const webhookConfigurations = "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations/"

func (b *Bootstrap) secret(ctx context.Context) (map[string][]byte, error) {
	path := kube.Path("secrets", b.Namespace, b.Secret)
	var found corev1.Secret
	err := b.Client.Get(ctx, path, &found)
	if apierrors.IsNotFound(err) {
		data, err := NewSecret(b.Now())
		if err != nil {
			return nil, err
		}
		secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: b.Secret}, Data: data}
		err = b.Client.Create(ctx, kube.Path("secrets", b.Namespace, ""), secret, &found)
		if apierrors.IsAlreadyExists(err) { // another replica was first
			err = b.Client.Get(ctx, path, &found)
		}
		if err != nil {
			return nil, fmt.Errorf("making Secret %s: %w", b.Secret, err)
		}
		return found.Data, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading Secret %s: %w", b.Secret, err)
	}
	return found.Data, nil
}
