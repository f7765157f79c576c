package main

import (
	"context"
	"errors"
	"maps"
	"strings"

	"github.com/spf13/cobra"

	"github.com/irsa-emu/irsa-emu/aws"
	"github.com/irsa-emu/irsa-emu/control"
	"github.com/irsa-emu/irsa-emu/emulator"
	"github.com/irsa-emu/irsa-emu/harness/kind"
	"github.com/irsa-emu/irsa-emu/statefile"
	"github.com/irsa-emu/irsa-emu/term"
)

// upName is the cluster of up and down that are told no other.
const upName = "irsa-emu"

type upFlags struct {
	name, image, issuer, region, executable, config string
	port                                            int
	given                                           givenFlags
	loadImages                                      []string
}

func (p *program) upCommand() *cobra.Command {
	var f upFlags
	cmd := &cobra.Command{
		Use: "up", Short: "Create a kind cluster with IRSA set up and leave it running", Args: noArguments,
		Long: `up creates a kind cluster in which annotated service accounts have AWS credentials,
as on EKS: the API server signs for an EKS issuer URL, the pod identity webhook
mutates pods, the emulator answers them, and AWS's host names lead to it. Pods
without a role trust it too, but for the cluster's own, such as CoreDNS's. Its nodes
say by their label in which region they are.
kubectl's current context becomes the cluster's. A second up brings the cluster
up to date and loads more state; it does not create another. The emulator's state is
kept on the node's disk, until irsa-emu down.`,
		Example: `  irsa-emu up --given state.yaml
  irsa-emu up --load-image my-app:latest
  irsa-emu up --config kind.yaml      # several nodes, mounts, ports: kind's own configuration
  irsa-emu down`,
		RunE: func(cmd *cobra.Command, _ []string) error { return p.up(cmd.Context(), f, cmd.Flags().Changed("name")) },
	}
	flags := cmd.Flags()
	flags.StringVar(&f.name, "name", upName, "name of the kind cluster")
	flags.StringVar(&f.image, "image", "", "node image (default: kind's own)")
	flags.StringVar(&f.issuer, "issuer", "", "issuer URL that the API server signs for (default: that of the one cluster in --given, else one like EKS's)")
	flags.StringVar(&f.config, "config", "", "kind's configuration file, or - for stdin: nodes, mounts, ports, CNI (https://kind.sigs.k8s.io/docs/user/configuration)")
	flags.StringVar(&f.region, "region", "", "AWS region of pods (default: that of the cluster that is there, or of the one cluster in --given, or in the issuer's URL, else us-east-1)")
	flags.IntVar(&f.port, "port", kind.DefaultPort, "port of this machine that leads to the emulator; 0 picks a free one")
	flags.StringArrayVar(&f.loadImages, "load-image", nil, "local image to load into the cluster for its pods (repeatable)")
	flags.StringVar(&f.executable, "executable", "", "irsa-emu for the cluster: a static Linux binary (default: this one)")
	f.given.add(cmd, "state to load into the emulator")
	return cmd
}

func (p *program) up(ctx context.Context, f upFlags, named bool) error {
	given := statefile.State{}
	if len(f.given.paths) > 0 {
		var err error
		if given, err = f.given.load(p, "", ""); err != nil {
			return err
		}
	}
	if len(given.Clusters) == 1 && f.issuer == "" {
		for _, c := range given.Clusters {
			f.issuer = c.Issuer
		}
	}
	if err := errors.Join(checkIssuer(f.issuer), checkRegion(f.region)); err != nil {
		return err
	}
	config := kind.UpConfig{
		Config: kind.Config{Name: f.name, Executable: f.executable, HostPattern: emulator.HostPattern(), Log: statusLines(p.stderr, term.IsTerminal(p.stderr))},
		Issuer: f.issuer, Region: f.region, NewRegion: regionOf(given, f.issuer), Port: f.port, LoadImages: f.loadImages,
	}
	if f.image != "" {
		config.Images = []string{f.image}
	}
	if f.config != "" {
		var err error
		if config.KindConfig, err = kind.ReadConfig(f.config, p.stdin); err != nil {
			return usageError("--config: %v", err)
		}
		if name := config.KindConfig.Name; name != "" && !named {
			config.Name = name
		}
	}
	up, err := kind.Up(ctx, config)
	if err != nil {
		return &exitError{exitFailed, err}
	}
	c := client{control.Client{URL: up.URL, Token: up.ControlToken}}
	if err := registerCluster(ctx, c, &given, up); err != nil {
		return c.failed(err)
	}
	if err := c.Load(ctx, given); err != nil {
		return c.failed(err)
	}
	return p.afterUp(up)
}

// registerCluster makes sure that the emulator's EKS knows the cluster, once, and
// where its API server is: aws eks update-kubeconfig leads there.
func registerCluster(ctx context.Context, c client, given *statefile.State, up *kind.UpResult) error {
	there, err := c.State(ctx)
	if err != nil {
		return err
	}
	if given.Clusters == nil {
		given.Clusters = map[string]statefile.Cluster{}
	}
	known := false
	for _, clusters := range []map[string]statefile.Cluster{maps.Clone(given.Clusters), there.Clusters} {
		if known {
			break // the one that is given takes its place
		}
		for name, cluster := range clusters {
			if cluster.Issuer == up.Issuer {
				cluster.Endpoint, cluster.CertificateAuthority = up.Endpoint, up.Authority
				given.Clusters[name], known = cluster, true
			}
		}
	}
	if !known {
		given.Clusters[up.Name] = statefile.Cluster{
			Issuer: up.Issuer, Region: up.Region, Version: versionOfCluster(up.Version), Endpoint: up.Endpoint, CertificateAuthority: up.Authority,
		}
	}
	return nil
}

// versionOfCluster is EKS's of a version of Kubernetes: 1.34 of v1.34.4.
func versionOfCluster(version string) string {
	parts := strings.SplitN(strings.TrimPrefix(version, "v"), ".", 3)
	if len(parts) < 2 {
		return ""
	}
	return parts[0] + "." + parts[1]
}

// afterUp says what there is now, and what to do with it.
func (p *program) afterUp(up *kind.UpResult) error {
	was := "is up to date"
	if up.Created {
		was = "is up"
	}
	role := aws.RoleARN(aws.PartitionOf(up.Region).ID, aws.DefaultAccount, "", "ROLE")
	out := p.out()
	out.Printf(`cluster %s %s: Kubernetes %s
  issuer     %s
  region     %[9]s
  emulator   %[5]s
  decisions  %[5]s/_emu/decisions
  context    %[6]s, kubectl's current one

As the administrator of its AWS account:
  export IRSA_EMU_URL=%[5]s IRSA_EMU_CONTROL_TOKEN=%[7]s
  eval "$(irsa-emu env)"
  aws iam list-roles

Give a service account a role, and its pods have credentials:
  kubectl annotate serviceaccount default eks.amazonaws.com/role-arn=%[8]s
  irsa-emu doctor --service-account default     # is the whole chain there?
  irsa-emu explain                              # why was the last call refused?

More state, newer images: irsa-emu up --given FILE --load-image IMAGE. To remove it: irsa-emu down%[10]s
`, up.Name, was, up.Version, up.Issuer, up.URL, up.Context, up.ControlToken, role, up.Region, nameFlag(up.Name))
	return out.Err()
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
		Use: "down", Short: "Remove the kind cluster that up made, or run --keep", Args: noArguments,
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
			return p.say("cluster %s %s", name, what)
		},
	}
	cmd.Flags().StringVar(&name, "name", name, "name of the kind cluster")
	return cmd
}
