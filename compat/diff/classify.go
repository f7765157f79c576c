package main

import (
	"encoding/base64"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

const unclassified = "unclassified"

// used is one condition of a shrunk pair, with what the request has for it.
type used struct {
	operator       string // without qualifier and IfExists
	qualifier      string
	ifExists       bool
	wanted, got    []string
	present, multi bool
}

func (u used) negated() bool { return strings.Contains(u.operator, "Not") }

func conditionsOf(p *pair) []used {
	var out []used
	for _, which := range documents(p) {
		for _, s := range which(p).Statement {
			for name, byKey := range s.Condition {
				for key, wanted := range byKey {
					u := used{wanted: wanted, operator: name}
					if q, rest, ok := strings.Cut(name, ":"); ok {
						u.qualifier, u.operator = q, rest
					}
					u.operator, u.ifExists = strings.CutSuffix(u.operator, "IfExists")
					for name, v := range p.Context {
						if strings.EqualFold(name, key) {
							u.got, u.present, u.multi = v.list, true, v.multi
						}
					}
					out = append(out, u)
				}
			}
		}
	}
	return out
}

var variable = regexp.MustCompile(`\$\{[^}]+\}`)

// classify names what a shrunk disagreement is about. The first class that fits
// is taken; judged.json says of each who is right.
func classify(p *pair) string {
	for _, class := range classes {
		if class.fits(p, conditionsOf(p)) {
			return class.name
		}
	}
	return unclassified
}

var classes = []struct {
	name string
	fits func(*pair, []used) bool
}{
	{"variables-in-old-versions", func(p *pair, _ []used) bool {
		return slices.ContainsFunc(documents(p), func(which func(*pair) *document) bool {
			return which(p).Version != "2012-10-17" && variable.MatchString(textOf(which(p)))
		})
	}},
	{"empty-list-is-absent", some(func(u used) bool { return u.present && u.multi && len(u.got) == 0 })},
	{"negated-with-an-absent-variable", func(p *pair, all []used) bool {
		return some(func(u used) bool { return u.negated() && slices.ContainsFunc(u.wanted, valueless(p)) })(p, all)
	}},
	{"not-resource-with-an-absent-variable", func(p *pair, _ []used) bool {
		return statements(p, func(s statement) bool { return slices.ContainsFunc(s.NotResource, valueless(p)) })
	}},
	{"everyone-and-web-identities", func(p *pair, all []used) bool {
		return len(all) == 0 && p.Principal.Federated != "" && statements(p, func(s statement) bool { return s.Effect == "Allow" && (has(s.Principal, "*")) })
	}},
	{"account-and-web-identities", func(p *pair, all []used) bool {
		return len(all) == 0 && p.Principal.Federated != "" && statements(p, func(s statement) bool { return has(s.Principal, home) || has(s.Principal, ":root") })
	}},
	{"role-of-another-path", func(p *pair, _ []used) bool {
		return p.Principal.Session != "" && statements(p, func(s statement) bool { return has(s.Principal, "role/app/api") || has(s.NotPrincipal, "role/app/api") })
	}},
	{"all-of-ipv4", some(func(u used) bool {
		return strings.Contains(u.operator, "IpAddress") && slices.ContainsFunc(u.wanted, func(w string) bool { return strings.HasSuffix(w, "/0") })
	})},
	{"epoch-seconds", some(func(u used) bool {
		return strings.HasPrefix(u.operator, "Date") && slices.ContainsFunc(slices.Concat(u.wanted, u.got), isSeconds)
	})},
	{"no-number", malformed("Numeric", func(s string) bool {
		_, err := strconv.ParseFloat(s, 64)
		return err == nil && !strings.ContainsAny(s, "eE")
	})},
	{"no-date", malformed("Date", func(s string) bool {
		for _, layout := range []string{time.RFC3339, time.DateOnly} {
			if _, err := time.Parse(layout, s); err == nil {
				return true
			}
		}
		return false
	})},
	{"session-named-beside-a-session-policy", func(p *pair, all []used) bool {
		return p.Session != nil && (p.ResourcePolicy != nil || p.Trust != nil) && statements(p, func(s statement) bool {
			return s.Effect == "Allow" && (has(s.Principal, p.Principal.Session) || has(s.Principal, "*"))
		})
	}},
	{"not-principal-in-part", func(p *pair, _ []used) bool {
		return statements(p, func(s statement) bool { return s.NotPrincipal != nil })
	}},
	{"both-ip-versions", some(func(u used) bool {
		return strings.Contains(u.operator, "IpAddress") && strings.Contains(strings.Join(u.wanted, " "), ".") != strings.Contains(strings.Join(u.got, " "), ".")
	})},
	{"resource-that-is-no-arn", func(p *pair, _ []used) bool {
		return statements(p, func(s statement) bool {
			return slices.ContainsFunc(slices.Concat(s.Resource, s.NotResource), func(r string) bool { return r != "*" && strings.Count(r, ":") < 5 })
		})
	}},
	{"wildcard-in-an-iam-resource-type", func(p *pair, _ []used) bool {
		return statements(p, func(s statement) bool {
			return slices.ContainsFunc(slices.Concat(s.Resource, s.NotResource), func(r string) bool {
				kind, _, _ := strings.Cut(r[strings.LastIndexByte(r, ':')+1:], "/")
				return strings.Contains(r, ":iam:") && strings.ContainsAny(kind, "*?")
			})
		})
	}},
	{"special-characters", some(func(u used) bool {
		return slices.ContainsFunc(u.wanted, func(w string) bool { return strings.Contains(w, "${$}") || strings.Contains(w, "${?}") })
	})},
	{"variable-with-an-empty-value", func(p *pair, _ []used) bool {
		return slices.ContainsFunc(documents(p), func(which func(*pair) *document) bool {
			return slices.ContainsFunc(variable.FindAllString(textOf(which(p)), -1), func(v string) bool {
				for name, value := range p.Context {
					if strings.EqualFold(name, v[2:len(v)-1]) && slices.Equal(value.list, []string{""}) {
						return true
					}
				}
				return false
			})
		})
	}},
	{"no-boolean", malformed("Bool", func(s string) bool { return strings.EqualFold(s, "true") || strings.EqualFold(s, "false") })},
	{"any-arn", some(func(u used) bool { return strings.HasPrefix(u.operator, "Arn") && slices.Contains(u.wanted, "*") })},
	{"no-arn", malformed("Arn", func(s string) bool { return strings.Count(s, ":") >= 5 })},
	{"no-base64", malformed("Binary", func(s string) bool {
		_, err := base64.StdEncoding.DecodeString(s)
		return err == nil
	})},
}

// some fits when one condition does.
func some(fits func(used) bool) func(*pair, []used) bool {
	return func(_ *pair, all []used) bool { return slices.ContainsFunc(all, fits) }
}

// malformed fits a condition of a family with a value that is not of its kind.
func malformed(family string, good func(string) bool) func(*pair, []used) bool {
	return some(func(u used) bool {
		return strings.Contains(u.operator, family) && slices.ContainsFunc(slices.Concat(u.wanted, u.got), func(v string) bool { return !good(v) })
	})
}

func isSeconds(s string) bool {
	_, err := strconv.ParseInt(s, 10, 64)
	return err == nil && len(strings.TrimPrefix(s, "-")) != 4
}

// valueless tells a text with a variable that has no value: the key is absent,
// or has several, and there is no default.
func valueless(p *pair) func(string) bool {
	return func(s string) bool {
		for _, v := range variable.FindAllString(s, -1) {
			key := v[2 : len(v)-1]
			if strings.Contains(key, ", '") || key == "*" || key == "?" || key == "$" {
				continue
			}
			value, found := values{}, false
			for name, v := range p.Context {
				if strings.EqualFold(name, key) {
					value, found = v, true
				}
			}
			if !found || value.multi {
				return true
			}
		}
		return false
	}
}

func statements(p *pair, fits func(statement) bool) bool {
	return slices.ContainsFunc(documents(p), func(which func(*pair) *document) bool {
		return slices.ContainsFunc(which(p).Statement, fits)
	})
}

// has says whether a principal element holds a value that ends so.
func has(p principals, end string) bool {
	for kind, list := range p {
		if kind == end || slices.ContainsFunc(list, func(v string) bool { return strings.HasSuffix(v, end) }) {
			return true
		}
	}
	return false
}

func textOf(d *document) string {
	var b strings.Builder
	for _, s := range d.Statement {
		for _, list := range [][]string{s.Resource, s.NotResource} {
			b.WriteString(strings.Join(list, " "))
		}
		for _, byKey := range s.Condition {
			for _, wanted := range byKey {
				b.WriteString(strings.Join(wanted, " "))
			}
		}
	}
	return b.String()
}
