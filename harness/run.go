package harness

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/irsa-emu/irsa-emu/aws"
	"github.com/irsa-emu/irsa-emu/statefile"
)

// Config is how scenarios are run; Start is required, the rest has defaults.
type Config struct {
	// Start gives each scenario its cluster and emulator. See [Local].
	Start StartCluster
	// Cluster is the name of the kind of cluster, for reports. Default local.
	Cluster string
	// Parallel is how many scenarios run at a time. Default: twice the CPUs.
	Parallel int
	// StepTimeout bounds one step. Default two minutes.
	StepTimeout time.Duration
	// AdminSecret is the secret of the emulators' administrators. Default test.
	AdminSecret string
	// ControlToken is the emulators' control token, if they want one.
	ControlToken string
	// Environ is what run steps inherit. As with os/exec, nil is this process's environment.
	Environ []string
	// Logs is the folder that keeps what failed scenarios leave behind; it is
	// made when the first one does. Default: a new one among the temporary files.
	Logs string
	// Progress hears of everything that happens, one event at a time; nil does not.
	Progress func(Event)
}

// Event is something that happened in a run; an empty one says, every two
// seconds, that the run goes on.
type Event struct {
	Scenario *Scenario
	// Step is the one that begins, or nil.
	Step *Step
	// Done is the scenario's result when it has ended, or nil.
	Done *ScenarioResult
}

func (c *Config) environ() []string {
	if c.Environ == nil {
		return os.Environ()
	}
	return c.Environ
}

// Run plays scenarios, several at a time and each on its own emulator. The
// results are in the order of the scenarios. The error is about the run
// itself, such as a context that ended; failed scenarios are no error.
func Run(ctx context.Context, c Config, scenarios []Scenario) (*Report, error) {
	if c.Parallel < 1 {
		c.Parallel = 2 * runtime.GOMAXPROCS(0)
	}
	if c.StepTimeout <= 0 {
		c.StepTimeout = 2 * time.Minute
	}
	if c.AdminSecret == "" {
		c.AdminSecret = "test"
	}
	if c.Cluster == "" {
		c.Cluster = "local"
	}
	r := &runner{config: &c, logs: &logs{folder: c.Logs}}
	report := &Report{Cluster: c.Cluster, Started: time.Now(), Scenarios: make([]ScenarioResult, len(scenarios))}
	stop := r.heartbeat()
	group := errgroup.Group{}
	group.SetLimit(c.Parallel)
	for i := range scenarios {
		group.Go(func() error {
			report.Scenarios[i] = r.play(ctx, &scenarios[i])
			r.tell(Event{Scenario: &scenarios[i], Done: &report.Scenarios[i]})
			return nil
		})
	}
	_ = group.Wait() // failures are in the results
	stop()
	report.Duration = time.Since(report.Started)
	report.Logs = r.logs.made()
	return report, context.Cause(ctx)
}

type runner struct {
	config *Config
	logs   *logs
	mu     sync.Mutex
}

// heartbeat tells an empty event now and again, until stop.
func (r *runner) heartbeat() (stop func()) {
	end := make(chan struct{})
	var ended sync.WaitGroup
	ended.Go(func() {
		tick := time.NewTicker(heartbeatInterval)
		defer tick.Stop()
		for {
			select {
			case <-end:
				return
			case <-tick.C:
				r.tell(Event{})
			}
		}
	})
	return func() { close(end); ended.Wait() }
}

const heartbeatInterval = 2 * time.Second

func (r *runner) tell(e Event) {
	if r.config.Progress == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.config.Progress(e)
}

// play runs one scenario from its cluster's start to its end.
func (r *runner) play(ctx context.Context, s *Scenario) ScenarioResult {
	result := ScenarioResult{
		Name: s.Metadata.Name, Description: s.Metadata.Description, File: s.File, Line: s.Line, Started: time.Now(),
		Steps: make([]StepResult, len(s.Spec.Steps)),
	}
	for i := range s.Spec.Steps {
		result.Steps[i] = StepResult{Name: s.Spec.Steps[i].Name, Line: s.Spec.Steps[i].Line, Status: Skipped, Reason: "the scenario could not be started"}
	}
	r.tell(Event{Scenario: s})
	err := context.Cause(ctx)
	if err == nil {
		err = r.onCluster(ctx, s, &result)
	}
	counts := result.Counts()
	switch {
	case err != nil:
		result.Status, result.Error = Failed, err.Error()
	case counts.Failed > 0:
		result.Status = Failed
	case counts.Passed == 0:
		result.Status = Skipped
	default:
		result.Status = Passed
	}
	result.Duration = time.Since(result.Started)
	return result
}

func (r *runner) onCluster(ctx context.Context, s *Scenario, result *ScenarioResult) (err error) {
	target := Target{
		Scenario: s.Metadata.Name, Issuer: s.issuer(), Others: s.Spec.Cluster.Others, Version: strings.TrimPrefix(s.Spec.Cluster.Version, "v"),
		Region: s.region(), Needs: s.needs(), Namespaces: s.namespaces(), Images: s.images(),
	}
	cluster, err := r.config.Start(ctx, target)
	var unfit *UnfitError
	if errors.As(err, &unfit) {
		for i := range result.Steps {
			result.Steps[i].Reason = unfit.Reason
		}
		return nil
	}
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, cluster.Close()) }()
	api := newControl(cluster.URL(), r.config.ControlToken)
	defer api.HTTP.CloseIdleConnections()
	play := &stage{
		config: r.config, scenario: s, cluster: cluster, control: api, region: target.Region, sessions: map[string]*session{},
	}
	where, err := api.Info(ctx)
	if err != nil {
		return fmt.Errorf("asking the emulator where it is: %w", err)
	}
	play.account = where.Account
	if err := api.Load(ctx, s.State()); err != nil {
		return fmt.Errorf("given state: %w", err)
	}
	r.steps(ctx, play, result)
	if result.Counts().Failed > 0 && ctx.Err() == nil { // what is broken off leaves nothing to look into
		result.Logs, err = r.logs.keepDecisions(ctx, play)
		if keeper, ok := cluster.(LogKeeper); ok && result.Logs != "" {
			err = errors.Join(err, keeper.KeepLogs(ctx, result.Logs))
		}
	}
	return err
}

