package emulator

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/credentials/endpointcreds"
	"github.com/aws/aws-sdk-go-v2/service/eksauth"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"

	"github.com/irsa-emu/irsa-emu/agent"
	"github.com/irsa-emu/irsa-emu/control"
	"github.com/irsa-emu/irsa-emu/statefile"
)

const podIdentityState = `
apiVersion: irsa-emu.dev/v1
kind: State
clusters:
  prod-cluster-eu:
    issuer: https://oidc.eks.us-west-2.amazonaws.com/id/PODS
    region: us-west-2
    podIdentityAssociations:
      - {serviceAccount: payments/api, role: "arn:aws:iam::111122223333:role/Payments"}
      - {serviceAccount: payments/report, role: "arn:aws:iam::111122223333:role/Payments", targetRole: "arn:aws:iam::444455556666:role/Target"}
      - {serviceAccount: payments/untagged, role: "arn:aws:iam::111122223333:role/NoTags", disableSessionTags: true}
      - {serviceAccount: payments/no-tag-session, role: "arn:aws:iam::111122223333:role/NoTags"}
      - {serviceAccount: orders/api, role: "arn:aws:iam::111122223333:role/Payments"}
      - {serviceAccount: payments/organized, role: "arn:aws:iam::111122223333:role/Organized"}
      - {serviceAccount: payments/abroad, role: "arn:aws:iam::111122223333:role/Abroad"}
      - {serviceAccount: payments/gone, role: "arn:aws:iam::111122223333:role/Gone"}
  other: {issuer: "https://oidc.eks.us-west-2.amazonaws.com/id/OTHER", region: us-west-2}
accounts:
  "111122223333":
    organization: {id: o-a1b2c3d4e5, path: o-a1b2c3d4e5/r-ab12/ou-ab12-11111111/}
    roles:
      - name: Payments
        trustPolicy:
          Version: "2012-10-17"
          Statement:
            - Effect: Allow
              Principal: {Service: pods.eks.amazonaws.com}
              Action: [sts:AssumeRole, sts:TagSession]
              Condition:
                StringEquals: {"aws:SourceAccount": "111122223333", "aws:RequestTag/kubernetes-namespace": payments}
                ArnEquals: {"aws:SourceArn": "arn:aws:eks:us-west-2:111122223333:cluster/prod-cluster-eu"}
        inlinePolicies:
          abac:
            Version: "2012-10-17"
            Statement:
              - {Effect: Allow, Action: "secretsmanager:GetSecretValue", Resource: "*", Condition: {StringEquals: {"aws:ResourceTag/namespace": "${aws:PrincipalTag/kubernetes-namespace}"}}}
              - {Effect: Allow, Action: ["sts:AssumeRole", "sts:TagSession"], Resource: "arn:aws:iam::444455556666:role/Target"}
      - name: Organized # the EKS best practices guide's condition, and keys that every call has
        trustPolicy:
          Version: "2012-10-17"
          Statement:
            - Effect: Allow
              Principal: {Service: pods.eks.amazonaws.com}
              Action: [sts:AssumeRole, sts:TagSession]
              Condition:
                StringEquals: {"aws:SourceOrgId": "${aws:ResourceOrgId}", "aws:RequestedRegion": us-west-2}
                "ForAnyValue:StringLike": {"aws:SourceOrgPaths": "o-a1b2c3d4e5/r-ab12/*"}
                Bool: {"aws:SecureTransport": "true", "aws:PrincipalIsAWSService": "true", "aws:ViaAWSService": "false"}
      - name: Abroad
        trustPolicy:
          Version: "2012-10-17"
          Statement:
            - {Effect: Allow, Principal: {Service: pods.eks.amazonaws.com}, Action: ["sts:AssumeRole", "sts:TagSession"], Condition: {StringEquals: {"aws:SourceOrgID": o-another}}}
      - name: NoTags
        trustPolicy: {Version: "2012-10-17", Statement: [{Effect: Allow, Principal: {Service: pods.eks.amazonaws.com}, Action: sts:AssumeRole}]}
    secrets:
      - {name: payments/db, region: us-west-2, value: open sesame, tags: {namespace: payments}}
      - {name: orders/db, region: us-west-2, value: no, tags: {namespace: orders}}
  "444455556666":
    roles:
      - name: Target
        trustPolicy:
          Version: "2012-10-17"
          Statement:
            - Effect: Allow
              Principal: {AWS: "arn:aws:iam::111122223333:role/Payments"}
              Action: [sts:AssumeRole, sts:TagSession]
              Condition: {StringEquals: {"sts:ExternalId": "us-west-2/111122223333/prod-cluster-eu/payments/report", "aws:RequestTag/eks-cluster-name": prod-cluster-eu}}
`

