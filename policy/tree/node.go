package tree

// Statements returns the statements of a document, a single one included.
func (n *Node) Statements() []*Node {
	s := n.Get("Statement")
	if s == nil || s.Kind == Object {
		return compact(s)
	}
	return s.Items
}

func compact(n *Node) []*Node {
	if n == nil {
		return nil
	}
	return []*Node{n}
}

// List returns a value's items, or the value itself as the only one.
func (n *Node) List() []*Node {
	if n != nil && n.Kind == Array {
		return n.Items
	}
	return compact(n)
}

// Either returns the member of one of two names.
func (n *Node) Either(a, b string) *Node {
	if v := n.Get(a); v != nil {
		return v
	}
	return n.Get(b)
}

// Equal says whether two values say the same; the order of members does not count.
func Equal(a, b *Node) bool {
	if a.Kind != b.Kind || a.Text != b.Text || len(a.Items) != len(b.Items) || len(a.Members) != len(b.Members) {
		return false
	}
	for i := range a.Items {
		if !Equal(a.Items[i], b.Items[i]) {
			return false
		}
	}
	for _, m := range a.Members {
		if other := b.Get(m.Name); other == nil || !Equal(m.Value, other) {
			return false
		}
	}
	return true
}
