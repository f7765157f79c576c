package prove

import (
	"errors"
	"slices"
	"strings"

	"github.com/irsa-emu/irsa-emu/aws"
	"github.com/irsa-emu/irsa-emu/policy"
)

// Comparisons of documents by themselves, as IAM Access Analyzer's custom policy
// checks make them: nothing is known of issuers, accounts or callers; every
// principal, action, resource and condition key is free, and a principal is the
// value that the policy has for it.

// principalKey is the caller as a key: the type of principal, a colon, its name.
const principalKey = "principal"

const principalComparison = "Principal"

// Reason is a statement that an answer rests on.
type Reason struct {
	Statement int
	Sid       string
}

// documents is a space for whole documents.
func documentSpace() *space {
	w := &world{
		keys: map[string]domain{
			principalKey: {values: shape{words: seq{alt{text("AWS"), text("Federated"), text("Service"), text("CanonicalUser")}, text(":"), plus{class(anyChar)}}}},
			actionKey:    {values: shape{words: seq{plus{class(chars("a-z0-9-"))}, text(":"), plus{class(chars("a-z0-9"))}}}},
			resourceKey:  {values: shape{words: alt{text("*"), anARN}}},
		},
		follows: map[string]follows{},
		other:   func(string) domain { return domain{absent: true, values: anyText, many: either} },
	}
	return newSpace(w, &budget{left: defaultWork})
}

// document registers a whole document.
func (s *space) document(doc *policy.Document) layer {
	var l layer
	for i := range doc.Statements {
		st := &doc.Statements[i]
		c := s.clause(st, i, policy.NamedItself)
		c.tests = append(c.tests, s.actionTest(st))
		if patterns, ok := st.ResourcePatterns(doc.Variables()); ok {
			c.tests = append(c.tests, s.resourceTest(st.Resources.Not, patterns))
		}
		if principals, not := st.PrincipalValues(); principals != nil {
			c.tests = append(c.tests, s.principalTest(principals, not))
		}
		l.add(c)
	}
	return l
}

func (s *space) principalTest(principals []policy.NamedPrincipal, not bool) ref {
	t := policy.Test{Comparison: principalComparison, Key: principalKey, Negated: not}
	for _, p := range principals {
		t.Values = append(t.Values, policy.Pattern{{Text: p.Type}, {Text: p.Value}})
	}
	return s.test(t, nil)
}

// principalLanguage: an account is all that belongs to it.
func principalLanguage(kind, value string) expr {
	switch {
	case kind == "AWS" && value == "**": // the bare * of a policy
		return star(anyChar)
	case value == "*":
		return seq{text(kind + ":"), star(anyChar)}
	case kind == "AWS" && aws.IsAccount(value):
		return accountLanguage(value)
	case kind == "AWS" && strings.HasSuffix(value, ":root"):
		return accountLanguage(aws.AccountIn(value))
	}
	return text(kind + ":" + value)
}

func accountLanguage(account string) expr {
	return seq{text("AWS:arn:"), star(colonless), text(":"), alt{text("iam"), text("sts")}, text("::" + account + ":"), star(anyChar)}
}

// NewAccess lists the statements of a document that let through what another one
// does not.
func NewAccess(existing, now *policy.Document) ([]Reason, error) {
	s := documentSpace()
	before, after := s.document(existing), s.document(now)
	return s.reasons(now, &after, func(r region) (region, error) {
		// What the existing one lets through for sure is not new.
		had, err := s.allowed(&before, surely)
		if err != nil {
			return nil, err
		}
		return s.minusAll(r, had)
	})
}

// Wanted are actions on resources; empty lists are all.
type Wanted struct{ Actions, Resources []string }

// Granted lists the statements of a document that let one of the actions on one
// of the resources through.
func Granted(doc *policy.Document, wanted []Wanted) ([]Reason, error) {
	s := documentSpace()
	l := s.document(doc)
	var tests [][]ref
	for _, w := range wanted {
		var refs []ref
		if len(w.Actions) > 0 {
			t := policy.Test{Comparison: actionComparison, Key: actionKey}
			for _, a := range w.Actions {
				t.Values = append(t.Values, policy.Pattern{{Text: strings.ToLower(a)}})
			}
			refs = append(refs, s.test(t, nil))
		}
		if len(w.Resources) > 0 {
			var patterns []policy.ResourcePattern
			for _, r := range w.Resources {
				patterns = append(patterns, policy.ResourcePatternOf(r))
			}
			refs = append(refs, s.resourceTest(false, patterns))
		}
		tests = append(tests, refs)
	}
	return s.reasons(doc, &l, func(r region) (region, error) {
		var want region
		for _, refs := range tests {
			x := s.whole()
			for _, t := range refs {
				x = x.narrow(t.dim, s.cells(t, atMost))
			}
			if !x.empty() {
				want = append(want, x)
			}
		}
		return s.intersect(r, want)
	})
}

