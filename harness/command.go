package harness

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/irsa-emu/irsa-emu/aws"
	"github.com/irsa-emu/irsa-emu/statefile"
	"github.com/irsa-emu/irsa-emu/statefile/strictyaml"
)

// Command is a program on this machine: with a service account's token file
// and variables, or as an account's administrator.
type Command struct {
	Command  Strings           `json:"command" jsonschema_description:"The program and its arguments as a list, or text for sh -c."`
	Programs []string          `json:"programs,omitempty" jsonschema_description:"What else must be on this machine; without it the step is skipped, as without the command's own program."`
	Env      map[string]string `json:"env,omitempty" jsonschema_description:"Variables put over those that it gets."`
	Stdin    *statefile.Text   `json:"stdin,omitempty"`
	Identity
	Role    string `json:"role,omitempty" jsonschema_description:"With serviceAccount: what AWS_ROLE_ARN says."`
	Account string `json:"account,omitempty" jsonschema_description:"Account of the administrator; the default account when left out."`
	Region  string `json:"region,omitempty" jsonschema_description:"What AWS_REGION says; the scenario's when left out."`

	Expect CommandExpect `json:"-"`
}

// CommandExpect is what must come of a command.
type CommandExpect struct {
	ExitCode int   `json:"exitCode,omitempty" jsonschema_description:"0 when left out."`
	Fails    bool  `json:"fails,omitempty" jsonschema_description:"Any exit code but 0, in place of exitCode."`
	Stdout   Match `json:"stdout,omitzero"`
	Stderr   Match `json:"stderr,omitzero"`
}

func (c *Command) expectation() any { return &c.Expect }

// Needs are claims when the token must have its own.
func (c *Command) Needs() []Need { return (&Assume{Identity: c.Identity}).Needs() }

// After is nothing: a command gets its credentials itself.
func (c *Command) After() []string { return nil }

// Changes is true: nobody knows what a command does.
func (c *Command) Changes() bool { return true }

func (c *Command) check(d *strictyaml.Decoder, path string) {
	c.Identity.check(d, path)
	if len(c.Command) == 0 && d.Written(path+".command") {
		d.PathErrorf(path+".command", "no command; write a list such as [aws, sts, get-caller-identity]")
	}
	if c.written() && c.Role == "" && c.PodIdentity == "" {
		d.PathErrorf(path, "the field role is missing; write the ARN that AWS_ROLE_ARN must hold")
	}
	if c.PodIdentity != "" && c.Role != "" {
		d.PathErrorf(path+".role", "with podIdentity, the association says it; leave it out")
	}
	if !c.written() && c.Role != "" {
		d.PathErrorf(path+".role", "whose role? write serviceAccount too")
	}
	expect := strings.TrimSuffix(path, "run") + "expect"
	if c.Expect.Fails && c.Expect.ExitCode != 0 {
		d.PathErrorf(expect, "write one of exitCode and fails")
	}
	c.Expect.Stdout.check(d, expect+".stdout")
	c.Expect.Stderr.check(d, expect+".stderr")
	c.Expect.Stdout.checkPresent(d, expect+".stdout")
	c.Expect.Stderr.checkPresent(d, expect+".stderr")
}

func (m *Match) check(d *strictyaml.Decoder, path string) {
	if _, err := regexp.Compile(m.Matches); err != nil {
		d.PathErrorf(path+".matches", "%v", err)
	}
}

// checkPresent refuses null where there always is a text.
func (m *Match) checkPresent(d *strictyaml.Decoder, path string) {
	if m.absent {
		d.PathErrorf(path, `it is null; write "" for no text, or leave it out`)
	}
}

// DecodeYAML takes text, or a mapping with what is to be compared.
func (m *Match) DecodeYAML(d *strictyaml.Decoder, n *yaml.Node, path string) {
	if n.Tag == "!!null" {
		m.absent = true
		return
	}
	m.written = true
	if n.Kind != yaml.MappingNode {
		m.Equals, _ = d.Text(n, path)
		return
	}
	type fields Match // without this method
	d.Decode(n, path, (*fields)(m))
	m.written = d.Written(path + ".equals")
}

func (m *Match) mismatches(to []Mismatch, what, got string) []Mismatch {
	if m.written && strings.TrimSpace(got) != strings.TrimSpace(m.Equals) {
		to = append(to, Mismatch{what, m.Equals, got})
	}
	if m.Contains != "" && !strings.Contains(got, m.Contains) {
		to = append(to, Mismatch{what, "contains " + m.Contains, got})
	}
	if m.Matches != "" && !regexp.MustCompile(m.Matches).MatchString(got) {
		to = append(to, Mismatch{what, "matches " + m.Matches, got})
	}
	return to
}

