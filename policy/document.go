package policy

// Versions of the policy language.
const (
	Version2008 = "2008-10-17"
	Version2012 = "2012-10-17"
)

// Document is a parsed policy, ready for evaluation. It is immutable.
type Document struct {
	Version    string // "" when the document has none; it then counts as 2008-10-17
	ID         string
	Statements []Statement

	source     string // its texts are parts of it, so that a role costs its text once
	conditions int    // of all statements
}

// Text is the document as it was written.
func (d *Document) Text() string { return d.source }

// Statement is one statement of a document.
type Statement struct {
	Sid        string
	Effect     string // Allow or Deny
	Principals Principals
	Actions    Element
	Resources  Element
	Conditions []Condition
	Start, End Position // of the statement's braces in the text

	principal *principalMatcher // nil: the statement has no Principal element
	actions   []glob
	resources []resourceMatcher // nil: the statement has no Resource element
}

// Condition is one key of one operator of a statement.
type Condition struct {
	Operator string // as written
	Key      string // as written
	Values   []string
	Start    Position // of the key

	op     operator
	key    string // lower case
	values []operand
	// variables says that the document's version knows policy variables.
	variables bool
}

// AtMost is the document's Allow statements without their conditions: what it
// could allow if they all held.
func (d *Document) AtMost() *Document {
	out := &Document{Version: d.Version, ID: d.ID, source: d.source}
	for _, st := range d.Statements {
		if st.Effect == "Allow" {
			st.Conditions = nil
			out.Statements = append(out.Statements, st)
		}
	}
	return out
}
