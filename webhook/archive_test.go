package webhook

import (
	"os"

	"github.com/rogpeppe/go-internal/txtar"
)

func writeArchive(file string, archive *txtar.Archive) error {
	return os.WriteFile(file, txtar.Format(archive), 0o644)
}
