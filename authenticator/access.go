package authenticator

import (
	"context"
	"fmt"
	"path"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/irsa-emu/irsa-emu/kube"
)

// clusterRoles are what EKS's access policies give, as Kubernetes' user-facing
// roles, to which EKS's user guide likens them ("Review access policy
// permissions"). EKS decides by an authorizer of its own; here a policy is a
// group, bound to the role. Policies of AWS's own controllers give nothing.
var clusterRoles = map[string]string{
	"AmazonEKSClusterAdminPolicy": "cluster-admin",
	"AmazonEKSAdminPolicy":        "admin",
	"AmazonEKSEditPolicy":         "edit",
	"AmazonEKSViewPolicy":         "view",
	"AmazonEKSAdminViewPolicy":    "irsa-emu-admin-view", // deploy/base/authenticator.yaml
}

const groupPrefix = "irsa-emu.dev/access-policy:"

// policy is an access policy that is associated with an entry.
type policy struct {
	name       string
	namespaces []string // patterns; none: the whole cluster
}

// groups are those that stand for access policies, and are bound to their roles.
func (a *Authenticator) groups(ctx context.Context, policies []policy) ([]string, error) {
	var groups []string
	for _, p := range policies {
		role, known := clusterRoles[p.name]
		if !known {
			a.Logger.Warn("access policy has no effect in this cluster", "policy", p.name)
			continue
		}
		if len(p.namespaces) == 0 {
			group := groupPrefix + p.name
			if err := a.bind(ctx, "", group, "irsa-emu:"+p.name, role); err != nil {
				return nil, err
			}
			groups = append(groups, group)
			continue
		}
		namespaces, err := a.matching(ctx, p.namespaces)
		if err != nil {
			return nil, err
		}
		for _, namespace := range namespaces {
			group := groupPrefix + p.name + ":" + namespace
			if err := a.bind(ctx, namespace, group, "irsa-emu:"+p.name, role); err != nil {
				return nil, err
			}
			groups = append(groups, group)
		}
	}
	return groups, nil
}

// matching are the cluster's namespaces that patterns match. One that is going takes no binding.
func (a *Authenticator) matching(ctx context.Context, patterns []string) ([]string, error) {
	var all corev1.NamespaceList
	if err := a.Client.Get(ctx, kube.Path("namespaces", "", ""), &all); err != nil {
		return nil, fmt.Errorf("reading the namespaces that access policies are for: %w", err)
	}
	var names []string
	for i := range all.Items {
		n := &all.Items[i]
		if n.DeletionTimestamp == nil && slices.ContainsFunc(patterns, func(p string) bool {
			ok, err := path.Match(p, n.Name)
			return err == nil && ok
		}) {
			names = append(names, n.Name)
		}
	}
	return names, nil
}

// bind makes a group mean something: it is bound to a ClusterRole, in a namespace
// or in all.
func (a *Authenticator) bind(ctx context.Context, namespace, group, name, role string) error {
	const version = "rbac.authorization.k8s.io/v1"
	kind, where := "ClusterRoleBinding", "/apis/"+version+"/clusterrolebindings"
	if namespace != "" {
		kind, where = "RoleBinding", "/apis/"+version+"/namespaces/"+namespace+"/rolebindings"
	}
	err := a.Client.Create(ctx, where, map[string]any{ // of k8s.io/api/rbac, without what that brings along
		"apiVersion": version, "kind": kind,
		"metadata": map[string]any{"name": name, "labels": map[string]string{"app.kubernetes.io/name": "irsa-emu"}},
		"roleRef":  map[string]string{"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role},
		"subjects": []any{map[string]string{"apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": group}},
	}, nil)
	if err != nil && !apierrors.IsAlreadyExists(err) {
		return fmt.Errorf("binding access policy %s: %w", strings.TrimPrefix(group, groupPrefix), err)
	}
	return nil
}
