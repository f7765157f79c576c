package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/irsa-emu/irsa-emu/term"
)

// Exit codes that every command shares.
const (
	exitOK     = 0
	exitFailed = 1 // the answer is no, or the command could not do its work
	exitUsage  = 2 // the command line or an input file is wrong
)

// exitError ends a command with a code of its own. A nil error prints nothing.
type exitError struct {
	code int
	err  error
}

func (e *exitError) Error() string {
	if e.err == nil {
		return fmt.Sprintf("exit code %d", e.code)
	}
	return e.err.Error()
}

func (e *exitError) Unwrap() error { return e.err }

// oneOf refuses an output format that a command does not have.
func oneOf(output string, formats ...string) error {
	if slices.Contains(formats, output) {
		return nil
	}
	last := len(formats) - 1
	return usageError("-o %s: write %s or %s", output, strings.Join(formats[:last], ", "), formats[last])
}

func usageError(format string, args ...any) error {
	return &exitError{exitUsage, fmt.Errorf(format, args...)}
}

// program is what a command may touch of the world.
type program struct {
	getenv func(string) (string, bool)
	stdin  io.Reader
	stdout io.Writer
	stderr io.Writer

	// work is what a command that runs for long leaves to be done without the tree of
	// all commands and their flags, which each garbage collection would look at.
	work func() error
}

// run is the whole program; only main knows the process.
func run(ctx context.Context, args []string, getenv func(string) (string, bool), stdin io.Reader, stdout, stderr io.Writer) int {
	p := &program{getenv: getenv, stdin: stdin, stdout: stdout, stderr: stderr}
	root := p.rootCommand()
	root.SetArgs(args)
	root.SetIn(stdin)
	root.SetOut(stdout)
	root.SetErr(stderr)
	err := root.ExecuteContext(ctx)
	if err == nil && p.work != nil {
		err = p.work()
	}
	if err == nil {
		return exitOK
	}
	var exit *exitError
	if !errors.As(err, &exit) {
		// Everything else comes from cobra: an unknown command, flag or argument.
		exit = &exitError{exitUsage, err}
	}
	if exit.err != nil {
		text := term.Lines(plainPath(exit.err).Error())
		if exit.code == exitUsage {
			text = mistakes(plainPath(exit.err))
		}
		_ = p.complain("irsa-emu: %s", text) // nowhere else to say it
	}
	return exit.code
}

func (p *program) rootCommand() *cobra.Command {
	root := group(&cobra.Command{
		Use:   "irsa-emu",
		Short: "IRSA you can run on a plane: OIDC issuer, STS, IAM and the services behind them, with no AWS account",
		Long: `irsa-emu emulates everything between a Kubernetes service account and temporary
AWS credentials: the cluster's OIDC issuer, an STS that verifies tokens and
evaluates trust policies, the IAM API that stores them, and services that
enforce the role's permissions. Where AWS says only "Not authorized", it says
which condition failed and how to fix it.

Every flag can be set by an environment variable too: --admin-secret is
IRSA_EMU_ADMIN_SECRET.`,
		Version:       version(),
		SilenceUsage:  true,
		SilenceErrors: true,
		PersistentPreRunE: func(cmd *cobra.Command, _ []string) error {
			return p.flagsFromEnvironment(cmd)
		},
	})
	root.SetFlagErrorFunc(flagError)
	root.SetVersionTemplate("irsa-emu {{.Version}}\n")
	root.AddCommand(p.serveCommand(), p.runCommand(), p.execCommand(), p.tokenCommand(), p.checkCommand(), p.lintCommand(), p.auditCommand(),
		p.explainCommand(), p.envCommand(), p.schemaCommand(), p.issuerCommand(), p.stateCommand(), p.versionCommand(), p.healthCommand())
	root.AddCommand(p.agentCommand(), p.enterCommand(), p.proveCommand(), p.diffCommand(), p.whoCommand())
	root.AddCommand(p.kubernetesCommands()...)
	return root
}

// flagsFromEnvironment gives every flag that is not on the command line the
// value of IRSA_EMU_<FLAG>, if that is set.
func (p *program) flagsFromEnvironment(cmd *cobra.Command) error {
	var errs []error
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		if f.Changed || f.Name == "help" || f.Name == "version" {
			return
		}
		name := variableOf(f.Name)
		value, ok := p.getenv(name)
		if !ok || value == "" {
			return
		}
		err := cmd.Flags().Set(f.Name, value)
		var invalid *pflag.InvalidValueError
		switch {
		case errors.As(err, &invalid):
			errs = append(errs, flagValueError(name+"="+value, invalid))
		case err != nil:
			errs = append(errs, fmt.Errorf("%s=%s: %w", name, value, err))
		}
	})
	if err := errors.Join(errs...); err != nil {
		return &exitError{exitUsage, err}
	}
	return nil
}

func variableOf(flag string) string {
	return "IRSA_EMU_" + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
}

// fromEnvironment says whether a flag has its value from its variable, which is
// set for all commands: what is on the command line goes before it.
func (p *program) fromEnvironment(cmd *cobra.Command, flag string) bool {
	value, ok := p.getenv(variableOf(flag))
	return ok && value != "" && value == cmd.Flag(flag).Value.String()
}

// version is the module's version as the Go toolchain stamped it.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Version == "" || info.Main.Version == "(devel)" {
		return "devel"
	}
	return info.Main.Version
}

func (p *program) versionCommand() *cobra.Command {
	return &cobra.Command{
		Use: "version", Short: "Print the version", Args: noArguments,
		RunE: func(*cobra.Command, []string) error {
			return p.say("irsa-emu %s", version())
		},
	}
}
