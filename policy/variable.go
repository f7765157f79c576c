package policy

import "strings"

// template is a string of a policy with its variables found: text, variables,
// and the literal characters that ${*}, ${?} and ${$} stand for.
type template []templatePart

type templatePart struct {
	text     string
	literal  bool // from ${*} and its like: wildcards in text are plain characters
	variable *variable
}

type variable struct {
	name         string // as written
	key          string // lower case
	fallback     string // of ${key, 'fallback'}
	withFallback bool
}

// splitTemplate finds the variables of text. What looks like one but is not
// well-formed stays text.
func splitTemplate(text string) template {
	var out template
	for {
		i := strings.Index(text, "${")
		if i < 0 {
			break
		}
		n := strings.IndexByte(text[i:], '}')
		if n < 0 {
			break
		}
		inner := text[i+2 : i+n]
		part, ok := parseVariable(inner)
		if !ok {
			out = append(out, templatePart{text: text[:i+2]})
			text = text[i+2:]
			continue
		}
		if i > 0 {
			out = append(out, templatePart{text: text[:i]})
		}
		out = append(out, part)
		text = text[i+n+1:]
	}
	if text != "" {
		out = append(out, templatePart{text: text})
	}
	return out
}

func parseVariable(inner string) (templatePart, bool) {
	switch inner {
	case "*", "?", "$":
		return templatePart{text: inner, literal: true}, true
	}
	key, rest, hasDefault := strings.Cut(inner, ",")
	key = strings.TrimSpace(key)
	if key == "" || strings.ContainsAny(key, "${'\"") {
		return templatePart{}, false
	}
	v := &variable{name: key, key: strings.ToLower(key)}
	if hasDefault {
		// The guide's form is a comma, a space and single quotes: ${key, 'text'}.
		rest = strings.TrimSpace(rest)
		if len(rest) < 2 || rest[0] != '\'' || rest[len(rest)-1] != '\'' {
			return templatePart{}, false
		}
		v.fallback, v.withFallback = rest[1:len(rest)-1], true
	}
	return templatePart{variable: v}, true
}

func (t template) dynamic() bool {
	for _, p := range t {
		if p.variable != nil {
			return true
		}
	}
	return false
}

// value is a variable's value in a request. A multivalued key cannot be used as
// a variable and counts as absent.
func (v *variable) value(keys Keys) (string, bool) {
	if got, ok := keys.Get(v.key); ok && !got.Multi && len(got.List) == 1 {
		return got.List[0], true
	}
	return v.fallback, v.withFallback
}

// expand replaces the variables; false when one has no value.
func (t template) expand(keys Keys) (string, bool) {
	if len(t) == 1 && t[0].variable == nil {
		return t[0].text, true // of nearly all values, and not copied
	}
	var b strings.Builder
	for _, p := range t {
		s := p.text
		if p.variable != nil {
			var ok bool
			if s, ok = p.variable.value(keys); !ok {
				return "", false
			}
		}
		b.WriteString(s)
	}
	return b.String(), true
}

// expandTokens is expand for patterns: wildcards of the policy's own text are
// wildcards, those that a variable's value brings are plain characters.
func (t template) expandTokens(keys Keys) ([]token, bool) {
	var out []token
	for _, p := range t {
		switch {
		case p.variable != nil:
			s, ok := p.variable.value(keys)
			if !ok {
				return nil, false
			}
			out = append(out, token{text: s})
		case p.literal:
			out = append(out, token{text: p.text})
		default:
			out = append(out, tokens(p.text)...)
		}
	}
	return out, true
}

// cut splits a template at each colon of its own text, into at most n pieces.
func (t template) cut(n int) []template {
	parts := []template{nil}
	for _, p := range t {
		if p.variable != nil || p.literal {
			parts[len(parts)-1] = append(parts[len(parts)-1], p)
			continue
		}
		text := p.text
		for len(parts) < n {
			before, after, found := strings.Cut(text, ":")
			if !found {
				break
			}
			if before != "" {
				parts[len(parts)-1] = append(parts[len(parts)-1], templatePart{text: before})
			}
			parts = append(parts, nil)
			text = after
		}
		if text != "" {
			parts[len(parts)-1] = append(parts[len(parts)-1], templatePart{text: text})
		}
	}
	return parts
}
