package policy

import (
	"strings"

	"github.com/irsa-emu/irsa-emu/aws"
)

// grant says how closely a statement names the caller, which decides whether an
// identity policy must allow the action as well.
type grant uint8

const (
	noGrant   grant = iota
	byAccount       // the account or its root: delegates to that account's identity policies
	byRole          // the role of a session
	byName          // the user, the session, the service, the web identity, or everyone
)

type principalKind uint8

const (
	anyone     principalKind = iota
	awsAccount               // by its digits
	awsRoot                  // by its root's ARN
	awsRole
	awsOther // a user, a session or a federated user, by ARN
	awsUniqueID
	federatedProvider
	awsService
	otherPrincipal // CanonicalUser, or text that names nobody
)

type principalEntry struct {
	kind  principalKind
	value string // the account's digits, an ARN, an id, a service
}

// principalMatcher is a compiled Principal or NotPrincipal element.
type principalMatcher struct {
	not     bool
	entries []principalEntry
}

// newPrincipalEntry compiles one value of a Principal map.
func newPrincipalEntry(kind, value string) principalEntry {
	switch kind {
	case "AWS":
		return awsPrincipal(value)
	case "Federated":
		return principalEntry{federatedProvider, value}
	case "Service":
		return principalEntry{awsService, value}
	}
	return principalEntry{otherPrincipal, value}
}

func awsPrincipal(value string) principalEntry {
	if value == "*" {
		return principalEntry{kind: anyone}
	}
	if aws.IsAccount(value) {
		return principalEntry{awsAccount, value}
	}
	if isUniqueID(value) {
		return principalEntry{awsUniqueID, value}
	}
	parts, ok := aws.SplitARN(value)
	switch {
	case !ok:
		return principalEntry{otherPrincipal, value}
	case parts[2] == "iam" && parts[5] == "root":
		return principalEntry{awsRoot, value}
	case parts[2] == "iam" && strings.HasPrefix(parts[5], "role/"):
		return principalEntry{awsRole, value}
	}
	return principalEntry{awsOther, value}
}

// isUniqueID recognises the ids that IAM stores in place of a principal's ARN.
func isUniqueID(s string) bool {
	return len(s) >= 16 && (strings.HasPrefix(s, aws.RoleIDPrefix) || strings.HasPrefix(s, aws.UserIDPrefix)) && !strings.Contains(s, ":")
}

func (e *principalEntry) match(p *Principal, deny bool) grant {
	switch e.kind {
	case anyone:
		// Recorded: {"AWS":"*"} authorises no web identity, and the guide holds "*"
		// for the same. A Deny for everyone does cover them, as the guide's data
		// perimeter policies rely on.
		if p.webIdentity() && !deny {
			return noGrant
		}
		return byName
	case awsAccount, awsRoot:
		if e.holds(p) {
			return byAccount
		}
	case awsRole:
		if p.RoleARN == e.value {
			return byRole
		}
	case awsOther:
		if p.ARN == e.value {
			return byName
		}
	case awsUniqueID:
		id, _, _ := strings.Cut(p.UniqueID, ":")
		if id == e.value && strings.HasPrefix(id, aws.RoleIDPrefix) {
			return byRole
		}
		if id == e.value {
			return byName
		}
	case federatedProvider:
		// A session opened by a web identity is an AWS principal.
		if p.webIdentity() && p.Federated == e.value {
			return byName
		}
	case awsService:
		if p.Service == e.value {
			return byName
		}
	}
	return noGrant
}

// holds says whether the entry names the account that an AWS principal is of. A root
// of another partition is another's.
func (e *principalEntry) holds(p *Principal) bool {
	switch e.kind {
	case awsAccount:
		return p.ARN != "" && p.Account == e.value
	case awsRoot:
		return p.ARN != "" && p.Account == aws.AccountIn(e.value) && aws.SamePartition(p.ARN, e.value)
	}
	return false
}

// match returns how a statement's principal element names the caller.
func (m *principalMatcher) match(p *Principal, deny bool) grant {
	if !m.not {
		best := noGrant
		for i := range m.entries {
			best = max(best, m.entries[i].match(p, deny))
		}
		return best
	}
	if m.exempts(p) {
		return noGrant
	}
	return byName
}

// exempts says whether a NotPrincipal element leaves the caller out. The guide:
// to exempt a role session, its account, its role and the session itself must
// all be listed; to exempt a user, the account and the user.
func (m *principalMatcher) exempts(p *Principal) bool {
	has := func(covers func(e *principalEntry) bool) bool {
		for i := range m.entries {
			if e := &m.entries[i]; e.kind == anyone || covers(e) {
				return true
			}
		}
		return false
	}
	if p.ARN == "" {
		return has(func(e *principalEntry) bool { return e.match(p, false) != noGrant })
	}
	account := has(func(e *principalEntry) bool { return e.holds(p) })
	if p.Root {
		return account
	}
	itself := has(func(e *principalEntry) bool {
		return e.kind == awsOther && e.value == p.ARN || e.kind == awsUniqueID && p.RoleARN == "" && e.match(p, false) == byName
	})
	role := p.RoleARN == "" || has(func(e *principalEntry) bool { return e.match(p, false) == byRole })
	return account && itself && role
}