// Public lists the statements of a resource's policy that reach callers outside
// of a fixed set: not a named principal, account, organisation or network.
func Public(doc *policy.Document) ([]Reason, error) { return public(doc, false) }

// PublicBucket is Public as Block Public Access has it (S3 user guide, "The meaning
// of public"): an ARN with wildcards is no fixed value, whatever its account.
func PublicBucket(doc *policy.Document) ([]Reason, error) { return public(doc, true) }

func public(doc *policy.Document, wholeARNs bool) ([]Reason, error) {
	s := documentSpace()
	l := s.document(doc)
	var trusted []ref
	for i := range doc.Statements {
		st := &doc.Statements[i]
		for j := range st.Conditions {
			if t, ok := st.Conditions[j].Test(); ok && fixes(&t, wholeARNs) {
				t.Negated, t.IfExists, t.Qualifier = false, false, policy.ForAnyValue
				trusted = append(trusted, s.test(t, &st.Conditions[j]))
			}
		}
		if principals, not := st.PrincipalValues(); !not {
			named := slices.DeleteFunc(slices.Clone(principals), func(p policy.NamedPrincipal) bool { return strings.HasPrefix(p.Value, "*") })
			if len(named) > 0 {
				trusted = append(trusted, s.principalTest(named, false))
			}
		}
	}
	return s.reasons(doc, &l, func(r region) (region, error) {
		var known region
		for _, t := range trusted {
			known = append(known, s.whole().narrow(t.dim, s.cells(t, surely)))
		}
		return s.minusAll(r, known)
	})
}

// fixes says whether a test's values are a fixed set of callers (Amazon S3's
// definition of a policy that is not public).
func fixes(t *policy.Test, wholeARNs bool) bool {
	if len(t.Values) == 0 || t.Comparison == "Null" {
		return false
	}
	for _, v := range t.Values {
		value := plainText(v)
		switch {
		case v.Dynamic() || !fixed(t.Key, value, strings.HasSuffix(t.Comparison, "Like")):
			return false
		case wholeARNs && (t.Key == "aws:principalarn" || t.Key == "aws:sourcearn") && strings.ContainsAny(value, "*?"):
			return false
		}
	}
	return true
}

func fixed(key, value string, wildcards bool) bool {
	open := wildcards && strings.ContainsAny(value, "*?")
	switch key {
	case "aws:principalorgid", "aws:principalaccount", "aws:sourceaccount", "aws:sourceowner", "aws:sourcevpc", "aws:sourcevpce", "aws:sourceorgid",
		"s3:dataaccesspointaccount", "s3:x-amz-server-side-encryption-aws-kms-key-id":
		return !open
	case "aws:principalorgpaths", "aws:sourceorgpaths":
		organisation, _, _ := strings.Cut(value, "/")
		return organisation != "" && !(wildcards && strings.ContainsAny(organisation, "*?"))
	case "aws:principalarn", "aws:sourcearn", "aws:userid", "s3:dataaccesspointarn":
		parts := strings.SplitN(value, ":", 6)
		if key == "aws:userid" {
			return !open || !strings.ContainsAny(parts[0], "*?")
		}
		// A bucket's ARN has no account, and is fixed when it is written out.
		return len(parts) == 6 && (parts[4] != "" || !strings.ContainsAny(value, "*?")) && !strings.ContainsAny(parts[4], "*?")
	case "aws:sourceip", "aws:vpcsourceip":
		block, ok := policy.ParseAddressBlock(value)
		if !ok {
			return false
		}
		if block.Addr().Is4() {
			return block.Bits() >= 8
		}
		return block.Bits() >= 32
	}
	return false
}

// reasons lists the Allow statements of which something is left in a region.
func (s *space) reasons(doc *policy.Document, l *layer, of func(region) (region, error)) ([]Reason, error) {
	if err := s.solve(); err != nil {
		return nil, err
	}
	var out []Reason
	for i := range l.allow {
		x, ok := s.box(&l.allow[i], atMost)
		if !ok {
			continue
		}
		left, err := s.minusAll(region{x}, s.boxes(l.deny, surely, policy.NotNamed))
		if err != nil {
			return nil, err
		}
		if left, err = of(left); err != nil {
			return nil, err
		}
		if len(left) > 0 {
			st := &doc.Statements[l.allow[i].index]
			out = append(out, Reason{Statement: l.allow[i].index, Sid: st.Sid})
		}
	}
	return out, nil
}

// TooComplex says that an error is that of patterns that cannot be followed.
func TooComplex(err error) bool { return errors.Is(err, errTooComplex) }