type podWorld struct {
	t   *testing.T
	url string
	e   *Emulator
}

func newPodWorld(t *testing.T) *podWorld {
	t.Helper()
	var state statefile.State
	state, err := statefile.Parse("state.yaml", []byte(podIdentityState), nil)
	if err != nil {
		t.Fatal(err)
	}
	e, err := New(t.Context(), Config{Region: "us-west-2", Given: []statefile.State{state}})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(e.Handler())
	t.Cleanup(func() { server.Close(); e.Close() })
	return &podWorld{t, server.URL, e}
}

// token is a projected one; change edits the request for it.
func (w *podWorld) token(serviceAccount string, change map[string]any) string {
	w.t.Helper()
	in := map[string]any{
		"issuer": "https://oidc.eks.us-west-2.amazonaws.com/id/PODS", "serviceAccount": serviceAccount, "audience": []string{"pods.eks.amazonaws.com"}, "pod": "api-7d9c5b6f44-x2x8q",
	}
	for k, v := range change {
		in[k] = v
	}
	body, err := json.Marshal(in)
	if err != nil {
		w.t.Fatal(err)
	}
	resp, err := http.Post(w.url+"/_emu/tokens", "application/json", strings.NewReader(string(body)))
	if err != nil {
		w.t.Fatal(err)
	}
	defer resp.Body.Close()
	var out struct{ Token, Error string }
	if err := json.NewDecoder(resp.Body).Decode(&out); err != nil || out.Token == "" {
		w.t.Fatalf("%v %s", err, out.Error)
	}
	return out.Token
}

func (w *podWorld) admin() aws.Config {
	return aws.Config{Region: "us-west-2", BaseEndpoint: &w.url, Credentials: credentials.NewStaticCredentialsProvider("test", "test", ""), RetryMaxAttempts: 1}
}

func (w *podWorld) assume(cluster, token string) (*eksauth.AssumeRoleForPodIdentityOutput, error) {
	return eksauth.NewFromConfig(w.admin()).AssumeRoleForPodIdentity(w.t.Context(), &eksauth.AssumeRoleForPodIdentityInput{ClusterName: &cluster, Token: &token})
}

// A pod's SDK asks the agent, the agent EKS Auth, and the role's policies see the pod's namespace.
func TestPodIdentity(t *testing.T) {
	w := newPodWorld(t)
	auth := agent.NewEKSAuth(w.admin(), "prod-cluster-eu")
	defer auth.Close()
	node := httptest.NewServer(agent.New(agent.Config{Source: auth, Hosts: []string{"127.0.0.1"}, Retention: time.Hour, CacheSize: 10}).Handler())
	defer node.Close()
	pod := aws.Config{Region: "us-west-2", BaseEndpoint: &w.url, Credentials: aws.NewCredentialsCache(endpointcreds.New(node.URL+agent.Path, func(o *endpointcreds.Options) {
		o.AuthorizationToken = w.token("payments/api", nil)
	}))}
	who, err := sts.NewFromConfig(pod).GetCallerIdentity(t.Context(), &sts.GetCallerIdentityInput{})
	if err != nil {
		t.Fatal(err)
	}
	if ok, _ := regexp.MatchString(`^arn:aws:sts::111122223333:assumed-role/Payments/eks-prod-clust-api-7d9c5b-[0-9a-f-]{36}$`, *who.Arn); !ok {
		t.Errorf("the pod is %s", *who.Arn)
	}
	secrets := secretsmanager.NewFromConfig(pod)
	got, err := secrets.GetSecretValue(t.Context(), &secretsmanager.GetSecretValueInput{SecretId: aws.String("payments/db")})
	if err != nil || *got.SecretString != "open sesame" {
		t.Errorf("its namespace's secret: %v", err)
	}
	if _, err := secrets.GetSecretValue(t.Context(), &secretsmanager.GetSecretValueInput{SecretId: aws.String("orders/db")}); codeOf(err) != "AccessDeniedException" {
		t.Errorf("another namespace's secret: %v", err)
	}
}

