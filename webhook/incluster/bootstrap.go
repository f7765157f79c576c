package incluster

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"
)

// Bootstrap is what the webhook does before it answers.
type Bootstrap struct {
	Client kubernetes.Interface
	// Namespace is the webhook's own; Secret, Service and Webhook are names of
	// its Secret, its Service and its MutatingWebhookConfiguration.
	Namespace, Secret, Service, Webhook string
	Now                                 func() time.Time
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
	patch, err := json.Marshal([]map[string]any{
		{"op": "add", "path": "/webhooks/0/clientConfig/caBundle", "value": secret[SecretCA]}, // base64 in JSON, as the API has it
	})
	if err != nil {
		return nil, nil, err
	}
	_, err = b.Client.AdmissionregistrationV1().MutatingWebhookConfigurations().Patch(ctx, b.Webhook, types.JSONPatchType, patch, metav1.PatchOptions{})
	if err != nil {
		return nil, nil, fmt.Errorf("putting the authority into MutatingWebhookConfiguration %s: %w", b.Webhook, err)
	}
	return secret, certificate, nil
}

func (b *Bootstrap) secret(ctx context.Context) (map[string][]byte, error) {
	secrets := b.Client.CoreV1().Secrets(b.Namespace)
	found, err := secrets.Get(ctx, b.Secret, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		data, err := NewSecret(b.Now())
		if err != nil {
			return nil, err
		}
		found, err = secrets.Create(ctx, &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: b.Secret}, Data: data}, metav1.CreateOptions{})
		if apierrors.IsAlreadyExists(err) { // another replica was first
			found, err = secrets.Get(ctx, b.Secret, metav1.GetOptions{})
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
