package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/irsa-emu/irsa-emu/oidc"
)

// healthCommand is for containers: an image without a shell still has this binary.
func (p *program) healthCommand() *cobra.Command {
	var c client
	var file string
	cmd := &cobra.Command{
		Use: "health", Short: "Ask a running emulator whether it is ready", Args: noArguments,
		Example: `  irsa-emu health
  irsa-emu health --token-file token.txt`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			but, err := c.Ready(cmd.Context())
			if err != nil {
				return c.failed(err)
			}
			if file != "" {
				if err := c.lives(cmd.Context(), file); err != nil {
					return c.failed(fmt.Errorf("not ready: %w", err))
				}
			}
			if but != "" {
				return p.say("ready, but %s", but)
			}
			return p.say("ready")
		},
	}
	c.clientFlags(cmd)
	cmd.Flags().StringVar(&file, "token-file", "", "also ask whether this file, which token --write keeps, has a token that has not expired")
	return cmd
}

// lives is an error unless a file has a token that has not expired by the emulator's clock.
func (c *client) lives(ctx context.Context, file string) error {
	content, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	token, err := oidc.ParseUnverified(string(content))
	if err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	clock, err := c.Clock(ctx)
	if err != nil {
		return err
	}
	if expires := time.Unix(token.Claims().Expires, 0).UTC(); !clock.Now.Before(expires) {
		return fmt.Errorf("the token in %s expired at %s; the emulator's clock is at %s", file, expires.Format(time.RFC3339), clock.Now.Format(time.RFC3339))
	}
	return nil
}
