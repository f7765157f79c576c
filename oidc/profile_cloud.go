package oidc

import "strings"

// googleClaims makes the claims of a Google service account's token, as the
// metadata server gives it. What to override: sub, the account's number (azp
// follows), email. For the STS, aud is azp, the number, and oaud is the audience
// that was asked for.
func googleClaims(in ProfileInput) (map[string]any, error) {
	d, err := in.start("google")
	if err != nil {
		return nil, err
	}
	d.set("sub", "112233445566778899001")
	d.set("azp", d.text("sub"))
	d.set("email", "app@my-project.iam.gserviceaccount.com")
	d.set("email_verified", true)
	return d.done(), nil
}

// cognitoClaims makes the claims of an identity pool's token. What to override:
// aud (the pool), sub (the identity), amr.
func cognitoClaims(in ProfileInput) (map[string]any, error) {
	d, err := in.start("cognito")
	if err != nil {
		return nil, err
	}
	d.set("sub", "us-east-1:5c6d7e8f-9a0b-4c1d-8e2f-e6f708192031")
	d.set("amr", []string{"unauthenticated"})
	return d.done(), nil
}

// spaceliftClaims makes the claims of SPACELIFT_OIDC_TOKEN. What to override:
// spaceId, callerType (stack or module), callerId, runType, scope (read or write);
// sub follows.
func spaceliftClaims(in ProfileInput) (map[string]any, error) {
	d, err := in.start("spacelift")
	if err != nil {
		return nil, err
	}
	d.set("spaceId", "legacy")
	d.set("callerType", "stack")
	d.set("callerId", "infra")
	d.set("runType", "TRACKED")
	d.set("runId", "01HPSJ0Y8XZ6E8E1V2S3T4R5Q6")
	d.set("scope", "write")
	d.set("sub", "space:"+d.text("spaceId")+":"+d.text("callerType")+":"+d.text("callerId")+
		":run_type:"+d.text("runType")+":scope:"+d.text("scope"))
	return d.done(), nil
}

// vercelClaims makes the claims of a deployment's token. What to override: owner
// (the team), project, environment (production, preview or development); iss, aud
// and sub follow.
func vercelClaims(in ProfileInput) (map[string]any, error) {
	const issuer, team = "https://oidc.vercel.com/", "acme"
	owner := in.given("owner", strings.TrimPrefix(in.Issuer, issuer))
	if owner == "" || owner == in.Issuer { // the global issuer, or none
		owner = in.given("owner", team)
	}
	if in.Issuer == "" || in.Issuer == issuer+team {
		in.Issuer = issuer + owner
	}
	if len(in.Audience) == 0 {
		in.Audience = []string{"https://vercel.com/" + owner}
	}
	d, err := in.start("vercel")
	if err != nil {
		return nil, err
	}
	d.set("owner", owner)
	d.set("owner_id", "team_7Gw5ZMzpQA8h90F832KGp7nw")
	d.set("project", "acme-website")
	d.set("project_id", "prj_Rej9WaMNRbffVm34MfDqa4daCEvZzzE7")
	d.set("environment", "production")
	d.set("sub", "owner:"+d.text("owner")+":project:"+d.text("project")+":environment:"+d.text("environment"))
	return d.done(), nil
}
