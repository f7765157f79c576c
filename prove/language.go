package prove

import (
	"encoding/base64"
	"strings"
	"unicode/utf8"

	"github.com/irsa-emu/irsa-emu/policy"
)

// comparison is how a test's wanted values become a language, or a measure.
type comparison uint8

const (
	byText    comparison = iota // the language of the values that match
	byMeasure                   // numbers, dates and addresses: an order, and points on it
	byNull
)

func comparisonOf(name string) comparison {
	switch {
	case name == "Null":
		return byNull
	case strings.HasPrefix(name, "Numeric"), strings.HasPrefix(name, "Date"), name == "IpAddress":
		return byMeasure
	}
	return byText
}

// matching are the languages of a test's wanted values joined by or, before its
// negation: at most (an unknown variable could have any value) and at least
// (it could have none). Without unknown variables they are the same.
func matching(t policy.Test, resolve resolver) (most, least expr, unknown string) {
	var all, sure alt
	for _, v := range t.Values {
		e, possible, variable := valueLanguage(t.Comparison, v, resolve)
		if variable != "" {
			unknown = variable
		} else if possible {
			sure = append(sure, e)
		}
		if possible {
			all = append(all, e)
		}
	}
	return all, sure, unknown
}

// resolver knows what policy variables stand for: a text, nothing, or, when that
// is open, a language of texts.
type resolver interface {
	resolve(key string) (value string, has, known bool)
	variable(key string) expr
}

// resolved replaces a pattern's variables. possible is false when one of them has
// no value; unknown names one that could have several, and stays.
func resolved(p policy.Pattern, resolve resolver) (out policy.Pattern, possible bool, unknown string) {
	out = make(policy.Pattern, 0, len(p))
	for _, part := range p {
		if part.Variable == "" {
			out = append(out, part)
			continue
		}
		value, has, known := resolve.resolve(part.Variable)
		switch {
		case !known:
			unknown = part.Variable
			out = append(out, part)
		case has:
			out = append(out, policy.PatternPart{Text: value, Literal: true})
		case part.HasDefault:
			out = append(out, policy.PatternPart{Text: part.Default, Literal: true})
		default:
			return nil, false, ""
		}
	}
	return out, true, unknown
}

func valueLanguage(comparison string, v policy.Pattern, resolve resolver) (e expr, possible bool, unknown string) {
	switch comparison {
	case actionComparison:
		return glob(v, resolve, anyChar), true, ""
	case resourceComparison:
		return resourceLanguage(v, resolve)
	case principalComparison:
		return principalLanguage(v[0].Text, v[1].Text), true, ""
	}
	// An ARN is cut before its variables are replaced: their colons do not count.
	pieces := []policy.Pattern{v}
	if comparison == "ArnLike" {
		pieces = v.CutARN()
	}
	dynamic := v.Dynamic()
	for i := range pieces {
		piece, ok, u := resolved(pieces[i], resolve)
		if !ok {
			return nil, false, ""
		}
		pieces[i] = piece
		if u != "" {
			unknown = u
		}
	}
	switch comparison {
	case "StringEquals":
		return spelled(pieces[0], resolve, func(s string) expr { return text(s) }), true, unknown
	case "StringEqualsIgnoreCase":
		return spelled(pieces[0], resolve, func(s string) expr { return fold(s) }), true, unknown
	case "StringLike":
		return glob(pieces[0], resolve, anyChar), true, unknown
	case "ArnLike":
		return arnLanguage(pieces, resolve, dynamic), true, unknown
	case "Bool":
		switch {
		case unknown != "":
			return star(anyChar), true, unknown
		case strings.EqualFold(plainText(pieces[0]), "true"):
			return fold("true"), true, ""
		}
		return notTrue, true, "" // recorded: everything but true is false
	case "BinaryEquals":
		return binaryLanguage(plainText(pieces[0])), true, ""
	}
	return none{}, true, ""
}

// notTrue is every text but true, in any case of its letters.
var notTrue = func() expr {
	const word = "true"
	out := alt{seq{fold(word), plus{class(anyChar)}}}
	for i, r := range word {
		different := anyChar
		for _, same := range folded(r) {
			different = different.without(same.lo)
		}
		out = append(out, fold(word[:i]), seq{fold(word[:i]), class(different), star(anyChar)})
	}
	return out
}()

func plainText(p policy.Pattern) string {
	var b strings.Builder
	for _, part := range p {
		b.WriteString(part.Text)
	}
	return b.String()
}

// spelled is a pattern without wildcards.
func spelled(p policy.Pattern, resolve resolver, word func(string) expr) expr {
	if !p.Dynamic() {
		return word(plainText(p))
	}
	var out seq
	for _, part := range p {
		if part.Variable != "" {
			out = append(out, resolve.variable(part.Variable))
		} else {
			out = append(out, word(part.Text))
		}
	}
	return out
}

// glob is a pattern with wildcards, which stand for the given characters.
func glob(p policy.Pattern, resolve resolver, wild charset) expr {
	var out seq
	for _, part := range p {
		switch {
		case part.Variable != "":
			out = append(out, resolve.variable(part.Variable))
		case part.Literal:
			out = append(out, text(part.Text))
		default:
			out = append(out, globText(part.Text, wild)...)
		}
	}
	return out
}

func globText(s string, wild charset) seq {
	var out seq
	for s != "" {
		i := strings.IndexAny(s, "*?")
		if i < 0 {
			return append(out, text(s))
		}
		if i > 0 {
			out = append(out, text(s[:i]))
		}
		if s[i] == '*' {
			out = append(out, star(wild))
		} else {
			out = append(out, class(wild))
		}
		s = s[i+1:]
	}
	return out
}

// anARN is what counts as one: six parts of which the first is arn.
var anARN = seq{text("arn:"), star(colonless), text(":"), star(colonless), text(":"), star(colonless), text(":"),
	star(colonless), text(":"), star(anyChar)}

// arnLanguage compares part by part, as the engine does. dynamic: the pattern had
// a variable, and may be a whole ARN in it.
func arnLanguage(pieces []policy.Pattern, resolve resolver, dynamic bool) expr {
	if len(pieces) == 1 && len(pieces[0]) == 1 && !pieces[0].Dynamic() && !pieces[0][0].Literal && pieces[0][0].Text == "*" {
		return anARN
	}
	if len(pieces) < 6 {
		if !dynamic {
			return none{}
		}
		var joined policy.Pattern
		for i, p := range pieces {
			if i > 0 {
				joined = append(joined, policy.PatternPart{Text: ":", Literal: true})
			}
			joined = append(joined, p...)
		}
		return arnShaped(glob(joined, resolve, anyChar), joined)
	}
	if !holds(glob(pieces[0], resolve, anyChar), "arn") {
		return none{}
	}
	out := seq{text("arn")}
	for _, piece := range pieces[1:5] {
		out = append(out, text(":"), within(glob(piece, resolve, colonless), colonless))
	}
	return append(out, text(":"), glob(pieces[5], resolve, anyChar))
}

// arnShaped is a language of which only ARNs count. That of one word is decided;
// others are taken as they are, which is too much only for what is no ARN.
func arnShaped(e expr, p policy.Pattern) expr {
	if p.Dynamic() {
		return e
	}
	if s := plainText(p); !holds(anARN, s) {
		return none{}
	}
	return e
}

func binaryLanguage(want string) expr {
	raw, err := base64.StdEncoding.DecodeString(want)
	switch {
	case err != nil:
		return none{}
	case !utf8.Valid(raw):
		return text(want)
	}
	return alt{text(raw), text(want)}
}
