package oidc

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/google/uuid"

	"github.com/irsa-emu/irsa-emu/aws"
)

// KubernetesToken describes a projected service-account token.
type KubernetesToken struct {
	// Issuer, Namespace and ServiceAccount are required.
	Issuer         string
	Namespace      string
	ServiceAccount string
	// UID of the service account; default: [ServiceAccountUID].
	UID string
	// Pod and Node bind the token. Their UIDs have stable defaults too. The API
	// server names a node only for tokens that are bound to a pod, and so does
	// this.
	Pod, PodUID   string
	Node, NodeUID string
	// Audience defaults to sts.amazonaws.com.
	Audience []string
	// IssuedAt is required. Expires defaults to IssuedAt plus aws.DefaultTokenLife;
	// a shorter life than aws.ShortestTokenLife is not corrected, so that expiry can be
	// tested.
	IssuedAt, Expires time.Time
	// Rand makes the jti; default: crypto/rand.
	Rand io.Reader
}

// Subject is the token's sub.
func (t KubernetesToken) Subject() string {
	return aws.ServiceAccount{Namespace: t.Namespace, Name: t.ServiceAccount}.Subject()
}

// KubernetesClaims makes the claims that kube-apiserver gives a projected token:
// aud always a list, nbf equal to iat, jti a UUID, and the private claim
// kubernetes.io. There is no warnafter: only tokens for the API server have it.
func KubernetesClaims(t KubernetesToken) (map[string]any, error) {
	switch {
	case t.Issuer == "":
		return nil, errors.New("service-account token: no issuer")
	case t.Namespace == "" || t.ServiceAccount == "":
		return nil, errors.New("service-account token: namespace and service account are both needed")
	case t.IssuedAt.IsZero():
		return nil, errors.New("service-account token: no time of issue")
	}
	id, err := randomID(t.Rand)
	if err != nil {
		return nil, fmt.Errorf("service-account token: %w", err)
	}
	if len(t.Audience) == 0 {
		t.Audience = []string{aws.DefaultAudience}
	}
	if t.Expires.IsZero() {
		t.Expires = t.IssuedAt.Add(aws.DefaultTokenLife)
	}
	if t.UID == "" {
		t.UID = ServiceAccountUID(t.Issuer, t.Namespace, t.ServiceAccount)
	}
	private := map[string]any{
		"namespace":      t.Namespace,
		"serviceaccount": objectRef(t.ServiceAccount, t.UID),
	}
	if t.Pod != "" {
		if t.PodUID == "" {
			t.PodUID = stableUID(t.Issuer, "pod", t.Namespace, t.Pod)
		}
		private["pod"] = objectRef(t.Pod, t.PodUID)
		if t.Node != "" {
			if t.NodeUID == "" {
				t.NodeUID = stableUID(t.Issuer, "node", t.Node)
			}
			private["node"] = objectRef(t.Node, t.NodeUID)
		}
	}
	return map[string]any{
		"aud":           t.Audience,
		"exp":           t.Expires.Unix(),
		"iat":           t.IssuedAt.Unix(),
		"iss":           t.Issuer,
		"jti":           id,
		"kubernetes.io": private,
		"nbf":           t.IssuedAt.Unix(),
		"sub":           t.Subject(),
	}, nil
}

func objectRef(name, uid string) map[string]any { return map[string]any{"name": name, "uid": uid} }

// ServiceAccountUID is the UID that a service account has when no API server gave
// it one: the same for the same issuer, namespace and name.
func ServiceAccountUID(issuerURL, namespace, name string) string {
	return stableUID(issuerURL, "serviceaccount", namespace, name)
}

// stableUID is a name-based UUID (version 5). No part can hold the separator.
func stableUID(parts ...string) string {
	name := ""
	for _, part := range parts {
		name += part + "\x00"
	}
	return uuid.NewSHA1(uuid.NameSpaceURL, []byte(name)).String()
}

func randomID(source io.Reader) (string, error) {
	if source == nil {
		source = rand.Reader
	}
	id, err := uuid.NewRandomFromReader(source)
	if err != nil {
		return "", fmt.Errorf("make jti: %w", err)
	}
	return id.String(), nil
}
