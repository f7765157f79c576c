package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/irsa-emu/irsa-emu/harness"
)

// kindFlags say which Kubernetes cluster scenarios play on.
type kindFlags struct {
	image, name, context string
	keep                 bool
}

func (f *kindFlags) add(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&f.image, "image", "", "node image of --cluster kind (default: kind's own)")
	flags.StringVar(&f.name, "name", "", "name of the kind cluster (default: a new one each run)")
	flags.BoolVar(&f.keep, "keep", false, "leave the kind cluster running")
	flags.StringVar(&f.context, "context", "", "context of --cluster kubeconfig (default: the current one)")
}

// startKubernetes starts scenarios on kind or on a cluster that exists.
func (p *program) startKubernetes(_ context.Context, f runFlags, _ []harness.Scenario) (harness.StartCluster, func() error, error) {
	return harness.Unsupported(f.cluster), func() error { return nil }, nil
}
