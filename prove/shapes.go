package prove

import (
	"sync"

	"github.com/irsa-emu/irsa-emu/aws"
)

// shape is what the values of a key can be. Lengths are a second language that
// holds them too; it is left out until the shortest word breaks it, for its
// counters make the product a hundred times as large.
type shape struct {
	words   expr
	lengths *limits
}

// limits are the lengths that words of a shape can have; nil: any.
type limits struct {
	expr
	matcher func() *matcher
}

func limited(e expr) *limits {
	return &limits{e, sync.OnceValue(func() *matcher { return newMatcher(e) })}
}

// keeps says whether a word is short enough.
func (l *limits) keeps(word string) bool { return l == nil || l.matcher().holds(word) }

var (
	alnum     = chars("a-z0-9")
	colonless = anyChar.without(':')
)

// anyText is any text but the empty one. A claim that is the empty string is no
// claim for a condition.
var anyText = shape{words: plus{class(anyChar)}}

func oneOf(values ...string) shape {
	var out alt
	for _, v := range values {
		out = append(out, text(v))
	}
	return shape{words: out}
}

var (
	trueOrFalse = oneOf("true", "false")
	number      = shape{words: plus{class(digits)}}
)

// dnsLabel is a DNS label without its length: Kubernetes' names of namespaces,
// and the pieces of names of service accounts.
var dnsLabel = seq{class(alnum), opt{seq{star(chars("a-z0-9-")), class(alnum)}}}

const serviceAccount = aws.ServiceAccountPrefix

// kubernetesSubject: a namespace is a DNS label, the name of a service account a
// DNS subdomain (Kubernetes, "Object Names and IDs").
var kubernetesSubject = shape{
	words:   seq{text(serviceAccount), dnsLabel, text(":"), dnsLabel, opt{plus{seq{text("."), dnsLabel}}}},
	lengths: limited(seq{text(serviceAccount), upTo{class(colonless), 63}, text(":"), upTo{class(colonless), 253}}),
}

// gitLabSubject is the default one; sub_claim_components changes it.
var gitLabSubject = shape{words: seq{
	text("project_path:"), gitLabPath, plus{seq{text("/"), gitLabPath}},
	text(":ref_type:"), alt{text("branch"), text("tag")}, text(":ref:"), gitRef,
}}

var gitLabPath = seq{class(chars("A-Za-z0-9_")), star(chars("A-Za-z0-9_.-"))}

// hcpTerraformSubject: names of projects may have blanks, none may have colons.
var hcpTerraformSubject = shape{words: seq{
	text("organization:"), plus{class(chars("A-Za-z0-9_-"))}, text(":project:"), plus{class(chars("A-Za-z0-9 _-"))},
	text(":workspace:"), plus{class(chars("A-Za-z0-9_-"))}, text(":run_phase:"), alt{text("plan"), text("apply")},
}}

// buildkiteSubject: the key of a step may be empty.
var buildkiteSubject = shape{words: seq{
	text("organization:"), plus{class(chars("a-z0-9-"))}, text(":pipeline:"), plus{class(chars("a-z0-9-"))},
	text(":ref:refs/"), alt{text("heads/"), text("tags/")}, gitRef, text(":commit:"), plus{class(chars("A-Za-z0-9"))},
	text(":step:"), star(colonless),
}}

// uuid, without its length: circleCISubject has the two forms of CIRCLE_OIDC_TOKEN
// and CIRCLE_OIDC_TOKEN_V2.
var (
	uuid            = plus{class(chars("0-9a-f-"))}
	circleCISubject = shape{words: seq{
		text("org/"), uuid, text("/project/"), uuid, text("/user/"), uuid,
		opt{seq{text("/vcs-origin/"), plus{class(colonless)}, text("/vcs-ref/refs/"), alt{text("heads/"), text("tags/")}, gitRef}},
	}}
)

// gitRef is a branch's or a tag's name, by the rules of git-check-ref-format but
// the one on .lock.
var gitRef = seq{refComponent, opt{plus{seq{text("/"), refComponent}}}}

var (
	refChars     = anyChar.without(append([]rune(" ~^:?*[\\\x7f./"), control()...)...)
	refComponent = seq{class(refChars), opt{plus{seq{opt{text(".")}, class(refChars)}}}}
)

func control() []rune {
	var out []rune
	for r := range rune(0x20) {
		out = append(out, r)
	}
	return out
}
