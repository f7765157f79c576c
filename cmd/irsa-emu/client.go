package main

import (
	"errors"

	"github.com/spf13/cobra"

	"github.com/irsa-emu/irsa-emu/control"
)

// client speaks with the control API of a running emulator.
type client struct{ control.Client }

// clientFlags adds the flags with which commands find the emulator.
func (c *client) clientFlags(cmd *cobra.Command) {
	cmd.Flags().StringVar(&c.URL, "url", control.DefaultURL, "where the emulator is (IRSA_EMU_URL)")
	cmd.Flags().StringVar(&c.Token, "control-token", "", "the emulator's control token, when it listens beyond loopback")
}

// failed is how a command ends after a call of the emulator: well, if err is nil.
func (c *client) failed(err error) error {
	var url *control.URLError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &url):
		return usageError("--url %w", err)
	}
	return &exitError{exitFailed, err}
}
