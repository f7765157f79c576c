package main

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/irsa-emu/irsa-emu/aws"
	"github.com/irsa-emu/irsa-emu/spelling"
	"github.com/irsa-emu/irsa-emu/statefile/strictyaml"
	"github.com/irsa-emu/irsa-emu/term"
)

// Numbers of arguments that commands take, as their usage lines name them.
var (
	noArguments   = arguments(0, 0)
	oneArgument   = arguments(1, 1)
	someArguments = arguments(1, -1)
)

// arguments refuses other numbers of arguments than least to most; -1 is any number.
func arguments(least, most int) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		name, usage := strings.TrimPrefix(cmd.CommandPath(), cmd.Root().Name()+" "), cmd.UseLine()
		switch {
		case len(args) > 0 && cmd.HasAvailableSubCommands():
			return unknownCommand(cmd, args[0])
		case most == 0 && len(args) > 0:
			return usageError("%s: takes no arguments, and there is %q; write %s", name, args[0], usage)
		case most >= 0 && len(args) > most:
			return usageError("%s: takes %s, and there are %d; write %s", name, term.Plural(most, "argument"), len(args), usage)
		case len(args) < least:
			return usageError("%s: arguments are missing; write %s", name, usage)
		}
		return nil
	}
}

// group makes a command that has only subcommands refuse the names of others; by
// itself it prints its help.
func group(cmd *cobra.Command) *cobra.Command {
	cmd.Args, cmd.DisableFlagsInUseLine = arguments(0, -1), true
	cmd.RunE = func(cmd *cobra.Command, _ []string) error { return cmd.Help() }
	return cmd
}

func unknownCommand(cmd *cobra.Command, name string) error {
	var known []string
	for _, c := range cmd.Commands() {
		if c.IsAvailableCommand() {
			known = append(known, c.Name())
		}
	}
	if near := spelling.Near(name, known); near != "" {
		return usageError("unknown command %q of %s; did you mean %s?", name, cmd.CommandPath(), near)
	}
	return usageError("unknown command %q; %s --help lists them", name, cmd.CommandPath())
}

// flagError says what is wrong with a flag of a command, and what to write.
func flagError(cmd *cobra.Command, err error) error {
	var unknown *pflag.NotExistError
	var value *pflag.InvalidValueError
	switch {
	case errors.As(err, &unknown):
		var known []string
		cmd.Flags().VisitAll(func(f *pflag.Flag) {
			if !f.Hidden {
				known = append(known, f.Name)
			}
		})
		if near := spelling.Near(unknown.GetSpecifiedName(), known); near != "" && unknown.GetSpecifiedShortnames() == "" {
			return usageError("unknown flag: --%s; did you mean --%s?", unknown.GetSpecifiedName(), near)
		}
		return usageError("%w; %s --help lists them", err, cmd.CommandPath())
	case errors.As(err, &value):
		return flagValueError("--"+value.GetFlag().Name+" "+value.GetValue(), value)
	}
	return &exitError{exitUsage, err}
}

// flagValueError refuses a value that a flag's type does not have; given is how it was written.
func flagValueError(given string, err *pflag.InvalidValueError) error {
	switch err.GetFlag().Value.Type() {
	case "duration":
		return usageError("%s: write a duration, such as 30s, 15m or 2h", given)
	case "int":
		return usageError("%s: write a whole number", given)
	case "bool":
		return usageError("%s: write true or false", given)
	}
	return usageError("%s: %w", given, err.Unwrap())
}

// checkRegion refuses what is not the name of a region; empty is the default.
func checkRegion(region string) error {
	if region == "" || aws.IsRegion(region) {
		return nil
	}
	return usageError("--region %s: write a region, such as us-west-2", region)
}

// checkAccount refuses what is not an account's id; empty is the default.
func checkAccount(account string) error {
	if account == "" || aws.IsAccount(account) {
		return nil
	}
	return noAccount(account)
}

func noAccount(account string) error {
	return usageError("--account %s: an account id is twelve digits, such as %s", account, aws.DefaultAccount)
}

// checkIssuer refuses what is not an issuer's URL; empty is the default.
func checkIssuer(issuer string) error {
	if _, builtIn := aws.BuiltInProvider(issuer); issuer == "" || builtIn {
		return nil
	}
	if problem := aws.IssuerURLProblem(issuer); problem != "" {
		return usageError("--issuer %s: %s", issuer, problem)
	}
	return nil
}

// checkListen refuses what is no address to listen on; empty is none.
func checkListen(flag, address string) error {
	if _, _, err := net.SplitHostPort(address); address == "" || err == nil {
		return nil
	}
	return usageError("%s %s: write HOST:PORT, such as 127.0.0.1:4772; port 0 picks a free one", flag, address)
}

// readServiceAccount reads the value of --service-account.
func readServiceAccount(value string) (aws.ServiceAccount, error) {
	account, ok := aws.ParseServiceAccount(value)
	switch {
	case value == "":
		return account, usageError("--service-account: missing; write NAMESPACE/NAME")
	case !ok:
		return account, usageError("--service-account %s: write NAMESPACE/NAME", value)
	}
	return account, nil
}

// plainPath leaves the system call out of an error about a path that the user wrote.
func plainPath(err error) error {
	if path, is := err.(*fs.PathError); is { //nolint:errorlint // a wrapped one has been worded already
		return fmt.Errorf("%s: %w", path.Path, path.Err)
	}
	return err
}

// mistakes is the text of an error about what the user gave, a line a mistake. No
// name in a file can begin a line of its own: runners of workflows take commands from
// lines that begin with ::.
func mistakes(err error) term.Safe {
	text := err.Error()
	if inner := errors.Unwrap(err); inner != nil {
		if before, ok := strings.CutSuffix(text, inner.Error()); ok {
			return term.Safe(term.Printable(before)) + mistakes(inner)
		}
	}
	var each []error
	switch e := err.(type) { //nolint:errorlint // a wrapped one has been looked into
	case strictyaml.Errors:
		for _, one := range e {
			each = append(each, one)
		}
	case interface{ Unwrap() []error }:
		each = e.Unwrap()
	}
	if len(each) == 0 || text != errors.Join(each...).Error() { // errors in the middle of a sentence
		return term.Safe(term.Printable(text))
	}
	lines := make([]string, len(each))
	for i := range each {
		lines[i] = string(mistakes(each[i]))
	}
	return term.Safe(strings.Join(lines, "\n"))
}
