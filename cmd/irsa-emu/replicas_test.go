//go:build replicas

package main

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	clientv3 "go.etcd.io/etcd/client/v3"
)

// replicas are three irsa-emu serve on one etcd, each on a host of its own.
type replicas struct {
	etcd  *etcdCluster
	hosts []*host
	procs []*process
}

func (r *replicas) start(t *testing.T, i int) {
	t.Helper()
	s, err := serveProcess(context.Background(), r.hosts[i].prefix(),
		"--listen", r.hosts[i].front+":4772", "--drain-linger", "1s", "--region", "us-west-2", "--control-token", replicasToken, "--store", r.etcd.store())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.kill)
	r.procs[i] = s
}

// TestReplicas is three replicas behind one address, through every fault that is promised to be survived: what was
// acknowledged is there in the end, and no answer was one that the state of its time did not give. make replicas runs it.
func TestReplicas(t *testing.T) {
	newNetwork(t)
	r := &replicas{etcd: newEtcd(t), procs: make([]*process, 3)}
	var backends []string
	for i := range 3 {
		r.hosts = append(r.hosts, newHost(t, fmt.Sprint("replica", i+1), 21+i, true))
		r.start(t, i)
		backends = append(backends, r.hosts[i].front+":4772")
	}
	balancer := newBalancer(t, backends)
	prepare(t, balancer.url())
	h := newHistory()

	h.begin("any replica answers any call")
	crossed := everyPair(t, r)
	propagation(t, r)
	h.end()

	l := startLoad(balancer.url(), h)
	run := func(name string, lasts time.Duration, fault func() (mend func())) {
		t.Helper()
		h.begin(name)
		mend := fault()
		time.Sleep(lasts)
		mend()
		settled(t, r)
		h.end()
		p := h.now()
		t.Logf("%s: %d writes acknowledged, %d refused, %d unknown; %d answers", p.name, p.acked, p.refused, p.uncertain, p.answered)
	}
	run("nothing wrong", 10*time.Second, func() func() { return func() {} })
	run("a replica is killed, and started again", 6*time.Second, func() func() {
		r.procs[1].kill()
		return func() { r.start(t, 1) }
	})
	run("the replicas are ended and started, one after the other", time.Second, func() func() {
		for i := range r.procs {
			r.procs[i].end(t)
			r.start(t, i)
		}
		return func() {}
	})
	run("etcd's leader is killed, and started again", 8*time.Second, func() func() {
		m := r.etcd.leader(t)
		m.kill()
		return func() { m.start(t) }
	})
	run("a replica is cut off from etcd", 12*time.Second, func() func() {
		l.steady.Store(false)
		over := h.cutOff(time.Now())
		r.hosts[2].cut(t)
		return func() { r.hosts[2].mend(t); recovered(t, r); over(); l.steady.Store(true) }
	})
	run("etcd's leader is cut off from everybody", 12*time.Second, func() func() {
		l.steady.Store(false)
		over := h.cutOff(time.Now())
		m := r.etcd.leader(t)
		m.cut(t)
		return func() { m.mend(t); recovered(t, r); over(); l.steady.Store(true) }
	})
	run("etcd is gone for 30 s", 30*time.Second, func() func() {
		over := h.cutOff(time.Now())
		for _, m := range r.etcd.members {
			m.kill()
		}
		readsGoOn(t, r)
		return func() {
			for _, m := range r.etcd.members {
				m.start(t)
			}
			settled(t, r)
			over()
		}
	})
	run("etcd is compacted under a replica that lags", 5*time.Second, func() func() {
		l.steady.Store(false)
		over := h.cutOff(time.Now())
		r.hosts[0].cut(t)
		return func() {
			compact(t, r.etcd)
			r.hosts[0].mend(t)
			recovered(t, r)
			over()
			l.steady.Store(true)
		}
	})
	run("nothing wrong any more", 5*time.Second, func() func() { return func() {} })
	l.end()

	lost := 0
	for i, s := range r.procs {
		lost += l.final(t, r.hosts[i].name, s.url)
	}
	r.procs[0].kill()
	r.start(t, 0)
	lost += l.final(t, "a replica that was started afterwards", r.procs[0].url)
	if code, stdout, stderr := runProcess(t, "state", "check", r.etcd.store()); code != exitOK || !strings.Contains(stdout, "role") {
		t.Errorf("state check: exit %d, %s%s", code, stdout, stderr)
	}
	wrong, oldest := h.judge()
	for _, w := range wrong[:min(len(wrong), 20)] {
		t.Errorf("wrong: %s", w)
	}
	for _, p := range l.problems[:min(len(l.problems), 20)] {
		t.Errorf("not to be answered so: %s", p)
	}
	if rollout := h.phases[3]; rollout.uncertain+rollout.unconnected+rollout.refused > 0 {
		t.Errorf("while replicas were ended in order, %d writes were refused, of %d it is not known, and %d calls had no answer", rollout.refused, rollout.uncertain, rollout.unconnected)
	}
	if gone := h.phases[7]; gone.refused == 0 || len(l.said503) == 0 {
		t.Error("no write was refused while etcd was gone")
	}
	report(t, h, l, crossed, lost, oldest)
}

