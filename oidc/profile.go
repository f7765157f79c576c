package oidc

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/irsa-emu/irsa-emu/aws"
)

// Profile makes tokens in the shape of an issuer that people federate with.
type Profile struct {
	Name string
	// Issuer is the real one's URL, Audience what its users ask for.
	Issuer      string
	Audience    string
	Lifetime    time.Duration
	Description string
	Sign        SignOptions
	// Claims builds a token's claims.
	Claims func(ProfileInput) (map[string]any, error)
}

// ProfileInput is what a profile's claims are made from.
type ProfileInput struct {
	// Issuer and Lifetime default to the profile's.
	Issuer   string
	Lifetime time.Duration
	// Audience defaults to the profile's. One audience becomes a string, several
	// a list, as CI issuers write them.
	Audience []string
	// IssuedAt is required.
	IssuedAt time.Time
	// Rand makes the jti; default: crypto/rand.
	Rand io.Reader
	// Overrides set claims. Claims that follow from others (sub from repository
	// and ref, for one) follow the overrides, unless overridden themselves. A nil
	// value removes a claim.
	Overrides map[string]any
}

// Profiles lists the known profiles by name.
func Profiles() []Profile {
	return []Profile{
		{
			Name: "github", Issuer: "https://" + aws.GitHubIssuer, Audience: aws.DefaultAudience,
			Lifetime: 5 * time.Minute, Description: "GitHub Actions", Sign: SignOptions{Type: "JWT"}, Claims: gitHubClassicClaims,
		},
		{
			Name: "github-immutable", Issuer: "https://" + aws.GitHubIssuer, Audience: aws.DefaultAudience,
			Lifetime: 5 * time.Minute, Description: "GitHub Actions, subjects with ids: repositories made, renamed or transferred since 2026-07-15", Sign: SignOptions{Type: "JWT"}, Claims: gitHubImmutableClaims,
		},
		{
			Name: "gitlab", Issuer: "https://gitlab.com", Audience: aws.DefaultAudience,
			Lifetime: time.Hour, Description: "GitLab CI/CD id_tokens", Sign: SignOptions{Type: "JWT"}, Claims: gitLabClaims,
		},
		{
			Name: "hcp-terraform", Issuer: "https://app.terraform.io", Audience: "aws.workload.identity",
			Lifetime: 2 * time.Hour, Description: "HCP Terraform (Terraform Cloud) workload identity", Sign: SignOptions{Type: "JWT"}, Claims: hcpTerraformClaims,
		},
		{
			Name: "circleci", Issuer: circleCIIssuer + "0b1d3c6e-5a52-4f0e-9d0a-4c7a9f1e2b3c",
			Lifetime: time.Hour, Description: "CircleCI, CIRCLE_OIDC_TOKEN", Sign: SignOptions{Type: "JWT"}, Claims: circleCIV1Claims,
		},
		{
			Name: "circleci-v2", Issuer: circleCIIssuer + "0b1d3c6e-5a52-4f0e-9d0a-4c7a9f1e2b3c",
			Lifetime: time.Hour, Description: "CircleCI, CIRCLE_OIDC_TOKEN_V2: the subject has the repository and the ref too", Sign: SignOptions{Type: "JWT"}, Claims: circleCIV2Claims,
		},
		{
			Name: "bitbucket", Issuer: "https://api.bitbucket.org/2.0/workspaces/octo-org/pipelines-config/identity/oidc",
			Lifetime: time.Hour, Description: "Bitbucket Pipelines", Sign: SignOptions{Type: "JWT"}, Claims: bitbucketClaims,
		},
		{
			Name: "buildkite", Issuer: "https://agent.buildkite.com", Audience: aws.DefaultAudience,
			Lifetime: 5 * time.Minute, Description: "Buildkite", Sign: SignOptions{Type: "JWT"}, Claims: buildkiteClaims,
		},
		{
			Name: "azure-devops", Issuer: azureIssuer + azureOrganisation, Audience: "api://AzureADTokenExchange",
			Lifetime: 5 * time.Minute, Description: "Azure DevOps", Sign: SignOptions{Type: "JWT"}, Claims: azureDevOpsClaims,
		},
		{
			Name: "google", Issuer: "https://" + aws.GoogleIssuer, Audience: aws.DefaultAudience,
			Lifetime: time.Hour, Description: "Google service accounts", Sign: SignOptions{Type: "JWT"}, Claims: googleClaims,
		},
		{
			Name: "cognito", Issuer: "https://" + aws.CognitoIssuer, Audience: "us-east-1:6d7e8f9a-0b1c-4d2e-8f3a-f70819203142",
			Lifetime: 10 * time.Minute, Description: "Amazon Cognito identity pools", Sign: SignOptions{Type: "JWS"}, Claims: cognitoClaims,
		},
		{
			Name: "spacelift", Issuer: "https://acme.app.spacelift.io",
			Lifetime: time.Hour, Description: "Spacelift", Sign: SignOptions{Type: "JWT"}, Claims: spaceliftClaims,
		},
		{
			Name: "vercel", Issuer: "https://oidc.vercel.com/acme",
			Lifetime: time.Hour, Description: "Vercel", Sign: SignOptions{Type: "JWT"}, Claims: vercelClaims,
		},
	}
}

