package main

import (
	"context"
	"os"
	"os/signal"
	"regexp"
	"slices"

	"github.com/spf13/cobra"

	"github.com/irsa-emu/irsa-emu/aws"
	"github.com/irsa-emu/irsa-emu/decision"
	"github.com/irsa-emu/irsa-emu/emulator"
	"github.com/irsa-emu/irsa-emu/harness"
	"github.com/irsa-emu/irsa-emu/intercept"
	"github.com/irsa-emu/irsa-emu/statefile"
	"github.com/irsa-emu/irsa-emu/term"
	"github.com/irsa-emu/irsa-emu/wire"
)

const execLong = `exec runs a command with what the pod identity webhook gives a pod: a token file
that is kept fresh, the role's ARN and the region; also the emulator's endpoints.
The command does not see the credentials and profiles of the surrounding shell.
The exit code is that of the command.

With --pod-identity the command runs as a pod with EKS Pod Identity: an agent listens on
loopback, the two container-credentials variables lead the SDK to it, and the role is
that of the service account's association. If credentials are refused, stderr says why;
without an association the command is not run.

With --intercept, programs reach the emulator that know AWS by its host names alone and
read no AWS_ENDPOINT_URL. On Linux, as root, the command's resolver leads these names to
the emulator. Elsewhere HTTPS_PROXY does, for programs that read it;
--intercept=hosts then gives them a network of their own. They are also told of the
authority that signs for these names. Other hosts are reached as without it.

With --given no emulator has to be running: exec starts one for the command.`

// execFlags are what exec does not hand on as it is.
type execFlags struct {
	client
	given       givenFlags
	podIdentity bool
	intercept   string
	pods        harness.PodIdentity
}

func (p *program) execCommand() *cobra.Command {
	var f execFlags
	config := harness.ExecConfig{ForwardSignals: true}
	cmd := &cobra.Command{
		Use: "exec --service-account NS/NAME {--role ARN | --pod-identity} [flags] -- COMMAND [ARG…]", DisableFlagsInUseLine: true,
		Short: "Run a command on this machine as if it ran in a pod of a service account",
		Long:  execLong,
		Example: `  irsa-emu exec --service-account your-namespace/your-service-account \
    --role arn:aws:iam::111122223333:role/EKSServiceAccountRole -- aws sts get-caller-identity
  irsa-emu exec --intercept --service-account backup/restic --role arn:aws:iam::111122223333:role/Backup \
    -- restic -r s3:s3.amazonaws.com/backups init
  irsa-emu exec --given state.yaml --pod-identity --cluster my-cluster --service-account payments/api -- python3 app.py`,
		Args: someArguments,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := f.check(p, cmd, &config); err != nil {
				return err
			}
			config.URL, config.ControlToken, config.Command = f.URL, f.Token, args
			config.Stdin, config.Stdout, config.Stderr = p.stdin, p.stdout, p.stderr
			config.Env = os.Environ()
			config.Complain = func(err error) { _ = p.complain("irsa-emu: the token was not refreshed: %v", err) }
			// Signals go to the command, which decides: a context that they cancel would end it besides.
			return p.exec(context.WithoutCancel(cmd.Context()), &f, config)
		},
	}
	f.clientFlags(cmd)
	f.given.add(cmd, "state of an emulator for this command alone, in place of --url")
	flags := cmd.Flags()
	flags.SetInterspersed(false)
	flags.StringVar(&config.ServiceAccount, "service-account", "", "NAMESPACE/NAME of the service account")
	flags.StringVar(&config.Role, "role", "", "ARN of the role in its annotation")
	flags.BoolVar(&f.podIdentity, "pod-identity", false, "by EKS Pod Identity: the role of the service account's association, in place of --role")
	flags.StringVar(&f.pods.Cluster, "cluster", "", "with --pod-identity: name of the EKS cluster (default: the only one)")
	flags.StringVar(&f.pods.AdminSecret, "admin-secret", "test", "with --pod-identity: the emulator's --admin-secret, with which the agent signs")
	flags.StringVar(&f.intercept, "intercept", "", "lead AWS's host names to the emulator, in place of endpoint variables: auto, proxy (for programs that read HTTPS_PROXY) or hosts (Linux)")
	flags.Lookup("intercept").NoOptDefVal = string(intercept.Auto)
	flags.StringVar(&config.Issuer, "issuer", "", "issuer URL (default: the only cluster's, else the only provider's, else the emulator's own)")
	flags.StringArrayVar(&config.Audience, "audience", nil, "audience of the token (repeatable; default sts.amazonaws.com, with --pod-identity pods.eks.amazonaws.com)")
	flags.DurationVar(&config.ExpiresIn, "expires-in", aws.DefaultTokenLife, "life of each token")
	flags.StringVar(&config.Region, "region", "", "AWS region (default: the emulator's, with --given or --pod-identity the cluster's)")
	flags.StringVar(&config.Pod, "pod", "", "name of the pod that the token is bound to (default with --pod-identity: the service account's)")
	return cmd
}

