package emulator

import (
	"encoding/json"
	"net/http"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
	"weak"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/eks"
	ekstypes "github.com/aws/aws-sdk-go-v2/service/eks/types"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"github.com/irsa-emu/irsa-emu/control"
	ouriam "github.com/irsa-emu/irsa-emu/iam"
	"github.com/irsa-emu/irsa-emu/statefile"
)

// One account is reset to what was given of it, every kind of thing in it; the
// others, the clock, faults and decisions stay.
func TestResetOfOneAccount(t *testing.T) {
	emu := startTutorial(t)
	given := exported(t, emu)
	other := emu.AWSConfig()
	other.Credentials = credentials.NewStaticCredentialsProvider("444455556666", "test", "")
	for _, config := range []aws.Config{emu.AWSConfig(), other} {
		fillAccount(t, config)
	}
	if err := emu.clock.Advance(1e12); err != nil {
		t.Fatal(err)
	}
	if _, err := emu.faults.add(control.FaultRequest{Match: control.FaultMatch{Role: "none"}, Fault: control.FaultSpec{Code: "Throttling"}}); err != nil {
		t.Fatal(err)
	}
	decisions := len(slices.Collect(emu.decisions.Newest(100, "")))

	if status := callControl(t, emu, http.MethodDelete, "/_emu/state?account=111122223333", "", nil); status != http.StatusNoContent {
		t.Fatalf("status %d", status)
	}
	left := exported(t, emu)
	if got, want := left["accounts"].(map[string]any)["111122223333"], given["accounts"].(map[string]any)["111122223333"]; !sameBut(got, want, "created", "id", "updated", "changed", "suffix", "versions") {
		t.Errorf("the account has\n%v\nit was given\n%v", got, want)
	}
	its := left["accounts"].(map[string]any)["444455556666"].(map[string]any)
	for _, kind := range []string{"roles", "policies", "users", "groups", "secrets", "buckets"} {
		if its[kind] == nil {
			t.Errorf("the other account has no %s any more", kind)
		}
	}
	var clusters []string
	for name, c := range left["clusters"].(map[string]any) {
		clusters = append(clusters, name+" of "+c.(map[string]any)["account"].(string))
	}
	if len(clusters) != 2 {
		t.Errorf("clusters: %q", clusters)
	}
	if issuers := left["issuers"].([]any); len(issuers) != 2 {
		t.Errorf("the issuer of a cluster that is gone is still there: %v", issuers)
	}
	if emu.clock.Offset() != 1e12 || len(emu.faults.all()) != 1 || len(slices.Collect(emu.decisions.Newest(100, ""))) != decisions {
		t.Error("the clock, faults or decisions were reset")
	}
	for deadline := time.Now().Add(2 * time.Minute); ; time.Sleep(20 * time.Millisecond) {
		blobs, err := emu.store.Blobs().List(t.Context())
		if err == nil && len(blobs) == 1 {
			break
		}
		if err != nil || time.Now().After(deadline) {
			t.Fatalf("%d blobs, of one object: %v", len(blobs), err)
		}
	}
}