func TestPodIdentityAnswer(t *testing.T) {
	w := newPodWorld(t)
	out, err := w.assume("prod-cluster-eu", w.token("payments/api", nil))
	if err != nil {
		t.Fatal(err)
	}
	life := time.Until(*out.Credentials.Expiration)
	if *out.Subject.Namespace != "payments" || *out.Subject.ServiceAccount != "api" || *out.Audience != "pods.eks.amazonaws.com" || life > 6*time.Hour || life < 6*time.Hour-time.Minute ||
		!strings.HasPrefix(*out.PodIdentityAssociation.AssociationArn, "arn:aws:eks:us-west-2:111122223333:podidentityassociation/prod-cluster-eu/a-") || !strings.HasPrefix(*out.AssumedRoleUser.AssumeRoleId, "AROA") {
		t.Errorf("%+v, good for %s", out, life)
	}
	target, err := w.assume("prod-cluster-eu", w.token("payments/report", nil))
	if err != nil {
		t.Fatal(err)
	}
	if life := time.Until(*target.Credentials.Expiration); !strings.HasPrefix(*target.AssumedRoleUser.Arn, "arn:aws:sts::444455556666:assumed-role/Target/eks-prod-clust-") || life > time.Hour {
		t.Errorf("the target role: %+v, good for %s", target.AssumedRoleUser, life)
	}
	if _, err := w.assume("prod-cluster-eu", w.token("payments/untagged", nil)); err != nil {
		t.Errorf("without session tags: %v", err)
	}
	last := slices.Collect(w.e.decisions.Newest(1, ""))[0]
	if len(last.Session.Tags) != 0 {
		t.Errorf("tags %v", last.Session.Tags)
	}
	if _, err := w.assume("prod-cluster-eu", w.token("payments/organized", nil)); err != nil {
		t.Errorf("of the role's organisation: %v", err)
	}
}

