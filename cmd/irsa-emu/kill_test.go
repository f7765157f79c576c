package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	ststypes "github.com/aws/aws-sdk-go-v2/service/sts/types"
	"github.com/aws/smithy-go"
)

// killsVariable asks for more kills than plain `go test` has time for: make kills.
const killsVariable = "IRSA_EMU_KILLS"

const killedRole = "arn:aws:iam::111122223333:role/killed"

func allowing(principal string) string {
	return `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"` + principal + `"},"Action":"sts:AssumeRole"}]}`
}

// edit is what one writer has made of its own role, in the order in which it does so: round n of four calls makes a role,
// gives it a policy, another trust policy, and removes it.
type edit struct {
	writer, step int // step counts the calls that were acknowledged
}

func (e edit) role() string { return fmt.Sprintf("writer-%d", e.writer) }

// marks of the current round are in the documents, so that an old one is noticed.
func (e edit) mark() string { return fmt.Sprintf("mark-%d-%d", e.writer, e.step/4) }

func (e edit) trust() string {
	return strings.Replace(allowing("111122223333"), `"Effect"`, `"Sid":"`+strings.ReplaceAll(e.mark(), "-", "")+`","Effect"`, 1)
}

func (e edit) policy() string {
	return `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::` + e.mark() + `/*"}]}`
}

// next makes the next call.
func (e edit) next(ctx context.Context, client *iam.Client) error {
	role, err := aws.String(e.role()), error(nil)
	switch e.step % 4 {
	case 0:
		_, err = client.CreateRole(ctx, &iam.CreateRoleInput{RoleName: role, AssumeRolePolicyDocument: aws.String(allowing("111122223333")), Description: aws.String(e.mark())})
	case 1:
		_, err = client.PutRolePolicy(ctx, &iam.PutRolePolicyInput{RoleName: role, PolicyName: aws.String("p"), PolicyDocument: aws.String(e.policy())})
	case 2:
		_, err = client.UpdateAssumeRolePolicy(ctx, &iam.UpdateAssumeRolePolicyInput{RoleName: role, PolicyDocument: aws.String(e.trust())})
	default:
		if _, err = client.DeleteRolePolicy(ctx, &iam.DeleteRolePolicyInput{RoleName: role, PolicyName: aws.String("p")}); err == nil {
			_, err = client.DeleteRole(ctx, &iam.DeleteRoleInput{RoleName: role})
		}
	}
	return err
}

// found is what the emulator says of a writer's role: whether each of the round's three calls is to be seen.
type found struct{ role, policy, trust bool }

func (e edit) look(ctx context.Context, client *iam.Client) (f found, err error) {
	role, err := client.GetRole(ctx, &iam.GetRoleInput{RoleName: aws.String(e.role())})
	var api smithy.APIError
	if errors.As(err, &api) && api.ErrorCode() == "NoSuchEntity" {
		return f, nil
	}
	if err != nil {
		return f, err
	}
	if aws.ToString(role.Role.Description) != e.mark() {
		return f, fmt.Errorf("the role is of another round: %q", aws.ToString(role.Role.Description))
	}
	f.role = true
	f.trust = strings.Contains(aws.ToString(role.Role.AssumeRolePolicyDocument), strings.ReplaceAll(e.mark(), "-", ""))
	policy, err := client.GetRolePolicy(ctx, &iam.GetRolePolicyInput{RoleName: aws.String(e.role()), PolicyName: aws.String("p")})
	if errors.As(err, &api) && api.ErrorCode() == "NoSuchEntity" {
		return f, nil
	}
	if err != nil {
		return f, err
	}
	f.policy = strings.Contains(aws.ToString(policy.PolicyDocument), e.mark())
	return f, nil
}

// step is how many calls of the round that is, if it can be; of all four as little is left as of none. The last one is two.
func (f found) step() (of4 int, ok bool) {
	switch f {
	case found{}:
		return 0, true // or 4
	case found{role: true}:
		return 1, true
	case found{role: true, policy: true}:
		return 2, true
	case found{role: true, policy: true, trust: true}:
		return 3, true
	case found{role: true, trust: true}: // between the two of the last call
		return 3, true
	}
	return 0, false
}

// killing is the test's state: what was acknowledged.
type killing struct {
	t          *testing.T
	path       string
	edits      []edit
	uploads    uploads
	generation int // of the state document that was loaded last
	session    *ststypes.Credentials
	calls      int
}

