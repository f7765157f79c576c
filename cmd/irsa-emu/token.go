package main

import (
	"encoding/json"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/irsa-emu/irsa-emu/control"
	"github.com/irsa-emu/irsa-emu/oidc"
)

func (p *program) tokenCommand() *cobra.Command {
	var (
		c      client
		in     control.TokenRequest
		life   time.Duration
		claims []string
		file   tokenFile
	)
	cmd := &cobra.Command{
		Use: "token", Short: "Print a token of one of the emulator's issuers, or keep a file with one fresh", Args: noArguments,
		Long: tokenLong,
		Example: `  irsa-emu token --service-account your-namespace/your-service-account
  irsa-emu token --service-account your-namespace/your-service-account --write shared/token
  irsa-emu token --profile github --claim repository=octo-org/octo-repo --claim ref=refs/heads/main`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			overrides, err := parseClaims(claims)
			if err != nil {
				return err
			}
			in.Claims = overrides
			if in.ServiceAccount == "" && in.Subject == "" && in.Profile == "" {
				return usageError("whose token? write --service-account NAMESPACE/NAME, --subject SUB or --profile NAME")
			}
			if in.ServiceAccount != "" {
				if _, err := readServiceAccount(in.ServiceAccount); err != nil {
					return err
				}
			}
			if life%time.Second != 0 {
				return usageError("--expires-in %s: tokens count whole seconds", life)
			}
			in.ExpiresInSeconds = int64(life / time.Second)
			if err := file.check(cmd, life); err != nil {
				return err
			}
			if file.path != "" {
				return p.writeToken(cmd.Context(), &c, in, file)
			}
			token, err := c.SignToken(cmd.Context(), in)
			if err != nil {
				return c.failed(err)
			}
			return p.say("%s", token)
		},
	}
	c.clientFlags(cmd)
	flags := cmd.Flags()
	flags.StringVar(&in.ServiceAccount, "service-account", "", "NAMESPACE/NAME of the service account")
	flags.StringVar(&in.Subject, "subject", "", "the sub claim as it is, in place of a service account")
	flags.StringVar(&in.Issuer, "issuer", "", "issuer URL (default: the only cluster's, else the only provider's, else the emulator's own)")
	flags.StringArrayVar(&in.Audience, "audience", nil, "audience (repeatable; default sts.amazonaws.com)")
	flags.DurationVar(&life, "expires-in", 0, "the token's life, such as 15m (default 24h); negative makes an expired one")
	flags.StringArrayVar(&claims, "claim", nil, "set a claim: claim=value, where the value is JSON or a string (repeatable)")
	flags.StringVar(&in.Pod, "pod", "", "name of the pod that the token is bound to")
	flags.StringVar(&file.path, "write", "", "keep a token in this file, in place of printing one, until SIGINT or SIGTERM")
	flags.BoolVar(&file.once, "once", false, "with --write: end when the file is written")
	flags.StringVar(&file.mode, "mode", "0644", "with --write: the file's permissions, in octal")
	flags.DurationVar(&file.wait, "wait", time.Minute, "with --write: how long to wait for the emulator at the start; 0s waits for as long as it takes")
	flags.StringVar(&in.Profile, "profile", "", "shape of another issuer's tokens: "+oidc.ProfileNames())
	return cmd
}

// parseClaims reads k=v pairs. A value that is JSON is taken as that, so that
// numbers, lists and objects can be written; null removes the claim.
func parseClaims(pairs []string) (map[string]any, error) {
	if len(pairs) == 0 {
		return nil, nil
	}
	claims := make(map[string]any, len(pairs))
	for _, pair := range pairs {
		name, text, ok := strings.Cut(pair, "=")
		if !ok || name == "" {
			return nil, usageError("--claim %s: write name=value", pair)
		}
		dec := json.NewDecoder(strings.NewReader(text))
		dec.UseNumber()
		var value any
		if err := dec.Decode(&value); err != nil || dec.More() {
			value = text
		}
		if _, isNumber := value.(json.Number); isNumber && !timeClaims[name] {
			value = text // ids such as repository_id are strings in every issuer's tokens
		}
		claims[name] = value
	}
	return claims, nil
}

// timeClaims are the claims whose values are numbers.
var timeClaims = map[string]bool{"exp": true, "iat": true, "nbf": true}
