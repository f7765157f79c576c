package kind

import (
	"context"
	"errors"
	"fmt"

	corev1 "k8s.io/api/core/v1"

	"github.com/irsa-emu/irsa-emu/deploy"
	"github.com/irsa-emu/irsa-emu/kube"
	"github.com/irsa-emu/irsa-emu/lazyregexp"
)

// corefileStanza is what intercept mode adds to CoreDNS's configuration, in this
// version of irsa-emu or an older one.
var corefileStanza = lazyregexp.New(`(?m)^ *rewrite stop \{\n *# irsa-emu:[^}]*\}\n`)

// intercept tells CoreDNS. It reads the change by itself, but only within
// half a minute: new pods of it do at once.
func (r *running) intercept(ctx context.Context) error {
	path := kube.Path("configmaps", "kube-system", "coredns")
	var found corev1.ConfigMap
	if err := r.Get(ctx, path, &found); err != nil {
		return fmt.Errorf("CoreDNS's configuration: %w", err)
	}
	corefile, err := leadingToEmulator(found.Data["Corefile"], r.hostPattern)
	if err != nil || corefile == found.Data["Corefile"] {
		return err
	}
	found.Data["Corefile"] = corefile
	if err := r.Update(ctx, path+"?fieldManager="+kube.FieldManager, found); err != nil {
		return fmt.Errorf("CoreDNS's configuration: %w", err)
	}
	return r.restartDNS(ctx)
}

// leadingToEmulator is a Corefile with the stanza for a pattern of hosts, before the line of
// the plugin that answers for the cluster's own names.
func leadingToEmulator(corefile, hostPattern string) (string, error) {
	if hostPattern == "" {
		return "", errors.New("Config.HostPattern is empty; give emulator.HostPattern()")
	}
	rest := corefileStanza.ReplaceAllString(corefile, "")
	at := kubernetesPlugin.Compiled().FindStringIndex(rest)
	if at == nil {
		return "", errors.New("CoreDNS's configuration has no line for the kubernetes plugin, before which to put the rewriting of AWS's host names")
	}
	return rest[:at[0]] + "    " + deploy.CoreDNS(hostPattern) + rest[at[0]:], nil
}

var kubernetesPlugin = lazyregexp.New(`(?m)^ *kubernetes `)

func (r *running) restartDNS(ctx context.Context) error {
	if err := r.deletePods(ctx, "kube-system", "?labelSelector=k8s-app%3Dkube-dns"); err != nil {
		return fmt.Errorf("restarting CoreDNS: %w", err)
	}
	return r.ready(ctx, &kube.Object{Object: map[string]any{
		"apiVersion": "apps/v1", "kind": "Deployment", "metadata": map[string]any{"name": "coredns", "namespace": "kube-system"},
	}})
}
