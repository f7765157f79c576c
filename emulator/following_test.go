package emulator

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/irsa-emu/irsa-emu/hint"
	"github.com/irsa-emu/irsa-emu/state"
	"github.com/irsa-emu/irsa-emu/statefile"
)

// common is what several replicas share, in memory. Their changes reach the
// others late, as those over a slow network do.
type common struct {
	blobs state.Blobs
	lag   time.Duration

	mu      sync.Mutex
	records map[[2]string]state.Record
	kinds   map[string]int64
	history [][]state.Change // one an entry for each revision from 1
	grown   chan struct{}
	gone    error // why nothing can be asked or written
}

// replica is one replica's access to it.
type replica struct {
	*common
	mu       sync.Mutex
	told     int64
	toldMore chan struct{}
}

func (c *common) Blobs() state.Blobs { return c.blobs }

func newCommon(lag time.Duration) *common {
	return &common{blobs: state.NewMemory().Blobs(), lag: lag, records: map[[2]string]state.Record{}, kinds: map[string]int64{}, grown: make(chan struct{})}
}

func (c *common) replica() *replica { return &replica{common: c, toldMore: make(chan struct{})} }

func (r *replica) Load(context.Context) ([]state.Record, error) {
	r.common.mu.Lock()
	defer r.common.mu.Unlock()
	if r.gone != nil {
		return nil, r.gone
	}
	var all []state.Record
	for _, record := range r.records {
		all = append(all, record)
	}
	r.tell(int64(len(r.history)))
	return all, nil
}

func (r *replica) tell(revision int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.told = max(r.told, revision)
	close(r.toldMore)
	r.toldMore = make(chan struct{})
}

func (r *replica) so() (int64, <-chan struct{}) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.told, r.toldMore
}

func (r *replica) Commit(_ context.Context, changes []state.Change) (int64, error) {
	told, _ := r.so()
	c := r.common
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.gone != nil {
		return 0, c.gone
	}
	for _, change := range changes {
		at := [2]string{change.Kind, change.Key}
		if change.Read && change.Key == "" && c.kinds[change.Kind] > told || change.Key != "" && c.records[at].Revision != change.Revision {
			return 0, state.ErrConflict
		}
	}
	revision := int64(len(c.history) + 1)
	var written []state.Change
	for _, change := range changes {
		if change.Read {
			continue
		}
		at := [2]string{change.Kind, change.Key}
		c.kinds[change.Kind] = revision
		c.records[at] = state.Record{Kind: change.Kind, Key: change.Key, Value: change.Value, Revision: revision}
		if change.Value == nil {
			delete(c.records, at)
		}
		change.Revision = revision
		written = append(written, change)
	}
	c.history = append(c.history, written)
	close(c.grown)
	c.grown = make(chan struct{})
	return revision, nil
}

