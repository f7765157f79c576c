// Package incluster is what the webhook's process does in a cluster beside
// answering reviews: it reads service accounts and roles from the API server
// ([Source]), brings connections for AWS's host names to the emulator of the
// pod that made them ([Intercept]), publishes the cluster's public keys to the
// emulators ([Publisher]), and makes its own certificates ([Bootstrap]).
//
// It asks the API server each time and caches nothing: a namespace, service
// account or pod that was changed a moment ago is seen as it is. That costs a
// few milliseconds a pod.
package incluster

import (
	"strconv"

	"github.com/irsa-emu/irsa-emu/control"
)

// Annotations on namespaces.
const (
	// EmulatorAnnotation is the host of the emulator that the namespace's pods
	// use. Without it they use the default one.
	EmulatorAnnotation = "irsa-emu.dev/emulator"
	// RegionAnnotation is what AWS_REGION becomes in the namespace's pods.
	RegionAnnotation = "irsa-emu.dev/region"
)

// EmulatorPort and EmulatorTLSPort are those of every emulator in a cluster.
var EmulatorPort = strconv.Itoa(control.DefaultPort)

const EmulatorTLSPort = "4773"

// Keys of the Secret that webhook and emulators share.
const (
	SecretCA           = "ca.pem"
	SecretCAKey        = "ca-key.pem"
	SecretControlToken = "control-token"
)
