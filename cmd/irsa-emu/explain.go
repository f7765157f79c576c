package main

import (
	"errors"
	"net/http"
	"net/url"

	"github.com/spf13/cobra"

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
			d := new(decision.Decision)
			if len(args) == 1 {
				if err := c.call(cmd.Context(), http.MethodGet, "/_emu/decisions/"+url.PathEscape(args[0]), nil, d); err != nil {
					return err
				}
			} else {
				var out struct{ Decisions []*decision.Decision }
				if err := c.call(cmd.Context(), http.MethodGet, "/_emu/decisions?limit=1&outcome=refused", nil, &out); err != nil {
					return err
				}
				if len(out.Decisions) == 0 {
					return &exitError{exitFailed, errors.New("no call was refused so far")}
				}
				d = out.Decisions[0]
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
