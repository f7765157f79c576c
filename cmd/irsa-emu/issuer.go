package main

import (
	"context"
	"errors"
	"net/netip"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/irsa-emu/irsa-emu/oidc"
	"github.com/irsa-emu/irsa-emu/term"
)

func (p *program) issuerCommand() *cobra.Command {
	cmd := group(&cobra.Command{Use: "issuer", Short: "Check an OIDC issuer against the rules of the STS"})
	cmd.AddCommand(p.issuerCheckCommand(), p.issuerThumbprintCommand())
	return cmd
}

const issuerCheckLong = `check checks what an issuer serves against the rules by which the STS accepts one, one
line per rule: the URL, the discovery document's fields, the key set and each of its
keys, the certificates and their thumbprint, and the time that it takes. It exits
with 0 when all hold, 1 when one is broken or the issuer cannot be reached, 2 when a
file cannot be read.

A discovery document in a file is checked without the network; --jwks gives its keys,
--url the issuer that it should name.

-o json prints {"ok", "findings": [{rule, ok, found, fix}]}.`

func (p *program) issuerCheckCommand() *cobra.Command {
	var output, jwks, ca, issuer string
	cmd := &cobra.Command{
		Use: "check URL|DISCOVERY-FILE", Short: "Check an issuer's discovery document, keys and certificates against AWS's rules, one line per rule", Args: oneArgument, Long: issuerCheckLong,
		Example: `  irsa-emu issuer check https://oidc.eks.us-west-2.amazonaws.com/id/EXAMPLE
  irsa-emu issuer check openid-configuration.json --jwks keys.json --url https://issuer.example.com`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if output != "text" && output != "json" {
				return usageError("-o %s: write text or json", output)
			}
			var docs oidc.IssuerDocuments
			if strings.Contains(args[0], "://") {
				if jwks != "" || issuer != "" && !p.fromEnvironment(cmd, "url") { // IRSA_EMU_URL is the emulator's
					return usageError("--jwks and --url go with a discovery document in a file")
				}
				config, err := fetchConfig(ca)
				if err != nil {
					return err
				}
				docs = oidc.FetchIssuer(cmd.Context(), config, issuerURL(args[0]))
			} else {
				if p.fromEnvironment(cmd, "url") {
					issuer = ""
				}
				var err error
				if docs, err = p.issuerFiles(args[0], jwks, issuer); err != nil {
					return &exitError{exitUsage, err}
				}
			}
			return p.printIssuer(oidc.CheckIssuer(docs), output, docs.JWKS != nil)
		},
	}
	cmd.Flags().StringVarP(&output, "output", "o", "text", "text or json")
	cmd.Flags().StringVar(&jwks, "jwks", "", "JSON file of the issuer's keys, with a discovery document in a file")
	cmd.Flags().StringVar(&issuer, "url", "", "the issuer's URL, with a discovery document in a file")
	cmd.Flags().StringVar(&ca, "ca", "", "PEM file of authorities to trust (default: the system's)")
	return cmd
}

// issuerURL takes the URL of the discovery document too.
func issuerURL(text string) string { return strings.TrimSuffix(text, oidc.DiscoveryPath) }

func (p *program) issuerFiles(discovery, jwks, issuer string) (docs oidc.IssuerDocuments, err error) {
	docs.URL = issuer
	if docs.Discovery, err = p.readInput(discovery); err != nil {
		return docs, err
	}
	if jwks != "" {
		docs.JWKS, err = p.readInput(jwks)
	}
	return docs, err
}

// fetchConfig reads from wherever the user says: a person who asks for a check
// of an issuer in a private network means it.
func fetchConfig(ca string) (oidc.RemoteConfig, error) {
	config := oidc.RemoteConfig{
		Now:          time.Now,
		AllowPrivate: []netip.Prefix{netip.MustParsePrefix("0.0.0.0/0"), netip.MustParsePrefix("::/0")},
	}
	if ca == "" {
		return config, nil
	}
	roots, err := readRoots("--ca", ca)
	if err != nil {
		return config, &exitError{exitUsage, err}
	}
	config.Roots = roots
	return config, nil
}

func (p *program) printIssuer(findings []oidc.Finding, output string, keys bool) error {
	broken := 0
	for _, f := range findings {
		if !f.OK {
			broken++
		}
	}
	if output == "json" {
		if err := term.WriteJSON(p.stdout, map[string]any{"ok": broken == 0, "findings": findings}); err != nil {
			return err
		}
	} else if err := p.printRules(findings, broken, keys); err != nil {
		return err
	}
	if broken > 0 {
		return &exitError{code: exitFailed}
	}
	return nil
}

func (p *program) printRules(findings []oidc.Finding, broken int, keys bool) error {
	out := p.out()
	var rows [][]any
	for _, f := range findings {
		word := out.Paint(term.Green, "pass")
		if !f.OK {
			word = out.Paint(term.Red, "FAIL")
		} else if f.Warning {
			word = out.Paint(term.Yellow, "warn")
		}
		rows = append(rows, []any{word, f.Rule, f.Found})
		if f.Fix != "" {
			rows = append(rows, []any{"", "", "fix: " + f.Fix})
		}
	}
	out.Table("", rows)
	if !keys {
		out.Line("the keys were not checked")
	}
	out.Line("%s, %d broken", term.Plural(len(findings), "rule"), broken)
	return out.Err()
}

func (p *program) issuerThumbprintCommand() *cobra.Command {
	var ca string
	cmd := &cobra.Command{
		Use: "thumbprint URL", Short: "Print the thumbprint that IAM stores for an issuer", Args: oneArgument,
		Long: `thumbprint prints the SHA-1 sum of the last certificate that the host of the issuer's
jwks_uri presents, which is its top authority: what --thumbprint-list of
aws iam create-open-id-connect-provider takes. AWS consults it only when no root that
it trusts signed the chain.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			config, err := fetchConfig(ca)
			if err != nil {
				return err
			}
			thumbprint, err := issuerThumbprint(cmd.Context(), config, args[0])
			if err != nil {
				return &exitError{exitFailed, err}
			}
			return p.say("%s", thumbprint)
		},
	}
	cmd.Flags().StringVar(&ca, "ca", "", "PEM file of authorities to trust (default: the system's)")
	return cmd
}

func issuerThumbprint(ctx context.Context, config oidc.RemoteConfig, url string) (string, error) {
	if !strings.Contains(url, "://") {
		url = "https://" + url
	}
	docs := oidc.FetchIssuer(ctx, config, issuerURL(url))
	if len(docs.Chain) == 0 {
		if docs.Err == nil {
			docs.Err = errors.New("no certificate was presented")
		}
		return "", docs.Err
	}
	return oidc.Thumbprint(docs.Chain)
}
