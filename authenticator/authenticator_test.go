package authenticator

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/eks"
	"github.com/aws/aws-sdk-go-v2/service/eks/types"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	smithyhttp "github.com/aws/smithy-go/transport/http"
	authenticationv1 "k8s.io/api/authentication/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"

	"github.com/irsa-emu/irsa-emu/emulatortest"
	"github.com/irsa-emu/irsa-emu/kube"
)

const (
	account = "111122223333"
	state   = `{apiVersion: irsa-emu.dev/v1, kind: State,
clusters: {shop: {issuer: "https://oidc.eks.us-west-2.amazonaws.com/id/EXAMPLED539D4633E53DE1B71EXAMPLE", region: us-west-2, account: "111122223333"}},
accounts: {"111122223333": {users: [{name: Bob, path: /ops/}], roles: [{name: Developer, path: /team/, trustPolicy:
  {Version: "2012-10-17", Statement: [{Effect: Allow, Principal: {AWS: "111122223333"}, Action: "sts:AssumeRole"}]}}]}}}`
	developer = "arn:aws:iam::111122223333:role/team/Developer"
	bob       = "arn:aws:iam::111122223333:user/ops/Bob"
)

// world is an emulator, an API server with namespaces, and the authenticator between them.
type world struct {
	*testing.T
	emu     *emulatortest.Emulator
	review  http.Handler
	awsAuth string   // data of the ConfigMap, JSON; empty: there is none
	bound   []string // what was made in the API server
	log     bytes.Buffer
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{T: t, emu: emulatortest.Start(t, emulatortest.Document(state))}
	server := httptest.NewServer(http.HandlerFunc(w.api))
	t.Cleanup(server.Close)
	client, err := kube.New(&rest.Config{Host: server.URL})
	if err != nil {
		t.Fatal(err)
	}
	w.review = &Authenticator{
		Client: client, AdminSecret: "test", HTTP: http.DefaultClient, Logger: slog.New(slog.NewTextHandler(&w.log, nil)),
		Cluster: func(context.Context) (Cluster, error) {
			return Cluster{Name: "shop", Account: account, Region: "us-west-2", Emulator: w.emu.URL}, nil
		},
	}
	return w
}

func (w *world) api(rw http.ResponseWriter, r *http.Request) {
	rw.Header().Set("Content-Type", "application/json")
	switch {
	case r.Method == http.MethodPost:
		var made struct {
			RoleRef  struct{ Name string }
			Subjects []struct{ Name string }
		}
		_ = json.NewDecoder(r.Body).Decode(&made)
		w.bound = append(w.bound, fmt.Sprintf("%s %s %s", r.URL.Path[strings.LastIndex(r.URL.Path, "v1/")+3:], made.Subjects[0].Name, made.RoleRef.Name))
		_, _ = io.WriteString(rw, "{}")
	case r.URL.Path == "/api/v1/namespaces":
		_, _ = io.WriteString(rw, `{"items": [{"metadata": {"name": "dev-a"}}, {"metadata": {"name": "dev-b", "deletionTimestamp": "2026-01-01T00:00:00Z"}}, {"metadata": {"name": "prod"}}]}`)
	case strings.HasSuffix(r.URL.Path, "/configmaps/aws-auth") && w.awsAuth != "":
		_, _ = io.WriteString(rw, `{"data": `+w.awsAuth+`}`)
	default:
		rw.WriteHeader(http.StatusNotFound)
		_ = json.NewEncoder(rw).Encode(metav1.Status{TypeMeta: metav1.TypeMeta{Kind: "Status", APIVersion: "v1"}, Reason: metav1.StatusReasonNotFound, Code: 404})
	}
}

func (w *world) eks() *eks.Client { return eks.NewFromConfig(w.config(account)) }

func (w *world) config(key string) aws.Config {
	c := w.emu.AWSConfig()
	c.Region, c.Credentials = "us-west-2", credentials.NewStaticCredentialsProvider(key, "test", "")
	return c
}

