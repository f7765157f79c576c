package emulator

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/eks"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/irsa-emu/irsa-emu/hint"
)

// everyService calls each service with credentials; what it gives are the errors.
func everyService(t *testing.T, cfg aws.Config) map[string]error {
	t.Helper()
	cfg.RetryMaxAttempts = 1
	errs := map[string]error{}
	_, errs["sts"] = sts.NewFromConfig(cfg).GetCallerIdentity(t.Context(), nil)
	_, errs["iam"] = iam.NewFromConfig(cfg).ListRoles(t.Context(), nil)
	_, errs["secretsmanager"] = secretsmanager.NewFromConfig(cfg).GetSecretValue(t.Context(), &secretsmanager.GetSecretValueInput{SecretId: aws.String("your-secret-name")})
	_, errs["s3"] = s3.NewFromConfig(cfg, func(o *s3.Options) { o.UsePathStyle = true }).ListBuckets(t.Context(), nil)
	_, errs["eks"] = eks.NewFromConfig(cfg).ListClusters(t.Context(), nil)
	return errs
}

// Credentials of a session that are not what they were issued as, at every
// service. Package sts alters every character of a token.
func TestAttackSessionCredentials(t *testing.T) {
	emu, other := startTutorial(t), startTutorial(t)
	request := TokenRequest{ServiceAccount: "your-namespace/your-service-account"}
	out, err := assume(t, emu, request)
	if err != nil {
		t.Fatal(err)
	}
	second, err := assume(t, emu, request)
	if err != nil {
		t.Fatal(err)
	}
	foreign, err := assume(t, other, request)
	if err != nil {
		t.Fatal(err)
	}
	id, secret, token := *out.Credentials.AccessKeyId, *out.Credentials.SecretAccessKey, *out.Credentials.SessionToken
	flipped := []byte(token)
	flipped[len(flipped)/2] ^= 1
	for name, c := range map[string][3]string{
		"no token":                     {id, secret, ""},
		"a token cut short":            {id, secret, token[:len(token)-8]},
		"a token altered":              {id, secret, string(flipped)},
		"a token lengthened":           {id, secret, token + "AAAA"},
		"another session's token":      {id, secret, *second.Credentials.SessionToken},
		"another session's secret":     {id, *second.Credentials.SecretAccessKey, token},
		"another session's id":         {*second.Credentials.AccessKeyId, secret, token},
		"the administrator's secret":   {id, "test", token},
		"the administrator's id":       {"test", secret, token},
		"a token at the administrator": {"test", "test", token},
		"a session of other replicas":  {*foreign.Credentials.AccessKeyId, *foreign.Credentials.SecretAccessKey, *foreign.Credentials.SessionToken},
		"an empty secret":              {id, " ", token},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := emu.AWSConfig()
			cfg.Credentials = credentials.NewStaticCredentialsProvider(c[0], c[1], c[2])
			for service, err := range everyService(t, cfg) {
				if err == nil || strings.Contains(err.Error(), "AccessDenied") || strings.Contains(err.Error(), "not authorized") {
					t.Errorf("%s took the credentials: %v", service, err)
				}
			}
			if d := slices.Collect(emu.decisions.Newest(1, ""))[0]; d.Outcome != "refused" || d.Caller != nil {
				t.Errorf("decision %+v", d)
			}
		})
	}
	t.Run("of a role that is deleted", func(t *testing.T) {
		cfg := as(emu, out)
		if err := everyService(t, cfg)["secretsmanager"]; err != nil {
			t.Fatal(err)
		}
		admin := iam.NewFromConfig(emu.AWSConfig())
		if _, err := admin.DetachRolePolicy(t.Context(), &iam.DetachRolePolicyInput{RoleName: aws.String("EKSServiceAccountRole"), PolicyArn: aws.String("arn:aws:iam::111122223333:policy/SecretsManagerAccess")}); err != nil {
			t.Fatal(err)
		}
		role, err := admin.GetRole(t.Context(), &iam.GetRoleInput{RoleName: aws.String("EKSServiceAccountRole")})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := admin.DeleteRole(t.Context(), &iam.DeleteRoleInput{RoleName: aws.String("EKSServiceAccountRole")}); err != nil {
			t.Fatal(err)
		}
		for service, err := range everyService(t, cfg) {
			if err == nil || strings.Contains(err.Error(), "AccessDenied") {
				t.Errorf("%s took credentials of a deleted role: %v", service, err)
			}
		}
		trust, err := url.QueryUnescape(*role.Role.AssumeRolePolicyDocument)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := admin.CreateRole(t.Context(), &iam.CreateRoleInput{RoleName: aws.String("EKSServiceAccountRole"), AssumeRolePolicyDocument: &trust}); err != nil {
			t.Fatal(err)
		}
		for service, err := range everyService(t, cfg) {
			if err == nil || strings.Contains(err.Error(), "AccessDenied") {
				t.Errorf("%s took them for those of the role's successor: %v", service, err)
			}
		}
	})
}

