package kind

import (
	"archive/tar"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"testing"
)

// IMAGE_ARCHIVE=FILE writes the archive of $EXECUTABLE there, to be loaded by
// docker load or ctr images import.
func TestArchive(t *testing.T) {
	executable := []byte("an executable")
	if path := os.Getenv("EXECUTABLE"); path != "" {
		made, err := imageOf(path)
		if err == nil {
			err = os.WriteFile(os.Getenv("IMAGE_ARCHIVE"), made.archive, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	archive, err := archiveOf("irsa-emu.dev/irsa-emu:0123", "arm64", executable)
	if err != nil {
		t.Fatal(err)
	}
	files := untar(t, archive)
	var manifest []struct {
		Config           string
		RepoTags, Layers []string
	}
	if err := json.Unmarshal(files["manifest.json"], &manifest); err != nil || len(manifest) != 1 {
		t.Fatalf("manifest.json: %s, %v", files["manifest.json"], err)
	}
	m := manifest[0]
	if len(m.RepoTags) != 1 || m.RepoTags[0] != "irsa-emu.dev/irsa-emu:0123" || len(m.Layers) != 1 {
		t.Fatalf("manifest.json: %s", files["manifest.json"])
	}
	config, layer := files[m.Config], files[m.Layers[0]]
	var c struct {
		OS, Architecture string
		Config           struct {
			Entrypoint []string
			User       string
		}
		RootFS struct {
			Type    string
			DiffIDs []string `json:"diff_ids"`
		}
	}
	if err := json.Unmarshal(config, &c); err != nil || m.Config != digest(config)+".json" {
		t.Fatalf("%s: %s, %v", m.Config, config, err)
	}
	if c.OS != "linux" || c.Architecture != "arm64" || len(c.Config.Entrypoint) != 1 || c.Config.Entrypoint[0] != "/irsa-emu" || c.Config.User == "" {
		t.Errorf("the configuration is %s", config)
	}
	if c.RootFS.Type != "layers" || len(c.RootFS.DiffIDs) != 1 || c.RootFS.DiffIDs[0] != "sha256:"+digest(layer) {
		t.Errorf("the configuration is of other layers: %s", config)
	}
	if got := untar(t, layer)["irsa-emu"]; !bytes.Equal(got, executable) {
		t.Errorf("the layer's executable is %q", got)
	}
}

func untar(t *testing.T, archive []byte) map[string][]byte {
	t.Helper()
	files := map[string][]byte{}
	r := tar.NewReader(bytes.NewReader(archive))
	for {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return files
		}
		if err != nil {
			t.Fatal(err)
		}
		if files[h.Name], err = io.ReadAll(r); err != nil {
			t.Fatal(err)
		}
	}
}
