package incluster

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/irsa-emu/irsa-emu/aws"
	"github.com/irsa-emu/irsa-emu/kube"
	"github.com/irsa-emu/irsa-emu/term"
	"github.com/irsa-emu/irsa-emu/webhook"
)

// Source reads identities from service accounts' annotations and, where it is
// told to, from the ConfigMap that upstream's webhook reads.
type Source struct {
	Client *kube.Client
	Config webhook.Config
	// Grace is how long a service account may still be missing when its pod comes.
	Grace time.Duration
	// ConfigMapNamespace is where the ConfigMap pod-identity-webhook is; empty for none.
	ConfigMapNamespace string
	// PodIdentity has the associations; nil for none.
	PodIdentity *PodIdentity
	// IdentityFile lists service accounts with EKS Pod Identity; nil for none.
	IdentityFile *IdentityFile
	// Logger takes what keeps associations from being found.
	Logger *slog.Logger
}

// Name and key of the ConfigMap.
const (
	configMapName = "pod-identity-webhook"
	configMapKey  = "config"
)

// Identity is that of a service account: its association beats its annotation,
// which beats the ConfigMap. An association needs no service account; while the
// emulator does not answer, the annotation counts.
func (s *Source) Identity(ctx context.Context, namespace, name string) (webhook.Identity, bool, error) {
	podIdentity := s.hasPodIdentity(ctx, namespace, name)
	grace := s.Grace
	if podIdentity {
		grace = 0
	}
	account, err := s.serviceAccount(ctx, namespace, name, grace)
	if podIdentity && (err == nil || apierrors.IsNotFound(err)) {
		return s.Config.PodIdentityOf(account.Annotations), true, nil
	}
	if err != nil {
		return webhook.Identity{}, false, err
	}
	if id, ok := s.Config.IdentityOf(account.Annotations); ok || s.ConfigMapNamespace == "" {
		return id, ok, nil
	}
	return s.fromConfigMap(ctx, namespace, name)
}

func (s *Source) hasPodIdentity(ctx context.Context, namespace, name string) bool {
	if s.IdentityFile != nil && s.IdentityFile.Has(namespace, name) {
		return true
	}
	if s.PodIdentity == nil {
		return false
	}
	found, _, err := s.PodIdentity.Find(ctx, namespace, name)
	if err != nil {
		s.Logger.Warn("associations cannot be read; the annotation counts", "namespace", namespace, "serviceAccount", name, "error", err)
	}
	return found.Association != ""
}

// serviceAccount is empty, beside the error, where there is none.
func (s *Source) serviceAccount(ctx context.Context, namespace, name string, grace time.Duration) (*corev1.ServiceAccount, error) {
	deadline := time.Now().Add(grace)
	for {
		account := new(corev1.ServiceAccount)
		err := s.Client.Get(ctx, kube.Path("serviceaccounts", namespace, name), account)
		if err == nil {
			return account, nil
		}
		if !apierrors.IsNotFound(err) || time.Now().After(deadline) {
			return new(corev1.ServiceAccount), fmt.Errorf("service account %s/%s: %w", namespace, name, err)
		}
		select {
		case <-ctx.Done():
			return new(corev1.ServiceAccount), ctx.Err()
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// mapped is one entry of the ConfigMap, under "namespace/name" or "*/name".
type mapped struct {
	RoleARN         string
	Audience        string
	UseRegionalSTS  bool
	TokenExpiration int64
}

func (s *Source) fromConfigMap(ctx context.Context, namespace, name string) (webhook.Identity, bool, error) {
	var found corev1.ConfigMap
	err := s.Client.Get(ctx, kube.Path("configmaps", s.ConfigMapNamespace, configMapName), &found)
	if apierrors.IsNotFound(err) {
		return webhook.Identity{}, false, nil
	}
	if err != nil {
		return webhook.Identity{}, false, fmt.Errorf("ConfigMap %s: %w", configMapName, err)
	}
	var entries map[string]mapped
	if err := json.Unmarshal([]byte(found.Data[configMapKey]), &entries); err != nil {
		return webhook.Identity{}, false, fmt.Errorf("ConfigMap %s, key %s: %w", configMapName, configMapKey, term.JSON(err))
	}
	entry, ok := entries[namespace+"/"+name]
	if !ok {
		entry, ok = entries["*/"+name]
	}
	if !ok || entry.RoleARN == "" {
		return webhook.Identity{}, false, nil
	}
	id := webhook.Identity{RoleARN: entry.RoleARN, Audience: entry.Audience, RegionalSTS: entry.UseRegionalSTS || s.Config.RegionalSTS, Expiration: entry.TokenExpiration}
	if id.Audience == "" {
		id.Audience = aws.DefaultAudience
		if s.Config.Audience != "" {
			id.Audience = s.Config.Audience
		}
	}
	if id.Expiration == 0 {
		id.Expiration = webhook.DefaultExpiration
		if s.Config.Expiration != 0 {
			id.Expiration = s.Config.Expiration
		}
	}
	id.Expiration = max(id.Expiration, webhook.MinExpiration)
	return id, true, nil
}
