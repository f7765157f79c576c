package sources

import (
	"cmp"
	"encoding/json"
	"fmt"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/irsa-emu/irsa-emu/policy"
)

// tfDocument is what an aws_iam_policy_document gives.
type tfDocument struct {
	text    []byte
	at      origin
	unknown []string // what keeps it from being known
}

// tfStatement is a statement as the data source writes it.
type tfStatement struct {
	Sid          string                         `json:",omitempty"`
	Effect       string                         ``
	Principal    any                            `json:",omitempty"`
	NotPrincipal any                            `json:",omitempty"`
	Action       any                            `json:",omitempty"`
	NotAction    any                            `json:",omitempty"`
	Resource     any                            `json:",omitempty"`
	NotResource  any                            `json:",omitempty"`
	Condition    map[string]map[string][]string `json:",omitempty"`
}

// render makes the document of a data source that Terraform will read during
// the apply. All of it must be known but for the ARNs of providers and roles,
// which follow from what is planned.
func (t *terraform) render(r *tfResource) *tfDocument {
	if r.document != nil {
		return r.document
	}
	d := &tfDocument{at: fixed(t.at(r))}
	r.document = d // also ends a circle, which Terraform does not allow
	if n := get(r.values, "json"); n != nil {
		d.text, d.at, _ = t.b.document(t.f, n, r.address)
		return d
	}
	w := &tfWriter{t: t, r: r, d: d}
	var statements []json.RawMessage
	statements = w.merge(statements, "source_policy_documents", false)
	if _, unknown := r.known("statement"); unknown { // terraform-aws-iam v5's iam-assumable-role-with-oidc makes one for each issuer
		w.missing("statement%s", refersTo(get(r.expressions, "statement")))
	}
	for i, s := range items(get(r.values, "statement")) {
		statements = append(statements, w.statement(i, s))
	}
	statements = w.merge(statements, "override_policy_documents", true)
	version := cmp.Or(r.text("version"), policy.Version2012)
	var err error
	if d.text, err = json.Marshal(struct {
		Version   string
		Id        string `json:",omitempty"`
		Statement []json.RawMessage
	}{version, r.text("policy_id"), statements}); err != nil {
		d.unknown = append(d.unknown, err.Error())
	}
	return d
}

// tfWriter writes the statements of one data source.
type tfWriter struct {
	t *terraform
	r *tfResource
	d *tfDocument
	// serviceAccounts says that the statement being written is about service accounts.
	serviceAccounts bool
}

// mostMissing is how many reasons are given: each document passes its own on to
// all that merge it.
const mostMissing = 20

func (w *tfWriter) missing(format string, args ...any) {
	if len(w.d.unknown) == mostMissing {
		return
	}
	w.d.unknown = append(w.d.unknown, fmt.Sprintf(format, args...))
}

// maxMerged bounds what a document is made of: documents that merge two others
// each, level by level, double at each.
const maxMerged = 256 << 10

// merge adds the statements of other documents: in front, or in place of those
// with the same Sid.
func (w *tfWriter) merge(statements []json.RawMessage, attribute string, override bool) []json.RawMessage {
	n, unknown := w.r.known(attribute)
	documents := texts(n)
	if hole := len(list(n)) - len(documents); hole > 0 || unknown {
		documents = w.referred(attribute, documents)
	}
	size := 0
	for i, source := range documents {
		if size += len(source); size > maxMerged {
			w.missing("%s: more than %d bytes, and IAM takes no policy near that", attribute, maxMerged)
			break
		}
		var doc struct{ Statement json.RawMessage }
		var parts []json.RawMessage
		if err := json.Unmarshal([]byte(source), &doc); err != nil {
			w.missing("%s[%d] is not JSON: %v", attribute, i, err)
			continue
		}
		if json.Unmarshal(doc.Statement, &parts) != nil {
			parts = []json.RawMessage{doc.Statement}
		}
		for _, part := range parts {
			if at := sameSid(statements, part); at >= 0 && override {
				statements[at] = part
				continue
			}
			statements = append(statements, part)
		}
	}
	return statements
}

// referred are the documents that a list refers to, when each item is one.
func (w *tfWriter) referred(attribute string, known []string) []string {
	expression := get(w.r.expressions, attribute)
	found, rest := w.t.follow(w.r.module, w.r.index, expression)
	var out []string
	for _, data := range found {
		if data.kind != "aws_iam_policy_document" {
			rest = append(rest, data.address)
			continue
		}
		d := w.t.render(data)
		for _, u := range d.unknown {
			w.missing("%s: %s", data.address, u)
		}
		out = append(out, string(d.text))
	}
	if len(rest) > 0 || len(out) < len(known)+1 {
		w.missing("%s%s", attribute, refersTo(expression))
		return nil
	}
	return out
}

func sameSid(statements []json.RawMessage, other json.RawMessage) int {
	sid := func(raw json.RawMessage) string {
		var s struct{ Sid string }
		if json.Unmarshal(raw, &s) != nil {
			return ""
		}
		return s.Sid
	}
	want := sid(other)
	for i := range statements {
		if want != "" && sid(statements[i]) == want {
			return i
		}
	}
	return -1
}

