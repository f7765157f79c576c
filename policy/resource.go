package policy

import (
	"github.com/irsa-emu/irsa-emu/aws"
)

// resourceMatcher is a compiled value of a Resource element. The six parts of
// an ARN are matched one by one, so that a wildcard stays within its part; the
// last part takes in all further colons.
type resourceMatcher struct {
	all     bool // "*"
	parts   [6]glob
	dynamic template // of the sixth part, when it has variables; else nil
	whole   *glob    // of a value that is no ARN
}

// newResourceMatcher compiles a value. Variables are replaced only after the
// fifth colon (the guide, "Where you can use policy variables").
func newResourceMatcher(value string, variables bool) resourceMatcher {
	m := resourceMatcher{all: value == "*"}
	if m.all {
		return m
	}
	// IAM fills short ARNs up with wildcards: its refusals show arn:b:c as
	// arn:b:c:*:*:*.
	text := []string{"*", "*", "*", "*", "*", "*"}
	parts := template{{text: value}}.cut(6)
	if len(parts) == 1 {
		g := compileGlob(value)
		m.whole = &g
		return m
	}
	for i, part := range parts {
		text[i] = ""
		if len(part) > 0 {
			text[i] = part[0].text
		}
	}
	for i := range text {
		if i == 5 && variables {
			if t := splitTemplate(text[i]); t.dynamic() {
				m.dynamic = t
				continue
			} else if toks, ok := t.expandTokens(nil); ok {
				m.parts[i] = globOf(toks)
				continue
			}
		}
		m.parts[i] = compileGlob(text[i])
	}
	return m
}

// requested is a request's resource, split once.
type requested struct {
	text  string
	parts [6]string
	isARN bool
}

func newRequested(resource string) requested {
	r := requested{text: resource}
	r.parts, r.isARN = aws.SplitARN(resource)
	return r
}

// match is false for a value whose variable is absent from the request.
func (m *resourceMatcher) match(r *requested, keys Keys) bool {
	switch {
	case m.all:
		return true
	case m.whole != nil:
		return m.whole.match(r.text)
	case !r.isARN:
		return false
	}
	for i := range 5 {
		if !m.parts[i].match(r.parts[i]) {
			return false
		}
	}
	if m.dynamic == nil {
		return m.parts[5].match(r.parts[5])
	}
	toks, ok := m.dynamic.expandTokens(keys)
	if !ok {
		return false
	}
	g := globOf(toks)
	return g.match(r.parts[5])
}
