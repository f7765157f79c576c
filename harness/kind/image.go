package kind

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"debug/elf"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
)

// image is irsa-emu's own: FROM scratch, one static binary. It needs neither a
// registry nor a build.
type image struct {
	reference string
	archive   []byte // as docker save writes it
}

// architectures are Kubernetes' names for those of ELF files.
var architectures = map[elf.Machine]string{
	elf.EM_X86_64: "amd64", elf.EM_AARCH64: "arm64", elf.EM_PPC64: "ppc64le", elf.EM_S390: "s390x", elf.EM_RISCV: "riscv64",
}

// imageOf makes the image from an executable.
func imageOf(path string) (*image, error) {
	architecture, err := staticLinux(path)
	if err != nil {
		return nil, fmt.Errorf("making the emulator's image: %w", err)
	}
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("making the emulator's image: %w", err)
	}
	var layer bytes.Buffer
	w := tar.NewWriter(&layer)
	err = w.WriteHeader(&tar.Header{Name: "irsa-emu", Mode: 0o755, Size: int64(len(content)), Typeflag: tar.TypeReg})
	if err == nil {
		_, err = w.Write(content)
	}
	if err = errors.Join(err, w.Close()); err != nil {
		return nil, fmt.Errorf("making the emulator's image: %w", err)
	}
	sum := sha256.Sum256(content)
	out := &image{reference: "irsa-emu.dev/irsa-emu:" + hex.EncodeToString(sum[:6])}
	if out.archive, err = archiveOf(out.reference, architecture, layer.Bytes()); err != nil {
		return nil, fmt.Errorf("making the emulator's image: %w", err)
	}
	return out, nil
}

func archiveOf(reference, architecture string, layer []byte) ([]byte, error) {
	l, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(layer)), nil })
	if err != nil {
		return nil, err
	}
	img, err := mutate.AppendLayers(empty.Image, l)
	if err != nil {
		return nil, err
	}
	file, err := img.ConfigFile()
	if err != nil {
		return nil, err
	}
	file = file.DeepCopy()
	file.OS, file.Architecture = "linux", architecture
	file.Config = v1.Config{Entrypoint: []string{"/irsa-emu"}, User: "65532:65532"}
	if img, err = mutate.ConfigFile(img, file); err != nil {
		return nil, err
	}
	tag, err := name.NewTag(reference)
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	err = tarball.Write(tag, img, &out)
	return out.Bytes(), err
}

// staticLinux checks that a file can run in an empty image, and says for
// which architecture it is.
func staticLinux(path string) (string, error) {
	base := filepath.Base(path)
	f, err := elf.Open(path)
	if err != nil {
		return "", fmt.Errorf("%s does not run in the cluster: it is no Linux executable; give one with --executable: GOOS=linux CGO_ENABLED=0 go build ./cmd/irsa-emu (%w)", base, err)
	}
	defer f.Close()
	for _, p := range f.Progs {
		if p.Type == elf.PT_INTERP {
			return "", fmt.Errorf("%s does not run in an empty image: it is linked dynamically; build it with CGO_ENABLED=0 (make build does), or give another with --executable", base)
		}
	}
	architecture, known := architectures[f.Machine]
	if !known {
		return "", fmt.Errorf("%s is for %s, for which Kubernetes has no name here", base, f.Machine)
	}
	return architecture, nil
}
