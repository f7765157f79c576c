package sts

import (
	"errors"
	"strings"
	"time"

	"github.com/irsa-emu/irsa-emu/api"
	"github.com/irsa-emu/irsa-emu/aws"
	"github.com/irsa-emu/irsa-emu/decision"
	"github.com/irsa-emu/irsa-emu/iam"
	"github.com/irsa-emu/irsa-emu/oidc"
	"github.com/irsa-emu/irsa-emu/policy"
	"github.com/irsa-emu/irsa-emu/wire"
)

type assumeRoleWithWebIdentityInput struct {
	RoleArn                 string             `wire:"required,min=20,max=2048,pattern=IAMTEXT"`
	RoleSessionName         string             `wire:"required,min=2,max=64,pattern=SESSIONNAME"`
	WebIdentityToken        string             `wire:"required,min=4,max=20000,secret"`
	ProviderId              *string            `wire:"min=4,max=2048"`
	PolicyArns              []policyDescriptor `wire:"max=10"`
	Policy                  *string            `wire:"min=1,max=2048,pattern=LATIN1"`
	DurationSeconds         *int               `wire:"min=900,max=43200"`
	MinimumSessionTokenSize int                `wire:"min=0,max=4096"`
}

// assumeRoleWithWebIdentityResult is in the order of AWS's own samples.
type assumeRoleWithWebIdentityResult struct {
	SubjectFromWebIdentityToken string
	Audience                    string
	AssumedRoleUser             assumedRoleUserElement
	Credentials                 webIdentityCredentials
	SourceIdentity              string `wire:"omitempty"`
	// Provider is the provider's ARN, not the issuer that the API reference
	// speaks of (recorded).
	Provider string
	// PackedPolicySize is there without session policies too (recorded).
	PackedPolicySize int
	tokenSize
}

type webIdentityCredentials struct {
	SessionToken    string `wire:"secret"`
	SecretAccessKey string `wire:"secret"`
	Expiration      wire.Time
	AccessKeyId     string
}

const assumeWithWebIdentity = "sts:AssumeRoleWithWebIdentity"

// assumeRoleWithWebIdentity makes its checks in this order, which decides which
// of several mistakes a client is told of:
//
//  1. parameters, session policy included
//  2. the token is a JWT that STS takes, even if there is no such role
//  3. the role: AccessDenied, also for one in another path; then DurationSeconds
//     against its MaxSessionDuration
//  4. the trust policy names, in an Allow statement, a provider that exists or
//     one of the token's issuer: AccessDenied otherwise
//  5. the claims that say who asks are there and readable: iss, sub, aud, azp
//  6. the provider of the role's account for iss: No OpenIDConnect provider found
//  7. the roles claim
//  8. the trust policy with its conditions, then sts:TagSession and
//     sts:SetSourceIdentity where the token has tags or a source identity
//  9. the rest of the token: iat and exp, audience, key, signature, times
//
// Recorded is that 3, a trust policy without an existing provider, an explicit
// deny and a false condition are answered before "claims, audience, key,
// signature, times", and the roles claim before the trust policy. Two things do
// not follow from that alone. A trust policy that names only the provider which
// nobody registered must lead to 6 and not to AccessDenied, or users whose one
// mistake is the missing provider would not see the text that all of them
// report (AWS's troubleshooting pages; configure-aws-credentials 721), and the
// same goes for one of another account, which is the usual try at sharing. And 5
// comes before 6 and 8: legacy tokens, whose issuer is registered nowhere and
// which no condition on aud can match, are refused with "Missing a required
// claim: aud" (aws-sdk-ruby 2698).
//
// That conditions are tried on claims nobody has verified yet is safe, since
// nothing is issued before 9, and spares the signature check for tokens that
// would be refused anyway.
func (s *Service) assumeRoleWithWebIdentity(req *api.Request) (any, *refusal) {
	call := &webIdentityCall{Service: s, req: req}
	for _, stage := range [...]func() *refusal{
		call.parameters, call.parse, call.findRole, call.identify, call.authorize, call.verify,
	} {
		if refused := stage(); refused != nil {
			call.explain()
			return nil, refused
		}
	}
	return call.issue()
}

// webIdentityCall is one call and what its stages have found.
type webIdentityCall struct {
	*Service
	req      *api.Request
	in       assumeRoleWithWebIdentityInput
	account  string // of RoleArn
	policies sessionPolicies
	token    *oidc.Token
	role     *iam.Role
	seconds  int
	// provider is nil as long as none was found; providerARN is then the one that
	// the token's issuer would have.
	provider    *iam.OIDCProvider
	providerARN string
	// claims are unverified before verify. claimErr is what is wrong with those
	// that only verify may refuse.
	claims   *oidc.Claims
	claimErr error
	trust    policy.Named
}

