package main

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"github.com/irsa-emu/irsa-emu/control"
	"github.com/irsa-emu/irsa-emu/decision"
	"github.com/irsa-emu/irsa-emu/term"
)

func (p *program) explainCommand() *cobra.Command {
	var c client
	var output string
	cmd := &cobra.Command{
		Use: "explain [REQUEST-ID]", Short: "Say why the emulator answered as it did; without an id, the last refused call", Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if output != "text" && output != "json" {
				return usageError("-o %s: write text or json", output)
			}
			d, err := c.explained(cmd.Context(), args)
			if err != nil {
				return c.failed(err)
			}
			if output == "json" {
				return term.WriteJSON(p.stdout, d)
			}
			out := p.out()
			d.Explain(out)
			return out.Err()
		},
	}
	c.clientFlags(cmd)
	cmd.Flags().StringVarP(&output, "output", "o", "text", "text or json")
	return cmd
}

// explained is the decision of the request that args name, or the last refusal.
func (c *client) explained(ctx context.Context, args []string) (*decision.Decision, error) {
	if len(args) == 1 {
		return c.Decision(ctx, args[0])
	}
	refused, err := c.Decisions(ctx, control.DecisionQuery{Limit: 1, Outcome: decision.Refused})
	if err != nil {
		return nil, err
	}
	if len(refused) == 0 {
		return nil, errors.New("no call was refused so far")
	}
	return refused[0], nil
}
