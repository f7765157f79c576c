package given

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/irsa-emu/irsa-emu/aws"
	"github.com/irsa-emu/irsa-emu/lazyregexp"
	"github.com/irsa-emu/irsa-emu/policy"
	"github.com/irsa-emu/irsa-emu/prove"
	"github.com/irsa-emu/irsa-emu/statefile"
	"github.com/irsa-emu/irsa-emu/statefile/strictyaml"
)

// AssertionsKind is the kind of documents of assertions.
const AssertionsKind = "Assertions"

// Assertion is a claim about all tokens that can assume certain roles.
type Assertion struct {
	Name string
	// Roles are globs of names or ARNs.
	Roles []string
	// Issuer is the issuer whose tokens it is about, without scheme; "" is all.
	Issuer string
	// Actions and Resources narrow it to tokens that can then do one of them.
	Actions, Resources []string
	prove.Claim

	places map[string]strictyaml.Position // of its fields, by name
	notes  []string
}

// Place is where a field of the assertion is written; of the nearest one around
// it otherwise.
func (a *Assertion) Place(field string) strictyaml.Position {
	for field != "" {
		if p, ok := a.places[field]; ok {
			return p
		}
		field = field[:max(strings.LastIndexAny(field, ".["), 0)]
	}
	return a.places[""]
}

// assertionDocument is a document of assertions as it is written.
type assertionDocument struct {
	APIVersion string             `json:"apiVersion"`
	Kind       string             `json:"kind"`
	Assertions []writtenAssertion `json:"assertions"`
}

type writtenAssertion struct {
	Name      string              `json:"name"`
	Roles     []string            `json:"roles,omitempty"`
	Issuer    string              `json:"issuer,omitempty"`
	Actions   []string            `json:"actions,omitempty"`
	Resources []string            `json:"resources,omitempty"`
	Nobody    bool                `json:"nobody,omitempty"`
	Only      map[string][]string `json:"only,omitempty"`
	Never     map[string][]string `json:"never,omitempty"`
}

// ParseAssertions reads the documents of assertions in a file. The error is
// [strictyaml.Errors].
func ParseAssertions(file string, src []byte) ([]Assertion, error) {
	nodes, err := strictyaml.Parse(file, src)
	if err != nil {
		return nil, err
	}
	d := strictyaml.New(file, src, nil)
	if len(nodes) == 0 {
		d.ErrorAt(strictyaml.Position{File: file, Line: 1, Column: 1}, "no document; write apiVersion: %s, kind: %s and assertions", statefile.APIVersion, AssertionsKind)
	}
	var out []Assertion
	for _, n := range nodes {
		if !statefile.CheckHead(d, n, AssertionsKind) {
			continue
		}
		var doc assertionDocument
		before := len(d.Errors)
		d.Decode(n, "", &doc)
		if len(d.Errors) > before {
			continue
		}
		if len(doc.Assertions) == 0 {
			d.PathErrorf("assertions", "no assertion; write {name: …, roles: [\"*\"], nobody: true}, only or never")
		}
		for i := range doc.Assertions {
			path := strictyaml.Index("assertions", i)
			a := doc.Assertions[i].assertion()
			a.places = placesOf(d, path, &doc.Assertions[i])
			a.validate(func(field, message string) {
				at := path
				if field != "" {
					at = path + "." + field
				}
				d.PathErrorf(at, "%s", message)
			})
			out = append(out, a)
		}
	}
	if err := d.Errors.Err(); err != nil {
		return nil, err
	}
	return out, nil
}

func (w *writtenAssertion) assertion() Assertion {
	a := Assertion{Name: w.Name, Roles: w.Roles, Issuer: strings.TrimSuffix(strings.TrimPrefix(w.Issuer, "https://"), "/"), Actions: w.Actions, Resources: w.Resources}
	if len(a.Roles) == 0 && len(a.Actions) > 0 {
		a.Roles = []string{"*"}
	}
	a.Nobody, a.Only, a.Never = w.Nobody, patterns(w.Only), patterns(w.Never)
	return a
}

func patterns(m map[string][]string) []prove.KeyPatterns {
	var out []prove.KeyPatterns
	for key, list := range m {
		out = append(out, prove.KeyPatterns{Key: key, Patterns: list})
	}
	slices.SortFunc(out, func(a, b prove.KeyPatterns) int { return strings.Compare(a.Key, b.Key) })
	return out
}