// token is what aws eks get-token makes.
func (w *world) token(c aws.Config, cluster string) string {
	w.Helper()
	signed, err := sts.NewPresignClient(sts.NewFromConfig(c)).PresignGetCallerIdentity(w.Context(), &sts.GetCallerIdentityInput{}, func(o *sts.PresignOptions) {
		o.ClientOptions = append(o.ClientOptions, sts.WithAPIOptions(smithyhttp.AddHeaderValue("x-k8s-aws-id", cluster), smithyhttp.AddHeaderValue("X-Amz-Expires", "60")))
	})
	if err != nil {
		w.Fatal(err)
	}
	location := signed.URL
	if !strings.Contains(location, "X-Amz-Expires") {
		location += "&X-Amz-Expires=60"
	}
	return tokenPrefix + base64.RawURLEncoding.EncodeToString([]byte(location))
}

func (w *world) assumed() aws.Config {
	w.Helper()
	role, session := developer, "ann@example.com"
	out, err := sts.NewFromConfig(w.config(account)).AssumeRole(w.Context(), &sts.AssumeRoleInput{RoleArn: &role, RoleSessionName: &session})
	if err != nil {
		w.Fatal(err)
	}
	c := w.config(account)
	c.Credentials = credentials.NewStaticCredentialsProvider(*out.Credentials.AccessKeyId, *out.Credentials.SecretAccessKey, *out.Credentials.SessionToken)
	return c
}

func (w *world) bob() aws.Config {
	w.Helper()
	name := "Bob"
	key, err := iam.NewFromConfig(w.config(account)).CreateAccessKey(w.Context(), &iam.CreateAccessKeyInput{UserName: &name})
	if err != nil {
		w.Fatal(err)
	}
	c := w.config(account)
	c.Credentials = credentials.NewStaticCredentialsProvider(*key.AccessKey.AccessKeyId, *key.AccessKey.SecretAccessKey, "")
	return c
}

func (w *world) ask(token string) authenticationv1.TokenReviewStatus {
	w.Helper()
	body, err := json.Marshal(authenticationv1.TokenReview{TypeMeta: metav1.TypeMeta{Kind: "TokenReview", APIVersion: "authentication.k8s.io/v1"}, Spec: authenticationv1.TokenReviewSpec{Token: token}})
	if err != nil {
		w.Fatal(err)
	}
	answer := httptest.NewRecorder()
	w.review.ServeHTTP(answer, httptest.NewRequestWithContext(w.Context(), http.MethodPost, Path, bytes.NewReader(body)))
	var got authenticationv1.TokenReview
	if err := json.Unmarshal(answer.Body.Bytes(), &got); err != nil || answer.Code != http.StatusOK || got.Kind != "TokenReview" || got.APIVersion != "authentication.k8s.io/v1" {
		w.Fatalf("%d %s", answer.Code, answer.Body)
	}
	return got.Status
}

func (w *world) refused(token, why string) {
	w.Helper()
	if got := w.ask(token); got.Authenticated || got.User.Username != "" || !strings.Contains(got.Error, why) {
		w.Errorf("%+v; want %s", got, why)
	}
}

func (w *world) is(token, name string, groups ...string) {
	w.Helper()
	if got := w.ask(token); !got.Authenticated || got.User.Username != name || !slices.Equal(got.User.Groups, groups) {
		w.Errorf("%+v; want %s of %s", got, name, groups)
	}
}

func (w *world) entry(principal string, groups ...string) {
	w.Helper()
	cluster := "shop"
	if _, err := w.eks().CreateAccessEntry(w.Context(), &eks.CreateAccessEntryInput{ClusterName: &cluster, PrincipalArn: &principal, KubernetesGroups: groups}); err != nil {
		w.Fatal(err)
	}
}

func (w *world) policy(name string, namespaces ...string) {
	w.Helper()
	cluster, principal, policy := "shop", developer, "arn:aws:eks::aws:cluster-access-policy/"+name
	scope := &types.AccessScope{Type: types.AccessScopeTypeCluster}
	if len(namespaces) > 0 {
		scope = &types.AccessScope{Type: types.AccessScopeTypeNamespace, Namespaces: namespaces}
	}
	if _, err := w.eks().AssociateAccessPolicy(w.Context(), &eks.AssociateAccessPolicyInput{ClusterName: &cluster, PrincipalArn: &principal, PolicyArn: &policy, AccessScope: scope}); err != nil {
		w.Fatal(err)
	}
}

