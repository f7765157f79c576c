package harness

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/irsa-emu/irsa-emu/harness/clients"
	"github.com/irsa-emu/irsa-emu/statefile"
	"github.com/irsa-emu/irsa-emu/statefile/strictyaml"
)

// Call is one AWS API call, by an earlier step's session, by a service
// account that assumes a role for it, or by an account's administrator.
type Call struct {
	Service   string         `json:"service"`
	Operation string         `json:"operation" jsonschema_description:"The API's own name, such as GetSecretValue."`
	Input     statefile.JSON `json:"input,omitzero" jsonschema_description:"The operation's parameters, named as in the API reference."`
	As        string         `json:"as,omitempty" jsonschema_description:"Name of the earlier step whose credentials sign; the administrator signs when no one is named."`
	Identity
	Role    string `json:"role,omitempty" jsonschema_description:"With serviceAccount: ARN of the role that it assumes for the call; with podIdentity the association's counts."`
	Account string `json:"account,omitempty" jsonschema_description:"Account of the administrator; the default account when left out."`
	Region  string `json:"region,omitempty" jsonschema_description:"AWS region; the scenario's when left out."`

	Expect CallExpect `json:"-"`
}

// CallExpect is what must come of a call.
type CallExpect struct {
	Output statefile.JSON `json:"output,omitzero" jsonschema_description:"Parts of the answer: what is written must be there, in texts * stands for any characters."`
	Refusal
}

func (c *Call) expectation() any { return &c.Expect }

// Needs are claims when a service account's token must have its own.
func (c *Call) Needs() []Need {
	return (&Assume{Identity: c.Identity}).Needs()
}

// After is the step that it takes credentials from.
func (c *Call) After() []string {
	if c.As == administratorName {
		return nil
	}
	return nonEmpty(c.As)
}

// Changes is what AWS's names of operations promise.
func (c *Call) Changes() bool {
	for _, prefix := range []string{"Get", "List", "Describe", "Head", "Simulate", "Assume", "BatchGet", "Validate", "Decode"} {
		if strings.HasPrefix(c.Operation, prefix) {
			return false
		}
	}
	return true
}

func (c *Call) check(d *strictyaml.Decoder, path string) {
	c.Identity.check(d, path)
	switch {
	case c.As != "" && c.written():
		d.PathErrorf(path, "who calls? write as, or an identity with role, and not both")
	case c.written() && c.Role == "" && c.PodIdentity == "":
		d.PathErrorf(path, "the field role is missing; write the ARN of the role that makes the call")
	case c.PodIdentity != "" && c.Role != "":
		d.PathErrorf(path+".role", "with podIdentity, the association says it; leave it out")
	case !c.written() && c.Role != "":
		d.PathErrorf(path+".role", "role needs serviceAccount, subject or profile")
	}
	c.Expect.check(d, strings.TrimSuffix(path, "call")+"expect")
	checkObject(d, strings.TrimSuffix(path, "call")+"expect.output", c.Expect.Output)
	input := checkObject(d, path+".input", c.Input)
	if c.Service == "" || c.Operation == "" {
		return
	}
	client, known := clients.New(c.Service, aws.Config{})
	if !known {
		d.PathErrorf(path+".service", "unknown service %q; %s", c.Service, strictyaml.Instead(c.Service, slices.Sorted(slices.Values(clients.Services()))))
		return
	}
	if known := clients.Operations(client); !slices.Contains(known, c.Operation) {
		d.PathErrorf(path+".operation", "%s has no operation %q; %s", c.Service, c.Operation, strictyaml.Instead(c.Operation, known))
		return
	}
	if input != nil {
		checkInput(d, path+".input", inputOf(client, c.Operation), input)
	}
}

func (c *Call) perform(ctx context.Context, s *stage) (*outcome, error) {
	provider, denied, err := c.credentials(ctx, s)
	if err != nil {
		return nil, err
	}
	got := denied
	if denied == nil {
		got, err = callAPI(ctx, s.awsConfig(provider, c.Region), c.Service, c.Operation, c.Input)
		if err != nil {
			return nil, err
		}
	}
	o := s.judge(ctx, got, &c.Expect.Refusal, func() []Mismatch {
		if c.Expect.Output.IsZero() {
			return nil
		}
		var want any
		if err := json.Unmarshal(c.Expect.Output, &want); err != nil {
			return []Mismatch{{"output", string(c.Expect.Output), err.Error()}}
		}
		return matchOutput(nil, "output", want, got.output)
	})
	if !got.refused() {
		o.summary = summary(c.Operation, got.output)
	}
	return o, nil
}

// credentials are those that sign; denied is the answer when the role of a
// service account cannot be assumed.
func (c *Call) credentials(ctx context.Context, s *stage) (provider aws.CredentialsProvider, denied *answer, err error) {
	switch {
	case c.written():
		got, _, err := (&Assume{Identity: c.Identity, Role: c.Role}).assume(ctx, s)
		if err != nil || got.refused() {
			return nil, got, err
		}
		return credentials.StaticCredentialsProvider{Value: credentialsOf(got.output)}, nil, nil
	case c.As == "" || c.As == administratorName:
		return s.administrator(c.Account), nil, nil
	}
	provider, err = s.of(c.As)
	return provider, nil, err
}

// summary is an answer in one line: whose it is, or what it holds.
func summary(operation string, output map[string]any) string {
	for _, name := range []string{"SecretString", "Body", "Arn", "ARN"} {
		if s := text(output, name); s != "" && len(s) <= 120 && !strings.Contains(s, "\n") {
			return s
		}
	}
	return fmt.Sprintf("%s is answered", operation)
}