func placesOf(d *strictyaml.Decoder, path string, w *writtenAssertion) map[string]strictyaml.Position {
	places := map[string]strictyaml.Position{"": d.Place(path)}
	add := func(field string) { places[field] = d.Place(path + "." + field) }
	for _, field := range []string{"name", "roles", "issuer", "actions", "resources", "nobody", "only", "never"} {
		if d.Written(strictyaml.Join(path, field)) {
			add(field)
		}
	}
	for i := range w.Roles {
		add(strictyaml.Index("roles", i))
	}
	for _, m := range []struct {
		name string
		list map[string][]string
	}{{"only", w.Only}, {"never", w.Never}} {
		for key, list := range m.list {
			add(strictyaml.Join(m.name, key))
			for i := range list {
				add(strictyaml.Index(strictyaml.Join(m.name, key), i))
			}
		}
	}
	return places
}

// knownClaims are the claims of tokens that become condition keys of any issuer,
// and those of the issuers that have more.
var knownClaims = append([]string{prove.ServiceAccountKey}, aws.IssuerKeyNames()...)

// IsAction says whether a text is SERVICE:ACTION, which may have wildcards.
func IsAction(text string) bool { return actionPattern.MatchString(text) }

var actionPattern = lazyregexp.New(`^[A-Za-z0-9-]+:[A-Za-z0-9*?]+$`)

// Validate finds what is wrong with an assertion by itself, a line a mistake:
// the field, and what to write instead.
func (a *Assertion) validate(mistake func(field, message string)) {
	said := 0
	for _, has := range []bool{a.Nobody, len(a.Only) > 0, len(a.Never) > 0} {
		if has {
			said++
		}
	}
	if said != 1 {
		mistake("", "an assertion says one of nobody: true, only: {KEY: [PATTERN…]} and never: {KEY: [PATTERN…]}")
	}
	if len(a.Roles) == 0 {
		mistake("", `the assertion names no role; write roles: ["*"] for all of them, or names or ARNs with * and ?`)
	}
	for i, r := range a.Roles {
		if r == "" {
			mistake(strictyaml.Index("roles", i), "an empty text names no role; write a name or an ARN, with * and ?")
		}
	}
	if len(a.Resources) > 0 && len(a.Actions) == 0 {
		mistake("resources", "resources without actions; write actions: [SERVICE:ACTION…] too")
	}
	for i, action := range a.Actions {
		if action != "*" && !IsAction(action) {
			mistake(strictyaml.Index("actions", i), fmt.Sprintf("%q is not an action; write SERVICE:ACTION, such as secretsmanager:GetSecretValue", action))
		}
	}
	for i, r := range a.Resources {
		if r != "*" && (!strings.HasPrefix(r, "arn:") || strings.Count(r, ":") < 5) {
			mistake(strictyaml.Index("resources", i), fmt.Sprintf("%q is not an ARN; write arn:PARTITION:SERVICE:REGION:ACCOUNT:RESOURCE, with * and ?, or *", r))
		}
	}
	for _, m := range []struct {
		field string
		list  []prove.KeyPatterns
	}{{"only", a.Only}, {"never", a.Never}} {
		for _, k := range m.list {
			validateKey(strictyaml.Join(m.field, k.Key), &k, mistake)
		}
	}
}

func validateKey(field string, k *prove.KeyPatterns, mistake func(field, message string)) {
	switch {
	case k.Key == "iss":
		mistake(field, "iss is never a condition key: name the issuer with issuer: HOST instead")
	case !strings.Contains(k.Key, ":") && !slices.Contains(knownClaims, k.Key):
		mistake(field, fmt.Sprintf("STS makes no condition key of the claim %q; %s", k.Key, strictyaml.Instead(k.Key, knownClaims)))
	}
	if len(k.Patterns) == 0 {
		mistake(field, "no pattern; write a list of patterns, with * and ? as StringLike has them")
	}
	for i, p := range k.Patterns {
		at := strictyaml.Index(field, i)
		switch {
		case p == "":
			mistake(at, "an empty pattern can never match; write a value, with * and ?")
		case k.Key == prove.ServiceAccountKey && strings.Count(p, "/") != 1:
			mistake(at, fmt.Sprintf("%q is not a service account; write NAMESPACE/NAME, with * and ?", p))
		}
	}
}

// FlagAssertion makes an assertion of a flag's value; kind is nobody, only or
// never, and value KEY=PATTERN[,PATTERN…].
func FlagAssertion(kind, value string, roles []string) (Assertion, error) {
	flag := "--" + kind
	a := Assertion{Name: strings.TrimSpace(kind + " " + value), Roles: roles, places: map[string]strictyaml.Position{}}
	if kind == "nobody" {
		a.Nobody = true
		return a, nil
	}
	// A pattern can hold an equals sign; a key cannot.
	key, list, ok := strings.Cut(value, "=")
	if !ok || key == "" || list == "" {
		return a, fmt.Errorf("%s %s: write KEY=PATTERN[,PATTERN…], such as sub=repo:octo-org/* or serviceAccount=payments/api", flag, value)
	}
	one := []prove.KeyPatterns{{Key: key, Patterns: strings.Split(list, ",")}}
	if kind == "only" {
		a.Only = one
	} else {
		a.Never = one
	}
	var err error
	a.validate(func(_, message string) {
		if err == nil {
			err = fmt.Errorf("%s %s: %s", flag, value, message)
		}
	})
	return a, err
}

