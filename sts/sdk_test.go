package sts

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	sdk "github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/aws-sdk-go-v2/service/sts/types"
	"github.com/aws/smithy-go"

	"github.com/irsa-emu/irsa-emu/api"
	"github.com/irsa-emu/irsa-emu/decision"
	"github.com/irsa-emu/irsa-emu/iam"
	"github.com/irsa-emu/irsa-emu/wire"
)

// serve is the least that must stand before the STS: it reads the call and
// checks its signature. Signatures are held against the real clock.
func (f *fixture) serve(t *testing.T) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		call := &wire.Call{ID: wire.NewRequestID(), Service: "sts", Region: "us-east-1", HTTP: r, Body: body, WantJSON: wire.WantsJSON(r)}
		if call.Action, call.Version, call.Form, err = wire.ReadQuery(r, body); err != nil {
			t.Error(err)
			return
		}
		req := &api.Request{Call: call, State: f.store.Snapshot(), Now: f.now, PoliciesOf: iam.PoliciesOf, Decision: &decision.Decision{}}
		if !f.Describe().IsUnsigned(call.Action) {
			if err := f.signed(req); err != nil {
				wire.WriteQueryError(w, call, Namespace, err.Query())
				return
			}
		}
		api.Answer(f.Service, w, req)
	}))
	t.Cleanup(server.Close)
	return server.URL
}

func (f *fixture) signed(req *api.Request) *wire.AuthError {
	var refused *wire.AuthError
	sig, err := wire.ParseSignature(req.HTTP)
	if errors.As(err, &refused) {
		return refused
	}
	if sig == nil {
		return wire.MissingAuthentication()
	}
	p, secret, refused := f.Authenticate(req.State, sig, req.Now)
	if refused != nil {
		return refused
	}
	if err := sig.Verify(req.HTTP, secret, time.Now(), wire.VerifyOptions{Service: "sts", Body: req.Body}); errors.As(err, &refused) {
		return refused
	}
	req.Principal = p
	return nil
}

func client(url string, provider aws.CredentialsProvider) *sdk.Client {
	return sdk.New(sdk.Options{Region: "us-east-1", BaseEndpoint: &url, Credentials: provider, RetryMaxAttempts: 1})
}

func static(c *types.Credentials) aws.CredentialsProvider {
	return credentials.NewStaticCredentialsProvider(*c.AccessKeyId, *c.SecretAccessKey, *c.SessionToken)
}

// TestSDK is the whole life of credentials, seen by AWS's own client.
func TestSDK(t *testing.T) {
	f := newFixture(t)
	endpoint := f.serve(t)
	ctx := context.Background()
	anonymous := client(endpoint, aws.AnonymousCredentials{})

	web, err := anonymous.AssumeRoleWithWebIdentity(ctx, &sdk.AssumeRoleWithWebIdentityInput{
		RoleArn: aws.String("arn:aws:iam::" + home + ":role/open"), RoleSessionName: aws.String("session"), WebIdentityToken: aws.String(sign(t, claims())),
	})
	if err != nil {
		t.Fatal(err)
	}
	if *web.Provider != providerARN(home, issuer) || *web.SubjectFromWebIdentityToken != subject || *web.Audience != "sts.amazonaws.com" {
		t.Errorf("%s %s %s", *web.Provider, *web.SubjectFromWebIdentityToken, *web.Audience)
	}
	//lint:ignore SA1019 older clients read it, and AWS still sends it
	if web.PackedPolicySize == nil || web.SessionTokenSize == nil || int(*web.SessionTokenSize) != len(*web.Credentials.SessionToken) || web.SessionTokenUtilization == nil {
		t.Error("the sizes of the token are missing")
	}
	if !web.Credentials.Expiration.Equal(epoch.Add(time.Hour)) {
		t.Errorf("expires %s", web.Credentials.Expiration)
	}
	asSession := client(endpoint, static(web.Credentials))
	who, err := asSession.GetCallerIdentity(ctx, nil)
	if err != nil {
		t.Fatal(err)
	}
	if *who.Arn != *web.AssumedRoleUser.Arn || *who.UserId != *web.AssumedRoleUser.AssumedRoleId || *who.Account != home {
		t.Errorf("%s %s %s", *who.Arn, *who.UserId, *who.Account)
	}
	next, err := asSession.AssumeRole(ctx, &sdk.AssumeRoleInput{
		RoleArn: aws.String("arn:aws:iam::" + home + ":role/next"), RoleSessionName: aws.String("second"),
		Tags: []types.Tag{{Key: aws.String("Stage"), Value: aws.String("test")}}, TransitiveTagKeys: []string{"Stage"},
	})
	if err != nil {
		t.Fatal(err)
	}
	if who, err = client(endpoint, static(next.Credentials)).GetCallerIdentity(ctx, nil); err != nil || *who.Arn != "arn:aws:sts::"+home+":assumed-role/next/second" {
		t.Errorf("%+v %v", who, err)
	}
	info, err := client(endpoint, credentials.NewStaticCredentialsProvider("test", "test", "")).GetAccessKeyInfo(ctx, &sdk.GetAccessKeyInfoInput{AccessKeyId: next.Credentials.AccessKeyId})
	if err != nil || *info.Account != home {
		t.Errorf("%+v %v", info, err)
	}
	alice := client(endpoint, credentials.NewStaticCredentialsProvider(userKey, "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", ""))
	token, err := alice.GetSessionToken(ctx, nil)
	if err != nil {
		t.Fatal(err)
	}
	if who, err = client(endpoint, static(token.Credentials)).GetCallerIdentity(ctx, nil); err != nil || *who.Arn != "arn:aws:iam::"+home+":user/alice" {
		t.Errorf("%+v %v", who, err)
	}
	federated, err := alice.GetFederationToken(ctx, &sdk.GetFederationTokenInput{Name: aws.String("bob")})
	//lint:ignore SA1019 older clients read it, and AWS still sends it
	if err != nil || *federated.PackedPolicySize != 0 || *federated.FederatedUser.FederatedUserId != home+":bob" {
		t.Errorf("%+v %v", federated, err)
	}
}