func (c *webIdentityCall) parameters() *refusal {
	if err := c.req.DecodeQuery(&c.in, wire.EchoValues); err != nil {
		return badParameters(err)
	}
	// Decisions are kept, the form with the token in it is not.
	c.in.RoleArn, c.in.RoleSessionName = strings.Clone(c.in.RoleArn), strings.Clone(c.in.RoleSessionName)
	c.req.Decision.Resource = c.in.RoleArn
	arn, err := aws.ParseARN(c.in.RoleArn)
	if err != nil {
		return roleARNInvalid(c.in.RoleArn)
	}
	c.account = arn.Account
	c.seconds = roleSessionDefault
	if c.in.DurationSeconds != nil {
		c.seconds = *c.in.DurationSeconds
	}
	var refused *refusal
	c.policies, refused = readSessionPolicies(c.req.State, c.account, c.in.Policy, c.in.PolicyArns)
	return refused
}

func (c *webIdentityCall) parse() *refusal {
	token, err := oidc.ParseUnverified(c.in.WebIdentityToken)
	if id := c.in.ProviderId; id != nil {
		switch *id {
		case "www.amazon.com":
			if err == nil {
				return notLoginWithAmazon()
			}
			return notImplemented("AssumeRoleWithWebIdentity for Login with Amazon")
		case "graph.facebook.com":
			return rejectedByFacebook()
		}
		return unknownOAuthProvider(*id)
	}
	if err != nil {
		return tokenRefused(err)
	}
	c.token = token
	return nil
}

func (c *webIdentityCall) findRole() *refusal {
	role, why := c.visibleRole(c.req, c.in.RoleArn)
	if role == nil {
		return webIdentityDenied(assumeWithWebIdentity, decision.RoleNotFound).because(decision.RoleNotFound, "%s", why)
	}
	c.role = role
	c.trust = policy.Named{Name: c.in.RoleArn, Type: policy.TrustPolicy, Document: role.Trust.Parsed}
	if c.seconds > role.MaxSessionDuration {
		return durationOverRole(c.seconds, role.MaxSessionDuration)
	}
	return nil
}

// identify finds out who the token says it is from, and that issuer's provider.
func (c *webIdentityCall) identify() *refusal {
	issuer := c.token.Issuer()
	c.providerARN = providerARN(c.account, issuer)
	if p, ok := iam.ProviderByURL(c.req.State, c.account, issuer); ok && c.propagated(p.Created, c.req.Now) {
		c.provider = p
		c.req.Decision.Provider = c.providerARN
	}
	c.claims, c.claimErr = c.token.ReadClaims()
	if c.claimErr != nil {
		c.claims = identityClaims(c.token, c.claimErr)
	}
	if c.provider != nil && c.claims != nil {
		return nil
	}
	if !c.trustNamesProvider() {
		return webIdentityDenied(assumeWithWebIdentity, decision.TrustPolicy).
			because(decision.TrustPolicy, "the trust policy of %s names no OIDC provider that exists, and none of the token's issuer %q", c.role.ARN(), issuer)
	}
	if c.claims == nil {
		return tokenRefused(c.claimErr)
	}
	return tokenRefused(oidc.NoProvider(issuer, c.registeredIssuers()))
}

// trustNamesProvider says whether the trust policy could concern this call at
// all; see the order of checks.
func (c *webIdentityCall) trustNamesProvider() bool {
	if c.trust.Document == nil {
		return false
	}
	for i := range c.trust.Document.Statements {
		st := &c.trust.Document.Statements[i]
		if st.Effect != "Allow" || st.Principals.Not {
			continue
		}
		for _, principal := range st.Principals.Values {
			arn, ok := strings.CutPrefix(principal, "Federated: ")
			if !ok || providerURL(arn) == "" {
				continue
			}
			if providerURL(arn) == providerURL(c.providerARN) {
				return true
			}
			if p, ok := iam.ProviderByURL(c.req.State, providerAccount(arn), providerURL(arn)); ok && c.propagated(p.Created, c.req.Now) {
				return true
			}
		}
	}
	return false
}

// authorize asks the roles claim, then the trust policy: every action that the
// token needs, so that the explanation has them all.
func (c *webIdentityCall) authorize() *refusal {
	var claim *oidc.TokenError
	if errors.As(c.claimErr, &claim) && claim.Reason == oidc.ReasonRolesClaim {
		return tokenRefused(claim)
	}
	if err := c.claims.AuthorizeRole(c.in.RoleArn); err != nil {
		return tokenRefused(err)
	}
	return c.evaluate()
}

