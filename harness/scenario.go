package harness

import (
	"slices"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/irsa-emu/irsa-emu/control"
	"github.com/irsa-emu/irsa-emu/statefile"
	"github.com/irsa-emu/irsa-emu/statefile/strictyaml"
)

// Kind heads every scenario, beside [statefile.APIVersion].
const Kind = "Scenario"

// Scenario is one story.
type Scenario struct {
	APIVersion string   `json:"apiVersion" jsonschema:"enum=irsa-emu.dev/v1"`
	Kind       string   `json:"kind" jsonschema:"enum=Scenario"`
	Metadata   Metadata `json:"metadata"`
	Spec       Spec     `json:"spec"`
	// File is where the scenario was read.
	File string `json:"-"`
	// Line is where the document begins.
	Line int `json:"-"`
	// folder is where run steps work; empty for a scenario that is in no folder.
	folder string
}

// Metadata names a scenario.
type Metadata struct {
	Name        string `json:"name" jsonschema:"pattern=^[a-z0-9]([a-z0-9-]*[a-z0-9])?$" jsonschema_description:"Lower-case letters, digits and hyphens; unique in a run."`
	Description string `json:"description,omitempty" jsonschema_description:"One sentence: what the story shows."`
}

// Spec is what a scenario starts from and what happens.
type Spec struct {
	Cluster ClusterSpec     `json:"cluster,omitzero"`
	Given   statefile.Given `json:"given,omitzero" jsonschema_description:"State of the emulator before the first step: written out, or {file: state.yaml}."`
	Steps   []Step          `json:"steps" jsonschema:"minItems=1"`
}

// ClusterSpec is the cluster that the story plays on.
type ClusterSpec struct {
	Issuer  string   `json:"issuer,omitempty" jsonschema_description:"Issuer URL of the service account tokens; that of the one cluster in given when left out."`
	Others  []string `json:"others,omitempty" jsonschema_description:"Issuer URLs of further clusters, whose service accounts' tokens steps ask for with issuer."`
	Version string   `json:"version,omitempty" jsonschema:"pattern=^v?[0-9]+(\\.[0-9]+){1\\,2}$" jsonschema_description:"Version of Kubernetes, such as 1.34 or 1.34.4; any when left out. Without effect on --cluster local."`
	Region  string   `json:"region,omitempty" jsonschema_description:"AWS region of all calls; that in an EKS issuer's URL, else us-east-1, when left out."`
	Needs   []Need   `json:"needs,omitempty" jsonschema_description:"What the whole story needs of the cluster; without it all steps are skipped."`
}

// Step is one action and what it must lead to.
type Step struct {
	Name   string
	Action Action
	// Timeout is how long it may take; the run's when zero.
	Timeout time.Duration
	// Wants is what it needs of the cluster beside what its action does.
	Wants []Need
	// Line is where the step is written in the scenario's file.
	Line int
}

// stepFields is how a step is written: exactly one action, and what is
// expected of it, which depends on the action.
type stepFields struct {
	Name       string      `json:"name" jsonschema_description:"What happens, in words; later steps refer to it."`
	Assume     *Assume     `json:"assume,omitempty" jsonschema_description:"A token, or an earlier step's credentials, for a role."`
	Call       *Call       `json:"call,omitempty" jsonschema_description:"One AWS API call."`
	Run        *Command    `json:"run,omitempty" jsonschema_description:"A command on this machine."`
	Apply      *Apply      `json:"apply,omitempty" jsonschema_description:"Kubernetes manifests."`
	Pod        *Pod        `json:"pod,omitempty" jsonschema_description:"A pod run to its end, or a workload until it is ready."`
	Clock      *Clock      `json:"clock,omitempty" jsonschema_description:"Move the emulator's clock."`
	RotateKeys *RotateKeys `json:"rotateKeys,omitempty" jsonschema_description:"Give an issuer a new signing key."`
	Fault      *Fault      `json:"fault,omitempty" jsonschema_description:"Make calls fail that match."`
	Needs      []Need      `json:"needs,omitempty" jsonschema_description:"What the step needs of the cluster, such as intercept; without it the step is skipped, with the reason."`
	Timeout    Duration    `json:"timeout,omitempty" jsonschema_description:"How long it may take, such as 10m; that of run --step-timeout when left out."`
	Expect     deferred    `json:"expect,omitempty" jsonschema_description:"What must happen; that it works, when left out."`
}

