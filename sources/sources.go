package sources

import (
	"cmp"
	"errors"
	"io"
	"strings"

	"github.com/irsa-emu/irsa-emu/aws"
	"github.com/irsa-emu/irsa-emu/hint"
	"github.com/irsa-emu/irsa-emu/policy"
	"github.com/irsa-emu/irsa-emu/statefile"
	"github.com/irsa-emu/irsa-emu/statefile/strictyaml"
)

// Options say what the sources leave open.
type Options struct {
	// Account owns what names no account; twelve digits, default 111122223333.
	Account string
	// Region is the region of what names none, and AWS::Region; default us-east-1.
	Region string
	// Parameters are values of a CloudFormation template's parameters. A name
	// such as Cluster.OpenIdConnectIssuerUrl gives the attribute of a resource.
	Parameters map[string]string
	// KnowsManaged says whether an AWS managed policy can be attached where the
	// state will be used; nil takes all. Others are left out and noted.
	KnowsManaged func(arn string) bool
	// KeepMasks leaves account numbers that were removed from policies and templates
	// as they are, XXXXXXXXXXXX for one, which AWS refuses. What was printed of an
	// account or a plan gets a number all the same.
	KeepMasks bool
	// Stdin is read for the path "-"; nil refuses it.
	Stdin io.Reader
	// Instead are texts to read in place of what files of these names hold.
	Instead map[string][]byte
}

func (o Options) withDefaults() Options {
	if o.Account == "" {
		o.Account = aws.DefaultAccount
	}
	if o.Region == "" {
		o.Region = aws.DefaultRegion
	}
	return o
}

// Note says what was left out, or what stands in for something unknown.
type Note struct {
	strictyaml.Position
	// Address names the thing in its source: aws_iam_role.api,
	// Resources.ApiRole.Properties.RoleName. It may be empty.
	Address string
	Message string
	// Unchecked says that a policy document is not known.
	Unchecked bool
}

func (n Note) String() string {
	text := n.Position.String() + ": "
	if n.Address != "" {
		text += n.Address + ": "
	}
	return text + n.Message
}

// Policy is one policy document of a source.
type Policy struct {
	// Address names it in its source: aws_iam_role.api.assume_role_policy.
	Address string
	Type    policy.SourceType
	// Account and Owner are the role's (user's, group's, bucket's, secret's, or
	// managed policy's) account and name. A trust policy from a file of its own
	// has neither.
	Account, Owner string
	// Guessed says that the account is none that the source or the options name.
	Guessed bool
	// Inline tells a role's inline policy from a managed one.
	Inline bool
	// Text is the document as JSON.
	Text []byte

	// Partition is that of the account; "" when neither the source nor the options say.
	Partition string

	at      origin
	written *written // nil where it is an output
	parsed  bool     // a State document's loader has validated it
	// regional says that Partition is that of the options' region, which no loader knows.
	regional bool
}

// Place is where the given line and column of Text were written.
func (p *Policy) Place(line, column int) strictyaml.Position {
	return p.at.Position(p.Text, line, column)
}

// UnknownRole is a role whose trust policy is not known.
type UnknownRole struct {
	At           strictyaml.Position
	Account, ARN string
	// Address names the trust policy in its source.
	Address string
}

// GitHubSubject is what subjects of GitHub's tokens are made of.
type GitHubSubject struct {
	At strictyaml.Position
	// Address names the resource in its source.
	Address string
	// Keys are include_claim_keys.
	Keys []string
}

// Found is what sources hold.
type Found struct {
	State statefile.State
	// Policies are in the order in which they were read.
	Policies []Policy
	Notes    []Note
	// Providers are the URLs of the OIDC providers of accounts of which all are
	// known: from a State document, or a list of the AWS CLI. A plan or template
	// holds only its own.
	Providers map[string][]string

	// Manifests are the Kubernetes side.
	Manifests Manifests
	// GitHubSubjects are the templates of customised subjects of GitHub Actions.
	GitHubSubjects []GitHubSubject
	// Refused is what CloudFormation refuses templates for. What stands there is
	// left out of Policies and State.
	Refused []Refused
	// StandIns are the addresses of roles whose names are not known, by the ARN that
	// stands in for theirs.
	StandIns map[string]string
	// AllRoles are the accounts of which all roles are known: from a State document,
	// or the account's details of the AWS CLI.
	AllRoles map[string]bool
	// UnknownRoles are those of the roles that are left out, in their order.
	UnknownRoles []UnknownRole
	// UnreadBoundaries are the permissions boundaries of roles, by ACCOUNT/name in
	// lower case, of which the policy is not known; the roles are without them here.
	UnreadBoundaries map[string]string
	// LeftOut are roles of which the trust policy is not known, by ACCOUNT/name in
	// lower case, and policies by ARN.
	LeftOut map[string]bool
	// Unread are permissions of roles that are not known, by ACCOUNT/name in lower
	// case: ARNs of attached policies, addresses of inline ones.
	Unread map[string][]string
	// UnreadResources are the addresses of policies that are not known, by the
	// ACCOUNT/name, in lower case, of the bucket or secret, or the ID of the key.
	UnreadResources map[string]string

	errors strictyaml.Errors
	places map[string]strictyaml.Position // of entities, by their path in the state
	other  bool                           // something else than State documents was read
}

