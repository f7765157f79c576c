package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/irsa-emu/irsa-emu/oidc"
	"github.com/irsa-emu/irsa-emu/policy"
	"github.com/irsa-emu/irsa-emu/sts"
)

// question is what check is asked: may this identity assume a role with this trust policy?
type question struct {
	trustPolicy, issuer, serviceAccount, subject, claimsFile, tokenFile, profile, account, sessionName string
	audience, claims                                                                                   []string
}

// verdict is check's answer.
type verdict struct {
	Allowed bool              `json:"allowed"`
	Issuer  string            `json:"issuer"`
	Subject string            `json:"subject"`
	Checks  []policy.Decision `json:"checks"`
	// Notes say what the answer takes for granted.
	Notes []string `json:"notes,omitempty"`
}

func (p *program) checkCommand() *cobra.Command {
	var q question
	var explain bool
	var output string
	cmd := &cobra.Command{
		Use: "check", Short: "Decide one trust question offline: may this identity assume a role with this trust policy?", Args: cobra.NoArgs,
		Long: `check holds a trust policy against an identity, as the STS would, without a server.
It exits with 0 when the policy allows, 1 when it denies, 2 when an input cannot be read.`,
		Example: `  irsa-emu check --trust-policy trust-policy.json \
    --issuer https://oidc.eks.us-west-2.amazonaws.com/id/EXAMPLE --service-account your-namespace/your-service-account
  irsa-emu check --trust-policy trust-policy.json --profile github --claim repository=octo-org/octo-repo`,
		RunE: func(*cobra.Command, []string) error {
			if output != "text" && output != "json" {
				return usageError("-o %s: write text or json", output)
			}
			v, err := q.answer()
			if err != nil {
				return err
			}
			if err := p.printVerdict(v, output, explain); err != nil {
				return err
			}
			if !v.Allowed {
				return &exitError{code: exitFailed}
			}
			return nil
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&q.trustPolicy, "trust-policy", "", "file of the trust policy, IAM JSON")
	flags.StringVar(&q.issuer, "issuer", "", "issuer URL")
	flags.StringVar(&q.serviceAccount, "service-account", "", "NAMESPACE/NAME of the service account")
	flags.StringVar(&q.subject, "subject", "", "the sub claim as it is")
	flags.StringVar(&q.claimsFile, "claims", "", "JSON file of a token's claims")
	flags.StringVar(&q.tokenFile, "token", "", "file of a token; its signature and times are not checked here")
	flags.StringVar(&q.profile, "profile", "", "shape of another issuer's tokens: github, gitlab or hcp-terraform")
	flags.StringArrayVar(&q.claims, "claim", nil, "claim=value to put over what the identity has (repeatable)")
	flags.StringArrayVar(&q.audience, "audience", nil, "audience (default sts.amazonaws.com, or the profile's)")
	flags.StringVar(&q.account, "account", "", "the role's account (default: the one in the policy's federated principal)")
	flags.StringVar(&q.sessionName, "session-name", "session", "the role session name")
	flags.BoolVar(&explain, "explain", false, "show every condition also when the policy allows")
	flags.StringVarP(&output, "output", "o", "text", "text or json")
	return cmd
}

// answer reads the inputs and evaluates.
func (q *question) answer() (*verdict, error) {
	if q.trustPolicy == "" {
		return nil, usageError("--trust-policy: missing; write the file of the role's trust policy")
	}
	src, err := os.ReadFile(q.trustPolicy)
	if err != nil {
		return nil, usageError("--trust-policy: %w", err)
	}
	doc, err := policy.ValidateTrust(src, policy.TrustOptions{})
	if err != nil {
		return nil, usageError("%s", placed(q.trustPolicy, err))
	}
	claims, note, err := q.identity()
	if err != nil {
		return nil, err
	}
	account := q.account
	if account == "" {
		account = federatedAccount(doc, claims.Issuer)
	}
	provider := "arn:aws:iam::" + account + ":oidc-provider/" + strings.TrimPrefix(claims.Issuer, "https://")
	ctx := sts.ContextKeys(sts.WebIdentity{
		Claims: claims, Provider: provider, RoleSessionName: q.sessionName, RoleARN: "arn:aws:iam::" + account + ":role/role", Now: time.Now(),
	})
	v := &verdict{
		Allowed: true, Issuer: claims.Issuer, Subject: claims.Subject,
		Notes: []string{"taken for granted: " + provider + " exists and its client IDs include " + orQuotes(claims.Audience)},
	}
	if note != "" {
		v.Notes = append(v.Notes, note)
	}
	actions := []string{"sts:AssumeRoleWithWebIdentity"}
	if len(claims.Tags) > 0 {
		actions = append(actions, "sts:TagSession")
	}
	if claims.SourceIdentity != "" {
		actions = append(actions, "sts:SetSourceIdentity")
	}
	for _, action := range actions {
		d := policy.Evaluate(policy.Policies{
			Trust: &policy.Named{Name: q.trustPolicy, Type: policy.TrustPolicy, Document: doc}, ResourceAccount: account,
		}, policy.Request{Action: action, Principal: policy.Principal{Account: account, Federated: provider}, Context: ctx})
		v.Checks = append(v.Checks, d)
		v.Allowed = v.Allowed && d.Allowed
	}
	return v, nil
}

func orQuotes(s string) string {
	if s == "" {
		return `""`
	}
	return s
}

// identity is who asks, from whichever source was given.
func (q *question) identity() (claims *oidc.Claims, note string, err error) {
	sources := 0
	for _, s := range []string{q.serviceAccount, q.subject, q.claimsFile, q.tokenFile, q.profile} {
		if s != "" {
			sources++
		}
	}
	if sources != 1 {
		return nil, "", usageError("whose identity? write one of --service-account NAMESPACE/NAME, --subject, --claims FILE, --token FILE and --profile NAME")
	}
	overrides, err := parseClaims(q.claims)
	if err != nil {
		return nil, "", err
	}
	raw, note, err := q.rawClaims(overrides)
	if err != nil {
		return nil, "", err
	}
	payload, err := json.Marshal(raw)
	if err != nil {
		return nil, "", err
	}
	if claims, err = oidc.ReadClaims(payload); err != nil {
		return nil, "", usageError("the claims: %w", err)
	}
	return claims, note, nil
}

// rawClaims are the claims of the identity, as a token has them.
func (q *question) rawClaims(overrides map[string]any) (raw map[string]any, note string, err error) {
	now := time.Now()
	raw = map[string]any{}
	switch {
	case q.tokenFile != "":
		b, err := os.ReadFile(q.tokenFile)
		if err != nil {
			return nil, "", usageError("--token: %w", err)
		}
		token, err := oidc.ParseUnverified(string(b))
		if err != nil {
			return nil, "", usageError("--token %s: %w", q.tokenFile, err)
		}
		if err := json.Unmarshal(token.Payload(), &raw); err != nil {
			return nil, "", usageError("--token %s: %w", q.tokenFile, err)
		}
		note = "the token's signature and times were not checked"
	case q.claimsFile != "":
		b, err := os.ReadFile(q.claimsFile)
		if err != nil {
			return nil, "", usageError("--claims: %w", err)
		}
		if err := json.Unmarshal(b, &raw); err != nil {
			return nil, "", usageError("--claims %s: a JSON object of claims is expected: %w", q.claimsFile, err)
		}
	case q.profile != "":
		profile, err := oidc.ProfileNamed(q.profile)
		if err != nil {
			return nil, "", usageError("--profile: %w", err)
		}
		if raw, err = profile.Claims(oidc.ProfileInput{Issuer: q.issuer, Audience: q.audience, IssuedAt: now, Overrides: overrides}); err != nil {
			return nil, "", usageError("--profile %s: %w", q.profile, err)
		}
		return raw, "", nil
	case q.serviceAccount != "":
		namespace, name, ok := strings.Cut(q.serviceAccount, "/")
		if !ok || namespace == "" || name == "" || strings.Contains(name, "/") {
			return nil, "", usageError("--service-account %s: write NAMESPACE/NAME", q.serviceAccount)
		}
		raw["sub"] = "system:serviceaccount:" + namespace + ":" + name
	default:
		raw["sub"] = q.subject
	}
	if q.issuer != "" {
		raw["iss"] = q.issuer
	}
	if raw["iss"] == nil {
		return nil, "", usageError("--issuer: missing; write the issuer's URL, https://…")
	}
	if len(q.audience) > 0 {
		raw["aud"] = q.audience
	} else if raw["aud"] == nil {
		raw["aud"] = []string{"sts.amazonaws.com"}
	}
	for claim, value := range map[string]any{"iat": now.Unix(), "exp": now.Add(time.Hour).Unix()} {
		if raw[claim] == nil {
			raw[claim] = value
		}
	}
	for claim, value := range overrides {
		if value == nil {
			delete(raw, claim)
		} else {
			raw[claim] = value
		}
	}
	return raw, note, nil
}

// federatedAccount is the account that the policy itself names for the
// issuer, else for any provider.
func federatedAccount(doc *policy.Document, issuer string) string {
	account := ""
	for _, s := range doc.Statements {
		for _, principal := range s.Principals.Values {
			rest, ok := strings.CutPrefix(principal, "Federated: arn:aws:iam::")
			if !ok {
				continue
			}
			id, provider, ok := strings.Cut(rest, ":oidc-provider/")
			if ok && (account == "" || provider == strings.TrimPrefix(issuer, "https://")) {
				account = id
			}
		}
	}
	if account == "" {
		return "111122223333"
	}
	return account
}

// placed is err with the file, and the line and column if it knows them.
func placed(file string, err error) string {
	var syntax *policy.SyntaxError
	var invalid *policy.ValidationError
	switch {
	case errors.As(err, &invalid) && invalid.Line > 0:
		return fmt.Sprintf("%s:%d:%d: %s", file, invalid.Line, invalid.Column, withHint(invalid.Message, invalid.Hint))
	case errors.As(err, &invalid):
		return fmt.Sprintf("%s: %s", file, withHint(invalid.Message, invalid.Hint))
	case errors.As(err, &syntax):
		return fmt.Sprintf("%s:%d:%d: %s", file, syntax.Line, syntax.Column, syntax.Message)
	}
	return file + ": " + err.Error()
}

func withHint(message, hint string) string {
	if hint == "" {
		return message
	}
	return message + " (" + hint + ")"
}

func (p *program) printVerdict(v *verdict, output string, explain bool) error {
	if output == "json" {
		b, err := json.MarshalIndent(v, "", "  ")
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(p.stdout, "%s\n", b)
		return err
	}
	word := "denied"
	if v.Allowed {
		word = "allowed"
	}
	if _, err := fmt.Fprintf(p.stdout, "%s: %s of %s\n", word, v.Subject, v.Issuer); err != nil {
		return err
	}
	if v.Allowed && !explain {
		return nil
	}
	for _, d := range v.Checks {
		if err := policy.Explain(p.stdout, d, policy.ExplainOptions{Color: isTerminal(p.stdout)}); err != nil {
			return err
		}
	}
	return printNotes(p.stdout, v.Notes)
}

func printNotes(w io.Writer, notes []string) error {
	for _, note := range notes {
		if _, err := fmt.Fprintln(w, "note: "+note); err != nil {
			return err
		}
	}
	return nil
}