// Forged tokens, over HTTP, against an issuer whose keys everybody can read.
// Package oidc has many more.
func TestAttackForgedTokens(t *testing.T) {
	emu := startTutorial(t)
	good, err := emu.Token(t.Context(), TokenRequest{ServiceAccount: "your-namespace/your-service-account"})
	if err != nil {
		t.Fatal(err)
	}
	parts := strings.Split(good, ".")
	mine, err := emu.Token(t.Context(), TokenRequest{Issuer: "https://mine.example.com", ServiceAccount: "your-namespace/your-service-account"})
	if err != nil {
		t.Fatal(err)
	}
	relabelled, err := emu.Token(t.Context(), TokenRequest{Issuer: "https://mine.example.com", Subject: "system:serviceaccount:your-namespace:your-service-account", Claims: map[string]any{"iss": emu.Issuer()}})
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.Get(emu.URL + "/id/EXAMPLED539D4633E53DE1B71EXAMPLE/keys")
	if err != nil {
		t.Fatal(err)
	}
	keys, err := io.ReadAll(resp.Body)
	resp.Body.Close()
	if err != nil {
		t.Fatal(err)
	}
	encode := base64.RawURLEncoding.EncodeToString
	hs256 := encode([]byte(`{"alg":"HS256","typ":"JWT"}`)) + "." + parts[1]
	mac := hmac.New(sha256.New, keys)
	mac.Write([]byte(hs256))
	var header struct{ Kid string }
	decoded, err := base64.RawURLEncoding.DecodeString(parts[0])
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(decoded, &header); err != nil || header.Kid == "" {
		t.Fatalf("header %s: %v", decoded, err)
	}
	other := encode([]byte(`{"iss":"` + emu.Issuer() + `","sub":"system:serviceaccount:your-namespace:your-service-account","aud":"sts.amazonaws.com","iat":1,"exp":99999999999}`))
	for name, token := range map[string]string{
		"alg none":                     encode([]byte(`{"alg":"none"}`)) + "." + parts[1] + ".",
		"HS256 with the key set":       hs256 + "." + encode(mac.Sum(nil)),
		"claims of my own":             parts[0] + "." + other + "." + parts[2],
		"no signature":                 parts[0] + "." + parts[1] + ".",
		"an issuer of my own":          mine,
		"my key under another's name":  relabelled,
		"my key with the other's kid":  encode([]byte(`{"alg":"RS256","kid":"`+header.Kid+`"}`)) + strings.TrimPrefix(relabelled, strings.Split(relabelled, ".")[0]),
		"the key set instead of a JWT": string(keys),
	} {
		t.Run(name, func(t *testing.T) {
			resp, err := http.PostForm(emu.URL, url.Values{
				"Action": {"AssumeRoleWithWebIdentity"}, "Version": {"2011-06-15"}, "RoleArn": {tutorialRole}, "RoleSessionName": {"s"}, "WebIdentityToken": {token},
			})
			if err != nil {
				t.Fatal(err)
			}
			body, err := io.ReadAll(resp.Body)
			resp.Body.Close()
			if err != nil || resp.StatusCode < 400 || strings.Contains(string(body), "<Credentials>") {
				t.Errorf("%v %s %s", err, resp.Status, body)
			}
			if reason := resp.Header.Get(hint.ReasonHeader); reason == "" {
				t.Error("the refusal has no reason")
			}
		})
	}
	for _, d := range slices.Collect(emu.decisions.Newest(0, "")) {
		if text := fmt.Sprintf("%+v", d); strings.Contains(text, parts[2]) || strings.Contains(text, encode(mac.Sum(nil))) {
			t.Error("a decision holds a token's signature")
		}
	}
}