func (w *tfWriter) statement(i int, n *yaml.Node) json.RawMessage {
	path := fmt.Sprintf("statement[%d]", i)
	var config *yaml.Node
	if all := items(get(w.r.expressions, "statement")); len(all) == len(items(get(w.r.values, "statement"))) {
		config = all[i] // a dynamic block has one expression for all its statements
	}
	w.serviceAccounts = aboutServiceAccounts(n)
	s := tfStatement{Sid: text(get(n, "sid")), Effect: text(get(n, "effect"))}
	if s.Effect == "" {
		s.Effect = "Allow"
	}
	s.Action = w.list(path+".actions", get(n, "actions"), get(config, "actions"), "")
	s.NotAction = w.list(path+".not_actions", get(n, "not_actions"), get(config, "not_actions"), "")
	s.Resource = w.list(path+".resources", get(n, "resources"), get(config, "resources"), "")
	s.NotResource = w.list(path+".not_resources", get(n, "not_resources"), get(config, "not_resources"), "")
	s.Principal = w.principals(path+".principals", get(n, "principals"), get(config, "principals"))
	s.NotPrincipal = w.principals(path+".not_principals", get(n, "not_principals"), get(config, "not_principals"))
	var trusted []string
	if principals, ok := s.Principal.(map[string][]string); ok {
		trusted = principals["Federated"]
	}
	for j, c := range items(get(n, "condition")) {
		at := fmt.Sprintf("%s.condition[%d]", path, j)
		test, variable := text(get(c, "test")), text(get(c, "variable"))
		values, _ := w.list(at+".values", get(c, "values"), nil, "").([]string)
		if variable == "" {
			variable = w.claimKey(part(get(config, "condition"), j), values, trusted)
		}
		if test == "" || variable == "" {
			w.missing("%s.test or .variable", at)
			continue
		}
		if s.Condition == nil {
			s.Condition = map[string]map[string][]string{}
		}
		if s.Condition[test] == nil {
			s.Condition[test] = map[string][]string{}
		}
		s.Condition[test][variable] = append(s.Condition[test][variable], values...)
	}
	raw, err := json.Marshal(s)
	if err != nil {
		w.missing("%s: %v", path, err)
	}
	return raw
}

// list reads a list of texts; one unknown item is the ARN of the only resource
// of that type that the list refers to. Nil when there is no item.
func (w *tfWriter) list(path string, n, expression *yaml.Node, kind string) any {
	var out []string
	holes := 0
	for _, item := range items(n) {
		if isNull(item) {
			holes++
			continue
		}
		// The data source writes &{…} for IAM's own variables.
		out = append(out, strings.ReplaceAll(item.Value, "&{", "${"))
	}
	if holes > 0 || isNull(n) && len(leaves(expression)) > 0 {
		arns := w.arns(expression, kind)
		if len(arns) == 0 || holes > 0 && len(arns) != holes {
			w.missing("%s%s", path, refersTo(expression))
			return nil
		}
		out = append(out, arns...)
	}
	if out == nil {
		return nil
	}
	return out
}

// arns are those of the resources that an expression refers to and that cannot
// be part of a longer text: providers and roles among principals.
func (w *tfWriter) arns(expression *yaml.Node, kind string) []string {
	if kind == "" {
		return nil
	}
	found, rest := w.t.follow(w.r.module, w.r.index, expression)
	if kind == "aws_iam_openid_connect_provider" && w.untraced(found, rest) {
		found, rest = w.onlyProvider(), nil
	}
	if len(rest) > 0 {
		return nil
	}
	var out []string
	for _, r := range found {
		arn := w.t.arnOf(r)
		if r.kind != kind || arn == "" {
			return nil
		}
		if r.text("arn") == "" {
			out = append(out, arn)
		}
	}
	return out
}

func (w *tfWriter) principals(path string, n, config *yaml.Node) any {
	if len(items(n)) == 0 {
		return nil
	}
	out := map[string][]string{}
	for i, p := range items(n) {
		kind := text(get(p, "type"))
		holds := map[string]string{"Federated": "aws_iam_openid_connect_provider", "AWS": "aws_iam_role"}[kind]
		values, _ := w.list(fmt.Sprintf("%s[%d].identifiers", path, i), get(p, "identifiers"), identifiers(config, kind), holds).([]string)
		if kind == "*" {
			return "*"
		}
		if kind == "" {
			w.missing("%s[%d].type", path, i)
		}
		out[kind] = append(out[kind], values...)
	}
	return out
}

// identifiers is the expression of the one block of that type: the values are a
// set, whose order is not that of the blocks.
func identifiers(blocks *yaml.Node, kind string) *yaml.Node {
	var found *yaml.Node
	for _, block := range items(blocks) {
		if text(get(block, "type", "constant_value")) == kind || len(items(blocks)) == 1 {
			if found != nil {
				return nil
			}
			found = get(block, "identifiers")
		}
	}
	return found
}