func (c *Command) perform(ctx context.Context, s *stage) (*outcome, error) {
	argv := []string(c.Command)
	if len(argv) == 1 && strings.ContainsAny(argv[0], " \t\n|;&<>$") {
		argv = []string{"sh", "-c", argv[0]}
	}
	for _, program := range append([]string{argv[0]}, c.Programs...) {
		if _, err := exec.LookPath(program); err != nil && !strings.Contains(program, "/") {
			return &outcome{skip: fmt.Sprintf("this machine has no %s", program)}, nil
		}
	}
	dir, err := os.MkdirTemp("", "irsa-emu-run-")
	if err != nil {
		return nil, fmt.Errorf("folder for the command: %w", err)
	}
	defer os.RemoveAll(dir) // private to this step
	if err := NoProfiles(dir); err != nil {
		return nil, err
	}
	folder := s.scenario.folder
	if folder == "" {
		folder = dir
	}
	region := c.Region
	if region == "" {
		region = s.region
	}
	var stdout, stderr bytes.Buffer
	exec := ExecConfig{
		URL: s.cluster.URL(), ControlToken: s.config.ControlToken, ServiceAccount: c.ServiceAccount, Role: c.Role, ExpiresIn: time.Duration(c.TokenLife),
		Region: region, Command: argv, Dir: folder, Stdout: &stdout, Stderr: &stderr, Env: s.config.environ(),
		token: func(ctx context.Context) (string, error) { return s.token(ctx, c.Identity) },
	}
	if c.PodIdentity != "" {
		exec.ServiceAccount, exec.PodIdentity = c.PodIdentity, &PodIdentity{Cluster: c.Cluster, AdminSecret: s.config.AdminSecret}
		exec.token = func(ctx context.Context) (string, error) { return s.podToken(ctx, c.Identity) }
	}
	if holder, ok := s.cluster.(KubeconfigHolder); ok {
		exec.Env = append(slices.Clip(exec.Env), "KUBECONFIG="+holder.Kubeconfig())
	}
	if c.Stdin != nil {
		exec.Stdin = strings.NewReader(string(*c.Stdin))
	}
	var code int
	if c.written() {
		exec.more = withEnv(nil, c.Env)
		code, err = Exec(ctx, exec)
	} else {
		account := c.Account
		if account == "" {
			account = s.account
		}
		exec.Env = append(Pointed(exec.Env, s.cluster.URL(), region, dir), aws.EnvAccessKey+"="+account, aws.EnvSecretKey+"="+s.config.AdminSecret)
		exec.Env = withEnv(exec.Env, c.Env)
		code, err = exec.run(ctx)
	}
	if err == nil {
		err = context.Cause(ctx)
	}
	if err != nil {
		return nil, fmt.Errorf("%w\n%s%s", err, stdout.Bytes(), stderr.Bytes())
	}
	o := &outcome{
		summary: firstLine(stdout.String(), "exit code "+strconv.Itoa(code)),
		output:  []file{{"stdout", stdout.Bytes()}, {"stderr", stderr.Bytes()}},
	}
	switch {
	case c.Expect.Fails && code == 0:
		o.mismatches = append(o.mismatches, Mismatch{"exit code", "not 0", "0"})
	case !c.Expect.Fails && code != c.Expect.ExitCode:
		o.mismatches = append(o.mismatches, Mismatch{"exit code", strconv.Itoa(c.Expect.ExitCode), fmt.Sprintf("%d\n%s", code, stderr.Bytes())})
	}
	o.mismatches = c.Expect.Stdout.mismatches(o.mismatches, "stdout", stdout.String())
	o.mismatches = c.Expect.Stderr.mismatches(o.mismatches, "stderr", stderr.String())
	return o, nil
}

func withEnv(env []string, over map[string]string) []string {
	for name, value := range over {
		env = append(env, name+"="+value) // the last entry of a name counts
	}
	return env
}

func firstLine(text, otherwise string) string {
	line, _, _ := strings.Cut(strings.TrimSpace(text), "\n")
	if line == "" {
		return otherwise
	}
	if r := []rune(line); len(r) > 120 {
		return string(r[:117]) + "..."
	}
	return line
}
