package policy

import (
	"github.com/irsa-emu/irsa-emu/hint"
	"github.com/irsa-emu/irsa-emu/policy/tree"
)

// SourceType is the kind of policy by its place in an evaluation.
type SourceType string

const (
	TrustPolicy    SourceType = "trust"    // a role's trust policy
	IdentityPolicy SourceType = "identity" // managed or inline, of a role, user or group
	BoundaryPolicy SourceType = "boundary" // permissions boundary
	SessionPolicy  SourceType = "session"  // passed to AssumeRole* or GetFederationToken
	ResourcePolicy SourceType = "resource" // of a bucket, a secret, a key
)

// Outcome is the result of an evaluation or of one policy in it.
type Outcome string

const (
	Allowed      Outcome = "allowed"
	ImplicitDeny Outcome = "implicitDeny"
	ExplicitDeny Outcome = "explicitDeny"
)

// Named is a document with the name that people know it by.
type Named struct {
	Name     string     `json:"name"` // policy ARN, or an inline policy's name
	Type     SourceType `json:"type"`
	Document *Document  `json:"-"`
}

// Policies are all policies that apply to one request. Trust set means that the
// request is to assume a role and Trust is that role's trust policy.
type Policies struct {
	Trust      *Named
	Identity   []Named
	Boundary   *Named
	Session    []Named
	HasSession bool // a session policy applies, even if Session is empty (which then allows nothing)
	Resource   *Named
	// ResourceDecides is for the policy of a KMS key: identity policies count only
	// where it delegates to their account, as a trust policy does (KMS developer
	// guide, "Key policies in AWS KMS").
	ResourceDecides bool
	// ResourceAccount owns the resource (or the role). Empty: the account of the
	// request's resource ARN, and without one the principal's own.
	ResourceAccount string
}

// Decision is a verdict with its whole explanation. Nothing in it is cut short:
// all policies, statements and conditions were judged.
//
// The lists of wanted and got values are shared with the policy and the request
// and must not be changed.
type Decision struct {
	Allowed  bool           `json:"allowed"`
	Outcome  Outcome        `json:"outcome"`
	By       SourceType     `json:"by,omitempty"`     // the type of policy that decided a denial
	ByName   string         `json:"byName,omitempty"` // the policy of an explicit deny
	Reason   string         `json:"reason,omitempty"` // one sentence for people
	Action   string         `json:"action"`
	Resource string         `json:"resource,omitempty"`
	Caller   Principal      `json:"caller"`
	Policies []PolicyResult `json:"policies"`
	Hints    []Hint         `json:"hints,omitempty"`
}

// PolicyResult is what one policy alone says.
type PolicyResult struct {
	Type       SourceType        `json:"type"`
	Name       string            `json:"name"`
	Outcome    Outcome           `json:"outcome"`
	Statements []StatementResult `json:"statements"`
}

// StatementResult is what one statement says and why it applies or not.
type StatementResult struct {
	Index          int               `json:"index"` // from 0
	Sid            string            `json:"sid,omitempty"`
	Effect         string            `json:"effect"` // Allow or Deny
	Applies        bool              `json:"applies"`
	ActionMatch    bool              `json:"actionMatch"`
	ResourceMatch  bool              `json:"resourceMatch"`
	PrincipalMatch bool              `json:"principalMatch"`
	Actions        Element           `json:"actions,omitzero"`
	Resources      Element           `json:"resources,omitzero"`
	Principals     Principals        `json:"principals,omitzero"`
	Conditions     []ConditionResult `json:"conditions,omitempty"`
	Start          Position          `json:"start"`
	End            Position          `json:"end"`
}

// Element is the text of a statement's Action or Resource element, or of its
// Not… form.
type Element struct {
	Not    bool     `json:"not,omitempty"`
	Values []string `json:"values,omitempty"`
}

// Principals is a statement's Principal or NotPrincipal element.
type Principals struct {
	Not    bool             `json:"not,omitempty"`
	Values []NamedPrincipal `json:"values,omitempty"`
}

// NamedPrincipal is one principal as a policy names it.
type NamedPrincipal struct {
	Type  string `json:"type,omitempty"` // empty for "Principal": "*"
	Value string `json:"value"`
}

// The types of principals: the members of a Principal element.
const (
	PrincipalAWS           = "AWS"
	PrincipalFederated     = "Federated"
	PrincipalService       = "Service"
	PrincipalCanonicalUser = "CanonicalUser"
)

// Anyone says whether it is everyone: "*" alone or as an AWS principal.
func (p NamedPrincipal) Anyone() bool {
	return p.Value == "*" && (p.Type == "" || p.Type == PrincipalAWS)
}

// String is the principal for people.
func (p NamedPrincipal) String() string {
	if p.Type == "" {
		return p.Value
	}
	return p.Type + ": " + p.Value
}

// ConditionResult is one key of one operator of a statement.
type ConditionResult struct {
	Operator string   `json:"operator"` // as written, "ForAnyValue:StringLike"
	Key      string   `json:"key"`      // as written
	Want     []string `json:"want"`     // the policy's values, variables replaced
	Got      []string `json:"got,omitempty"`
	Present  bool     `json:"present"`
	Met      bool     `json:"met"`
	// Hint, Fix and Code are those of the hint about this condition.
	Hint string `json:"hint,omitempty"`
	Fix  string `json:"fix,omitempty"`
	Code string `json:"code,omitempty"`
}

// Hint names a known mistake in what was refused, and where it is.
type Hint struct {
	hint.Hint
	Policy    string `json:"policy,omitempty"`
	Statement int    `json:"statement"` // index, -1 when it is of no single statement
	Key       string `json:"key,omitempty"`
}

// Position is a place in a policy's text.
type Position = tree.Position