// deferred keeps a node until it is known what it must hold.
type deferred struct{ node *yaml.Node }

func (x *deferred) DecodeYAML(_ *strictyaml.Decoder, n *yaml.Node, _ string) { x.node = n }

// stepActions are the kinds of step, in the order in which they are advised.
var stepActions = []struct {
	name string
	of   func(*stepFields) Action // nil: another one is written
}{
	{"assume", func(f *stepFields) Action { return written(f.Assume) }},
	{"call", func(f *stepFields) Action { return written(f.Call) }},
	{"run", func(f *stepFields) Action { return written(f.Run) }},
	{"apply", func(f *stepFields) Action { return written(f.Apply) }},
	{"pod", func(f *stepFields) Action { return written(f.Pod) }},
	{"clock", func(f *stepFields) Action { return written(f.Clock) }},
	{"rotateKeys", func(f *stepFields) Action { return written(f.RotateKeys) }},
	{"fault", func(f *stepFields) Action { return written(f.Fault) }},
}

// written is nil for a field that was not written, and not a nil pointer.
func written[A any, P interface {
	*A
	Action
}](field P) Action {
	if field == nil {
		return nil
	}
	return field
}

func actionNames() []string {
	names := make([]string, len(stepActions))
	for i := range stepActions {
		names[i] = stepActions[i].name
	}
	return names
}

// actions lists the action that is written, with the name of its field. More
// than one is a mistake.
func (f *stepFields) actions() (names []string, actions []Action) {
	for _, kind := range stepActions {
		if a := kind.of(f); a != nil {
			names, actions = append(names, kind.name), append(actions, a)
		}
	}
	return names, actions
}

// DecodeYAML reads a step with its one action.
func (s *Step) DecodeYAML(d *strictyaml.Decoder, n *yaml.Node, path string) {
	var fields stepFields
	d.Decode(n, path, &fields)
	s.Name, s.Timeout, s.Wants, s.Line = fields.Name, time.Duration(fields.Timeout), fields.Needs, n.Line
	checkNeeds(d, path+".needs", fields.Needs)
	names, actions := fields.actions()
	switch {
	case n.Kind != yaml.MappingNode:
		return // said by the decoder
	case s.Timeout < 0:
		d.Errorf(n, "%s.timeout: %s; write how long the step may take, such as 10m", path, s.Timeout)
		return
	case len(actions) == 0:
		if !writesAction(n) {
			d.Errorf(n, "%s: no action; write one of: %s", path, join(actionNames()))
		}
		return
	case len(actions) > 1:
		d.Errorf(n, "%s: more than one action (%s); write each as a step of its own", path, join(names))
		return
	}
	s.Action = actions[0]
	expecting, ok := s.Action.(interface{ expectation() any })
	switch {
	case fields.Expect.node == nil:
	case !ok:
		d.Errorf(fields.Expect.node, "%s: %s takes no expect; leave it out, the step must work", path, names[0])
	default:
		d.Decode(fields.Expect.node, strictyaml.Join(path, "expect"), expecting.expectation())
	}
	if checking, ok := s.Action.(interface {
		check(d *strictyaml.Decoder, path string)
	}); ok {
		checking.check(d, strictyaml.Join(path, names[0]))
	}
}

// Needs are the optional powers of the cluster that the step uses.
func (s *Step) Needs() []Need { return slices.Concat(s.Wants, s.Action.Needs()) }

// writesAction tells a step whose action was refused from one that has none.
func writesAction(n *yaml.Node) bool {
	for i := 0; i+1 < len(n.Content); i += 2 {
		if slices.Contains(actionNames(), n.Content[i].Value) {
			return true
		}
	}
	return false
}

// Duration is a time span as Go writes it: 90s, 2h, 1h30m.
type Duration = control.Duration

// Strings is one text or a list of texts.
type Strings []string

// DecodeYAML reads text or a list of texts.
func (x *Strings) DecodeYAML(d *strictyaml.Decoder, n *yaml.Node, path string) {
	if n.Kind != yaml.SequenceNode {
		if text, ok := d.Text(n, path); ok {
			*x = Strings{text}
		}
		return
	}
	*x = make(Strings, 0, len(n.Content))
	for i, item := range n.Content {
		if text, ok := d.Text(item, strictyaml.Index(path, i)); ok {
			*x = append(*x, text)
		}
	}
}
