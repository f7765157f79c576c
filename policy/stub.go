package policy

import "io"

// ExplainOptions adjust [Explain].
type ExplainOptions struct {
	Color bool // ANSI colours
	All   bool // also statements that do not concern the action
}

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

type TrustOptions struct {
	MaxSize        int
	KnownPrincipal func(arn string) bool
}

func ValidateTrust(src []byte, o TrustOptions) (*Document, error) { return Parse(src) }
func ValidateIdentity(src []byte) (*Document, error)              { return Parse(src) }
func ValidateResource(src []byte) (*Document, error)              { return Parse(src) }
func ValidateSession(src []byte) (*Document, error)               { return Parse(src) }
func ValidateBoundary(src []byte) (*Document, error)              { return Parse(src) }

func (d *Document) Normalised() []byte    { return d.source }
func (d *Document) ContextKeys() []string { return nil }

type LintOptions struct {
	Account   string
	Providers []string
}
type Severity string
type Finding struct {
	Rule     string   `json:"rule"`
	Severity Severity `json:"severity"`
	Line     int      `json:"line"`
	Column   int      `json:"column"`
	Message  string   `json:"message"`
	Why      string   `json:"why"`
	Fix      string   `json:"fix"`
	Mended   string   `json:"mended,omitempty"`
}

func Lint(src []byte, o LintOptions) []Finding { return nil }

func findHints(p *Policies, r *Request, d *Decision) []Hint { return nil }