func TestAccessEntries(t *testing.T) {
	w := newWorld(t)
	w.is(w.token(w.config(account), "shop"), "kubernetes-admin", "system:masters") // who made the cluster
	ann := w.token(w.assumed(), "shop")
	w.refused(ann, "aws eks create-access-entry --region us-west-2 --cluster-name shop --principal-arn arn:aws:iam::111122223333:role/Developer &&")
	w.refused(w.token(w.config("999988887777"), "shop"), "arn:aws:iam::999988887777:root has no access")
	w.refused(w.token(w.config(account), "other"), "SignatureDoesNotMatch")

	w.entry(developer, "developers", groupPrefix+"AmazonEKSClusterAdminPolicy")
	const name = "arn:aws:sts::111122223333:assumed-role/Developer/ann-example.com"
	w.is(ann, name, "developers")
	got := w.ask(ann)
	for key, want := range map[string]string{"arn": strings.Replace(name, "ann-", "ann@", 1), "canonicalArn": "arn:aws:iam::111122223333:role/Developer", "sessionName": "ann@example.com"} {
		if values := got.User.Extra[key]; len(values) != 1 || values[0] != want {
			t.Errorf("%s: %s", key, values)
		}
	}
	if id := got.User.UID; !strings.HasPrefix(id, "aws-iam-authenticator:111122223333:AROA") {
		t.Error(id)
	}
	w.policy("AmazonEKSClusterAdminPolicy")
	w.policy("AmazonEKSEditPolicy", "dev-*", "prod")
	w.policy("AmazonEKSAutoNodePolicy")
	w.is(ann, name, "developers", groupPrefix+"AmazonEKSClusterAdminPolicy", groupPrefix+"AmazonEKSEditPolicy:dev-a", groupPrefix+"AmazonEKSEditPolicy:prod")
	for _, want := range []string{
		"clusterrolebindings " + groupPrefix + "AmazonEKSClusterAdminPolicy cluster-admin",
		"namespaces/dev-a/rolebindings " + groupPrefix + "AmazonEKSEditPolicy:dev-a edit", "namespaces/prod/rolebindings " + groupPrefix + "AmazonEKSEditPolicy:prod edit",
	} {
		if !slices.Contains(w.bound, want) {
			t.Errorf("%s is not among %q", want, w.bound)
		}
	}
	if !strings.Contains(w.log.String(), "policy=AmazonEKSAutoNodePolicy") {
		t.Error("nothing says that a policy has no effect")
	}

	user := w.token(w.bob(), "shop")
	w.refused(user, "user/ops/Bob has no access")
	w.entry(bob)
	w.is(user, bob)
}

func TestAWSAuth(t *testing.T) {
	w := newWorld(t)
	ann := w.token(w.assumed(), "shop")
	roles := func(arn string) string {
		return fmt.Sprintf(`{"mapRoles": "[{rolearn: '%s', username: 'dev:{{SessionName}}:{{AccountID}}', groups: [developers, 'a-{{SessionNameRaw}}']}]"}`, arn)
	}
	w.awsAuth = roles(developer) // a path is not taken off, as on EKS
	w.refused(ann, "has no access")
	w.awsAuth = roles("arn:aws:iam::111122223333:role/developer") // without regard to letter case, as on EKS
	w.is(ann, "dev:ann-example.com:111122223333", "developers", "a-ann@example.com")
	w.awsAuth = `{"mapAccounts": "['111122223333']"}`
	w.is(ann, "arn:aws:iam::111122223333:role/Developer")
	w.awsAuth = `{"mapUsers": "{"}`
	w.refused(ann, "ConfigMap kube-system/aws-auth, mapUsers")
	w.awsAuth = roles("arn:aws:iam::111122223333:role/Developer")
	w.entry(developer) // goes before the ConfigMap
	w.is(ann, "arn:aws:sts::111122223333:assumed-role/Developer/ann-example.com")
}

