package main

import "github.com/spf13/cobra"

// kindFlags say which Kubernetes cluster scenarios play on.
type kindFlags struct {
	image, name, context, executable string
	keep                             bool
}

func (f *kindFlags) add(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&f.image, "image", "", "node image of --cluster kind (default: kind's own)")
	flags.StringVar(&f.name, "name", "", "name of the kind cluster (default: a new one each run)")
	flags.BoolVar(&f.keep, "keep", false, "leave the kind cluster running")
	flags.StringVar(&f.context, "context", "", "context of --cluster kubeconfig (default: the current one)")
	flags.StringVar(&f.executable, "executable", "", "irsa-emu for the cluster: a static Linux binary (default: this one)")
}