func TestPodIdentityRefused(t *testing.T) {
	w := newPodWorld(t)
	const unauthorized = "Unauthorized Exception! EKS does not have permissions to assume the associated role."
	for name, tt := range map[string]struct {
		cluster, serviceAccount string
		change                  map[string]any
		code, message, reason   string
	}{
		"the trust policy's tag":    {"prod-cluster-eu", "orders/api", nil, "AccessDeniedException", unauthorized, "trust-policy"},
		"another organisation":      {"prod-cluster-eu", "payments/abroad", nil, "AccessDeniedException", unauthorized, "trust-policy"},
		"no sts:TagSession":         {"prod-cluster-eu", "payments/no-tag-session", nil, "AccessDeniedException", unauthorized, "trust-policy"},
		"the role is gone":          {"prod-cluster-eu", "payments/gone", nil, "AccessDeniedException", unauthorized, "role-not-found"},
		"no association":            {"prod-cluster-eu", "payments/none", nil, "ResourceNotFoundException", "", "parameter"},
		"no cluster":                {"nowhere", "payments/api", nil, "ResourceNotFoundException", "No cluster found for name: nowhere.", "parameter"},
		"another cluster's token":   {"other", "payments/api", nil, "InvalidTokenException", "", "no-provider"},
		"the audience of the STS":   {"prod-cluster-eu", "payments/api", map[string]any{"audience": []string{"sts.amazonaws.com"}}, "InvalidTokenException", "", "audience"},
		"a token bound to no pod":   {"prod-cluster-eu", "payments/api", map[string]any{"pod": ""}, "InvalidTokenException", "", "missing-claim"},
		"a token of another issuer": {"prod-cluster-eu", "payments/api", map[string]any{"issuer": "https://oidc.eks.us-west-2.amazonaws.com/id/OTHER"}, "InvalidTokenException", "", "no-provider"},
	} {
		t.Run(name, func(t *testing.T) {
			w.t = t
			_, err := w.assume(tt.cluster, w.token(tt.serviceAccount, tt.change))
			var api smithy.APIError
			if !errors.As(err, &api) || api.ErrorCode() != tt.code || tt.message != "" && api.ErrorMessage() != tt.message {
				t.Errorf("got %v, want %s %q", err, tt.code, tt.message)
			}
			if last := slices.Collect(w.e.decisions.Newest(1, ""))[0]; last.Reason == nil || last.Reason.Kind != tt.reason {
				t.Errorf("reason %+v, want %s", last.Reason, tt.reason)
			} else if tt.reason == "audience" && !strings.Contains(last.Reason.Hint, "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE") {
				t.Errorf("no IAM provider has a part in it: %+v", last.Reason)
			}
		})
	}
	t.Run("expired", func(t *testing.T) {
		w.t = t
		token := w.token("payments/api", map[string]any{"expiresInSeconds": 600})
		if err := w.e.clock.Advance(time.Hour); err != nil {
			t.Fatal(err)
		}
		_, err := w.assume("prod-cluster-eu", token)
		var api smithy.APIError
		if !errors.As(err, &api) || api.ErrorCode() != "ExpiredTokenException" || !regexp.MustCompile(`^The token included in the request is expired: current date/time \S+\.\d{6}Z must be before the expiration date/time \S+Z\.$`).MatchString(api.ErrorMessage()) {
			t.Errorf("got %v", err)
		}
	})
}

func codeOf(err error) string {
	var api smithy.APIError
	if errors.As(err, &api) {
		return api.ErrorCode()
	}
	return fmt.Sprint(err)
}

// An emulator without clusters says how it gets one.
func TestPodIdentityWithoutClusters(t *testing.T) {
	r, stop, err := StartBackground(t.Context(), Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := stop(); err != nil {
			t.Error(err)
		}
	}()
	_, err = (&control.Client{URL: r.URL}).PodIdentity(t.Context(), control.PodIdentityQuery{ServiceAccount: "payments/api", Cluster: "shop"})
	if err == nil || !strings.Contains(err.Error(), "State document with clusters.shop") {
		t.Error(err)
	}
}

// What the webhook, the agent and exec ask.
func TestPodIdentityControl(t *testing.T) {
	w := newPodWorld(t)
	for query, want := range map[string]string{
		"serviceAccount=payments/api&issuer=https://oidc.eks.us-west-2.amazonaws.com/id/PODS": `"cluster":"prod-cluster-eu"`,
		"serviceAccount=payments/api&cluster=prod-cluster-eu":                                 `"role":"arn:aws:iam::111122223333:role/Payments"`,
		"serviceAccount=payments/none&cluster=prod-cluster-eu":                                `"account":"111122223333","region":"us-west-2"}`,
		"serviceAccount=payments/api&cluster=none":                                            `no cluster \"none\"; there are: other, prod-cluster-eu`,
		"serviceAccount=payments/api&issuer=https://elsewhere":                                `{}`,
		"serviceAccount=payments/api":                                                         "which cluster? Name one of: other, prod-cluster-eu",
		"serviceAccount=api":                                                                  "write NAMESPACE/NAME",
		"issuer=https://oidc.eks.us-west-2.amazonaws.com/id/PODS":                             `{"cluster":"prod-cluster-eu","issuer":"https://oidc.eks.us-west-2.amazonaws.com/id/PODS","account":"111122223333","region":"us-west-2"}`,
	} {
		resp, err := http.Get(w.url + "/_emu/pod-identity?" + query)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil || !strings.Contains(strings.NewReplacer("\n", "", "  ", "", `": "`, `":"`).Replace(string(body)), want) {
			t.Errorf("%s: %d %s, want %s", query, resp.StatusCode, body, want)
		}
	}
}
