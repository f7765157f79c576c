package iam

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/irsa-emu/irsa-emu/aws"
	"github.com/irsa-emu/irsa-emu/policy"
	"github.com/irsa-emu/irsa-emu/state"
)

// A trust policy that names a role or a user means the one that exists when the
// policy is written. IAM keeps its unique id: after it is deleted the policy
// shows AROA… or AIDA…, and a new one of the same name is not trusted (IAM user
// guide, "AWS JSON policy elements: Principal"). Here the text keeps the ARN,
// [Role.TrustPrincipals] the id, and whoever deletes or renames a principal
// rewrites the policies that name it, in the same transaction. So the stored
// document is always the one in force.

// trust validates a trust policy and ties it to the principals it names.
func (m *maker) trust(text string) (Document, []TrustPrincipal, error) {
	if text == m.validTrust && !mayNameAWS(text) {
		return DocumentOf(text), nil, nil
	}
	parsed, err := policy.ValidateTrust([]byte(text), policy.TrustOptions{
		Partition: cmp.Or(m.partition, aws.DefaultPartition),
		KnownPrincipal: func(written string) bool {
			_, ok := findPrincipal(m.tx, written)
			return ok || m.lenient
		},
	})
	if err != nil {
		return Document{}, nil, err
	}
	if !namesAWS(parsed) { // as those for web identities
		return NewDocument(parsed), nil, nil
	}
	var principals []TrustPrincipal
	shown := rewritePrincipals(text, func(written string) string {
		p, ok := findPrincipal(m.tx, written)
		switch {
		case ok && p.ID == "", !ok && !strings.HasPrefix(written, "arn:"):
			return written
		case !ok:
			p = TrustPrincipal{ARN: written} // lenient: tied when it comes to be
		}
		if !slices.Contains(principals, p) {
			principals = append(principals, p)
		}
		return p.ARN
	})
	if shown == text {
		return NewDocument(parsed), principals, nil
	}
	doc, err := parseDocument(shown)
	return doc, principals, err
}

// namesAWS says whether a policy has a principal that rewritePrincipals would look at.
func namesAWS(d *policy.Document) bool {
	return slices.ContainsFunc(d.Statements, func(s policy.Statement) bool {
		return slices.ContainsFunc(s.Principals.Values, func(p policy.NamedPrincipal) bool { return p.Type == policy.PrincipalAWS })
	})
}

