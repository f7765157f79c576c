// Package deploy holds irsa-emu's manifests for a cluster, once: kubectl apply
// -k reads them from the folder, irsa-emu up and run from the binary.
package deploy

import (
	"embed"
	"io/fs"
)

//go:embed base/namespace.yaml base/emulator.yaml base/webhook.yaml base/agent.yaml base/authenticator.yaml
var embedded embed.FS

// FS are the manifests that base/kustomization.yaml lists, and authenticator.yaml,
// which is for clusters whose API server asks it.
var FS = func() fs.FS {
	base, err := fs.Sub(embedded, "base")
	if err != nil {
		panic("deploy: " + err.Error()) // the name is no path
	}
	return base
}()

// Names in the manifests that code refers to.
const (
	Namespace = "irsa-emu"
	// Name is that of the emulator's Deployment and Service, and of the Secret
	// with the authority and the control token.
	Name    = "irsa-emu"
	Webhook = "pod-identity-webhook"
	// Image is what stands for the image in the manifests.
	Image = "irsa-emu"
	// EmulatorLabel on pods is the name of their emulator's Deployment.
	EmulatorLabel = "irsa-emu.dev/emulator"
	// ComponentLabel on everything says what it is: emulator, webhook, agent.
	ComponentLabel = "app.kubernetes.io/component"
	// Intercept is the Service that AWS's host names lead to.
	Intercept = "aws"
)
