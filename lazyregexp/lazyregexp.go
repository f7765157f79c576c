// Package lazyregexp holds regular expressions that are compiled when they are first
// used. A compiled one is some dozens of objects on the heap, and a program that uses
// few of its patterns, as most commands do, need not make and keep the others.
package lazyregexp

import (
	"regexp"
	"sync"
)

// Regexp is a regular expression. Several goroutines may use it.
type Regexp struct {
	expr     string
	once     sync.Once
	compiled *regexp.Regexp
}

// New is for package variables: expr is a constant, which a test at the module's root
// compiles. The linker lays such a variable out, and nothing runs at start.
func New(expr string) *Regexp { return &Regexp{expr: expr} }

// Compiled is for what has no method here.
func (r *Regexp) Compiled() *regexp.Regexp {
	r.once.Do(func() { r.compiled = regexp.MustCompile(r.expr) })
	return r.compiled
}

// MatchString is [regexp.Regexp.MatchString].
func (r *Regexp) MatchString(s string) bool { return r.Compiled().MatchString(s) }

// FindStringSubmatch is [regexp.Regexp.FindStringSubmatch].
func (r *Regexp) FindStringSubmatch(s string) []string { return r.Compiled().FindStringSubmatch(s) }

// ReplaceAllString is [regexp.Regexp.ReplaceAllString].
func (r *Regexp) ReplaceAllString(src, repl string) string {
	return r.Compiled().ReplaceAllString(src, repl)
}

// String is the expression.
func (r *Regexp) String() string { return r.expr }