func (r *replica) Watch(ctx context.Context, apply func([]state.Change)) error {
	for {
		told, _ := r.so()
		r.common.mu.Lock()
		news, grown := r.history[told:], r.grown
		r.common.mu.Unlock()
		if len(news) == 0 {
			select {
			case <-grown:
				continue
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		select {
		case <-time.After(r.lag):
		case <-ctx.Done():
			return ctx.Err()
		}
		for i, changes := range news {
			apply(changes)
			r.tell(told + int64(i) + 1)
		}
	}
}

func (r *replica) Sync(ctx context.Context) error {
	r.common.mu.Lock()
	newest, gone := int64(len(r.history)), r.gone
	r.common.mu.Unlock()
	if gone != nil {
		return gone
	}
	for {
		told, more := r.so()
		if told >= newest {
			return nil
		}
		select {
		case <-more:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (r *replica) Close() error { return nil }

// TestReplicasFollowBeforeTheyRefuse: what was acknowledged by one replica is
// there for the other at once, though the news of it are slow.
func TestReplicasFollowBeforeTheyRefuse(t *testing.T) {
	given, err := statefile.Parse("tutorial.yaml", []byte(tutorial), nil)
	if err != nil {
		t.Fatal(err)
	}
	c := newCommon(50 * time.Millisecond)
	a := Start(t, Config{Region: "us-west-2", Given: []statefile.State{given}, Backend: c.replica()})
	b := Start(t, Config{Region: "us-west-2", Backend: c.replica()})
	ctx := t.Context()
	iamOf := func(emu *Running) *iam.Client {
		return iam.NewFromConfig(emu.AWSConfig(), func(o *iam.Options) { o.RetryMaxAttempts = 1 })
	}
	trust := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"111122223333"},"Action":"sts:AssumeRole"}]}`
	for i := range 3 {
		name := aws.String(fmt.Sprint("role-", i))
		if _, err := iamOf(a).CreateRole(ctx, &iam.CreateRoleInput{RoleName: name, AssumeRolePolicyDocument: aws.String(trust)}); err != nil {
			t.Fatal(err)
		}
		switch i { // a read, a write, and both
		case 0:
			_, err = iamOf(b).GetRole(ctx, &iam.GetRoleInput{RoleName: name})
		case 1:
			_, err = iamOf(b).PutRolePolicy(ctx, &iam.PutRolePolicyInput{RoleName: name, PolicyName: aws.String("p"), PolicyDocument: aws.String(
				`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*"}]}`)})
		default:
			_, err = iamOf(b).DeleteRole(ctx, &iam.DeleteRoleInput{RoleName: name})
		}
		if err != nil {
			t.Errorf("%s, made by the other replica just now: %v", *name, err)
		}
	}
	wantCode(t, func() error {
		_, err := iamOf(a).GetRole(ctx, &iam.GetRoleInput{RoleName: aws.String("never")})
		return err
	}(), "NoSuchEntity")

	// A token of a key that one has just made or rotated is good at the other.
	for range 2 {
		token, err := a.Token(ctx, TokenRequest{ServiceAccount: "your-namespace/your-service-account"})
		if err != nil {
			t.Fatal(err)
		}
		out, err := sts.NewFromConfig(b.AWSConfig(), func(o *sts.Options) { o.RetryMaxAttempts = 1 }).AssumeRoleWithWebIdentity(ctx, &sts.AssumeRoleWithWebIdentityInput{
			RoleArn: aws.String(tutorialRole), RoleSessionName: aws.String("test"), WebIdentityToken: aws.String(token),
		})
		if err != nil {
			t.Fatalf("a token that the other replica signed: %v", err)
		}
		if _, err := sts.NewFromConfig(as(a, out)).GetCallerIdentity(ctx, nil); err != nil {
			t.Errorf("a session that the other replica issued: %v", err)
		}
		if status := callControl(t, a, http.MethodPost, "/_emu/keys/rotate", `{}`, nil); status != http.StatusOK {
			t.Errorf("rotating the signing key: status %d", status)
		}
		// The sealing key too, and past the time in which it is only learned.
		if status := callControl(t, a, http.MethodPost, "/_emu/keys/rotate", `{"sealing": true}`, nil); status != http.StatusNoContent {
			t.Errorf("rotating the sealing key: status %d", status)
		}
		if status := callControl(t, a, http.MethodPost, "/_emu/clock", `{"advance": "61s"}`, nil); status != http.StatusOK {
			t.Errorf("moving the clock: status %d", status)
		}
	}

	// An object that is sent is not asked for twice.
	if _, err := s3.NewFromConfig(a.AWSConfig(), pathStyle).CreateBucket(ctx, &s3.CreateBucketInput{
		Bucket: aws.String("reports"), CreateBucketConfiguration: usWest2}); err != nil {
		t.Fatal(err)
	}
	if _, err := s3.NewFromConfig(b.AWSConfig(), pathStyle).PutObject(ctx, &s3.PutObjectInput{Bucket: aws.String("reports"), Key: aws.String("a"), Body: object("hello")}); err != nil {
		t.Errorf("an object in a bucket that the other replica made: %v", err)
	}
}

// TestReplicasShareTheClock: a clock that one moved is moved for all.
func TestReplicasShareTheClock(t *testing.T) {
	c := newCommon(time.Millisecond)
	a, b := Start(t, Config{Backend: c.replica()}), Start(t, Config{Backend: c.replica()})
	if err := a.Clock().Advance(time.Hour); err != nil {
		t.Fatal(err)
	}
	if err := b.store.CatchUp(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := b.Clock().Offset(); got != time.Hour {
		t.Errorf("the other replica's clock is %v ahead, want 1h", got)
	}
	if status := callControl(t, b, http.MethodDelete, "/_emu/state", "", nil); status != http.StatusNoContent {
		t.Fatalf("reset: status %d", status)
	}
	if err := a.store.CatchUp(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := a.Clock().Offset(); got != 0 {
		t.Errorf("after a reset the clock is %v ahead", got)
	}
}

// TestWithoutTheStore: reads go on, writes say 503 and why.
func TestWithoutTheStore(t *testing.T) {
	given, err := statefile.Parse("tutorial.yaml", []byte(tutorial), nil)
	if err != nil {
		t.Fatal(err)
	}
	c := newCommon(0)
	emu := Start(t, Config{Region: "us-west-2", Given: []statefile.State{given}, Backend: c.replica()})
	if _, err := assume(t, emu, TokenRequest{ServiceAccount: "your-namespace/your-service-account"}); err != nil {
		t.Fatal(err)
	}
	c.mu.Lock()
	c.gone = fmt.Errorf("%w: somebody tripped over the cable", state.ErrUnavailable)
	c.mu.Unlock()
	if _, err := assume(t, emu, TokenRequest{ServiceAccount: "your-namespace/your-service-account"}); err != nil {
		t.Errorf("a call that writes nothing: %v", err)
	}
	_, err = assume(t, emu, TokenRequest{ServiceAccount: "other/your-service-account"})
	wantCode(t, err, "AccessDenied")
	var answer *smithyhttp.ResponseError
	if errors.As(err, &answer) && !strings.Contains(answer.Response.Header.Get(hint.ReasonHeader), "as it knew it last") {
		t.Errorf("the reason %q does not say that the replica is cut off", answer.Response.Header.Get(hint.ReasonHeader))
	}
	wantUnavailable(t, emu)
}
