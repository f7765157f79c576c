package main

import (
	"context"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/irsa-emu/irsa-emu/harness"
)

func (p *program) execCommand() *cobra.Command {
	var c client
	config := harness.ExecConfig{ForwardSignals: true}
	cmd := &cobra.Command{
		Use:   "exec --service-account NS/NAME --role ARN -- COMMAND [ARG…]",
		Short: "Run a command on this machine as if it ran in a pod of a service account",
		Long: `exec runs a command with what the pod identity webhook gives a pod: a token file
that is kept fresh, the role's ARN, the region, and beyond that the emulator's
endpoints. Credentials and profiles of the surrounding shell do not reach it.
The exit code is the command's own.`,
		Example: `  irsa-emu exec --service-account your-namespace/your-service-account \
    --role arn:aws:iam::111122223333:role/EKSServiceAccountRole -- aws sts get-caller-identity`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			switch namespace, name, ok := strings.Cut(config.ServiceAccount, "/"); {
			case config.ServiceAccount == "":
				return usageError("--service-account: missing; write NAMESPACE/NAME")
			case !ok || namespace == "" || name == "" || strings.Contains(name, "/"):
				return usageError("--service-account %s: write NAMESPACE/NAME", config.ServiceAccount)
			case config.Role == "":
				return usageError("--role: missing; write the ARN of the service account's role")
			}
			config.URL, config.ControlToken, config.Command = c.URL, c.Token, args
			config.Stdin, config.Stdout, config.Stderr = p.stdin, p.stdout, p.stderr
			config.Env = os.Environ()
			config.Complain = func(err error) { _ = p.complain("irsa-emu: the token was not refreshed: %v", err) }
			// Signals go to the command, which decides: a context that they cancel would end it besides.
			code, err := harness.Exec(context.WithoutCancel(cmd.Context()), config)
			if err != nil || code != 0 {
				return &exitError{code, err}
			}
			return nil
		},
	}
	c.clientFlags(cmd)
	flags := cmd.Flags()
	flags.SetInterspersed(false)
	flags.StringVar(&config.ServiceAccount, "service-account", "", "NAMESPACE/NAME of the service account")
	flags.StringVar(&config.Role, "role", "", "ARN of the role in its annotation")
	flags.StringVar(&config.Issuer, "issuer", "", "issuer URL (default: the only cluster's, or one of the emulator's own)")
	flags.StringArrayVar(&config.Audience, "audience", nil, "audience of the token (repeatable; default sts.amazonaws.com)")
	flags.DurationVar(&config.ExpiresIn, "expires-in", 24*time.Hour, "life of each token")
	flags.StringVar(&config.Region, "region", "", "AWS region (default: the emulator's)")
	flags.StringVar(&config.Pod, "pod", "", "name of the pod that the token is bound to")
	return cmd
}