// Result is the answer about an assertion and one role.
type Result struct {
	Assertion *Assertion
	Role      *prove.Role
	Provider  *prove.Provider // whose tokens refute it or leave it undecided
	prove.Answer
	// Notes are what the answer takes for granted.
	Notes []string
}

// Check decides an assertion for every role that it names. The error is a mistake
// in the assertion that shows only beside the roles, or a [prove.Disagreement].
func (m *Model) Check(ctx context.Context, a *Assertion) ([]Result, error) {
	roles, err := m.named(a)
	if err != nil {
		return nil, err
	}
	if err := m.possible(a, roles); err != nil {
		return nil, err
	}
	m.Index()
	providers := make([][]*prove.Provider, len(roles)) // looked up here, for that writes to the model
	for i, role := range roles {
		providers[i] = m.concerned(a, role)
	}
	return parallel(ctx, len(roles), func(i int) ([]Result, error) {
		r, err := m.checkRole(a, roles[i], providers[i])
		return []Result{r}, err
	})
}

func (m *Model) checkRole(a *Assertion, role *prove.Role, providers []*prove.Provider) (Result, error) {
	r := Result{Assertion: a, Role: role, Answer: prove.Answer{Verdict: prove.Proved, Statement: -1}, Notes: a.notes}
	if role.Unknown != "" {
		r.Answer = prove.Answer{Verdict: prove.Undecided, Statement: -1, Why: unknownTrust(role)}
		return r, nil
	}
	for _, p := range providers {
		var answer prove.Answer
		var err error
		if len(a.Actions) > 0 {
			answer, err = m.HoldsDoing(p, role, a.Claim, prove.Doing{Actions: a.Actions, Resources: a.Resources})
		} else {
			answer, err = prove.Holds(p, role, a.Claim)
		}
		if err != nil {
			return r, err
		}
		if p.Assumed {
			r.Notes = append(r.Notes, fmt.Sprintf("the client ids of %s are not in the source; sts.amazonaws.com is taken to be the only one", p.Issuer))
		}
		if left := customised(role, []*prove.Provider{p}); len(left) > 0 && answer.Verdict == prove.Proved {
			answer = prove.Answer{Verdict: prove.Undecided, Statement: -1, Key: p.Issuer + ":sub", Why: left[0]}
		}
		if worse := answer.Worse(r.Answer); worse {
			r.Answer, r.Provider = answer, p
		}
	}
	return r, nil
}

// concerned are the providers of a role that an assertion is about.
func (m *Model) concerned(a *Assertion, role *prove.Role) []*prove.Provider {
	return slices.DeleteFunc(m.Providers(role), func(p *prove.Provider) bool { return a.Issuer != "" && p.Issuer != a.Issuer })
}

// named are the roles that an assertion names.
func (m *Model) named(a *Assertion) ([]*prove.Role, error) {
	if len(m.Roles) == 1 && m.Roles[0].ARN == "" {
		return m.Roles, nil // a trust policy by itself
	}
	var out []*prove.Role
	for i, glob := range a.Roles {
		some := false
		for _, r := range m.Roles {
			if roleMatches(r, glob) {
				some = true
				if !slices.Contains(out, r) {
					out = append(out, r)
				}
			}
		}
		if !some {
			return nil, a.mistake(strictyaml.Index("roles", i), fmt.Sprintf("no role is like %q; there are %s", glob, m.roleNames()))
		}
	}
	return out, nil
}

// mistake is an error at a field of an assertion, or of its flag; the roles have
// a flag of their own.
func (a *Assertion) mistake(field, message string) error {
	if p := a.Place(field); p.File != "" {
		return &strictyaml.Error{Position: p, Message: message}
	}
	if strings.HasPrefix(field, "roles") {
		return fmt.Errorf("--role: %s", message)
	}
	return fmt.Errorf("--%s: %s", a.Name, message)
}

func (m *Model) roleNames() string {
	var names []string
	for _, r := range m.Roles {
		names = append(names, r.Name())
	}
	if len(names) > 10 {
		names = append(names[:10:10], fmt.Sprintf("and %d more", len(names)-10))
	}
	return strings.Join(names, ", ")
}

// roleMatches says whether a glob is that of the role's name or, when it begins
// with arn:, of its ARN.
func roleMatches(r *prove.Role, glob string) bool {
	if strings.HasPrefix(glob, "arn:") {
		return policy.Like(glob, r.ARN)
	}
	return policy.Like(glob, r.Name())
}