func (c *webIdentityCall) evaluate() *refusal {
	actions := []string{assumeWithWebIdentity}
	if len(c.claims.Tags) > 0 {
		actions = append(actions, "sts:TagSession")
	}
	if c.claims.SourceIdentity != "" {
		actions = append(actions, "sts:SetSourceIdentity")
	}
	ctx := c.req.ContextKeys()
	id := WebIdentity{
		Claims: c.claims, Provider: c.providerARN, RoleSessionName: c.in.RoleSessionName,
		RoleARN: c.in.RoleArn, RoleTags: c.role.Tags, Now: c.req.Now,
	}
	id.addKeys(ctx)
	var first *refusal
	for _, action := range actions {
		d := policy.Evaluate(policy.Policies{Trust: &c.trust, ResourceAccount: c.account}, policy.Request{
			Action: action, Resource: c.in.RoleArn,
			Principal: policy.Principal{Account: c.account, Federated: c.providerARN}, Context: ctx,
		})
		c.req.Decision.Checks = append(c.req.Decision.Checks, decision.Check{Action: action, Resource: c.in.RoleArn, Decision: d})
		if !d.Allowed && first == nil {
			first = webIdentityDenied(action, decision.TrustPolicy).explained(d)
		}
	}
	return first
}

func (c *webIdentityCall) verify() *refusal {
	claims, err := c.config.Verifier.Verify(c.req.HTTP.Context(), oidc.Provider{
		URL: "https://" + c.provider.URL, ClientIDs: c.provider.ClientIDs, Thumbprints: c.provider.Thumbprints,
	}, c.token)
	if err != nil {
		return tokenRefused(err)
	}
	if c.claimErr != nil { // cannot be: Verify reads the same claims
		return tokenRefused(c.claimErr)
	}
	c.claims = claims
	return nil
}

func (c *webIdentityCall) issue() (any, *refusal) {
	tags := claimedTags(c.claims)
	session := &Session{
		Kind: WebIdentitySession, Account: c.account, Name: c.in.RoleSessionName, RoleID: c.role.ID, Issued: wholeSecond(c.req.Now),
		Tags: tags.list, TransitiveKeys: tags.transitive, SourceIdentity: c.claims.SourceIdentity,
		Provider: c.providerARN, Audience: c.claims.Audience, Subject: c.claims.Subject, AMR: c.claims.AMR,
	}
	// The token's own exp does not cap the session (recorded).
	session.Expires = session.Issued.Add(time.Duration(c.seconds) * time.Second)
	c.policies.apply(session)
	user := assumedRoleUserElement{AssumedRoleId: c.role.ID + ":" + session.Name, Arn: assumedRoleARN(c.role, session.Name)}
	credentials, refused := c.Service.issue(c.req, session, user.Arn, c.in.MinimumSessionTokenSize)
	if refused != nil {
		c.explain()
		return nil, refused
	}
	c.describeToken()
	size := sizeOf(credentials)
	return assumeRoleWithWebIdentityResult{
		SubjectFromWebIdentityToken: c.claims.Subject, Audience: c.claims.Audience, AssumedRoleUser: user,
		Credentials: webIdentityCredentials{
			SessionToken: credentials.SessionToken, SecretAccessKey: credentials.SecretAccessKey,
			Expiration: wire.At(credentials.Expiration), AccessKeyId: credentials.AccessKeyID,
		},
		SourceIdentity: session.SourceIdentity, Provider: c.providerARN,
		PackedPolicySize: size.SessionTokenUtilization, tokenSize: size,
	}, nil
}

// explain completes the decision of a refused call with all that can still be
// said: the token's claims, and how the trust policy would have decided.
func (c *webIdentityCall) explain() {
	if c.token == nil {
		return
	}
	if c.role != nil && c.providerARN == "" {
		c.identify() // for what it finds; the call was refused before
	}
	if c.claims == nil {
		c.claims, _ = c.token.ReadClaims() // what is wrong was answered already
	}
	c.describeToken()
	if c.claims == nil {
		all := oidc.Claims{Raw: c.token.Payload()}
		c.req.Decision.Token.Claims = all.Map()
		return
	}
	c.req.Decision.Token.Claims = c.claims.Map()
	if c.role != nil && len(c.req.Decision.Checks) == 0 {
		c.evaluate()
	}
}

func (c *webIdentityCall) describeToken() {
	t := &decision.Token{KeyID: c.token.Header.KeyID, Algorithm: c.token.Header.Algorithm}
	if c.claims == nil {
		t.Issuer, t.Subject = c.token.Issuer(), c.token.Subject()
	} else {
		t.Issuer, t.Subject = c.claims.Issuer, c.claims.Subject
		t.Audience = c.claims.OriginalAudience
		t.PinnedKeys = c.claims.PinnedKeys
		t.IssuedAt, t.Expires = unixTime(c.claims.IssuedAt), unixTime(c.claims.Expires)
	}
	c.req.Decision.Token = t
}

func unixTime(seconds int64) time.Time {
	if seconds == 0 {
		return time.Time{}
	}
	return time.Unix(seconds, 0).UTC()
}

// registeredIssuers are the issuers of the role's account, for the explanation.
func (c *webIdentityCall) registeredIssuers() []string {
	var issuers []string
	for p := range providersOf(c.req.State, c.account) {
		issuers = append(issuers, "https://"+p.URL)
	}
	return issuers
}