// TestSDKErrors: the codes are those that the SDK knows as types.
func TestSDKErrors(t *testing.T) {
	f := newFixture(t)
	endpoint := f.serve(t)
	ctx := context.Background()
	anonymous := client(endpoint, aws.AnonymousCredentials{})
	assume := func(change func(map[string]any), policy *string) error {
		web := claims()
		change(web)
		_, err := anonymous.AssumeRoleWithWebIdentity(ctx, &sdk.AssumeRoleWithWebIdentityInput{
			RoleArn: aws.String("arn:aws:iam::" + home + ":role/open"), RoleSessionName: aws.String("session"),
			WebIdentityToken: aws.String(sign(t, web)), Policy: policy,
		})
		return err
	}
	var expired *types.ExpiredTokenException
	if err := assume(func(c map[string]any) { c["exp"] = epoch.Add(-time.Hour).Unix() }, nil); !errors.As(err, &expired) {
		t.Errorf("expired: %v", err)
	}
	var invalid *types.InvalidIdentityTokenException
	if err := assume(func(c map[string]any) { c["aud"] = "other" }, nil); !errors.As(err, &invalid) {
		t.Errorf("audience: %v", err)
	}
	var malformed *types.MalformedPolicyDocumentException
	if err := assume(func(map[string]any) {}, aws.String("{")); !errors.As(err, &malformed) {
		t.Errorf("policy: %v", err)
	}
	code := func(err error) string {
		var e smithy.APIError
		if !errors.As(err, &e) {
			return "no API error"
		}
		return e.ErrorCode()
	}
	_, err := client(endpoint, credentials.NewStaticCredentialsProvider("test", "wrong", "")).GetCallerIdentity(ctx, nil)
	if code(err) != "SignatureDoesNotMatch" {
		t.Errorf("wrong secret: %v", err)
	}
	// A session token cannot be used with a secret of one's own.
	c := f.session(t)
	_, err = client(endpoint, credentials.NewStaticCredentialsProvider(c.AccessKeyID, strings.Repeat("a", 40), c.SessionToken())).GetCallerIdentity(ctx, nil)
	if code(err) != "SignatureDoesNotMatch" {
		t.Errorf("wrong secret of a session: %v", err)
	}
	_, err = client(endpoint, credentials.NewStaticCredentialsProvider(c.AccessKeyID, c.SecretAccessKey, "")).GetCallerIdentity(ctx, nil)
	if code(err) != "InvalidClientTokenId" {
		t.Errorf("no session token: %v", err)
	}
	f.now = epoch.Add(2 * time.Hour)
	_, err = client(endpoint, credentials.NewStaticCredentialsProvider(c.AccessKeyID, c.SecretAccessKey, c.SessionToken())).GetCallerIdentity(ctx, nil)
	if code(err) != "ExpiredToken" {
		t.Errorf("expired session: %v", err)
	}
}

// TestPresigned is what aws eks get-token and its authenticator do: a presigned
// GET with a signed header of theirs, answered in JSON.
func TestPresigned(t *testing.T) {
	f := newFixture(t)
	endpoint := f.serve(t)
	c := f.session(t)
	presigner := sdk.NewPresignClient(client(endpoint, credentials.NewStaticCredentialsProvider(c.AccessKeyID, c.SecretAccessKey, c.SessionToken())))
	signed, err := presigner.PresignGetCallerIdentity(context.Background(), nil)
	if err != nil {
		t.Fatal(err)
	}
	get := func(target string) *http.Response {
		t.Helper()
		r, err := http.NewRequest(http.MethodGet, target, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Accept", "application/json")
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { answer.Body.Close() })
		return answer
	}
	answer := get(signed.URL)
	var body struct {
		GetCallerIdentityResponse struct {
			GetCallerIdentityResult struct{ Account, Arn, UserId string }
		}
	}
	if err := json.NewDecoder(answer.Body).Decode(&body); err != nil || answer.StatusCode != 200 {
		t.Fatalf("%d %v", answer.StatusCode, err)
	}
	if got := body.GetCallerIdentityResponse.GetCallerIdentityResult; got.Arn != "arn:aws:sts::"+home+":assumed-role/open/session" || got.Account != home {
		t.Errorf("%+v", got)
	}
	// The token in the URL counts as much as one in a header.
	u, err := url.Parse(signed.URL)
	if err != nil {
		t.Fatal(err)
	}
	query := u.Query()
	query.Set("X-Amz-Security-Token", query.Get("X-Amz-Security-Token")[:40])
	u.RawQuery = query.Encode()
	if answer := get(u.String()); answer.StatusCode != 403 {
		t.Errorf("a cut token: %d", answer.StatusCode)
	}
}