// prepare makes what all that follows needs, through the one address.
func prepare(t *testing.T, url string) {
	t.Helper()
	ctx, client := t.Context(), iam.NewFromConfig(awsConfig(url, ourTransport()))
	if _, err := client.CreateOpenIDConnectProvider(ctx, &iam.CreateOpenIDConnectProviderInput{
		Url: aws.String(replicasIssuer), ClientIDList: []string{"sts.amazonaws.com"}}); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"shared", "pairs"} {
		if _, err := client.CreateRole(ctx, &iam.CreateRoleInput{RoleName: aws.String(name), AssumeRolePolicyDocument: aws.String(trustOf(true))}); err != nil {
			t.Fatal(err)
		}
	}
}

// everyPair makes something at one replica and uses it at another at once, for every pair: a role, a token of a signing key
// that was rotated just now, a session under a sealing key that was rotated just now, a clock that was moved.
func everyPair(t *testing.T, r *replicas) (calls int) {
	t.Helper()
	ctx := t.Context()
	transport := &http.Transport{MaxIdleConnsPerHost: 2}
	defer transport.CloseIdleConnections()
	for round := range 3 {
		for i, a := range r.procs {
			for j, b := range r.procs {
				name := fmt.Sprintf("pair-%d-%d-%d", round, i, j)
				at, other := awsConfig(a.url, transport), awsConfig(b.url, transport)
				if _, err := iam.NewFromConfig(at).CreateRole(ctx, &iam.CreateRoleInput{RoleName: &name, AssumeRolePolicyDocument: aws.String(trustOf(true))}); err != nil {
					t.Fatal(err)
				}
				for _, call := range [][2]string{
					{"/_emu/keys/rotate", `{"issuer":"` + replicasIssuer + `"}`}, {"/_emu/keys/rotate", `{"sealing":true}`}, {"/_emu/clock", `{"advance":"61s"}`},
				} {
					if _, err := callControl(a.url, transport, call[0], call[1], nil); err != nil && round+i+j > 0 {
						t.Fatal(err) // the very first rotation has no issuer to rotate
					}
				}
				token, err := mint(a.url, transport)
				if err != nil || token == "" {
					t.Fatalf("a token of %s: %v", r.hosts[i].name, err)
				}
				out, err := sts.NewFromConfig(other).AssumeRoleWithWebIdentity(ctx, &sts.AssumeRoleWithWebIdentityInput{
					RoleArn: aws.String(accountARN + "role/" + name), RoleSessionName: aws.String("session"), WebIdentityToken: &token})
				if err != nil {
					t.Fatalf("%s does not take the token that %s has just signed for a role that it has just made: %v (%s)", r.hosts[j].name, r.hosts[i].name, err, reasonOf(err))
				}
				for k, c := range r.procs {
					session := awsConfig(c.url, transport)
					session.Credentials = credentials.NewStaticCredentialsProvider(*out.Credentials.AccessKeyId, *out.Credentials.SecretAccessKey, *out.Credentials.SessionToken)
					who, err := sts.NewFromConfig(session).GetCallerIdentity(ctx, nil)
					if err != nil || !strings.HasSuffix(*who.Arn, "assumed-role/"+name+"/session") {
						t.Fatalf("%s does not take the session that %s has just issued: %v (%s)", r.hosts[k].name, r.hosts[j].name, err, reasonOf(err))
					}
					calls++
				}
				if _, err := iam.NewFromConfig(other).DeleteRole(ctx, &iam.DeleteRoleInput{RoleName: &name}); err != nil {
					t.Fatalf("%s does not remove the role that %s has just made: %v", r.hosts[j].name, r.hosts[i].name, err)
				}
				calls += 3
			}
		}
	}
	return calls
}