// Load reads files and folders of any kind and merges them in that order. The
// error is [strictyaml.Errors] when files were read and found wrong.
func (o Options) Load(paths ...string) (statefile.State, []Note, error) {
	found, err := o.read(true, paths)
	if err != nil {
		return statefile.State{}, nil, err
	}
	if err := found.Validate(); err != nil {
		return statefile.State{}, found.Notes, err
	}
	return found.State, found.Notes, nil
}

// Read reads like Load, but takes policies that IAM would refuse: whoever wants
// to say more about them than that they are refused finds them in Policies.
func (o Options) Read(paths ...string) (*Found, error) { return o.read(false, paths) }

func (o Options) read(stateOnly bool, paths []string) (*Found, error) {
	b := newBuilder(o)
	b.stateOnly = stateOnly
	for _, path := range paths {
		if err := b.path(path); err != nil {
			return nil, err
		}
	}
	b.finish()
	if err := b.unknownParameters(); err != nil {
		return nil, err
	}
	if err := b.found.errors.Err(); err != nil {
		return nil, err
	}
	return b.found, nil
}

// Validate holds what was found against what AWS would accept. The error is
// [strictyaml.Errors].
func (f *Found) Validate() error { return f.validate(false) }

// ValidateStored is Validate of what may be stored already: of trust policies that
// IAM refuses to write today but that stay in force there is a note.
func (f *Found) ValidateStored() error {
	if err := f.validate(true); err != nil {
		return err
	}
	for i := range f.Policies {
		p := &f.Policies[i]
		if r := p.Refusal(); !p.parsed && r != nil {
			f.Notes = append(f.Notes, Note{Position: p.Place(r.Line, r.Column), Address: p.Address, Message: StoredNote})
		}
	}
	return nil
}

// StoredNote is said of a trust policy that lets everybody of a shared issuer in.
const StoredNote = "IAM refuses to write this trust policy today, for it lets everybody of a shared issuer in; one that was stored before that stays in force, and is taken as it is"

func (f *Found) validate(stored bool) error {
	var mistakes strictyaml.Errors
	for _, r := range f.Refused {
		mistakes = append(mistakes, &strictyaml.Error{Position: r.Position, Message: r.Address + ": " + r.Why + ": " + r.Message + "; " + r.Fix})
	}
	for i := range f.Policies {
		p := &f.Policies[i]
		if p.parsed && !p.regional {
			continue
		}
		if r := p.refusal(stored); r != nil {
			text := p.Address + ": AWS refuses the document"
			if r.Code != "" {
				text += " with " + r.Code
			}
			text += ": " + hint.Sentence(r.Message, cmp.Or(r.Hint.String(), "write what the message asks for"))
			mistakes = append(mistakes, &strictyaml.Error{Position: p.Place(r.Line, r.Column), Message: text})
		}
	}
	if f.other {
		mistakes = append(mistakes, f.invalid()...)
	}
	return mistakes.Err()
}

// invalid is what the loader of State documents has against the state, but for
// its policies.
func (f *Found) invalid() strictyaml.Errors {
	text, err := f.State.MarshalJSON()
	if err != nil {
		return strictyaml.Errors{{Message: err.Error()}}
	}
	_, err = statefile.Parse("", text, nil)
	errs, ok := err.(strictyaml.Errors)
	if err == nil || !ok {
		return nil
	}
	var mistakes strictyaml.Errors
	for _, e := range errs {
		var refused *policy.ValidationError
		var syntax *policy.SyntaxError
		if errors.As(e, &refused) || errors.As(e, &syntax) {
			continue // Refusal has it, with its place
		}
		e.Position = f.placeOf(e.Path)
		mistakes = append(mistakes, e)
	}
	return mistakes
}

// placeOf is where the entity of a path of the state was written.
func (f *Found) placeOf(path string) strictyaml.Position {
	for path != "" {
		if p, ok := f.places[path]; ok {
			return p
		}
		path = path[:max(strings.LastIndexAny(path, ".["), 0)]
	}
	return strictyaml.Position{Line: 1, Column: 1}
}

// Refusal is what IAM would answer to the document, nil when it takes it. Its
// line and column are those of Text.
func (p *Policy) Refusal() *policy.ValidationError { return p.refusal(false) }

func (p *Policy) refusal(stored bool) *policy.ValidationError {
	var err error
	switch {
	case p.Type == policy.TrustPolicy: // the account's quota may be raised; lint says what the default takes
		_, err = policy.ValidateTrust(p.Text, policy.TrustOptions{MaxSize: policy.MaxRaisedTrustSize, Stored: stored, Partition: p.Partition})
	case p.Type == policy.ResourcePolicy:
		_, err = policy.ValidateResource(p.Text, p.Partition)
	case p.Inline:
		_, err = policy.ValidateInline(p.Text, p.Partition)
	default:
		_, err = policy.ValidateIdentity(p.Text, p.Partition)
	}
	var refused *policy.ValidationError
	var syntax *policy.SyntaxError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &refused):
		return refused
	case errors.As(err, &syntax):
		return &policy.ValidationError{Message: syntax.Message, Line: syntax.Line, Column: syntax.Column}
	}
	return &policy.ValidationError{Message: err.Error()}
}
