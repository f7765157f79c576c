// Package runner plays GitHub's runner for a composite action, as far as
// action.yml needs it: its inputs, its expressions, its shell steps, the files for
// outputs and summaries. Steps that use other actions are left out and named.
package runner

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Run is one run of an action.
type Run struct {
	// Action is the folder of action.yml.
	Action string
	// Folder is the workspace; Temp the runner's own.
	Folder, Temp string
	Inputs       map[string]string
	// Context are values of expressions: github.repository, ….
	Context map[string]string
	// Path is put before PATH: stand-ins for programs that a runner has.
	Path string
}

// Result is what a run left.
type Result struct {
	Outputs, Summary string
	LeftOut          []string // steps that use other actions
	Log              string
	// Failed is the first step that failed; "" if none.
	Failed string
}

type action struct {
	Inputs map[string]struct {
		Required bool
		Default  string
	}
	Outputs map[string]struct{ Value string }
	Runs    struct {
		Using string
		Steps []step
	}
}

type step struct {
	ID, Name, Uses, Shell, Run string
	If                         string `yaml:"if"`
	Env                        map[string]string
}

// Play runs the steps in order; one that fails keeps later ones from running unless
// they say always().
func (r *Run) Play(ctx context.Context) (*Result, error) {
	src, err := os.ReadFile(filepath.Join(r.Action, "action.yml"))
	if err != nil {
		return nil, err
	}
	var a action
	if err := yaml.Unmarshal(src, &a); err != nil {
		return nil, fmt.Errorf("action.yml: %w", err)
	}
	if a.Runs.Using != "composite" {
		return nil, fmt.Errorf("action.yml: runs.using is %q", a.Runs.Using)
	}
	values := map[string]string{"github.action_path": r.Action, "runner.temp": r.Temp}
	for name, value := range r.Context {
		values[name] = value
	}
	for name := range r.Inputs {
		if _, ok := a.Inputs[name]; !ok {
			return nil, fmt.Errorf("action.yml has no input %s", name)
		}
	}
	for name, in := range a.Inputs {
		value, given := r.Inputs[name]
		if !given {
			if in.Required {
				return nil, fmt.Errorf("the input %s is required", name)
			}
			if value, err = expand(in.Default, values); err != nil {
				return nil, err
			}
		}
		values["inputs."+name] = value
	}
	out := &Result{}
	for i := range a.Runs.Steps {
		if err := r.step(ctx, &a.Runs.Steps[i], values, out); err != nil {
			return nil, err
		}
	}
	for name, o := range a.Outputs {
		if _, err := expand(o.Value, values); err != nil && out.Failed == "" {
			return nil, fmt.Errorf("the output %s: %w", name, err)
		}
	}
	return out, nil
}

func (r *Run) step(ctx context.Context, s *step, values map[string]string, out *Result) error {
	name := s.Name + s.Uses
	runs, err := holds(s.If, values, out.Failed != "")
	if err != nil || !runs {
		return err
	}
	if s.Uses != "" {
		out.LeftOut = append(out.LeftOut, s.Uses)
		return nil
	}
	outputs, summary := filepath.Join(r.Temp, "outputs"), filepath.Join(r.Temp, "summary")
	cmd := exec.CommandContext(ctx, "bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", s.Run)
	cmd.Dir = r.Folder
	cmd.Env = []string{"PATH=" + r.Path + ":" + os.Getenv("PATH"), "HOME=" + os.Getenv("HOME"), "GITHUB_OUTPUT=" + outputs, "GITHUB_STEP_SUMMARY=" + summary, "GITHUB_ACTIONS=true"}
	for _, kept := range []string{"GOCACHE", "GOMODCACHE", "GOPATH", "GOFLAGS", "GOPROXY", "GOTMPDIR"} {
		if value, ok := os.LookupEnv(kept); ok {
			cmd.Env = append(cmd.Env, kept+"="+value)
		}
	}
	for key, value := range s.Env {
		if value, err = expand(value, values); err != nil {
			return fmt.Errorf("step %s: %w", name, err)
		}
		cmd.Env = append(cmd.Env, key+"="+value)
	}
	var log bytes.Buffer
	cmd.Stdout, cmd.Stderr = &log, &log
	err = cmd.Run()
	out.Log += log.String()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		out.Failed = name
	} else if err != nil {
		return fmt.Errorf("step %s: %w", name, err)
	}
	for file, into := range map[string]*string{outputs: &out.Outputs, summary: &out.Summary} {
		text, err := os.ReadFile(file)
		if err != nil && !os.IsNotExist(err) {
			return err
		}
		*into = string(text)
	}
	for line := range strings.Lines(out.Outputs) {
		if key, value, ok := strings.Cut(strings.TrimSpace(line), "="); ok && s.ID != "" {
			values["steps."+s.ID+".outputs."+key] = value
		}
	}
	return nil
}

var expression = regexp.MustCompile(`\$\{\{ *([^}]*?) *\}\}`)

// expand replaces expressions that are names.
func expand(text string, values map[string]string) (string, error) {
	var missing error
	out := expression.ReplaceAllStringFunc(text, func(s string) string {
		name := expression.FindStringSubmatch(s)[1]
		value, ok := values[name]
		if !ok {
			missing = fmt.Errorf("nothing has the value of ${{ %s }}", name)
		}
		return value
	})
	return out, missing
}

// holds evaluates a condition: names compared with texts, and always(), joined by &&.
func holds(condition string, values map[string]string, failed bool) (bool, error) {
	if m := expression.FindStringSubmatch(condition); m != nil {
		condition = m[1]
	}
	if condition == "" {
		return !failed, nil
	}
	always := false
	for _, term := range strings.Split(condition, "&&") {
		term = strings.TrimSpace(term)
		if term == "always()" {
			always = true
			continue
		}
		name, want, ok := strings.Cut(term, " == ")
		value, known := values[name]
		if !ok || !known || !strings.HasPrefix(want, "'") {
			return false, fmt.Errorf("a condition that is not understood: %s", term)
		}
		if value != strings.Trim(want, "'") {
			return false, nil
		}
	}
	return always || !failed, nil
}