// fillAccount makes one thing of each kind.
func fillAccount(t *testing.T, config aws.Config) {
	t.Helper()
	must := func(_ any, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	who, err := config.Credentials.Retrieve(t.Context())
	must(who, err)
	ctx, name, account := t.Context(), "made-"+who.AccessKeyID, who.AccessKeyID
	if account == "test" {
		account = "111122223333"
	}
	trust := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"*"},"Action":"sts:AssumeRole"}]}`
	document := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*"}]}`
	i := iam.NewFromConfig(config)
	must(i.CreateRole(ctx, &iam.CreateRoleInput{RoleName: &name, AssumeRolePolicyDocument: &trust}))
	must(i.CreatePolicy(ctx, &iam.CreatePolicyInput{PolicyName: &name, PolicyDocument: &document}))
	must(i.CreateGroup(ctx, &iam.CreateGroupInput{GroupName: &name}))
	must(i.CreateUser(ctx, &iam.CreateUserInput{UserName: &name}))
	must(i.CreateAccessKey(ctx, &iam.CreateAccessKeyInput{UserName: &name}))
	must(i.CreateInstanceProfile(ctx, &iam.CreateInstanceProfileInput{InstanceProfileName: &name}))
	must(i.CreateAccountAlias(ctx, &iam.CreateAccountAliasInput{AccountAlias: &name}))
	must(i.CreateOpenIDConnectProvider(ctx, &iam.CreateOpenIDConnectProviderInput{Url: aws.String("https://" + name + ".example.com"), ThumbprintList: []string{strings.Repeat("a", 40)}}))
	must(secretsmanager.NewFromConfig(config).CreateSecret(ctx, &secretsmanager.CreateSecretInput{Name: &name, SecretString: aws.String("s")}))
	buckets := s3.NewFromConfig(config, func(o *s3.Options) { o.UsePathStyle, o.Region = true, "us-east-1" })
	must(buckets.CreateBucket(ctx, &s3.CreateBucketInput{Bucket: &name}))
	must(buckets.PutObject(ctx, &s3.PutObjectInput{Bucket: &name, Key: aws.String("a"), Body: strings.NewReader(strings.Repeat("x", 20<<10))}))
	must(buckets.CreateMultipartUpload(ctx, &s3.CreateMultipartUploadInput{Bucket: &name, Key: aws.String("b")}))
	must(eks.NewFromConfig(config).CreateCluster(ctx, &eks.CreateClusterInput{
		Name: &name, RoleArn: aws.String("arn:aws:iam::" + account + ":role/eks"), ResourcesVpcConfig: &ekstypes.VpcConfigRequest{SubnetIds: []string{"subnet-1", "subnet-2"}},
	}))
}

func exported(t *testing.T, emu *Running) map[string]any {
	t.Helper()
	var doc map[string]any
	if status := callControl(t, emu, http.MethodGet, "/_emu/state", "", &doc); status != http.StatusOK {
		t.Fatalf("status %d", status)
	}
	return doc
}

// sameBut compares JSON values, without members that are made anew.
func sameBut(a, b any, without ...string) bool {
	return stripped(a, without) == stripped(b, without)
}

func stripped(v any, names []string) string {
	var strip func(v any) any
	strip = func(v any) any {
		switch v := v.(type) {
		case map[string]any:
			out := map[string]any{}
			for name, member := range v {
				out[name] = strip(member)
			}
			for _, name := range names {
				delete(out, name)
			}
			return out
		case []any:
			out := make([]any, len(v))
			for i := range v {
				out[i] = strip(v[i])
			}
			return out
		}
		return v
	}
	text, err := json.Marshal(strip(v))
	if err != nil {
		return err.Error()
	}
	return string(text)
}

