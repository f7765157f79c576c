package main

import "github.com/spf13/cobra"

// kindFlags say which Kubernetes cluster scenarios play on.
type kindFlags struct {
	images                                   []string
	name, context, executable, emulatorImage string
	keep                                     bool
}

func (f *kindFlags) add(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringArrayVar(&f.images, "image", nil, "node image of --cluster kind (repeatable: one for each version of Kubernetes that scenarios ask for; default: kind's own)")
	flags.StringVar(&f.name, "name", "", "name of the kind cluster (default: a new one each run)")
	flags.BoolVar(&f.keep, "keep", false, "leave the kind cluster running")
	flags.StringVar(&f.context, "context", "", "context of --cluster kubeconfig (default: the current one)")
	flags.StringVar(&f.emulatorImage, "emulator-image", "", "image of irsa-emu that the nodes of --cluster kubeconfig can pull (not needed on kind clusters of this machine)")
	flags.StringVar(&f.executable, "executable", "", "irsa-emu for the cluster: a static Linux binary (default: this one)")
}
