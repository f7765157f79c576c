package main

import (
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/irsa-emu/irsa-emu/oidc"
)

func (p *program) issuerCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "issuer", Short: "Check an OIDC issuer against the rules by which the STS accepts one"}
	cmd.AddCommand(p.issuerCheckCommand(), p.issuerThumbprintCommand())
	return cmd
}

func (p *program) issuerCheckCommand() *cobra.Command {
	var output, jwks, ca string
	cmd := &cobra.Command{
		Use: "check URL|DISCOVERY-FILE", Short: "Hold an issuer's documents and certificates against AWS's rules, a line a rule", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			var docs oidc.IssuerDocuments
			if strings.Contains(args[0], "://") {
				config, err := fetchConfig(ca)
				if err != nil {
					return err
				}
				docs = oidc.FetchIssuer(cmd.Context(), config, strings.TrimSuffix(args[0], "/.well-known/openid-configuration"))
			} else {
				b, err := os.ReadFile(args[0])
				if err != nil {
					return &exitError{exitUsage, err}
				}
				docs.Discovery = b
				if jwks != "" {
					if docs.JWKS, err = os.ReadFile(jwks); err != nil {
						return &exitError{exitUsage, err}
					}
				}
			}
			return p.printIssuer(oidc.CheckIssuer(docs), output)
		},
	}
	cmd.Flags().StringVarP(&output, "output", "o", "text", "text or json")
	cmd.Flags().StringVar(&jwks, "jwks", "", "JSON file of the issuer's keys, to be checked with a discovery file")
	cmd.Flags().StringVar(&ca, "ca", "", "PEM file of authorities to trust (default: the system's)")
	return cmd
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
	pem, err := os.ReadFile(ca)
	if err != nil {
		return config, usageError("--ca: %w", err)
	}
	config.Roots = x509.NewCertPool()
	if !config.Roots.AppendCertsFromPEM(pem) {
		return config, usageError("--ca %s: no certificate in it; PEM is expected", ca)
	}
	return config, nil
}

func (p *program) printIssuer(findings []oidc.Finding, output string) error {
	broken := 0
	for _, f := range findings {
		if !f.OK {
			broken++
		}
	}
	switch output {
	case "json":
		b, err := json.MarshalIndent(map[string]any{"findings": findings}, "", "  ")
		if err != nil {
			return err
		}
		if _, err := fmt.Fprintf(p.stdout, "%s\n", b); err != nil {
			return err
		}
	case "text":
		for _, f := range findings {
			word := "pass"
			if !f.OK {
				word = "FAIL"
			}
			line := fmt.Sprintf("%s  %-28s %s", word, f.Rule, f.Found)
			if f.Mend != "" {
				line += "\n      mend: " + f.Mend
			}
			if _, err := fmt.Fprintln(p.stdout, line); err != nil {
				return err
			}
		}
	default:
		return usageError("-o %s: write text or json", output)
	}
	if broken > 0 {
		return &exitError{code: exitFailed}
	}
	return nil
}

func (p *program) issuerThumbprintCommand() *cobra.Command {
	return &cobra.Command{
		Use: "thumbprint URL", Short: "Print the thumbprint that IAM stores for an issuer", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			config, err := fetchConfig("")
			if err != nil {
				return err
			}
			docs := oidc.FetchIssuer(cmd.Context(), config, args[0])
			if len(docs.Chain) == 0 {
				if docs.Err == nil {
					docs.Err = errors.New("no certificate was presented")
				}
				return &exitError{exitFailed, docs.Err}
			}
			thumbprint, err := oidc.Thumbprint(docs.Chain)
			if err != nil {
				return &exitError{exitFailed, err}
			}
			_, err = fmt.Fprintln(p.stdout, thumbprint)
			return err
		},
	}
}
