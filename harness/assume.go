package harness

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"

	"github.com/irsa-emu/irsa-emu/aws"
	"github.com/irsa-emu/irsa-emu/oidc"
	"github.com/irsa-emu/irsa-emu/policy"
	"github.com/irsa-emu/irsa-emu/statefile"
	"github.com/irsa-emu/irsa-emu/statefile/strictyaml"
)

// Identity is whose web identity token is used.
type Identity struct {
	ServiceAccount string         `json:"serviceAccount,omitempty" jsonschema_description:"NAMESPACE/NAME"`
	Pod            string         `json:"pod,omitempty" jsonschema_description:"Name of the pod that the token is bound to."`
	Issuer         string         `json:"issuer,omitempty" jsonschema_description:"Another issuer than the cluster's: that of one of the cluster's others, else one that the emulator signs for."`
	Subject        string         `json:"subject,omitempty" jsonschema_description:"The sub claim, in place of a service account."`
	Profile        string         `json:"profile,omitempty" jsonschema:"enum=github,enum=github-immutable,enum=gitlab,enum=hcp-terraform,enum=circleci,enum=circleci-v2,enum=bitbucket,enum=buildkite,enum=azure-devops,enum=google,enum=cognito,enum=spacelift,enum=vercel" jsonschema_description:"A token in the shape of another issuer's, in place of a service account."`
	Audience       Strings        `json:"audience,omitempty" jsonschema_description:"The aud claim; sts.amazonaws.com when left out."`
	TokenLife      Duration       `json:"tokenLife,omitempty" jsonschema_description:"How long the token is good, such as 10m; 24h when left out."`
	Claims         statefile.JSON `json:"claims,omitzero" jsonschema_description:"Claims put over the token's own; null takes one away."`
	PodIdentity    string         `json:"podIdentity,omitempty" jsonschema_description:"NAMESPACE/NAME of a service account whose pods get a role by EKS Pod Identity, in place of serviceAccount and role. The token is for pods.eks.amazonaws.com and bound to a pod."`
	Cluster        string         `json:"cluster,omitempty" jsonschema_description:"With podIdentity: name of the EKS cluster whose association counts; the only one when left out."`

	standIn bool // the pod is made if nobody has
}

// foreign reports whether the token is not one of the cluster's.
func (id *Identity) foreign() bool { return id.Issuer != "" || id.Subject != "" || id.Profile != "" }

func (id *Identity) claims() map[string]any {
	if id.Claims.IsZero() {
		return nil
	}
	var claims map[string]any
	if err := json.Unmarshal(id.Claims, &claims); err != nil {
		return nil // refused by check before
	}
	return claims
}

// written reports whether any identity is named.
func (id *Identity) written() bool {
	return id.ServiceAccount != "" || id.Subject != "" || id.Profile != "" || id.PodIdentity != ""
}

func (id *Identity) check(d *strictyaml.Decoder, path string) {
	who := nonEmpty(id.ServiceAccount, id.PodIdentity, id.Subject, id.Profile)
	if len(who) > 1 && (len(who) > 2 || id.ServiceAccount != "" || id.PodIdentity != "") {
		d.PathErrorf(path, "write one of serviceAccount, podIdentity, subject and profile")
	}
	for name, account := range map[string]string{"serviceAccount": id.ServiceAccount, "podIdentity": id.PodIdentity} {
		if account != "" && !aws.IsServiceAccount(account) {
			d.PathErrorf(path+"."+name, "%q; write NAMESPACE/NAME", account)
		}
	}
	if id.Pod != "" && id.ServiceAccount == "" && id.PodIdentity == "" {
		d.PathErrorf(path+".pod", "only a service account's token is bound to a pod; write serviceAccount or podIdentity too")
	}
	if id.Cluster != "" && id.PodIdentity == "" {
		d.PathErrorf(path+".cluster", "names the cluster of an association; write podIdentity too, or leave it out")
	}
	if id.Profile != "" {
		if _, err := oidc.ProfileNamed(id.Profile); err != nil {
			d.PathErrorf(path+".profile", "%q; write one of %s", id.Profile, oidc.ProfileNames())
		}
	}
	if id.Issuer != "" {
		checkIssuer(d, path+".issuer", id.Issuer)
	}
	checkObject(d, path+".claims", id.Claims)
}

