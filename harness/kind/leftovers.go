package kind

import (
	"io"
	"os"
	"path/filepath"
	"strings"

	"sigs.k8s.io/kind/pkg/cluster"
)

// leftoverPrefix begins the names of clusters that belong to one run.
const leftoverPrefix = "irsa-emu-run-"

// claimsFolder holds a file for each such cluster of this user, locked by the
// run that it belongs to for as long as that run lives, however it ends.
func claimsFolder() (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	folder := filepath.Join(cache, "irsa-emu", "clusters")
	return folder, os.MkdirAll(folder, 0o700)
}

// claim locks a cluster's name until unlock, and notes the folder that belongs to it.
func claim(name, clusterFolder string) (unlock func(), err error) {
	folder, err := claimsFolder()
	if err != nil {
		return nil, err
	}
	path := filepath.Join(folder, name)
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if _, err := tryLock(file); err != nil {
		_ = file.Close()
		return nil, err
	}
	if _, err := file.WriteString(clusterFolder); err != nil {
		_ = file.Close()
		return nil, err
	}
	return func() {
		_ = os.Remove(path) // if it stays, the next run removes it
		_ = file.Close()
	}, nil
}

// removeFolder removes what a claim says belongs to its cluster, if it is one
// of those that this program makes.
func removeFolder(claim *os.File, log Logger) {
	content, err := io.ReadAll(claim)
	if err != nil || !strings.HasPrefix(filepath.Base(string(content)), clusterFolderPrefix) {
		return
	}
	if err := os.RemoveAll(string(content)); err != nil {
		log.sayf("kind: %v", err)
	}
}

// removeLeftovers deletes clusters whose run has ended without doing so. One
// that cannot be deleted is reported and does not stop this run.
func removeLeftovers(provider *cluster.Provider, log Logger) {
	folder, err := claimsFolder()
	if err != nil {
		return
	}
	claims, err := os.ReadDir(folder)
	if err != nil {
		return
	}
	for _, entry := range claims {
		if !strings.HasPrefix(entry.Name(), leftoverPrefix) {
			continue
		}
		path := filepath.Join(folder, entry.Name())
		file, err := os.OpenFile(path, os.O_RDWR, 0)
		if err != nil {
			continue // its run has just removed it
		}
		if locked, err := tryLock(file); err == nil && locked {
			log.sayf("kind: removing cluster %s, which an earlier run left behind", entry.Name())
			if err := provider.Delete(entry.Name(), os.DevNull); err != nil {
				log.sayf("kind: %v", engineError("removing cluster "+entry.Name(), err))
			} else {
				removeFolder(file, log)
				_ = os.Remove(path)
			}
		}
		_ = file.Close()
	}
}