// ProfileNames are the names of the profiles, in one text.
func ProfileNames() string {
	var known []string
	for _, p := range Profiles() {
		known = append(known, p.Name)
	}
	return strings.Join(known, ", ")
}

// ProfileNamed finds a profile; the error lists those there are.
func ProfileNamed(name string) (Profile, error) {
	for _, p := range Profiles() {
		if p.Name == name {
			return p, nil
		}
	}
	return Profile{}, fmt.Errorf("no token profile %q; there are %s", name, ProfileNames())
}

// given is a claim as it is overridden by a text, or what it is else.
func (in ProfileInput) given(claim, otherwise string) string {
	if text, ok := in.Overrides[claim].(string); ok {
		return text
	}
	return otherwise
}

// draft is a set of claims in the making: every value that set gives is replaced
// by its override at once, so that what is derived later sees the override.
type draft struct {
	claims    map[string]any
	overrides map[string]any
}

// start fills the registered claims of a profile.
func (in ProfileInput) start(profile string) (*draft, error) {
	p, err := ProfileNamed(profile)
	if err != nil {
		return nil, err
	}
	if in.IssuedAt.IsZero() {
		return nil, fmt.Errorf("%s token: no time of issue", profile)
	}
	id, err := randomID(in.Rand)
	if err != nil {
		return nil, fmt.Errorf("%s token: %w", profile, err)
	}
	if in.Issuer == "" {
		in.Issuer = p.Issuer
	}
	if in.Lifetime == 0 {
		in.Lifetime = p.Lifetime
	}
	d := &draft{claims: map[string]any{}, overrides: in.Overrides}
	switch len(in.Audience) {
	case 0:
		d.set("aud", cmp.Or(p.Audience, aws.IssuerOf(in.Issuer).Audience))
	case 1:
		d.set("aud", in.Audience[0])
	default:
		d.set("aud", in.Audience)
	}
	d.set("iss", in.Issuer)
	d.set("jti", id)
	d.set("iat", in.IssuedAt.Unix())
	d.set("nbf", in.IssuedAt.Unix())
	d.set("exp", in.IssuedAt.Add(in.Lifetime).Unix())
	return d, nil
}

// set gives a claim its value, or its override. An override in text for a number
// becomes a number if it reads as one.
func (d *draft) set(name string, value any) {
	override, ok := d.overrides[name]
	if !ok {
		d.claims[name] = value
		return
	}
	if text, isText := override.(string); isText {
		switch value.(type) {
		case int, int64:
			if _, err := strconv.ParseInt(text, 10, 64); err == nil {
				override = json.Number(text)
			}
		}
	}
	d.claims[name] = override
}

// text is a claim that was set, as a string; "" if it is not one.
func (d *draft) text(name string) string { s, _ := d.claims[name].(string); return s }

// optional sets a claim only if it was given.
func (d *draft) optional(names ...string) {
	for _, name := range names {
		if value, ok := d.overrides[name]; ok {
			d.claims[name] = value
		}
	}
}

// done adds the overrides of claims that no profile knows, and removes those set
// to null.
func (d *draft) done() map[string]any {
	maps.Copy(d.claims, without(d.overrides, d.claims))
	for _, name := range slices.Collect(maps.Keys(d.claims)) {
		if d.claims[name] == nil {
			delete(d.claims, name)
		}
	}
	return d.claims
}

func without(all, known map[string]any) map[string]any {
	rest := map[string]any{}
	for name, value := range all {
		if _, ok := known[name]; !ok {
			rest[name] = value
		}
	}
	return rest
}
