package incluster

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/irsa-emu/irsa-emu/aws"
	"github.com/irsa-emu/irsa-emu/kube"
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
}

// Name and key of the ConfigMap.
const (
	configMapName = "pod-identity-webhook"
	configMapKey  = "config"
)

// Identity is that of a service account: its annotation beats the ConfigMap.
func (s *Source) Identity(ctx context.Context, namespace, name string) (webhook.Identity, bool, error) {
	account, err := s.serviceAccount(ctx, namespace, name)
	if err != nil {
		return webhook.Identity{}, false, err
	}
	if id, ok := s.Config.IdentityOf(account.Annotations); ok || s.ConfigMapNamespace == "" {
		return id, ok, nil
	}
	return s.fromConfigMap(ctx, namespace, name)
}

func (s *Source) serviceAccount(ctx context.Context, namespace, name string) (*corev1.ServiceAccount, error) {
	deadline := time.Now().Add(s.Grace)
	for {
		account := new(corev1.ServiceAccount)
		err := s.Client.Get(ctx, kube.Path("serviceaccounts", namespace, name), account)
		if err == nil {
			return account, nil
		}
		if !apierrors.IsNotFound(err) || time.Now().After(deadline) {
			return nil, fmt.Errorf("service account %s/%s: %w", namespace, name, err)
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
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
		return webhook.Identity{}, false, fmt.Errorf("ConfigMap %s, key %s: %w", configMapName, configMapKey, err)
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