// steps plays them in order. A step is skipped when the cluster lacks what it
// needs, when a step that it builds on gave nothing, and when one that would
// have changed what it sees was not done.
func (r *runner) steps(ctx context.Context, play *stage, result *ScenarioResult) {
	unusable := map[string]Status{} // names of steps that gave nothing
	undone := ""                    // the step whose change is missing
	for i := range play.scenario.Spec.Steps {
		step := &play.scenario.Spec.Steps[i]
		out := &result.Steps[i]
		out.Reason = ""
		if reason := r.obstacle(play, step, unusable, undone); reason != "" {
			out.Reason = reason
		} else {
			r.tell(Event{Scenario: play.scenario, Step: step})
			r.step(ctx, play, step, out)
		}
		if out.Status != Passed {
			unusable[step.Name] = out.Status
			if undone == "" && step.Action.Changes() {
				undone = fmt.Sprintf("step %q, which may have changed what this one sees, %s", step.Name, was(out.Status))
			}
		}
	}
}

func was(s Status) string {
	if s == Skipped {
		return "was skipped"
	}
	return "failed"
}

// obstacle is why a step cannot be played; empty when it can.
func (r *runner) obstacle(play *stage, step *Step, unusable map[string]Status, undone string) string {
	for _, n := range slices.Concat(play.scenario.Spec.Cluster.needs(), step.Needs()) {
		if why := lacks(play.cluster, n); why != "" {
			return why
		}
	}
	for _, name := range step.Action.After() {
		if status, is := unusable[name]; is {
			return fmt.Sprintf("step %q, which this one builds on, %s", name, was(status))
		}
	}
	return undone
}

func (r *runner) step(ctx context.Context, play *stage, step *Step, out *StepResult) {
	started := time.Now()
	timeout := r.config.StepTimeout
	if step.Timeout > 0 {
		timeout = step.Timeout
	}
	ctx, cancel := context.WithTimeoutCause(ctx, timeout, fmt.Errorf("the step took longer than %s", timeout))
	defer cancel()
	o, err := step.Action.perform(ctx, play)
	out.Duration = time.Since(started)
	var unfit *UnfitError
	if errors.As(err, &unfit) {
		out.Reason = unfit.Reason
		return
	}
	if err != nil {
		out.Status, out.Error = Failed, unwrapContext(ctx, err).Error()
		return
	}
	if o.session != nil {
		play.sessions[step.Name] = o.session
	}
	out.Summary = o.summary
	switch {
	case o.skip != "":
		out.Status, out.Reason = Skipped, o.skip
		return
	case len(o.mismatches) == 0:
		out.Status = Passed
		return
	}
	out.Status, out.Mismatches = Failed, o.mismatches
	if o.decision != nil {
		out.Explanation = o.decision.Text()
		out.RequestID = o.decision.RequestID
	}
	if err := r.logs.keepOutput(play.scenario, step, o.output); err != nil {
		out.Error = err.Error()
	}
}

// issuer is the cluster's: as written, or that of the one cluster in given.
func (s *Scenario) issuer() string {
	if s.Spec.Cluster.Issuer != "" || len(s.Spec.Given.Clusters) != 1 {
		return s.Spec.Cluster.Issuer
	}
	for _, c := range s.Spec.Given.Clusters {
		return c.Issuer
	}
	return ""
}

// region is where calls go: as written, or where the issuer says that it is.
func (s *Scenario) region() string {
	if s.Spec.Cluster.Region != "" {
		return s.Spec.Cluster.Region
	}
	if region, _, ok := aws.EKSIssuerParts(s.issuer()); ok {
		return region
	}
	return aws.DefaultRegion
}

// needs are those of the whole story.
func (c *ClusterSpec) needs() []Need {
	all := slices.Clone(c.Needs)
	if len(c.Others) > 0 {
		all = append(all, NeedClusters)
	}
	return all
}

func (s *Scenario) needs() []Need {
	all := s.Spec.Cluster.needs()
	for i := range s.Spec.Steps {
		all = append(all, s.Spec.Steps[i].Needs()...)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// State is what the scenario's emulator has before the first step: what is given, in
// the scenario's region where it names none.
func (s *Scenario) State() statefile.State { return inRegion(s.Spec.Given.State, s.region()) }

// inRegion puts what names no region into the scenario's.
func inRegion(s statefile.State, region string) statefile.State {
	out := statefile.State{}
	out.Merge(s)
	for name, c := range out.Clusters {
		if c.Region == "" {
			c.Region = region
			out.Clusters[name] = c
		}
	}
	partition := aws.PartitionOf(region).ID
	if _, named := out.Accounts[aws.DefaultAccount]; !named && partition != aws.DefaultPartition {
		out.Merge(statefile.State{Accounts: map[string]statefile.Account{aws.DefaultAccount: {}}})
	}
	for id, a := range out.Accounts {
		if out.Partition(id, aws.DefaultAccount) == "" && partition != aws.DefaultPartition {
			a.Partition = partition
		}
		out.Accounts[id] = a.InRegion(region)
	}
	return out
}