// check refuses flags that do not go together.
func (f *execFlags) check(p *program, cmd *cobra.Command, config *harness.ExecConfig) error {
	if err := f.checkIntercept(cmd); err != nil {
		return err
	}
	if _, err := readServiceAccount(config.ServiceAccount); err != nil {
		return err
	}
	if err := checkRegion(config.Region); err != nil {
		return err
	}
	if err := f.failed(f.CheckURL()); err != nil {
		return err
	}
	problem := aws.RoleARNProblem(config.Role)
	switch {
	case config.Role != "" && problem != "":
		return usageError("--role %s: not a role's ARN: %s", config.Role, problem)
	case f.podIdentity && config.Role != "":
		return usageError("--role: with --pod-identity the association names the role; leave one of them out")
	case !f.podIdentity && f.pods.Cluster != "":
		return usageError("--cluster: names the cluster of an association; write --pod-identity too")
	case !f.podIdentity && config.Role == "":
		return usageError("--role: missing; write the ARN of the service account's role, or --pod-identity for that of its association")
	case len(f.given.paths) > 0 && cmd.Flags().Changed("url") && !p.fromEnvironment(cmd, "url"):
		return usageError("--given and --url: write one of them; with --given exec starts an emulator for the command")
	}
	return nil
}

// checkIntercept refuses modes that there are not. The value of a flag that may
// stand alone comes after "=", or it is taken for the command.
func (f *execFlags) checkIntercept(cmd *cobra.Command) error {
	if f.intercept == "" {
		return nil
	}
	if first := cmd.Flags().Arg(0); cmd.ArgsLenAtDash() != 0 && slices.Contains(intercept.Modes, intercept.Mode(first)) {
		return usageError("--intercept %s: write --intercept=%s", first, first)
	}
	if !slices.Contains(intercept.Modes, intercept.Mode(f.intercept)) {
		return usageError("--intercept=%s: write auto, proxy or hosts", f.intercept)
	}
	return nil
}

// interception is how --intercept has it done, or nil.
func (p *program) interception(f *execFlags) *harness.Intercept {
	if f.intercept == "" {
		return nil
	}
	i := &harness.Intercept{
		Mode: intercept.Mode(f.intercept), Served: regexp.MustCompile(emulator.HostPattern()), Advise: func(text string) { _ = p.complain("irsa-emu: %s", text) },
	}
	if self, err := os.Executable(); err == nil { // without it there is the proxy
		i.Helper = []string{self, enterCommand}
	}
	return i
}

const enterCommand = "intercept-enter"

// enterCommand is the helper of exec --intercept, which starts it in namespaces
// and makes it the command.
func (p *program) enterCommand() *cobra.Command {
	return &cobra.Command{
		Use: enterCommand, Hidden: true, DisableFlagParsing: true,
		RunE: func(_ *cobra.Command, args []string) error {
			signal.Reset() // as for any program that has just started
			if err := intercept.Enter(args); err != nil {
				return &exitError{exitFailed, nil} // exec has been told, and says it
			}
			return nil
		},
	}
}

func (p *program) exec(ctx context.Context, f *execFlags, config harness.ExecConfig) error {
	config.Intercept = p.interception(f)
	if f.podIdentity {
		config.PodIdentity = &f.pods
		f.pods.Refused = func(d *decision.Decision) {
			out := term.NewPrinter(p.stderr, p.coloured(p.stderr))
			out.Line("irsa-emu: the pod gets no credentials:")
			d.Refusal().Explain(out)
			if d.Reason.Kind == string(wire.AuthSignature) {
				out.Line("irsa-emu: the agent signs with --admin-secret, which is not the emulator's; write the one that serve has")
			}
		}
	}
	if len(f.given.paths) > 0 {
		given, err := f.given.load(p, "", "")
		if err != nil {
			return err
		}
		running, stop, err := emulator.StartBackground(ctx, emulator.Config{Given: []statefile.State{given}, Region: regionOf(given, config.Issuer), AdminSecret: f.pods.AdminSecret})
		if err != nil {
			return &exitError{exitFailed, err}
		}
		defer func() {
			if err := stop(); err != nil {
				_ = p.complain("irsa-emu: the emulator: %v", err)
			}
		}()
		config.URL, config.ControlToken = running.URL, ""
	}
	code, err := harness.Exec(ctx, config)
	if err != nil || code != 0 {
		return &exitError{code, err}
	}
	return nil
}
