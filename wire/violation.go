package wire

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Style is how a service words the violations it finds in parameters.
type Style int

const (
	// NamesOnly is IAM's: Value at 'roleName' failed to satisfy constraint: ….
	NamesOnly Style = iota
	// EchoValues is STS's: Value 'x' at 'roleSessionName' failed to satisfy constraint: ….
	EchoValues
	// EchoNulls is that of the STS's newer actions (GetWebIdentityToken): as
	// EchoValues, and a missing member is "Value null at …" (recorded 13).
	EchoNulls
)

// violations collects what is wrong with a call's parameters.
type violations struct {
	style Style
	found []violation
}

type violation struct {
	at         string // 'tags.1.member.key'
	value      *string
	constraint string
}

func (v *violations) add(at string, value *string, constraint string) {
	v.found = append(v.found, violation{at, value, constraint})
}

// missing notes a required member that is not there. STS prints no value
// either. Recorded: "Value at 'roleArn' failed to satisfy constraint: Member
// must not be null".
func (v *violations) missing(at string) { v.add(at, nil, mustNotBeNull) }

const (
	mustNotBeNull = "Member must not be null"
	enumValueSet  = "Member must satisfy enum value set" // Recorded: the set is not printed.
)

// text checks a string. AWS reports each broken constraint for itself: lengths
// first, then the pattern.
func (v *violations) text(at string, text string, r *rule) {
	if r.fits(text) {
		return
	}
	value := text // a copy that escapes, of a value that is wrong
	length := int64(utf8.RuneCountInString(value))
	shown := &value
	if r.secret {
		shown = nil // what AWS's services do with members that their models call sensitive
	}
	if r.max != nil && length > *r.max {
		v.add(at, shown, longest(*r.max))
	}
	if r.min != nil && length < *r.min {
		v.add(at, shown, shortest(*r.min))
	}
	if r.pattern != nil && !r.pattern.match(value) {
		v.add(at, shown, matching(r.pattern))
	}
	if r.enum != nil && !slices.Contains(r.enum, value) {
		v.add(at, shown, enumValueSet)
	}
}

// fits says whether a string breaks no constraint.
func (r *rule) fits(text string) bool {
	// A character has one to four bytes: those of a token need not be counted to know that there are enough, and not too many.
	bytes := int64(len(text))
	if r.max != nil && bytes > *r.max || r.min != nil && bytes < 4**r.min {
		length := int64(utf8.RuneCountInString(text))
		if r.max != nil && length > *r.max || r.min != nil && length < *r.min {
			return false
		}
	}
	return (r.pattern == nil || r.pattern.match(text)) && (r.enum == nil || slices.Contains(r.enum, text))
}

// number checks an integer.
func (v *violations) number(at string, n int64, r *rule) {
	if (r.max == nil || n <= *r.max) && (r.min == nil || n >= *r.min) {
		return
	}
	value := strconv.FormatInt(n, 10)
	if r.max != nil && n > *r.max {
		v.add(at, &value, fmt.Sprintf("Member must have value less than or equal to %d", *r.max))
	}
	if r.min != nil && n < *r.min {
		v.add(at, &value, fmt.Sprintf("Member must have value greater than or equal to %d", *r.min))
	}
}

// size checks the number of a list's members.
func (v *violations) size(at string, n int, value func() string, r *rule) {
	add := func(constraint string) {
		text := value()
		v.add(at, &text, constraint)
	}
	if r.max != nil && int64(n) > *r.max {
		add(longest(*r.max))
	}
	if r.min != nil && int64(n) < *r.min {
		add(shortest(*r.min))
	}
}

// strings checks the members of a list of strings. The list is reported once,
// with all the constraints of its members, whichever is broken.
// Recorded: "Value at 'tagKeys' failed to satisfy constraint: Member must
// satisfy constraint: [<max>, <min>, <pattern>, Member must not be null]".
func (v *violations) strings(at string, list []string, r *rule) {
	for _, s := range list {
		probe := violations{}
		probe.text(at, s, r)
		if len(probe.found) > 0 {
			text := "[" + strings.Join(list, ", ") + "]"
			v.add(at, &text, "Member must satisfy constraint: ["+strings.Join(r.constraints(), ", ")+"]")
			return
		}
	}
}

func (r *rule) constraints() []string {
	var all []string
	if r.max != nil {
		all = append(all, longest(*r.max))
	}
	if r.min != nil {
		all = append(all, shortest(*r.min))
	}
	if r.pattern != nil {
		all = append(all, matching(r.pattern))
	}
	if r.enum != nil {
		all = append(all, enumValueSet)
	}
	if r.required {
		all = append(all, mustNotBeNull)
	}
	return all
}

func longest(n int64) string {
	return fmt.Sprintf("Member must have length less than or equal to %d", n)
}
func shortest(n int64) string {
	return fmt.Sprintf("Member must have length greater than or equal to %d", n)
}
func matching(p *pattern) string {
	return "Member must satisfy regular expression pattern: " + p.text
}

// String joins the violations as AWS does, in the order of their members' names;
// recorded: clientIDList, thumbprintList, url. It is "" when there is none.
func (v *violations) String() string {
	if len(v.found) == 0 {
		return ""
	}
	slices.SortStableFunc(v.found, func(a, b violation) int { return cmp.Compare(a.at, b.at) })
	var b strings.Builder
	fmt.Fprintf(&b, "%d validation error", len(v.found))
	if len(v.found) > 1 {
		b.WriteByte('s')
	}
	b.WriteString(" detected: ")
	for i, f := range v.found {
		if i > 0 {
			b.WriteString("; ")
		}
		b.WriteString("Value ")
		switch {
		case f.value != nil && v.style != NamesOnly:
			b.WriteString("'" + *f.value + "' ")
		case f.constraint == mustNotBeNull && v.style == EchoNulls:
			b.WriteString("null ")
		}
		b.WriteString("at '" + f.at + "' failed to satisfy constraint: " + f.constraint)
	}
	return b.String()
}

// err is nil when nothing was found.
func (v *violations) err() error {
	if len(v.found) == 0 {
		return nil
	}
	return ValidationError("%s", v.String())
}
