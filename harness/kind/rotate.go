package kind

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/irsa-emu/irsa-emu/deploy"
	"github.com/irsa-emu/irsa-emu/kube"
	"github.com/irsa-emu/irsa-emu/webhook/incluster"
)

// Where kubeadm keeps the signing key, and the manifest of the static pod that
// uses it. The public file may hold several keys: all are served and accepted.
const (
	privateKeyFile = "/etc/kubernetes/pki/sa.key"
	publicKeyFile  = "/etc/kubernetes/pki/sa.pub"
	apiServerFile  = "/etc/kubernetes/manifests/kube-apiserver.yaml"
	rotationMark   = "irsa-emu.dev/rotated: "
)

// RotateKeys gives the API server a new signing key, keeps the old one among
// those that it accepts, and waits until it signs with the new one and the
// emulator has both. The API server restarts meanwhile.
func (s *share) RotateKeys(ctx context.Context) error {
	before, err := incluster.ReadKeys(ctx, s.Client)
	if err != nil {
		return err
	}
	private, public, err := newSigningKey()
	if err != nil {
		return err
	}
	n := s.node
	if err := n.run(bytes.NewReader(public), "sh", "-c", "cat - "+publicKeyFile+" >"+publicKeyFile+".new && mv "+publicKeyFile+".new "+publicKeyFile); err != nil {
		return err
	}
	if err := n.run(bytes.NewReader(private), "sh", "-c", "umask 077 && cat >"+privateKeyFile+".new && mv "+privateKeyFile+".new "+privateKeyFile); err != nil {
		return err
	}
	// The kubelet makes a static pod anew when its manifest changes.
	mark := rotationMark + fmt.Sprintf("%q", time.Now().UTC().Format(time.RFC3339Nano))
	script := fmt.Sprintf(`grep -v '%s' %s | sed 's|^  annotations:$|  annotations:\n    %s|' >/tmp/kube-apiserver.yaml && grep -q '%s' /tmp/kube-apiserver.yaml && cp /tmp/kube-apiserver.yaml %s`,
		rotationMark, apiServerFile, mark, rotationMark, apiServerFile)
	if err := n.run(strings.NewReader(""), "sh", "-c", script); err != nil {
		return err
	}
	return settled(ctx, "waiting until the API server signs with the new key", 500*time.Millisecond, func(ctx context.Context) (bool, string, error) {
		after, err := incluster.ReadKeys(ctx, s.Client)
		if err == nil {
			err = s.Get(ctx, kube.Path("pods", deploy.Namespace, "")+"?limit=1", nil)
		}
		if apierrors.IsForbidden(err) || apierrors.IsUnauthorized(err) {
			return false, err.Error(), nil // it has started, and has not read its roles yet
		}
		if err != nil {
			return false, "", err
		}
		if bytes.Equal(after.JWKS, before.JWKS) {
			return false, "it serves the keys that it served before", nil
		}
		if err := s.emulator(s.slot).PublishKeys(ctx, after); err != nil {
			return false, "", err
		}
		return true, "", nil
	})
}

// newSigningKey is a key pair as kubeadm writes it.
func newSigningKey() (private, public []byte, err error) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return nil, nil, fmt.Errorf("making a signing key: %w", err)
	}
	der, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		return nil, nil, err
	}
	private = pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)})
	return private, pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}), nil
}

// run runs a command in the node.
func (n *node) run(stdin io.Reader, name string, args ...string) error {
	var output bytes.Buffer
	if err := n.Command(name, args...).SetStdin(stdin).SetStdout(&output).SetStderr(&output).Run(); err != nil {
		return errors.Join(fmt.Errorf("in the node: %s %s: %w", name, strings.Join(args, " "), err), errors.New(output.String()))
	}
	return nil
}
