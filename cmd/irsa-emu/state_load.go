package main

import (
	"context"
	"strings"

	"github.com/spf13/cobra"
)

func (p *program) stateLoadCommand() *cobra.Command {
	var c client
	var g givenFlags
	cmd := &cobra.Command{
		Use: "load PATH…", Short: "Give a running emulator more state: what it has stays, what both name is updated", Args: someArguments,
		Long:    "A PATH is " + strings.TrimSuffix(givenHelp, " (repeatable)") + ".",
		Example: "  irsa-emu state load state.yaml --url http://127.0.0.1:4772",
		RunE: func(cmd *cobra.Command, paths []string) error {
			g.paths = paths
			return p.loadState(cmd.Context(), &c, &g)
		},
	}
	c.clientFlags(cmd)
	g.addParameters(cmd)
	return cmd
}

// loadState gives a running emulator what was given, and says how much that was.
func (p *program) loadState(ctx context.Context, c *client, g *givenFlags) error {
	given, err := g.load(p, "", "")
	if err != nil {
		return err
	}
	if err := c.Load(ctx, given); err != nil {
		return c.failed(err)
	}
	return p.say("loaded %s into the emulator at %s", strings.Join(g.paths, ", "), c.URL)
}
