package main

import (
	"maps"
	"slices"
)

// shrink takes away everything that a disagreement does not need. Differs says
// whether the engines still disagree, in the same way.
func shrink(p *pair, differs func(*pair) bool) *pair {
	for {
		smaller := firstThat(p, differs)
		if smaller == nil {
			return p
		}
		p = smaller
	}
}

func firstThat(p *pair, differs func(*pair) bool) *pair {
	for _, try := range smaller(p) {
		if differs(try) {
			return try
		}
	}
	return nil
}

// smaller lists the pairs that lack one thing.
func smaller(p *pair) []*pair {
	var out []*pair
	edit := func(change func(*pair)) {
		c := p.clone()
		change(c)
		out = append(out, c)
	}
	for i := range p.Identity {
		edit(func(c *pair) { c.Identity = append(c.Identity[:i:i], c.Identity[i+1:]...) })
	}
	if p.Boundary != nil {
		edit(func(c *pair) { c.Boundary = nil })
	}
	if p.Session != nil {
		edit(func(c *pair) { c.Session = nil })
	}
	if p.ResourcePolicy != nil {
		edit(func(c *pair) { c.ResourcePolicy = nil })
	}
	for _, which := range documents(p) {
		d := which(p)
		for i := range d.Statement {
			if len(d.Statement) > 1 {
				edit(func(c *pair) { s := which(c); s.Statement = append(s.Statement[:i:i], s.Statement[i+1:]...) })
			}
			out = append(out, simpler(p, which, i)...)
		}
		if d.Version == "" || d.Version == "2008-10-17" {
			edit(func(c *pair) { which(c).Version = "2012-10-17" })
		}
	}
	for _, key := range sorted(p.Context) {
		v := p.Context[key]
		edit(func(c *pair) { delete(c.Context, key) })
		for i := range v.list {
			if v.multi && len(v.list) > 1 {
				edit(func(c *pair) {
					c.Context[key] = values{append(v.list[:i:i], v.list[i+1:]...), true}
				})
			}
		}
	}
	return out
}

// documents are ways to each of a pair's documents.
func documents(p *pair) []func(*pair) *document {
	var out []func(*pair) *document
	for i := range p.Identity {
		out = append(out, func(p *pair) *document { return &p.Identity[i] })
	}
	if p.Boundary != nil {
		out = append(out, func(p *pair) *document { return p.Boundary })
	}
	if p.Session != nil {
		out = append(out, func(p *pair) *document { return p.Session })
	}
	if p.ResourcePolicy != nil {
		out = append(out, func(p *pair) *document { return p.ResourcePolicy })
	}
	if p.Trust != nil {
		out = append(out, func(p *pair) *document { return p.Trust })
	}
	return out
}

// simpler lists the pairs in which one statement lacks one thing.
func simpler(p *pair, which func(*pair) *document, i int) []*pair {
	var out []*pair
	edit := func(change func(*statement)) {
		c := p.clone()
		change(&which(c).Statement[i])
		out = append(out, c)
	}
	s := which(p).Statement[i]
	for _, operator := range sorted(s.Condition) {
		for _, key := range sorted(s.Condition[operator]) {
			wanted := s.Condition[operator][key]
			edit(func(s *statement) {
				if delete(s.Condition[operator], key); len(s.Condition[operator]) == 0 {
					delete(s.Condition, operator)
				}
			})
			for j := range wanted {
				if len(wanted) > 1 {
					edit(func(s *statement) {
						s.Condition[operator][key] = append(wanted[:j:j], wanted[j+1:]...)
					})
				}
			}
		}
	}
	for _, part := range []func(*statement) *[]string{
		func(s *statement) *[]string { return &s.Action }, func(s *statement) *[]string { return &s.NotAction },
		func(s *statement) *[]string { return &s.Resource }, func(s *statement) *[]string { return &s.NotResource },
	} {
		for j := range *part(&s) {
			if list := *part(&s); len(list) > 1 {
				edit(func(s *statement) { *part(s) = append(list[:j:j], list[j+1:]...) })
			}
		}
	}
	if s.NotAction != nil || len(s.Action) == 1 && s.Action[0] != p.Action {
		edit(func(s *statement) { s.NotAction, s.Action = nil, []string{p.Action} })
	}
	if s.NotResource != nil || len(s.Resource) == 1 && s.Resource[0] != "*" {
		edit(func(s *statement) { s.NotResource, s.Resource = nil, []string{"*"} })
	}
	for _, who := range []func(*statement) principals{
		func(s *statement) principals { return s.Principal }, func(s *statement) principals { return s.NotPrincipal },
	} {
		for _, kind := range sorted(who(&s)) {
			list := who(&s)[kind]
			for j := range list {
				if len(list) > 1 {
					edit(func(s *statement) { who(s)[kind] = append(list[:j:j], list[j+1:]...) })
				}
			}
			if len(who(&s)) > 1 {
				edit(func(s *statement) { delete(who(s), kind) })
			}
		}
	}
	return out
}

// sorted are the keys of a map in a fixed order.
func sorted[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
