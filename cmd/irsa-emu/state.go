package main

import (
	"context"
	"errors"
	"io"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/irsa-emu/irsa-emu/emulator"
	"github.com/irsa-emu/irsa-emu/services/s3"
	"github.com/irsa-emu/irsa-emu/state"
	"github.com/irsa-emu/irsa-emu/state/boltstore"
	"github.com/irsa-emu/irsa-emu/state/etcdstore"
)

// storeHelp is what can be written for --store.
const storeHelp = `The state is kept where --store says:
  memory                        in memory: it is lost when the process ends
  file:PATH                     in one file, used by one process at a time; the content
                                of S3 objects over 16 KiB in the folder PATH.blobs beside it
  etcd://HOST:PORT[,…]/PREFIX   in etcd, under a prefix, for any number of replicas:
                                each can answer every call

Options of etcd follow a question mark, joined by &:
  cacert=FILE                 PEM file of the authority of the servers' certificates; implies TLS
  cert=FILE, key=FILE         the client's certificate and its key; imply TLS
  tls=true                    TLS with the system's authorities
  server-name=NAME            the name in the servers' certificates, where it is not the host's
  username=NAME               of etcd's authentication; the user reads and writes what begins with PREFIX
  password-file=FILE          the user's password
  timeout=3s                  of each request
  max-request-bytes=N         as the servers were started with (default 1572864)
  max-txn-ops=N               likewise (default 128)

While etcd is unreachable, reads are served from the last known state, and writes fail with
503 ServiceUnavailable and the cause in x-irsa-emu-reason. Each replica has its own faults
(/_emu/faults) and its own decisions for explain.`

// openStore makes the backend that --store names.
func openStore(ctx context.Context, store string) (state.Backend, error) {
	kind, rest, _ := strings.Cut(store, ":")
	var backend state.Backend
	var err error
	switch kind {
	case "memory":
		return state.NewMemory(), nil
	case "file":
		if rest == "" {
			return nil, usageError("--store file: write the path, such as file:irsa-emu.db")
		}
		backend, err = boltstore.Open(rest)
	case "etcd":
		config, parseErr := etcdstore.Parse(store)
		if parseErr != nil {
			return nil, usageError("--store: %w", parseErr)
		}
		backend, err = etcdstore.Open(ctx, config)
	default:
		// The rest of what was written may hold a password.
		return nil, usageError("--store %s: write memory, file:PATH or etcd://HOST:PORT[,…]/PREFIX", kind)
	}
	if err != nil {
		return nil, &exitError{exitFailed, err}
	}
	return backend, nil
}

func (p *program) stateCommand() *cobra.Command {
	cmd := group(&cobra.Command{
		Use: "state", Short: "Export, import or check the state that a store keeps; load more into a running emulator",
		Long: `export, import and check are for a store that no emulator uses, but for etcd, which may
be exported and checked at any time. The store is named as for serve: file:PATH or
etcd://HOST:PORT[,…]/PREFIX, with its options (irsa-emu serve --help). An export holds
everything that the store does, keys that sign and seal included: treat it as a secret.
For a document to be read and written by hand, see GET /_emu/state.`,
	})
	cmd.AddCommand(p.stateExportCommand(), p.stateImportCommand(), p.stateCheckCommand(), p.stateLoadCommand())
	return cmd
}

func (p *program) stateExportCommand() *cobra.Command {
	return &cobra.Command{
		Use: "export STORE", Short: "Write everything that a store keeps to the standard output", Args: oneArgument,
		Example: "  irsa-emu state export file:irsa-emu.db > backup.jsonl",
		RunE: func(cmd *cobra.Command, args []string) error {
			return withStore(cmd.Context(), args[0], func(backend state.Backend) error {
				n, err := state.Export(cmd.Context(), backend, p.stdout)
				if err != nil {
					return err
				}
				return p.complain("exported %d entities", n)
			})
		},
	}
}

func (p *program) stateImportCommand() *cobra.Command {
	return &cobra.Command{
		Use: "import STORE FILE", Short: "Read an export (- is the standard input) into a store, all of it or nothing", Args: arguments(2, 2),
		RunE: func(cmd *cobra.Command, args []string) error {
			from := p.stdin
			if args[1] != "-" {
				file, err := os.Open(args[1])
				if err != nil {
					return &exitError{exitUsage, err}
				}
				defer file.Close()
				from = io.Reader(file)
			}
			return withStore(cmd.Context(), args[0], func(backend state.Backend) error {
				n, err := state.Import(cmd.Context(), backend, from, emulator.Kinds()...)
				if err != nil {
					return err
				}
				return p.complain("imported %d entities", n)
			})
		},
	}
}