// What is not right in a call of the control API is refused, and named.
func TestControlRefusesWhatItDoesNotKnow(t *testing.T) {
	emu := Start(t, Config{})
	for _, c := range []struct {
		method, path, body string
		status             int
		want               string
	}{
		{"DELETE", "/_emu/state?acount=111122223333", "", 400, `unknown query parameter "acount"; DELETE /_emu/state takes account only`},
		{"DELETE", "/_emu/state?account=12", "", 400, `account: "12" is not an account id; write twelve digits`},
		{"GET", "/_emu/decisions?outcom=refused", "", 400, `unknown query parameter "outcom"; GET /_emu/decisions takes limit and outcome`},
		{"GET", "/_emu/decisions?outcome=denied", "", 400, `outcome: "denied" is not an outcome; write allowed, refused or failed`},
		{"POST", "/_emu/state?merge=no", "", 400, `unknown query parameter "merge"; POST /_emu/state takes none`},
		{"POST", "/_emu/clock", `{"advanced": "2h"}`, 400, `request body:1:2: unknown field "advanced"; write advance; the known ones are: advance, set, reset`},
		{"POST", "/_emu/clock", ``, 400, `write exactly one of {"advance": "2h"}, {"set": "2026-01-02T15:04:05Z"} and {"reset": true}`},
		{"POST", "/_emu/tokens", `{"serviceAccount": "a/b", "expiresInSeconds": 9223372036854775807}`, 400, "expiresInSeconds: 9223372036854775807 is more than the seconds of 290 years"},
		{"POST", "/_emu/tokens", `{"profile": "github", "expiresInSeconds": -9223372036854775808}`, 400, "expiresInSeconds: -9223372036854775808 is more than the seconds of 290 years"},
		{"POST", "/_emu/clock", strings.Repeat(" ", maxControlBody+1), 413, "the request body has more than 67108864 bytes"},
		{"GET", "/_emu/nothing", "", 404, "the control API has no /_emu/nothing; see docs/control-api.md"},
		{"PUT", "/_emu/clock", "", 405, "/_emu/clock does not take PUT; it takes GET, POST"},
		{"POST", "/_emu/decisions/x", "", 405, "/_emu/decisions/x does not take POST; it takes GET"},
	} {
		var answer control.Error
		if status := callControl(t, emu, c.method, c.path, c.body, &answer); status != c.status || answer.Error != c.want {
			t.Errorf("%s %s %.100s: %d\n got %s\nwant %s", c.method, c.path, c.body, status, answer.Error, c.want)
		}
	}
}

// Many roles are not kept beside the state, and a reset brings them back all the same.
func TestResetOfManyRoles(t *testing.T) {
	const account = "111122223333"
	given := benchState(manyRoles, 1)
	a := given.Accounts[account]
	a.Roles = append(a.Roles, statefile.Role{Name: "known", ID: "AROAAAAAAAAAAAAAAAAAA", TrustPolicy: statefile.NewDocument(benchTrust), MaxSessionDuration: 7200})
	given.Accounts[account] = a
	emu := Start(t, Config{Given: []statefile.State{given}})
	if kept := emu.documents.given[0].Accounts[account].Roles; len(kept) != 1 || len(given.Accounts[account].Roles) != manyRoles+1 {
		t.Errorf("%d roles are kept beside the state, and the caller has %d left", len(kept), len(given.Accounts[account].Roles))
	}
	first := weak.Make(&a.Roles[0])
	given, a = statefile.State{}, statefile.Account{}
	runtime.GC()
	if first.Value() != nil {
		t.Error("something still has the document that was given")
	}
	before := exported(t, emu)
	for _, path := range []string{"/_emu/state", "/_emu/state?account=" + account} {
		api := iam.NewFromConfig(emu.AWSConfig())
		for _, name := range []string{"role-7", "known"} {
			if _, err := api.DeleteRole(t.Context(), &iam.DeleteRoleInput{RoleName: &name}); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := api.UpdateRole(t.Context(), &iam.UpdateRoleInput{RoleName: aws.String("role-8"), MaxSessionDuration: aws.Int32(43200)}); err != nil {
			t.Fatal(err)
		}
		if _, err := api.CreateRole(t.Context(), &iam.CreateRoleInput{RoleName: aws.String("new"), AssumeRolePolicyDocument: aws.String(benchTrust)}); err != nil {
			t.Fatal(err)
		}
		if status := callControl(t, emu, http.MethodDelete, path, "", nil); status != http.StatusNoContent {
			t.Fatalf("status %d", status)
		}
		if after := exported(t, emu); !sameBut(after, before, "created", "id") {
			t.Errorf("%s: the state is another than was given", path)
		}
		known, _ := ouriam.RoleByName(emu.store.Snapshot(), account, "known")
		if known == nil || known.ID != "AROAAAAAAAAAAAAAAAAAA" {
			t.Errorf("%s: the role with an id of its own: %+v", path, known)
		}
	}
}
