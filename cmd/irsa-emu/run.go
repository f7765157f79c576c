package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/irsa-emu/irsa-emu/harness"
	"github.com/irsa-emu/irsa-emu/scenarios"
	"github.com/irsa-emu/irsa-emu/statefile"
	"github.com/irsa-emu/irsa-emu/term"
)

type runFlags struct {
	cluster, only, logs string
	given               givenFlags
	reports             []string
	parallel, count     int
	timeout             time.Duration
	brief, strict       bool
	kind                kindFlags
}

func (p *program) runCommand() *cobra.Command {
	var f runFlags
	cmd := &cobra.Command{
		Use: "run [PATH…]", Short: "Run scenario files or folders; without a path, the built-in ones",
		Long: `run executes each scenario against its own emulator and reports the results. It
exits with 0 when all passed or were skipped, 1 when one failed, 2 when a
scenario is invalid: then all mistakes are listed and nothing is run. When
nothing passed since everything was skipped it warns; with --strict it exits
with 1 then.`,
		Example: `  irsa-emu run
  irsa-emu run scenarios/wrong-namespace.yaml --report junit=report.xml
  irsa-emu run --cluster kind --only tutorial`,
		RunE: func(cmd *cobra.Command, paths []string) error { return p.runScenarios(cmd.Context(), f, paths) },
	}
	flags := cmd.Flags()
	flags.StringVar(&f.cluster, "cluster", "local", "where to run the scenarios: local, kind or kubeconfig")
	flags.StringArrayVar(&f.reports, "report", nil, "write a report: junit=PATH, json=PATH or markdown=PATH (repeatable)")
	flags.StringVar(&f.only, "only", "", "run only scenarios whose name matches this regular expression")
	flags.IntVar(&f.parallel, "parallel", 0, "how many scenarios to run at a time (default: twice the CPUs)")
	flags.IntVar(&f.count, "count", 1, "how often to run each scenario")
	flags.DurationVar(&f.timeout, "step-timeout", 2*time.Minute, "how long one step may take")
	flags.StringVar(&f.logs, "logs", "", "folder for the logs of failed scenarios (default: a new temporary folder)")
	f.given.add(cmd, "state to add to that of every scenario")
	flags.BoolVar(&f.brief, "brief", false, "hide the steps of scenarios that did not fail")
	flags.BoolVar(&f.strict, "strict", false, "exit with 1 when no scenario passed, because all were skipped")
	f.kind.add(cmd)
	return cmd
}

func (p *program) runScenarios(ctx context.Context, f runFlags, paths []string) error {
	var files []harness.ReportFile
	for _, text := range f.reports {
		file, err := harness.ParseReportFile(text)
		if err != nil {
			return usageError("--report: %w", err)
		}
		files = append(files, file)
	}
	if f.count < 1 {
		return usageError("--count %d: play each scenario at least once", f.count)
	}
	keys := newKeyPool()
	list, err := f.load(ctx, p, keys, paths)
	if err != nil {
		return &exitError{exitUsage, err}
	}
	clusters, err := p.startCluster(ctx, keys, f)
	if err != nil {
		return err
	}
	color := p.coloured(p.stdout)
	report, err := harness.Run(ctx, harness.Config{
		Start: clusters.start, ControlToken: clusters.controlToken, Cluster: f.cluster, Parallel: f.parallel, StepTimeout: f.timeout, Logs: f.logs,
		Progress: harness.Progress(p.stdout, len(list), harness.ProgressOptions{Live: term.IsTerminal(p.stdout), Color: color, Brief: f.brief}),
	}, list)
	err = errors.Join(err, clusters.stop())
	if report != nil {
		err = errors.Join(err, p.writeReports(report, files, color))
	}
	switch {
	case err != nil:
		return &exitError{exitFailed, err}
	case !report.OK():
		return &exitError{code: exitFailed}
	case report.Empty() && f.strict:
		return &exitError{exitFailed, errors.New("no scenario passed: all were skipped, for the reasons above")}
	case report.Empty():
		return p.complain("irsa-emu: warning: no scenario passed: all were skipped, for the reasons above; --strict makes that exit 1")
	}
	return nil
}

