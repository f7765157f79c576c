package kind

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// image is irsa-emu's own: FROM scratch, one static binary. It needs neither a
// registry nor a build.
type image struct {
	reference string
	archive   []byte // as docker save writes it
}

// architectures are Kubernetes' names for the machines of ELF files.
var architectures = map[uint16]string{62: "amd64", 183: "arm64", 21: "ppc64le", 22: "s390x", 243: "riscv64"}

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
	sum := sha256.Sum256(content)
	out := &image{reference: "irsa-emu.dev/irsa-emu:" + hex.EncodeToString(sum[:6])}
	if out.archive, err = archiveOf(out.reference, architecture, content); err != nil {
		return nil, fmt.Errorf("making the emulator's image: %w", err)
	}
	return out, nil
}

// archiveOf is an image of one layer, which has the executable alone, as docker save
// writes it: the files of layer and configuration, and a manifest that names them.
// (https://github.com/moby/moby/blob/master/image/spec/v1.2.md)
func archiveOf(reference, architecture string, executable []byte) ([]byte, error) {
	layer, err := tarOf(file{"irsa-emu", 0o755, executable})
	if err != nil {
		return nil, err
	}
	config, err := json.Marshal(map[string]any{
		"os": "linux", "architecture": architecture,
		"config": map[string]any{"Entrypoint": []string{"/irsa-emu"}, "User": "65532:65532"},
		"rootfs": map[string]any{"type": "layers", "diff_ids": []string{"sha256:" + digest(layer)}},
	})
	if err != nil {
		return nil, err
	}
	configName, layerName := digest(config)+".json", digest(layer)+"/layer.tar"
	manifest, err := json.Marshal([]any{map[string]any{"Config": configName, "RepoTags": []string{reference}, "Layers": []string{layerName}}})
	if err != nil {
		return nil, err
	}
	return tarOf(file{layerName, 0o644, layer}, file{configName, 0o644, config}, file{"manifest.json", 0o644, manifest})
}

type file struct {
	name    string
	mode    int64
	content []byte
}

func tarOf(files ...file) ([]byte, error) {
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	for _, f := range files {
		if err := w.WriteHeader(&tar.Header{Name: f.name, Mode: f.mode, Size: int64(len(f.content)), Typeflag: tar.TypeReg}); err != nil {
			return nil, err
		}
		if _, err := w.Write(f.content); err != nil {
			return nil, err
		}
	}
	err := w.Close()
	return out.Bytes(), err
}

func digest(b []byte) string { return fmt.Sprintf("%x", sha256.Sum256(b)) }

// staticLinux checks that a file can run in an empty image, and says for
// which architecture it is.
func staticLinux(path string) (string, error) {
	base := filepath.Base(path)
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	machine, dynamic, err := readELF(f)
	if err != nil {
		return "", fmt.Errorf("%s does not run in the cluster: it is no Linux executable; give one with --executable: GOOS=linux CGO_ENABLED=0 go build ./cmd/irsa-emu (%w)", base, err)
	}
	if dynamic {
		return "", fmt.Errorf("%s does not run in an empty image: it is linked dynamically; build it with CGO_ENABLED=0 (make build does), or give another with --executable", base)
	}
	architecture, known := architectures[machine]
	if !known {
		return "", fmt.Errorf("%s is for the machine %d of ELF files, for which Kubernetes has no name here", base, machine)
	}
	return architecture, nil
}

// readELF reads for which machine an executable of 64 bits is, and whether it asks
// for an interpreter, which links it when it starts (elf(5)). debug/elf would bring
// what reads DWARF and Zstandard into the binary.
func readELF(r io.ReaderAt) (machine uint16, dynamic bool, err error) {
	const interpreter = 3 // PT_INTERP
	head := make([]byte, 64)
	if _, err := r.ReadAt(head, 0); err != nil && !errors.Is(err, io.EOF) {
		return 0, false, err
	}
	if string(head[:5]) != "\x7fELF\x02" {
		return 0, false, errors.New("no ELF file of 64 bits")
	}
	var order binary.ByteOrder = binary.LittleEndian
	if head[5] == 2 {
		order = binary.BigEndian
	}
	at, size := int64(order.Uint64(head[32:])), int64(order.Uint16(head[54:]))
	segment := make([]byte, 4)
	for i := range int64(order.Uint16(head[56:])) {
		if _, err := r.ReadAt(segment, at+i*size); err != nil {
			return 0, false, fmt.Errorf("program header %d: %w", i, err)
		}
		dynamic = dynamic || order.Uint32(segment) == interpreter
	}
	return order.Uint16(head[18:]), dynamic, nil
}