func checkObject(d *strictyaml.Decoder, path string, j statefile.JSON) map[string]any {
	var members map[string]any
	if !j.IsZero() && json.Unmarshal(j, &members) != nil {
		d.PathErrorf(path, "%.40s where a mapping is wanted", j)
	}
	return members
}

// Assume gets a role's credentials: by AssumeRoleWithWebIdentity with a
// token, or by AssumeRole with what an earlier step got.
type Assume struct {
	Identity
	As                string             `json:"as,omitempty" jsonschema_description:"Name of an earlier step whose credentials call AssumeRole; administrator for the account's."`
	Account           string             `json:"account,omitempty" jsonschema_description:"With as: administrator, the account's twelve digits."`
	OutboundToken     *OutboundToken     `json:"outboundToken,omitempty" jsonschema_description:"With as: those credentials ask for a token of their own account's issuer (sts:GetWebIdentityToken), and it assumes the role."`
	TokenOf           string             `json:"tokenOf,omitempty" jsonschema_description:"Name of an earlier step whose token is used again."`
	Token             *statefile.Text    `json:"token,omitempty" jsonschema_description:"The token itself, in place of one that is requested."`
	Role              string             `json:"role,omitempty" jsonschema_description:"The role's ARN; with podIdentity the association's counts."`
	SessionName       string             `json:"sessionName,omitempty" jsonschema_description:"The scenario's name when left out."`
	DurationSeconds   int                `json:"durationSeconds,omitempty"`
	Policy            statefile.Document `json:"policy,omitzero" jsonschema_description:"Session policy: IAM JSON, inline or {file: policy.json}."`
	PolicyARNs        []string           `json:"policyARNs,omitempty" jsonschema_description:"ARNs of managed policies as session policies."`
	Tags              map[string]string  `json:"tags,omitempty" jsonschema_description:"Session tags of AssumeRole; a web identity's are claims."`
	TransitiveTagKeys []string           `json:"transitiveTagKeys,omitempty"`
	ExternalID        string             `json:"externalId,omitempty"`
	SourceIdentity    string             `json:"sourceIdentity,omitempty"`

	Expect AssumeExpect `json:"-"`
}

// AssumeExpect is what must come of an assume step.
type AssumeExpect struct {
	ARN            string    `json:"arn,omitempty" jsonschema_description:"ARN of the session; * stands for any characters."`
	Audience       string    `json:"audience,omitempty"`
	Provider       string    `json:"provider,omitempty" jsonschema_description:"ARN of the OIDC provider."`
	Subject        string    `json:"subject,omitempty"`
	SourceIdentity string    `json:"sourceIdentity,omitempty"`
	ExpiresIn      *Duration `json:"expiresIn,omitempty" jsonschema_description:"How long the credentials are good, such as 1h."`
	Refusal
}

func (a *Assume) expectation() any { return &a.Expect }

// Needs are claims when a service account's token must have its own.
func (a *Assume) Needs() []Need {
	if (a.ServiceAccount != "" || a.PodIdentity != "") && !a.foreign() && !a.Claims.IsZero() {
		return []Need{NeedClaims}
	}
	return nil
}

// administratorName stands in as for an account's administrator.
const administratorName = "administrator"

// After are the steps that it takes credentials or a token from.
func (a *Assume) After() []string {
	after := nonEmpty(a.TokenOf)
	if a.As != administratorName {
		after = append(after, nonEmpty(a.As)...)
	}
	return after
}

// Changes is false: credentials change nothing.
func (a *Assume) Changes() bool { return false }