// load reads the scenarios and puts the given state under each.
func (f *runFlags) load(ctx context.Context, p *program, keys *keyPool, paths []string) ([]harness.Scenario, error) {
	var list []harness.Scenario
	var err error
	if len(paths) == 0 {
		list, err = harness.LoadFS(scenarios.FS, "scenarios")
	} else {
		list, err = harness.Load(paths...)
	}
	if err != nil {
		return nil, err
	}
	if f.only != "" {
		if list, err = harness.Select(list, f.only); err != nil {
			return nil, fmt.Errorf("--only: %w", err)
		}
	}
	if len(list) == 0 {
		return nil, errors.New("no scenario to run: the paths hold no file of kind Scenario")
	}
	given := statefile.State{}
	if len(f.given.paths) > 0 {
		if given, err = f.given.load(p, "", ""); err != nil {
			return nil, fmt.Errorf("--given: %w", err)
		}
	}
	if err := f.give(ctx, p, keys, list, given); err != nil {
		return nil, err
	}
	return repeated(list, f.count), nil
}

// give puts what --given says under each scenario, and finds what no emulator takes.
// What goes with no scenario is --given's fault. One that it does not go with, as of
// another partition, fails by itself when it is played.
func (f *runFlags) give(ctx context.Context, p *program, keys *keyPool, list []harness.Scenario, given statefile.State) error {
	var mistakes, apart []error
	var warnings []string
	for i := range list {
		s := &list[i]
		own := s.State()
		merged := statefile.State{}
		merged.Merge(given)
		merged.Merge(s.Spec.Given.State)
		s.Spec.Given.State = merged
		if f.cluster == "kubeconfig" { // the emulator there may have what a state builds on
			continue
		}
		if err := keys.takes(ctx, s.State()); err == nil {
			continue
		} else if keys.takes(ctx, own) != nil {
			mistakes = append(mistakes, err)
		} else {
			apart = append(apart, err)
			warnings = append(warnings, fmt.Sprintf("irsa-emu: warning: the scenario %s cannot be played with what --given says: %v", s.Metadata.Name, err))
		}
	}
	if len(apart) > 0 && len(apart)+len(mistakes) == len(list) {
		mistakes = append(mistakes, apart[0])
	}
	if len(mistakes) > 0 {
		return errors.Join(mistakes...)
	}
	for _, w := range warnings {
		if err := p.complain("%s", w); err != nil {
			return err
		}
	}
	return nil
}

// repeated plays each scenario several times, as go test -count does. From the
// second on a number follows its name, which is unique in a report.
func repeated(list []harness.Scenario, count int) []harness.Scenario {
	out := slices.Clone(list)
	for n := 2; n <= count; n++ {
		for _, s := range list {
			s.Metadata.Name = fmt.Sprintf("%s-%d", s.Metadata.Name, n)
			out = append(out, s)
		}
	}
	return out
}

// clusters is how each scenario of a run gets its cluster, and what ends them all.
type clusters struct {
	start        harness.StartCluster
	controlToken string
	stop         func() error
}

func (p *program) startCluster(ctx context.Context, keys *keyPool, f runFlags) (clusters, error) {
	switch f.cluster {
	case "local":
		return clusters{start: harness.Local(startEmbedded(keys)), stop: func() error { return nil }}, nil
	case "kind":
		return p.startKind(ctx, f)
	case "kubeconfig":
		return p.useExisting(ctx, f)
	}
	return clusters{}, usageError("--cluster %s: write local, kind or kubeconfig", f.cluster)
}

func (p *program) writeReports(report *harness.Report, files []harness.ReportFile, color bool) error {
	errs := []error{report.WriteText(p.stdout, color)}
	for _, file := range files {
		errs = append(errs, report.WriteFile(file))
	}
	if actions, _ := p.getenv("GITHUB_ACTIONS"); actions == "true" {
		errs = append(errs, report.WriteAnnotations(os.Stdout))
	}
	return errors.Join(errs...)
}
