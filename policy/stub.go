package policy

import "io"

type node struct{}
type principalMatcher struct{}
type glob struct{}
type resourceMatcher struct{}
type operator struct{}
type operand struct{}

type SyntaxError struct {
	Line    int    `json:"line"`
	Column  int    `json:"column"`
	Message string `json:"message"`
}

func (e *SyntaxError) Error() string { return e.Message }

func Parse(src []byte) (*Document, error) { return &Document{}, nil }

func Evaluate(p Policies, r Request) Decision { return Decision{} }

// DeniedText is the tail of AWS's refusal.
func DeniedText(d Decision, action string) string { return "" }

// ExplainOptions adjust [Explain].
type ExplainOptions struct {
	Color bool // ANSI colours
	All   bool // also statements that do not concern the action
}

// Explain writes d for people.
func Explain(w io.Writer, d Decision, o ExplainOptions) error { return nil }

// ValidationError is AWS's refusal of a document at the write.
type ValidationError struct {
	Code    string `json:"code"`    // MalformedPolicyDocument, LimitExceeded
	Message string `json:"message"` // AWS's text
	Hint    string `json:"hint,omitempty"`
	Line    int    `json:"line,omitempty"`
	Column  int    `json:"column,omitempty"`
}

func (e *ValidationError) Error() string { return e.Code + ": " + e.Message }

// TrustOptions is what a trust policy's validation needs to know of the account.
type TrustOptions struct {
	// MaxSize is the account's quota for trust policies in characters without
	// whitespace; 0 means AWS's default, 2048.
	MaxSize int
	// KnownPrincipal says whether an AWS principal (the ARN of a user or role, or a
	// unique id) exists; nil accepts all.
	KnownPrincipal func(arn string) bool
}

func ValidateTrust(src []byte, o TrustOptions) (*Document, error) { return Parse(src) }
func ValidateIdentity(src []byte) (*Document, error)              { return Parse(src) }
func ValidateResource(src []byte) (*Document, error)              { return Parse(src) }
func ValidateSession(src []byte) (*Document, error)               { return Parse(src) }
func ValidateBoundary(src []byte) (*Document, error)              { return Parse(src) }

// Normalised is the document as IAM gives trust policies back.
func (d *Document) Normalised() []byte { return nil }

// ContextKeys lists the condition keys that the document tests or uses as
// variables, sorted.
func (d *Document) ContextKeys() []string { return nil }

// LintOptions say what is known of the account that the policy will live in.
type LintOptions struct {
	Account   string   // the role's account; "" when unknown
	Providers []string // URLs or ARNs of the registered OIDC providers; nil when unknown
}

// Severity of a finding.
type Severity string

const (
	Error   Severity = "error"   // it cannot work, or AWS refuses it
	Warning Severity = "warning" // it works but lets in more, or less, than it seems
	Note    Severity = "note"
)

// Finding is one mistake or risk in a trust policy.
type Finding struct {
	Rule     string   `json:"rule"`
	Severity Severity `json:"severity"`
	Line     int      `json:"line"`
	Column   int      `json:"column"`
	Message  string   `json:"message"`
	Why      string   `json:"why"`
	Fix      string   `json:"fix"`
	Mended   string   `json:"mended,omitempty"` // the whole document with the fix applied
}

// Lint finds mistakes and risks in a trust policy.
func Lint(src []byte, o LintOptions) []Finding { return nil }