func (a *Assume) check(d *strictyaml.Decoder, path string) {
	a.Identity.check(d, path)
	sources := nonEmpty(a.As, a.TokenOf)
	if a.written() && (a.PodIdentity == "" || len(sources) == 0 && a.Token == nil) {
		sources = append(sources, "identity")
	}
	if a.Token != nil {
		sources = append(sources, "token")
	}
	if len(sources) != 1 {
		d.PathErrorf(path, "who assumes the role? write one of serviceAccount, podIdentity, subject, profile, token, tokenOf and as")
	}
	switch {
	case a.PodIdentity != "":
		a.checkPodIdentity(d, path)
	case a.Role == "" && !d.Written(path+".role"):
		d.PathErrorf(path, "the field role is missing; write the role's ARN")
	}
	if a.OutboundToken != nil && a.As == "" {
		d.PathErrorf(path+".outboundToken", "whose token? write as too")
	}
	if a.As == "" {
		for name, written := range map[string]bool{
			"tags": a.Tags != nil, "transitiveTagKeys": a.TransitiveTagKeys != nil, "externalId": a.ExternalID != "",
			"sourceIdentity": a.SourceIdentity != "", "account": a.Account != "",
		} {
			if written {
				d.PathErrorf(path+"."+name, "is a parameter of AssumeRole; write as, or put it into the token's claims")
			}
		}
	}
	if !a.Policy.IsZero() {
		statefile.ReportPolicy(d, path+".policy", a.Policy, policy.ValidateSession)
	}
	a.Expect.check(d, strings.TrimSuffix(path, "assume")+"expect")
}

// checkPodIdentity refuses what the association says, or EKS.
func (a *Assume) checkPodIdentity(d *strictyaml.Decoder, path string) {
	for name, written := range map[string]bool{
		"as": a.As != "", "role": a.Role != "", "sessionName": a.SessionName != "", "durationSeconds": a.DurationSeconds != 0, "policy": !a.Policy.IsZero(), "policyARNs": a.PolicyARNs != nil,
	} {
		if written {
			d.PathErrorf(path+"."+name, "with podIdentity, the association and EKS say it; leave it out")
		}
	}
}

func (r *Refusal) check(d *strictyaml.Decoder, path string) {
	if r.Error == "" && (r.Message != "" || r.Because != nil) {
		d.PathErrorf(path, "message and because are about a refusal; write error too, such as error: AccessDenied")
	}
	if r.Because == nil {
		return
	}
	switch r.Because.Policy {
	case "", "trust", "identity", "boundary", "session", "resource":
	default:
		d.PathErrorf(path+".because.policy", "%q; write trust, identity, boundary, session or resource", r.Because.Policy)
	}
	switch r.Because.Outcome {
	case "", "implicitDeny", "explicitDeny":
	default:
		d.PathErrorf(path+".because.outcome", "%q; write implicitDeny or explicitDeny", r.Because.Outcome)
	}
}

func (a *Assume) perform(ctx context.Context, s *stage) (*outcome, error) {
	began, err := s.control.Clock(ctx)
	if err != nil {
		return nil, err
	}
	got, token, err := a.assume(ctx, s)
	if err != nil {
		return nil, err
	}
	x := &a.Expect
	if a.PodIdentity != "" && !got.refused() {
		got.output = asAssumed(got.output)
	}
	o := s.judge(ctx, got, &x.Refusal, func() (m []Mismatch) {
		m = compare(m, "arn", x.ARN, text(got.output, "AssumedRoleUser", "Arn"))
		m = compare(m, "audience", x.Audience, text(got.output, "Audience"))
		m = compare(m, "provider", x.Provider, text(got.output, "Provider"))
		m = compare(m, "subject", x.Subject, text(got.output, "SubjectFromWebIdentityToken"))
		m = compare(m, "sourceIdentity", x.SourceIdentity, text(got.output, "SourceIdentity"))
		if x.ExpiresIn != nil {
			m = compareLife(m, time.Duration(*x.ExpiresIn), began.Now, text(got.output, "Credentials", "Expiration"))
		}
		return m
	})
	o.session = &session{token: token}
	if !got.refused() {
		o.summary = text(got.output, "AssumedRoleUser", "Arn")
		o.session.credentials = credentialsOf(got.output)
	}
	return o, nil
}