// TestServeKilled kills irsa-emu serve --store file: at random points of concurrent calls, starts it again, and checks that
// everything it had acknowledged is there, and of what was under way all or nothing.
func TestServeKilled(t *testing.T) {
	kills := 4
	if more := os.Getenv(killsVariable); more != "" {
		var err error
		if kills, err = strconv.Atoi(more); err != nil {
			t.Fatalf("%s: %v", killsVariable, err)
		}
	}
	k := &killing{t: t, path: filepath.Join(t.TempDir(), "state.db")}
	for w := range 4 {
		k.edits = append(k.edits, edit{writer: w})
	}
	for kill := range kills {
		k.run(kill)
		if t.Failed() {
			return
		}
	}
	k.check(kills, k.start())
	if k.uploads.acknowledged == 0 {
		t.Error("no multipart upload was completed between the kills")
	}
	t.Logf("%d multipart uploads were completed", k.uploads.acknowledged)
	t.Logf("%d kills during %d acknowledged calls: every one was there, of those under way all or nothing, sessions stayed good", kills, k.calls)
	if k.calls < kills {
		t.Errorf("%d calls between %d kills are too few to prove anything", k.calls, kills)
	}
}

func (k *killing) start() *process {
	k.t.Helper()
	s, err := serveProcess(k.t.Context(), nil, "--listen", "127.0.0.1:0", "--store", "file:"+k.path)
	if err != nil {
		k.t.Fatal(err)
	}
	k.t.Cleanup(s.kill)
	return s
}

// run is one life of the emulator: what the one before left is checked, then calls are made until it is killed.
func (k *killing) run(kill int) {
	s := k.start()
	if kill > 0 {
		k.check(kill, s)
	}
	transport := &http.Transport{MaxIdleConnsPerHost: 8}
	defer transport.CloseIdleConnections()
	cfg := awsConfig(s.url, transport)
	ctx := k.t.Context()
	if kill == 0 {
		k.begin(cfg)
	}
	var mu sync.Mutex
	var calling sync.WaitGroup
	called, uploaded := make(chan struct{}), make(chan struct{}) // something has been, or it has failed
	haveCalled, haveUploaded := sync.OnceFunc(func() { close(called) }), sync.OnceFunc(func() { close(uploaded) })
	for w := range k.edits {
		calling.Go(func() {
			defer haveCalled()
			client := iam.NewFromConfig(cfg)
			for {
				if err := k.edits[w].next(ctx, client); err != nil {
					k.ended(err)
					return
				}
				k.edits[w].step++
				mu.Lock()
				k.calls++
				mu.Unlock()
				haveCalled()
			}
		})
	}
	calling.Go(func() {
		defer haveUploaded()
		client := uploadsClient(cfg)
		for {
			if err := k.uploads.next(ctx, client); err != nil {
				k.ended(err)
				return
			}
			k.uploads.acknowledged++
			haveUploaded()
		}
	})
	calling.Go(func() {
		for {
			if err := k.load(s.url, transport, k.generation+1); err != nil {
				k.ended(err)
				return
			}
			k.generation++
		}
	})
	<-called // on a busy machine nothing might have been done yet
	if kill%4 == 3 {
		<-uploaded
	}
	time.Sleep(rand.N(250 * time.Millisecond))
	s.kill()
	calling.Wait()
}

// begin makes the role and the session that outlive everything.
func (k *killing) begin(cfg aws.Config) {
	k.t.Helper()
	ctx := k.t.Context()
	if _, err := iam.NewFromConfig(cfg).CreateRole(ctx, &iam.CreateRoleInput{RoleName: aws.String("killed"), AssumeRolePolicyDocument: aws.String(allowing("111122223333"))}); err != nil {
		k.t.Fatal(err)
	}
	if _, err := uploadsClient(cfg).CreateBucket(ctx, &s3.CreateBucketInput{Bucket: aws.String(killedBucket),
		CreateBucketConfiguration: &s3types.CreateBucketConfiguration{LocationConstraint: s3types.BucketLocationConstraintUsWest2}}); err != nil {
		k.t.Fatal(err)
	}
	out, err := sts.NewFromConfig(cfg).AssumeRole(ctx, &sts.AssumeRoleInput{RoleArn: aws.String(killedRole), RoleSessionName: aws.String("session")})
	if err != nil {
		k.t.Fatal(err)
	}
	k.session = out.Credentials
}

// ended is how a call may end when the emulator is killed: by its connection, never by an answer.
func (k *killing) ended(err error) {
	var api smithy.APIError
	if errors.As(err, &api) {
		k.t.Errorf("a call was answered with an error: %v", err)
	}
}