func withStore(ctx context.Context, store string, do func(state.Backend) error) error {
	if store == "memory" {
		return usageError("memory keeps nothing; write file:PATH or etcd://HOST:PORT[,…]/PREFIX")
	}
	backend, err := openStore(ctx, store)
	if err != nil {
		return err
	}
	if err := errors.Join(do(backend), backend.Close()); err != nil {
		return &exitError{exitFailed, err}
	}
	return nil
}

func (p *program) stateCheckCommand() *cobra.Command {
	fix := false
	cmd := &cobra.Command{
		Use: "check STORE", Short: "Read all of a store and say what is in it, or what is wrong with it", Args: oneArgument,
		Long: `check reads all that a store keeps, changing nothing. Of a file (PATH or file:PATH) every
page and checksum is checked too; of etcd, that every entity can be read. The content of
S3 objects is compared with what was written, and counted where nothing refers to it: what
a killed process has left. --fix removes that, as serve does when it starts; in etcd it
takes only what is older than an hour, which can be no upload under way.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if strings.HasPrefix(args[0], "etcd:") {
				return withStore(cmd.Context(), args[0], func(backend state.Backend) error { return p.checkEntities(cmd.Context(), backend, fix) })
			}
			path := strings.TrimPrefix(args[0], "file:")
			report, err := boltstore.Check(path)
			if err != nil {
				return &exitError{exitFailed, err}
			}
			content, err := p.checkContent(cmd.Context(), path, fix)
			if err != nil {
				return &exitError{exitFailed, err}
			}
			rows := [][2]any{{"format", report.Format}, {"revision", report.Revision}, {"bytes", report.Bytes}}
			return p.printCheck(append(append(rows, content...), [2]any{"entities", report.Entities}), report.Kinds)
		},
	}
	cmd.Flags().BoolVar(&fix, "fix", false, "remove content that nothing refers to")
	return cmd
}

// checkContent checks what is beside a state file. It is a file that is there: Check has read it.
func (p *program) checkContent(ctx context.Context, path string, fix bool) (rows [][2]any, err error) {
	backend, err := boltstore.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, backend.Close()) }()
	return contentRows(ctx, backend, fix)
}

func contentRows(ctx context.Context, backend state.Backend, fix bool) ([][2]any, error) {
	store, err := state.Open(ctx, backend, emulator.Kinds()...)
	if err != nil {
		return nil, err
	}
	found, err := s3.CheckStorage(ctx, store, fix)
	if err = errors.Join(err, store.Close()); err != nil {
		return nil, err
	}
	rows := [][2]any{{"contents", found.Blobs}}
	switch {
	case found.Removed > 0:
		rows = append(rows, [2]any{"removed, as nothing refers to them", found.Removed})
	case found.Orphans > 0:
		rows = append(rows, [2]any{"contents that nothing refers to (--fix removes them)", found.Orphans})
	}
	return rows, nil
}

// checkEntities reads a store as an emulator does when it starts.
func (p *program) checkEntities(ctx context.Context, backend state.Backend, fix bool) error {
	records, err := backend.Load(ctx)
	if err != nil {
		return err
	}
	if err := state.Check(records, emulator.Kinds()...); err != nil {
		return err
	}
	kinds, revision := map[string]int{}, int64(0)
	for _, r := range records {
		kinds[r.Kind]++
		revision = max(revision, r.Revision)
	}
	content, err := contentRows(ctx, backend, fix)
	if err != nil {
		return err
	}
	rows := [][2]any{{"format", etcdstore.Format}, {"revision", revision}}
	return p.printCheck(append(append(rows, content...), [2]any{"entities", len(records)}), kinds)
}

func (p *program) printCheck(rows [][2]any, kinds map[string]int) error {
	table := make([][]any, 0, len(rows)+len(kinds))
	for _, row := range rows {
		table = append(table, row[:])
	}
	for _, kind := range slices.Sorted(maps.Keys(kinds)) {
		table = append(table, []any{"  " + kind, kinds[kind]})
	}
	out := p.out()
	out.Table("", table)
	return out.Err()
}
