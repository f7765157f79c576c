package emulator

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/eksauth"
	awssts "github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"

	"github.com/irsa-emu/irsa-emu/control"
	"github.com/irsa-emu/irsa-emu/statefile"
)

const shortSessionState = `
apiVersion: irsa-emu.dev/v1
kind: State
clusters:
  prod:
    issuer: https://oidc.eks.us-west-2.amazonaws.com/id/PODS
    region: us-west-2
    podIdentityAssociations: [{serviceAccount: shop/api, role: "arn:aws:iam::111122223333:role/App"}]
accounts:
  "111122223333":
    oidcProviders: [{url: "https://oidc.eks.us-west-2.amazonaws.com/id/PODS", clientIDs: [sts.amazonaws.com]}]
    roles:
      - name: App
        trustPolicy:
          Version: "2012-10-17"
          Statement:
            - {Effect: Allow, Principal: {Service: pods.eks.amazonaws.com}, Action: ["sts:AssumeRole", "sts:TagSession"]}
            - {Effect: Allow, Principal: {AWS: "arn:aws:iam::111122223333:root"}, Action: "sts:AssumeRole"}
            - Effect: Allow
              Principal: {Federated: "arn:aws:iam::111122223333:oidc-provider/oidc.eks.us-west-2.amazonaws.com/id/PODS"}
              Action: sts:AssumeRoleWithWebIdentity
              Condition: {StringEquals: {"oidc.eks.us-west-2.amazonaws.com/id/PODS:sub": "system:serviceaccount:shop:api"}}
`

// shortSessions are the ways to a session, in an emulator where a fault makes
// sessions short.
func shortSessions(t *testing.T, emu *Running) map[string]func() (key, secret, token string, ends time.Time, err error) {
	config := emu.AWSConfig()
	client := awssts.NewFromConfig(config)
	role := aws.String("arn:aws:iam::111122223333:role/App")
	token := func(audience string) *string {
		token, err := emu.Token(t.Context(), control.TokenRequest{ServiceAccount: "shop/api", Audience: []string{audience}, Pod: "api-0"})
		if err != nil {
			t.Fatal(err)
		}
		return &token
	}
	return map[string]func() (key, secret, token string, ends time.Time, err error){
		"AssumeRoleWithWebIdentity": func() (string, string, string, time.Time, error) {
			out, err := client.AssumeRoleWithWebIdentity(t.Context(), &awssts.AssumeRoleWithWebIdentityInput{RoleArn: role, RoleSessionName: aws.String("suite"), WebIdentityToken: token("sts.amazonaws.com")})
			if err != nil {
				return "", "", "", time.Time{}, err
			}
			return *out.Credentials.AccessKeyId, *out.Credentials.SecretAccessKey, *out.Credentials.SessionToken, *out.Credentials.Expiration, nil
		},
		"AssumeRole": func() (string, string, string, time.Time, error) {
			out, err := client.AssumeRole(t.Context(), &awssts.AssumeRoleInput{RoleArn: role, RoleSessionName: aws.String("suite")})
			if err != nil {
				return "", "", "", time.Time{}, err
			}
			return *out.Credentials.AccessKeyId, *out.Credentials.SecretAccessKey, *out.Credentials.SessionToken, *out.Credentials.Expiration, nil
		},
		"GetSessionToken": func() (string, string, string, time.Time, error) {
			out, err := client.GetSessionToken(t.Context(), nil)
			if err != nil {
				return "", "", "", time.Time{}, err
			}
			return *out.Credentials.AccessKeyId, *out.Credentials.SecretAccessKey, *out.Credentials.SessionToken, *out.Credentials.Expiration, nil
		},
		"GetFederationToken": func() (string, string, string, time.Time, error) {
			out, err := client.GetFederationToken(t.Context(), &awssts.GetFederationTokenInput{Name: aws.String("alice")})
			if err != nil {
				return "", "", "", time.Time{}, err
			}
			return *out.Credentials.AccessKeyId, *out.Credentials.SecretAccessKey, *out.Credentials.SessionToken, *out.Credentials.Expiration, nil
		},
		"AssumeRoleForPodIdentity": func() (string, string, string, time.Time, error) {
			out, err := eksauth.NewFromConfig(config).AssumeRoleForPodIdentity(t.Context(), &eksauth.AssumeRoleForPodIdentityInput{ClusterName: aws.String("prod"), Token: token("pods.eks.amazonaws.com")})
			if err != nil {
				return "", "", "", time.Time{}, err
			}
			return *out.Credentials.AccessKeyId, *out.Credentials.SecretAccessKey, *out.Credentials.SessionToken, *out.Credentials.Expiration, nil
		},
	}
}