func TestTokensRefused(t *testing.T) {
	w := newWorld(t)
	good := w.token(w.config(account), "shop")
	text, err := base64.RawURLEncoding.DecodeString(strings.TrimPrefix(good, tokenPrefix))
	if err != nil {
		t.Fatal(err)
	}
	changed := func(old, with string) string {
		if !strings.Contains(string(text), old) {
			t.Fatalf("%s has no %s", text, old)
		}
		return tokenPrefix + base64.RawURLEncoding.EncodeToString([]byte(strings.Replace(string(text), old, with, 1)))
	}
	for token, why := range map[string]string{
		"eyJhbGciOiJSUzI1NiJ9.e30.x":                     "none of AWS's",
		tokenPrefix + "!":                                "not base64url",
		tokenPrefix + strings.Repeat("a", maxToken):      "more than 4096",
		changed("GetCallerIdentity", "AssumeRole"):       `"AssumeRole"`,
		changed("Action=", "RoleArn=x&Action="):          `the parameter "RoleArn"`,
		changed("Action=", "Version=1&Action="):          "Version more than once",
		changed("Action=", "action=Other&Action="):       "more than once",
		changed("x-k8s-aws-id", "x-other"):               "x-k8s-aws-id, which names the cluster, is not signed",
		changed("/?", "/somewhere?"):                     "the path",
		changed("http://", "file://"):                    "no URL of an STS",
		changed("X-Amz-Signature=", "X-Amz-Signature=0"): "SignatureDoesNotMatch",
		changed("127.0.0.1", "127.0.0.2"):                "SignatureDoesNotMatch",
	} {
		w.refused(token, why)
	}
	w.entry(developer)
	ann := w.token(w.assumed(), "shop")
	w.is(ann, "arn:aws:sts::111122223333:assumed-role/Developer/ann-example.com")
	if err := w.emu.Clock().Advance(61 * time.Minute); err != nil { // the session is over
		t.Fatal(err)
	}
	w.refused(ann, "ExpiredToken")
	for _, body := range []string{"{", `{"kind": "TokenReview", "apiVersion": "authentication.k8s.io/v1beta1", "spec": {"token": "x"}}`} {
		answer := httptest.NewRecorder()
		w.review.ServeHTTP(answer, httptest.NewRequestWithContext(t.Context(), http.MethodPost, Path, strings.NewReader(body)))
		if answer.Code != http.StatusBadRequest || !strings.Contains(answer.Body.String(), "TokenReview") {
			t.Errorf("%s: %d %s", body, answer.Code, answer.Body)
		}
	}
}

func FuzzToken(f *testing.F) {
	for _, location := range []string{
		"https://sts.us-west-2.amazonaws.com/?Action=GetCallerIdentity&Version=2011-06-15&X-Amz-Credential=AKIA%2F20260101&X-Amz-SignedHeaders=host%3Bx-k8s-aws-id&X-Amz-Signature=00",
		"http://127.0.0.1:4772?Action=GetCallerIdentity", "https://a:b@c/?%zz", "",
	} {
		f.Add(location)
	}
	f.Fuzz(func(t *testing.T, location string) {
		got, err := parseToken(tokenPrefix + base64.RawURLEncoding.EncodeToString([]byte(location)))
		if err != nil {
			return
		}
		lower := strings.ToLower(got.query)
		if got.host == "" || strings.Count(lower, "action=getcalleridentity") != 1 && !strings.Contains(lower, "%") || !strings.Contains(location, got.query) {
			t.Errorf("%q: %+v", location, got)
		}
	})
}

func FuzzAWSAuth(f *testing.F) {
	f.Add("[{rolearn: 'arn:aws:iam::111122223333:role/Developer', username: 'dev:{{SessionName}}', groups: [a]}]", "[]", "['111122223333']")
	f.Add("- rolearn: x\n  groups:\n", "- userarn: arn:aws:iam::111122223333:user/Bob\n", "- 111122223333")
	id, err := identityOf("arn:aws:sts::111122223333:assumed-role/Developer/ann", account, "AROA:ann", "ASIA")
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, roles, users, accounts string) {
		got, err := mappedBy(map[string]string{"mapRoles": roles, "mapUsers": users, "mapAccounts": accounts}, id)
		if got != nil && (err != nil || got.name == "" || !strings.Contains(strings.ToLower(roles+users), "role/developer") && got.name != id.Canonical) {
			t.Errorf("%+v, %v", got, err)
		}
	})
}
