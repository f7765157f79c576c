package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
)

// healthCommand is for containers: an image without a shell still has this binary.
func (p *program) healthCommand() *cobra.Command {
	var c client
	cmd := &cobra.Command{
		Use: "health", Short: "Ask a running emulator whether it is ready", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			says, err := c.Ready(cmd.Context())
			if err != nil {
				return c.failed(err)
			}
			_, err = fmt.Fprintln(p.stdout, strings.Replace(says, "ok", "ready", 1))
			return err
		},
	}
	c.clientFlags(cmd)
	return cmd
}
