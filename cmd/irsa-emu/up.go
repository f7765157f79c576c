package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/irsa-emu/irsa-emu/aws"
	"github.com/irsa-emu/irsa-emu/control"
	"github.com/irsa-emu/irsa-emu/harness/kind"
	"github.com/irsa-emu/irsa-emu/statefile"
	"github.com/irsa-emu/irsa-emu/term"
)

// upName is the cluster of up and down that are told no other.
const upName = "irsa-emu"

type upFlags struct {
	name, image, issuer, region, executable string
	port                                    int
	given                                   givenFlags
	loadImages                              []string
}

func (p *program) upCommand() *cobra.Command {
	var f upFlags
	cmd := &cobra.Command{
		Use: "up", Short: "A kind cluster with IRSA wired, left running for kubectl", Args: cobra.NoArgs,
		Long: `up makes a kind cluster in which annotated service accounts have AWS credentials,
as on EKS: the API server signs for an EKS issuer URL, the pod identity webhook
mutates pods, the emulator answers them, and AWS's host names lead to it.
kubectl's current context becomes the cluster's. A second up brings the cluster
up to date and loads more state; it makes no second one.`,
		Example: `  irsa-emu up --given state.yaml
  irsa-emu up --load-image my-app:latest
  irsa-emu down`,
		RunE: func(cmd *cobra.Command, _ []string) error { return p.up(cmd.Context(), f) },
	}
	flags := cmd.Flags()
	flags.StringVar(&f.name, "name", upName, "name of the kind cluster")
	flags.StringVar(&f.image, "image", "", "node image (default: kind's own)")
	flags.StringVar(&f.issuer, "issuer", "", "issuer URL that the API server signs for (default: that of the one cluster in --given, else one like EKS's)")
	flags.StringVar(&f.region, "region", "", "AWS region of pods (default: that in the issuer's URL, else us-east-1)")
	flags.IntVar(&f.port, "port", 4772, "port of this machine that leads to the emulator; 0 picks a free one")
	flags.StringArrayVar(&f.loadImages, "load-image", nil, "image of this machine's engine that pods will use (repeatable)")
	flags.StringVar(&f.executable, "executable", "", "irsa-emu for the cluster: a static Linux binary (default: this one)")
	f.given.add(cmd, "state to load into the emulator")
	return cmd
}

func (p *program) up(ctx context.Context, f upFlags) error {
	given := statefile.State{}
	if len(f.given.paths) > 0 {
		var err error
		if given, err = f.given.load(p, "", ""); err != nil {
			return err
		}
	}
	if f.issuer == "" && len(given.Clusters) == 1 {
		for _, c := range given.Clusters {
			f.issuer = c.Issuer
		}
	}
	if f.issuer != "" {
		if problem := aws.IssuerURLProblem(f.issuer); problem != "" {
			return usageError("--issuer %q %s", f.issuer, problem)
		}
	}
	config := kind.UpConfig{
		Config: kind.Config{Name: f.name, Executable: f.executable, Log: statusLines(p.stderr, term.IsTerminal(p.stderr))},
		Issuer: f.issuer, Region: f.region, Port: f.port, LoadImages: f.loadImages,
	}
	if f.image != "" {
		config.Images = []string{f.image}
	}
	if config.Region == "" {
		config.Region = aws.DefaultRegion
		if region, _, ok := aws.EKSIssuerParts(f.issuer); ok {
			config.Region = region
		}
	}
	up, err := kind.Up(ctx, config)
	if err != nil {
		return &exitError{exitFailed, err}
	}
	c := client{control.Client{URL: up.URL, Token: up.ControlToken}}
	if len(given.Clusters) == 0 { // so that aws eks describe-cluster knows it
		given.Clusters = map[string]statefile.Cluster{f.name: {Issuer: up.Issuer, Region: config.Region}}
	}
	if err := c.Load(ctx, given); err != nil {
		return c.failed(err)
	}
	return p.afterUp(up, config.Region)
}

// afterUp says what there is now, and what to do with it.
func (p *program) afterUp(up *kind.UpResult, region string) error {
	was := "is up to date"
	if up.Created {
		was = "is up"
	}
	role := aws.PartitionARN(aws.PartitionOf(region).ID, "iam", aws.DefaultAccount, "role/ROLE")
	_, err := fmt.Fprintf(p.stdout, `cluster %s %s: Kubernetes %s
  issuer     %s
  emulator   %s
  decisions  %[5]s/_emu/decisions
  context    %s, kubectl's current one

As the administrator of its AWS account:
  export IRSA_EMU_URL=%[5]s IRSA_EMU_CONTROL_TOKEN=%[7]s
  eval "$(irsa-emu env)"
  aws iam list-roles

Give a service account a role, and its pods have credentials:
  kubectl annotate serviceaccount default eks.amazonaws.com/role-arn=%[8]s
  irsa-emu doctor --service-account default     # is the whole chain there?
  irsa-emu explain                              # why was the last call refused?

More state, newer images: irsa-emu up --given FILE --load-image IMAGE. To remove it: irsa-emu down%[9]s
`, up.Name, was, up.Version, up.Issuer, up.URL, up.Context, up.ControlToken, role, nameFlag(up.Name))
	return err
}

func nameFlag(name string) string {
	if name == upName {
		return ""
	}
	return " --name " + name
}

func (p *program) downCommand() *cobra.Command {
	name := upName
	cmd := &cobra.Command{
		Use: "down", Short: "Remove the kind cluster that up made, or run --keep", Args: cobra.NoArgs,
		Example: "  irsa-emu down",
		RunE: func(*cobra.Command, []string) error {
			there, err := kind.Down(name, statusLines(p.stderr, term.IsTerminal(p.stderr)))
			if err != nil {
				return &exitError{exitFailed, err}
			}
			what := "is gone"
			if !there {
				what = "was not there: nothing to do"
			}
			_, err = fmt.Fprintf(p.stdout, "cluster %s %s\n", name, what)
			return err
		},
	}
	cmd.Flags().StringVar(&name, "name", name, "name of the kind cluster")
	return cmd
}