// propagation measures how long after the answer to a write the other replicas show it. What is asked for is there before,
// so that nobody has to catch up in order to answer.
func propagation(t *testing.T, r *replicas) {
	t.Helper()
	const writes = 200
	ctx := t.Context()
	transport := &http.Transport{MaxIdleConnsPerHost: 4}
	defer transport.CloseIdleConnections()
	var clients []*iam.Client
	for _, s := range r.procs {
		clients = append(clients, iam.NewFromConfig(awsConfig(s.url, transport)))
	}
	var after []time.Duration
	for n := range writes {
		at := n % 3
		want := fmt.Sprint("write ", n)
		if _, err := clients[at].UpdateRole(ctx, &iam.UpdateRoleInput{RoleName: aws.String("pairs"), Description: &want}); err != nil {
			t.Fatal(err)
		}
		acknowledged := time.Now()
		seen := make(chan error, 2)
		for i, client := range clients {
			if i == at {
				continue
			}
			go func() {
				for {
					role, err := client.GetRole(ctx, &iam.GetRoleInput{RoleName: aws.String("pairs")})
					if err != nil || aws.ToString(role.Role.Description) == want {
						seen <- err
						return
					}
				}
			}()
		}
		for range 2 {
			if err := <-seen; err != nil {
				t.Fatal(err)
			}
			after = append(after, time.Since(acknowledged))
		}
	}
	slices.Sort(after)
	t.Logf("propagation: of %d writes, seen by the 2 other replicas after the answer to the write: median %v, 99 %% within %v, all within %v",
		writes, after[len(after)/2].Round(10*time.Microsecond), after[len(after)*99/100].Round(10*time.Microsecond), after[len(after)-1].Round(10*time.Microsecond))
}

// readsGoOn has every replica answer what writes nothing, while etcd is gone, and say of a write that it cannot be done.
func readsGoOn(t *testing.T, r *replicas) {
	t.Helper()
	ctx := t.Context()
	transport := &http.Transport{MaxIdleConnsPerHost: 2}
	defer transport.CloseIdleConnections()
	for i, s := range r.procs {
		cfg := awsConfig(s.url, transport)
		token, err := mint(s.url, transport)
		if err == nil {
			_, err = sts.NewFromConfig(cfg).AssumeRoleWithWebIdentity(ctx, &sts.AssumeRoleWithWebIdentityInput{
				RoleArn: aws.String(accountARN + "role/pairs"), RoleSessionName: aws.String("session"), WebIdentityToken: &token})
		}
		if err != nil {
			t.Errorf("%s, without etcd: %v", r.hosts[i].name, err)
		}
		_, err = iam.NewFromConfig(cfg).UpdateRole(ctx, &iam.UpdateRoleInput{RoleName: aws.String("pairs"), Description: aws.String("without etcd")})
		if err == nil || !strings.Contains(err.Error(), "StatusCode: 503") || !strings.Contains(err.Error(), "ServiceUnavailable") || !strings.Contains(reasonOf(err), "etcd at 10.9.0.11:2379") {
			t.Errorf("%s, a write without etcd: %v (%s)", r.hosts[i].name, err, reasonOf(err))
		}
		t.Logf("%s, a write without etcd: %v", r.hosts[i].name, err)
		t.Logf("    x-irsa-emu-reason: %s", reasonOf(err))
	}
}

