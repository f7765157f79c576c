package kind

import (
	"context"
	"errors"
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/irsa-emu/irsa-emu/deploy"
	"github.com/irsa-emu/irsa-emu/kube"
)

// corefileMark begins what intercept mode adds to CoreDNS's configuration.
const corefileMark = "rewrite stop {\n        # irsa-emu:"

// corefileRewrite leads the host names of the services that irsa-emu serves
// to its Service, in any region, with anything in front: buckets are names.
const corefileRewrite = corefileMark + ` AWS's host names lead to the emulator
        name regex ^(.*\.)?(sts|iam|secretsmanager|s3|eks|oidc\.eks)(\.[a-z0-9-]+)?\.amazonaws\.com(\.cn)?\.$ ` + deploy.Intercept + "." + deploy.Namespace + `.svc.cluster.local
        answer auto
    }
    `

// intercept tells CoreDNS. It reads the change by itself, but only within
// half a minute: new pods of it do at once.
func (r *running) intercept(ctx context.Context) error {
	path := kube.Path("configmaps", "kube-system", "coredns")
	var found corev1.ConfigMap
	if err := r.Get(ctx, path, &found); err != nil {
		return fmt.Errorf("CoreDNS's configuration: %w", err)
	}
	corefile := found.Data["Corefile"]
	if strings.Contains(corefile, corefileMark) {
		return nil
	}
	at := strings.Index(corefile, "kubernetes ")
	if at < 0 {
		return errors.New("CoreDNS's configuration has no line for the kubernetes plugin, before which to put the rewriting of AWS's host names")
	}
	found.Data["Corefile"] = corefile[:at] + corefileRewrite + corefile[at:]
	if err := r.Update(ctx, path+"?fieldManager="+kube.FieldManager, found); err != nil {
		return fmt.Errorf("CoreDNS's configuration: %w", err)
	}
	return r.restartDNS(ctx)
}

func (r *running) restartDNS(ctx context.Context) error {
	if err := r.deletePods(ctx, "kube-system", "?labelSelector=k8s-app%3Dkube-dns"); err != nil {
		return fmt.Errorf("restarting CoreDNS: %w", err)
	}
	return r.ready(ctx, &kube.Object{Object: map[string]any{
		"apiVersion": "apps/v1", "kind": "Deployment", "metadata": map[string]any{"name": "coredns", "namespace": "kube-system"},
	}})
}