// load gives the emulator a document that writes entities of four kinds in one transaction.
func (k *killing) load(url string, transport *http.Transport, generation int) error {
	doc := fmt.Sprintf(`{"apiVersion":"irsa-emu.dev/v1","kind":"State","accounts":{"111122223333":{
		"roles":[{"name":"loaded-1","trustPolicy":%[1]s,"tags":{"generation":"%[2]d"}},{"name":"loaded-2","trustPolicy":%[1]s,"tags":{"generation":"%[2]d"}}],
		"users":[{"name":"loaded","tags":{"generation":"%[2]d"}}],
		"secrets":[{"name":"loaded","region":"us-west-2","value":"generation %[2]d"}]}}}`, allowing("111122223333"), generation)
	req, err := http.NewRequestWithContext(k.t.Context(), http.MethodPost, url+"/_emu/state", strings.NewReader(doc))
	if err != nil {
		return err
	}
	resp, err := (&http.Client{Transport: transport}).Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusNoContent {
		k.t.Errorf("loading a state: %d %s", resp.StatusCode, body)
		err = errors.New("refused")
	}
	return err
}

// check compares what is there with what was acknowledged. What is found is what the next life goes on from.
func (k *killing) check(kill int, s *process) {
	k.t.Helper()
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	cfg := awsConfig(s.url, transport)
	ctx, client := k.t.Context(), iam.NewFromConfig(cfg)
	for w, acknowledged := range k.edits {
		seen, err := acknowledged.look(ctx, client)
		if err != nil {
			k.t.Errorf("kill %d, writer %d: %v", kill, w, err)
			continue
		}
		at, whole := seen.step()
		base := acknowledged.step / 4 * 4
		switch want := acknowledged.step % 4; {
		case !whole:
			k.t.Errorf("kill %d: writer %d has acknowledged %d calls of its round, and of its role there is %+v", kill, w, want, seen)
		case at == want, at == want+1: // the call under way was kept, or not
		case want == 3 && at == 0: // it was the round's last
			at = 4
		default:
			k.t.Errorf("kill %d: writer %d has acknowledged %d calls of its round, and there are %d", kill, w, want, at)
		}
		if want := acknowledged.step % 4; want == 3 && at < 4 && !seen.policy {
			// The first of the last step's two calls was kept: finish it, so that a round begins anew.
			if _, err := client.DeleteRole(ctx, &iam.DeleteRoleInput{RoleName: aws.String(acknowledged.role())}); err != nil {
				k.t.Errorf("kill %d: %v", kill, err)
			}
			at = 4
		} else if seen.trust && !seen.policy {
			k.t.Errorf("kill %d: writer %d has lost its policy", kill, w)
		}
		k.edits[w].step = base + at
	}
	k.checkLoaded(kill, cfg, client)
	var err error
	if k.uploads.acknowledged, err = k.uploads.look(ctx, uploadsClient(cfg)); err != nil {
		k.t.Errorf("kill %d: %v", kill, err)
	}
	cfg.Credentials = credentials.NewStaticCredentialsProvider(*k.session.AccessKeyId, *k.session.SecretAccessKey, *k.session.SessionToken)
	if _, err := sts.NewFromConfig(cfg).GetCallerIdentity(ctx, nil); err != nil {
		k.t.Errorf("kill %d: a session of before: %v", kill, err)
	}
}

func (k *killing) checkLoaded(kill int, cfg aws.Config, client *iam.Client) {
	k.t.Helper()
	ctx := k.t.Context()
	var generations []string
	for _, name := range []string{"loaded-1", "loaded-2"} {
		if role, err := client.GetRole(ctx, &iam.GetRoleInput{RoleName: aws.String(name)}); err == nil {
			generations = append(generations, aws.ToString(role.Role.Tags[0].Value))
		}
	}
	if user, err := client.GetUser(ctx, &iam.GetUserInput{UserName: aws.String("loaded")}); err == nil {
		generations = append(generations, aws.ToString(user.User.Tags[0].Value))
	}
	if secret, err := secretsmanager.NewFromConfig(cfg).GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{SecretId: aws.String("loaded")}); err == nil {
		generations = append(generations, strings.TrimPrefix(aws.ToString(secret.SecretString), "generation "))
	}
	if k.generation == 0 && len(generations) == 0 {
		return
	}
	there := -1
	if len(generations) == 4 {
		there, _ = strconv.Atoi(generations[0])
	}
	for _, g := range generations {
		if g != generations[0] {
			there = -1
		}
	}
	if there != k.generation && there != k.generation+1 {
		k.t.Errorf("kill %d: generation %d of the document was acknowledged, and of its two roles, user and secret there are %q", kill, k.generation, generations)
	}
	k.generation = max(there, k.generation)
}