// compact makes etcd forget all that a replica which was cut off still has to hear of.
func compact(t *testing.T, c *etcdCluster) {
	t.Helper()
	now, err := c.admin.Get(t.Context(), "irsa-emu/format")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.admin.Compact(t.Context(), now.Header.Revision, clientv3.WithCompactPhysical()); err != nil {
		t.Fatal(err)
	}
}

// recovered waits until the replicas have noticed connections that died while packets vanished: a watch that is silent, for
// longer than four seconds and a beat, is begun anew.
func recovered(t *testing.T, r *replicas) {
	t.Helper()
	settled(t, r)
	time.Sleep(6 * time.Second)
	settled(t, r)
}

// settled waits until a write at each replica is seen by all.
func settled(t *testing.T, r *replicas) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	transport := &http.Transport{MaxIdleConnsPerHost: 2}
	defer transport.CloseIdleConnections()
	for i, s := range r.procs {
		mark := fmt.Sprint("settled ", time.Now().UnixNano())
		for {
			_, err := iam.NewFromConfig(awsConfig(s.url, transport)).UpdateRole(ctx, &iam.UpdateRoleInput{RoleName: aws.String("pairs"), Description: &mark})
			if err == nil {
				break
			}
			if ctx.Err() != nil {
				t.Fatalf("%s cannot write again: %v (%s)\n%s", r.hosts[i].name, err, reasonOf(err), s.log)
			}
			time.Sleep(100 * time.Millisecond)
		}
		for j, other := range r.procs {
			for {
				role, err := iam.NewFromConfig(awsConfig(other.url, transport)).GetRole(ctx, &iam.GetRoleInput{RoleName: aws.String("pairs")})
				if err == nil && aws.ToString(role.Role.Description) == mark {
					break
				}
				if ctx.Err() != nil {
					t.Fatalf("%s does not hear of what %s writes: %v", r.hosts[j].name, r.hosts[i].name, err)
				}
				time.Sleep(50 * time.Millisecond)
			}
		}
	}
}

// report is the table for docs/reliability.md.
func report(t *testing.T, h *history, l *load, crossed, lost int, oldest time.Duration) {
	t.Helper()
	var b strings.Builder
	total := phase{name: "all"}
	fmt.Fprintf(&b, "\n| what happened | for | writes acknowledged | refused with 503 | outcome unknown | answers | without an answer | stale, from a replica cut off | wrong |\n|---|---|---|---|---|---|---|---|---|\n")
	for _, p := range append(h.phases[1:], &total) {
		fmt.Fprintf(&b, "| %s | %.0f s | %d | %d | %d | %d | %d | %d | %d |\n", p.name, p.took.Seconds(), p.acked, p.refused, p.uncertain, p.answered, p.unconnected, p.late, p.wrong)
		total.took += p.took
		total.acked, total.refused, total.uncertain = total.acked+p.acked, total.refused+p.refused, total.uncertain+p.uncertain
		total.answered, total.unconnected, total.late, total.wrong = total.answered+p.answered, total.unconnected+p.unconnected, total.late+p.late, total.wrong+p.wrong
	}
	fmt.Fprintf(&b, "\nacknowledged writes lost: %d\nroles written: %d\ncalls at one replica with what another had just made, before: %d, all answered well\noldest state that an answer was from, of a replica not cut off: %v\nwrites refused, by reason:\n",
		lost, len(h.roles), crossed, oldest.Round(time.Millisecond))
	reasons := slices.SortedFunc(maps.Keys(l.said503), func(x, y string) int { return l.said503[y] - l.said503[x] })
	for _, reason := range reasons[:min(len(reasons), 8)] {
		fmt.Fprintf(&b, "%6d  %s\n", l.said503[reason], reason)
	}
	t.Log(b.String())
}

// end is SIGTERM; the process must end well by itself.
func (s *process) end(t *testing.T) {
	t.Helper()
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Error(err)
	}
	if err := s.cmd.Wait(); err != nil {
		t.Errorf("after SIGTERM: %v\n%s", err, s.log)
	}
}
