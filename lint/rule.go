package lint

// Severity of a finding.
type Severity string

// The severities.
const (
	Error   Severity = "error"   // AWS refuses it, or it lets in nobody or everybody
	Warning Severity = "warning" // it lets in more, or fewer, than it seems to
	Note    Severity = "note"    // nothing is wrong yet, or it changes nothing
)

// AtLeast says whether a severity is as grave as another one.
func (s Severity) AtLeast(least Severity) bool { return grade[s] >= grade[least] }

var grade = map[Severity]int{Note: 1, Warning: 2, Error: 3}

// Rule is what Lint looks for.
type Rule struct {
	// ID is stable; reports and people's settings name it.
	ID       string
	Severity Severity
	// Reads is what the rule needs to know.
	Reads Reads
	// Summary says in one sentence what is wrong with it.
	Summary string

	find []finder
}

// Reads is what a rule needs to know.
type Reads string

// What rules read.
const (
	TrustPolicy  Reads = "trust policy"
	AnyPolicy    Reads = "policy"
	RoleAccount  Reads = "trust policy, account"
	RoleTags     Reads = "trust policy, role's tags"
	Providers    Reads = "trust policy, providers"
	Associations Reads = "trust policy, associations"
)

// place is where in a document a rule looks.
type place int

const (
	onDocument  place = iota
	onActions         // a statement, before what is in it
	onProvider        // a Federated principal
	onKey             // a condition whose key may be one that is never set
	onCondition       // a condition whose key can be set
	onValue           // a value of such a condition
	onStatement       // a statement, after what is in it
	onTrust           // an issuer that an Allow statement trusts with its tokens
	onRefusal         // the document, after all else
)

type finder struct {
	where place
	// first: it does not look where another rule of the kind has found something.
	first bool
	find  func(*site)
}

func in(where place, find func(*site)) finder { return finder{where, false, find} }

func alone(where place, find func(*site)) finder { return finder{where, true, find} }

// Rules lists the rules.
func Rules() []Rule { return append([]Rule(nil), rules...) }

// RuleByID finds a rule.
func RuleByID(id string) (Rule, bool) {
	for _, r := range rules {
		if r.ID == id {
			return r, true
		}
	}
	return Rule{}, false
}
