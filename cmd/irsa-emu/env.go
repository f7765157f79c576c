package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/irsa-emu/irsa-emu/aws"
	"github.com/irsa-emu/irsa-emu/control"
)

func (p *program) envCommand() *cobra.Command {
	var c client
	var account, region, secret string
	cmd := &cobra.Command{
		Use: "env", Short: "Print export lines that point aws, the SDKs and Terraform at the emulator", Args: noArguments,
		Example: `  eval "$(irsa-emu env)"`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := errors.Join(checkAccount(account), checkRegion(region), c.failed(c.CheckURL())); err != nil {
				return err
			}
			key := cmp.Or(account, "test")
			if region == "" {
				var err error
				if region, err = c.region(cmd.Context(), account); err != nil {
					fix := "write --region"
					if refused := (*control.Refused)(nil); errors.As(err, &refused) {
						fix = "set IRSA_EMU_CONTROL_TOKEN, or " + fix
					}
					if err := p.complain("irsa-emu: %v: the region is not known, and %s is taken; %s", err, region, fix); err != nil {
						return err
					}
				}
			}
			lines := [][2]string{
				{aws.EnvEndpoint, strings.TrimSuffix(c.URL, "/")},
				{aws.EnvAccessKey, key},
				{aws.EnvSecretKey, secret},
				{aws.EnvRegion, region},
				{aws.EnvDefaultRegion, region},
				// Without this, SDKs look for an instance profile when they find no credentials.
				{"AWS_EC2_METADATA_DISABLED", "true"},
			}
			var out string
			// What the shell holds of a real account must not win over the lines below.
			for _, name := range []string{aws.EnvSessionToken, aws.EnvProfile, aws.EnvRoleARN, aws.EnvTokenFile} {
				if _, set := p.getenv(name); set {
					out += "unset " + name + "\n"
				}
			}
			for _, l := range lines {
				out += "export " + l[0] + "=" + shellQuote(l[1]) + "\n"
			}
			_, err := fmt.Fprint(p.stdout, out)
			return err
		},
	}
	c.clientFlags(cmd)
	cmd.Flags().StringVar(&account, "account", "", "account of the administrator (default: the emulator's default account)")
	cmd.Flags().StringVar(&region, "region", "", "AWS region (default: the emulator's, or one of the account's partition)")
	cmd.Flags().StringVar(&secret, "admin-secret", "test", "the emulator's --admin-secret")
	return cmd
}

// region asks the emulator for the region of an account, "" for its default one; env
// also works before it runs. The error is that of an emulator which is there, and does
// not say, or not in time.
func (c *client) region(ctx context.Context, account string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	info, err := c.InfoOf(ctx, account)
	if refused := (*control.Refused)(nil); errors.As(err, &refused) {
		return aws.DefaultRegion, refused
	}
	if late := ctx.Err(); late != nil {
		return aws.DefaultRegion, fmt.Errorf("no answer from %s: %w", c.URL, late)
	}
	if err != nil || info.Region == "" {
		return aws.DefaultRegion, nil
	}
	return info.Region, nil
}

// shellQuote quotes a value for POSIX shells where it needs it.
func shellQuote(s string) string {
	if s != "" && strings.Trim(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789:/._-") == "" {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
