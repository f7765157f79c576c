package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/irsa-emu/irsa-emu/emulator"
	"github.com/irsa-emu/irsa-emu/state"
	"github.com/irsa-emu/irsa-emu/state/boltstore"
	"github.com/irsa-emu/irsa-emu/state/etcdstore"
)

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
	cmd := &cobra.Command{
		Use: "state", Short: "Export, import or check the state that a store keeps; load more into a running emulator",
		Long: `export, import and check are for a store that no emulator uses. The store is named
as for serve: file:PATH or etcd://HOST:PORT[,…]/PREFIX. An export holds everything
that the store does, keys that sign and seal included: treat it as a secret. For a document to be read and written by hand, see GET /_emu/state.`,
	}
	cmd.AddCommand(p.stateExportCommand(), p.stateImportCommand(), p.stateCheckCommand(), p.stateLoadCommand())
	return cmd
}

func (p *program) stateExportCommand() *cobra.Command {
	return &cobra.Command{
		Use: "export STORE", Short: "Write everything that a store keeps to the standard output", Args: cobra.ExactArgs(1),
		Example: "  irsa-emu state export file:irsa-emu.db > backup.jsonl",
		RunE: func(cmd *cobra.Command, args []string) error {
			return withStore(cmd.Context(), args[0], func(backend state.Backend) error {
				n, err := state.Export(cmd.Context(), backend, p.stdout)
				if err == nil {
					fmt.Fprintf(p.stderr, "exported %d entities\n", n)
				}
				return err
			})
		},
	}
}

func (p *program) stateImportCommand() *cobra.Command {
	return &cobra.Command{
		Use: "import STORE FILE", Short: "Read an export (- is the standard input) into a store, all of it or nothing", Args: cobra.ExactArgs(2),
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
				if err == nil {
					fmt.Fprintf(p.stderr, "imported %d entities\n", n)
				}
				return err
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
	return &cobra.Command{
		Use: "check FILE", Short: "Read all of a state file and say what is in it, or what is wrong with it", Args: cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			report, err := boltstore.Check(strings.TrimPrefix(args[0], "file:"))
			if err != nil {
				return &exitError{exitFailed, err}
			}
			table := tabwriter.NewWriter(p.stdout, 0, 4, 2, ' ', 0)
			fmt.Fprintf(table, "format\t%d\nrevision\t%d\nbytes\t%d\nentities\t%d\n", report.Format, report.Revision, report.Bytes, report.Entities)
			for _, kind := range slices.Sorted(maps.Keys(report.Kinds)) {
				fmt.Fprintf(table, "  %s\t%d\n", kind, report.Kinds[kind])
			}
			return table.Flush()
		},
	}
}