// mayNameAWS is whether the text of a policy could be one that [namesAWS]: "AWS" can
// be written with escapes, too.
func mayNameAWS(text string) bool {
	return strings.Contains(text, `"AWS"`) || strings.Contains(text, `\`)
}

// findPrincipal looks up what an AWS principal of a policy names: a role or a
// user by ARN or unique id. Accounts, sessions and "*" are not looked up and
// have no id.
func findPrincipal(r state.Reader, written string) (TrustPrincipal, bool) {
	if strings.HasPrefix(written, roleID) {
		role, ok := state.Lookup[*Role](r, ByID, written)
		if !ok {
			return TrustPrincipal{}, false
		}
		return TrustPrincipal{role.ARN(), role.ID}, true
	}
	if strings.HasPrefix(written, userID) {
		user, ok := state.Lookup[*User](r, ByID, written)
		if !ok {
			return TrustPrincipal{}, false
		}
		return TrustPrincipal{user.ARN(), user.ID}, true
	}
	a, err := aws.ParseARN(written)
	if err != nil {
		return TrustPrincipal{}, written == "*" || aws.IsAccount(written)
	}
	switch kind, _, _ := strings.Cut(a.Resource, "/"); {
	case a.Service == "iam" && kind == "role":
		role, ok := RoleByARN(r, written)
		if !ok {
			return TrustPrincipal{}, false
		}
		return TrustPrincipal{written, role.ID}, true
	case a.Service == "iam" && kind == "user":
		user, ok := UserByARN(r, written)
		if !ok {
			return TrustPrincipal{}, false
		}
		return TrustPrincipal{written, user.ID}, true
	case a.Service == "iam":
		return TrustPrincipal{}, a.Resource == "root"
	}
	return TrustPrincipal{}, a.Service == "sts"
}

// renamePrincipal writes a new name for a principal into every trust policy
// that names it.
func renamePrincipal(tx *state.Txn, old TrustPrincipal, name string) error {
	for role := range state.LookupAll[*Role](tx, ByTrusted, old.ID) {
		if current, ok := state.Get[*Role](tx, role.StateKey()); ok {
			role = current
		}
		changed := *role
		doc, err := parseDocument(rewritePrincipals(role.Trust.Text, func(written string) string {
			if written == old.ARN {
				return name
			}
			return written
		}))
		if err != nil {
			return fmt.Errorf("renaming %s in the trust policy of %s: %w", old.ARN, role.ARN(), err)
		}
		changed.Trust = doc
		changed.TrustPrincipals = nil
		for _, p := range role.TrustPrincipals {
			switch {
			case p.ID != old.ID:
				changed.TrustPrincipals = append(changed.TrustPrincipals, p)
			case name != old.ID:
				changed.TrustPrincipals = append(changed.TrustPrincipals, TrustPrincipal{name, old.ID})
			}
		}
		tx.Put(&changed)
	}
	return nil
}

// bindPrincipal ties a new role or user to the trust policies that named it
// before it was.
func bindPrincipal(tx *state.Txn, made TrustPrincipal) error {
	for role := range state.LookupAll[*Role](tx, ByTrusted, made.ARN) {
		changed := *role
		if current, ok := state.Get[*Role](tx, role.StateKey()); ok {
			changed = *current
		}
		changed.TrustPrincipals = slices.Clone(changed.TrustPrincipals)
		for i, p := range changed.TrustPrincipals {
			if p == (TrustPrincipal{ARN: made.ARN}) {
				changed.TrustPrincipals[i] = made
			}
		}
		tx.Put(&changed)
	}
	return nil
}

// forgetPrincipal leaves the unique id of a deleted principal in the trust
// policies that name it.
func forgetPrincipal(tx *state.Txn, gone TrustPrincipal) error {
	return renamePrincipal(tx, gone, gone.ID)
}

func parseDocument(text string) (Document, error) {
	parsed, err := policy.Parse([]byte(text))
	if err != nil {
		return Document{}, err
	}
	return NewDocument(parsed), nil
}

// rewritePrincipals replaces the AWS principals of a policy, which is valid
// JSON, and leaves every other byte as it is.
func rewritePrincipals(text string, replace func(string) string) string {
	s := principalScanner{text: text, dec: json.NewDecoder(strings.NewReader(text))}
	if err := s.value(""); err != nil {
		return text
	}
	var b strings.Builder
	at := 0
	for _, span := range s.found {
		name := replace(span.value)
		if name == span.value {
			continue
		}
		quoted, _ := json.Marshal(name) // a string always has a JSON form
		b.WriteString(text[at:span.start])
		b.Write(quoted)
		at = span.end
	}
	b.WriteString(text[at:])
	return b.String()
}

// principalScanner finds the places of the strings at Statement, Principal or
// NotPrincipal, AWS.
type principalScanner struct {
	text  string
	dec   *json.Decoder
	found []principalSpan
}

type principalSpan struct {
	start, end int
	value      string
}

func (s *principalScanner) value(path string) error {
	start := int(s.dec.InputOffset())
	for start < len(s.text) && strings.IndexByte(" \t\r\n,:", s.text[start]) >= 0 {
		start++
	}
	token, err := s.dec.Token()
	if err != nil {
		return err
	}
	switch token {
	case json.Delim('{'):
		for s.dec.More() {
			key, err := s.dec.Token()
			if err != nil {
				return err
			}
			if err := s.value(path + "/" + key.(string)); err != nil {
				return err
			}
		}
		_, err = s.dec.Token()
		return err
	case json.Delim('['):
		for s.dec.More() {
			if err := s.value(path); err != nil {
				return err
			}
		}
		_, err = s.dec.Token()
		return err
	}
	if text, ok := token.(string); ok && (path == "/Statement/Principal/AWS" || path == "/Statement/NotPrincipal/AWS") {
		s.found = append(s.found, principalSpan{start, int(s.dec.InputOffset()), text})
	}
	return nil
}
