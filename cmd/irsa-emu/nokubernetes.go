//go:build !kind

package main

import (
	"context"
	"errors"

	"github.com/spf13/cobra"
)

// startKind says what this build lacks.
func (p *program) startKind(context.Context, runFlags) (clusters, error) {
	return clusters{}, &exitError{exitUsage, errors.New("this build has no Kubernetes clients; build one with: go build -tags kind ./cmd/irsa-emu")}
}

func (p *program) kubernetesCommands() []*cobra.Command { return nil }