// A session that a fault makes short says so, and ends then, whatever issued it.
func TestShortSessions(t *testing.T) {
	given, err := statefile.Parse("state.yaml", []byte(shortSessionState), nil)
	if err != nil {
		t.Fatal(err)
	}
	emu := Start(t, Config{Given: []statefile.State{given}, Region: "us-west-2"})
	start := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for action, issue := range shortSessions(t, emu) {
		t.Run(action, func(t *testing.T) {
			emu.faults.clear()
			if err := emu.Clock().Set(start); err != nil {
				t.Fatal(err)
			}
			if _, err := emu.faults.add(control.FaultRequest{Match: control.FaultMatch{Action: action}, Fault: control.FaultSpec{SessionDuration: control.Duration(10 * time.Minute)}, Times: 1}); err != nil {
				t.Fatal(err)
			}
			key, secret, token, ends, err := issue()
			if err != nil {
				t.Fatal(err)
			}
			if life := ends.Sub(start); life < 10*time.Minute || life > 15*time.Minute {
				t.Errorf("it ends after %s", life)
			}
			if d := slices.Collect(emu.decisions.Newest(1, ""))[0]; !d.Session.Expiration.Equal(ends) {
				t.Errorf("the decision says %s, the answer %s", d.Session.Expiration, ends)
			}
			config := emu.AWSConfig()
			config.Credentials = credentials.NewStaticCredentialsProvider(key, secret, token)
			for _, at := range []time.Duration{-time.Minute, time.Second} {
				if err := emu.Clock().Set(ends.Add(at)); err != nil {
					t.Fatal(err)
				}
				_, err := awssts.NewFromConfig(config).GetCallerIdentity(t.Context(), nil)
				var refused smithy.APIError
				if at < 0 && action != "GetSessionToken" && err != nil || at > 0 && (!errors.As(err, &refused) || refused.ErrorCode() != "ExpiredToken") {
					t.Errorf("%s from its end: %v", at, err)
				}
			}
			if err := emu.Clock().Set(start); err != nil {
				t.Fatal(err)
			}
			if _, _, _, later, err := issue(); err != nil || later.Sub(start) < time.Hour {
				t.Errorf("the second ends after %s, %v", later.Sub(start), err)
			}
		})
	}
}

// Calls that issue no session do not use up such a fault, and what asks for less
// gets what it asked for.
func TestShortSessionsOfNothingElse(t *testing.T) {
	given, err := statefile.Parse("state.yaml", []byte(shortSessionState), nil)
	if err != nil {
		t.Fatal(err)
	}
	emu := Start(t, Config{Given: []statefile.State{given}})
	if _, err := emu.faults.add(control.FaultRequest{Fault: control.FaultSpec{SessionDuration: control.Duration(time.Hour)}, Times: 1}); err != nil {
		t.Fatal(err)
	}
	client := awssts.NewFromConfig(emu.AWSConfig())
	if _, err := client.GetCallerIdentity(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	out, err := client.AssumeRole(t.Context(), &awssts.AssumeRoleInput{RoleArn: aws.String("arn:aws:iam::111122223333:role/App"), RoleSessionName: aws.String("suite"), DurationSeconds: aws.Int32(900)})
	if err != nil || out.Credentials.Expiration.Sub(emu.Clock().Now()) > 15*time.Minute {
		t.Errorf("%+v, %v", out, err)
	}
	if left := emu.faults.all(); len(left) != 0 {
		t.Errorf("the fault is still there: %+v", left)
	}
}