// assume makes the call, and gives back the web identity token that it used.
func (a *Assume) assume(ctx context.Context, s *stage) (*answer, string, error) {
	if a.PodIdentity != "" {
		return a.assumePodIdentity(ctx, s)
	}
	input := map[string]any{"RoleArn": a.Role, "RoleSessionName": a.SessionName}
	if a.SessionName == "" {
		input["RoleSessionName"] = s.sessionName()
	}
	if a.DurationSeconds != 0 {
		input["DurationSeconds"] = a.DurationSeconds
	}
	if !a.Policy.IsZero() {
		input["Policy"] = a.Policy.Text()
	}
	for _, arn := range a.PolicyARNs {
		input["PolicyArns"] = append(items(input["PolicyArns"]), map[string]any{"arn": arn})
	}
	if a.As != "" && a.OutboundToken == nil {
		got, err := a.assumeRole(ctx, s, input)
		return got, "", err
	}
	token, refused, err := a.webIdentityToken(ctx, s)
	if err != nil || refused != nil {
		return refused, "", err
	}
	input["WebIdentityToken"] = token
	got, err := call(ctx, s.awsConfig(sdk.AnonymousCredentials{}, ""), "sts", "AssumeRoleWithWebIdentity", input)
	return got, token, err
}

// webIdentityToken is the token that is used; refused is the answer when the STS
// makes none.
func (a *Assume) webIdentityToken(ctx context.Context, s *stage) (token string, refused *answer, err error) {
	switch {
	case a.OutboundToken != nil:
		return a.outboundToken(ctx, s)
	case a.Token != nil:
		return string(*a.Token), nil, nil
	case a.TokenOf != "":
		earlier, ok := s.sessions[a.TokenOf]
		if !ok || earlier.token == "" {
			return "", nil, fmt.Errorf("step %q used no token", a.TokenOf)
		}
		return earlier.token, nil, nil
	case a.PodIdentity != "":
		token, err = s.podToken(ctx, a.Identity)
	default:
		token, err = s.token(ctx, a.Identity)
	}
	return token, nil, err
}

func (a *Assume) assumeRole(ctx context.Context, s *stage, input map[string]any) (*answer, error) {
	provider, err := a.caller(s)
	if err != nil {
		return nil, err
	}
	for key, value := range a.Tags {
		input["Tags"] = append(items(input["Tags"]), map[string]any{"Key": key, "Value": value})
	}
	if a.TransitiveTagKeys != nil {
		input["TransitiveTagKeys"] = a.TransitiveTagKeys
	}
	if a.ExternalID != "" {
		input["ExternalId"] = a.ExternalID
	}
	if a.SourceIdentity != "" {
		input["SourceIdentity"] = a.SourceIdentity
	}
	return call(ctx, s.awsConfig(provider, ""), "sts", "AssumeRole", input)
}

// caller are the credentials that as names.
func (a *Assume) caller(s *stage) (sdk.CredentialsProvider, error) {
	if a.As == administratorName {
		return s.administrator(a.Account), nil
	}
	return s.of(a.As)
}

func items(v any) []any { list, _ := v.([]any); return list }

// call is callAPI with an input that is not text yet.
func call(ctx context.Context, config sdk.Config, service, operation string, input any) (*answer, error) {
	raw, err := json.Marshal(input)
	if err != nil {
		return nil, err
	}
	return callAPI(ctx, config, service, operation, raw)
}

// text is a member of an output, or "".
func text(output map[string]any, names ...string) string {
	var v any = output
	for _, name := range names {
		members, _ := v.(map[string]any)
		v = members[name]
	}
	s, _ := v.(string)
	return s
}

func credentialsOf(output map[string]any) sdk.Credentials {
	return sdk.Credentials{
		AccessKeyID: text(output, "Credentials", "AccessKeyId"), SecretAccessKey: text(output, "Credentials", "SecretAccessKey"),
		SessionToken: text(output, "Credentials", "SessionToken"), Source: "irsa-emu scenario",
	}
}

// lifeSlack is how far a session's end may be from what was expected: a call takes time.
const lifeSlack = 30 * time.Second

func compareLife(to []Mismatch, want time.Duration, started time.Time, expiration string) []Mismatch {
	end, err := time.Parse(time.RFC3339, expiration)
	if err != nil {
		return append(to, Mismatch{"expiresIn", want.String(), expiration})
	}
	if got := end.Sub(started); (got - want).Abs() > lifeSlack {
		return append(to, Mismatch{"expiresIn", want.String(), got.Round(time.Second).String()})
	}
	return to
}
