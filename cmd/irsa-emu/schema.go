package main

import (
	"encoding/json"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/irsa-emu/irsa-emu/harness"
)

func (p *program) schemaCommand() *cobra.Command {
	return &cobra.Command{
		Use: "schema", Short: "Print the JSON Schema of scenario and state files, for editors", Args: noArguments,
		Example: `  irsa-emu schema > irsa-emu.schema.json
  # first line of a file: # yaml-language-server: $schema=irsa-emu.schema.json`,
		RunE: func(*cobra.Command, []string) error {
			b, err := json.MarshalIndent(harness.Schema(), "", "  ")
			if err != nil {
				return err
			}
			_, err = fmt.Fprintf(p.stdout, "%s\n", b)
			return err
		},
	}
}
