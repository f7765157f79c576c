package prove

import (
	"slices"
	"strings"

	"github.com/irsa-emu/irsa-emu/aws"
	"github.com/irsa-emu/irsa-emu/policy"
)

// A policy can name one session of a role, as assumed-role/ROLE/SESSION. Who opens a
// session chooses its name, so that a question about a role's sessions is asked for
// each name that a policy has, and for all others.

// sessionNames are the names of the role's sessions that policies have; first "",
// for every other.
func (r *Role) sessionNames(docs ...*policy.Document) []string {
	out := []string{""}
	prefix := r.sessionARN("")
	for _, doc := range docs {
		if doc == nil {
			continue
		}
		for i := range doc.Statements {
			for _, p := range doc.Statements[i].Principals.Values {
				name, ok := strings.CutPrefix(p.Value, prefix)
				if ok && r.opensAs(name) && !slices.Contains(out, name) {
					out = append(out, name)
				}
			}
		}
	}
	return out
}

// opensAs says whether callers can choose a session's name, as far as one of the
// trust policy's Allow statements goes.
func (r *Role) opensAs(name string) bool {
	if !holds(sessionName.words, name) || !sessionName.lengths.keeps(name) {
		return false
	}
	if r.Trust.Document == nil || r.Unknown != "" {
		return true
	}
	ctx := policy.Context{}
	ctx.Set(roleSessionName, name)
	for i := range r.Trust.Document.Statements {
		st := &r.Trust.Document.Statements[i]
		if st.Effect != "Allow" || !st.Concerns(assumeRole) && !st.Concerns(assumeWithWebIdentity) && !st.Concerns("sts:AssumeRoleWithSAML") {
			continue
		}
		if !slices.ContainsFunc(st.Conditions, func(c policy.Condition) bool {
			t, known := c.Test()
			return known && t.Key == roleSessionName && variableIn(t.Values) == "" && !c.Met(ctx)
		}) {
			return true
		}
	}
	return false
}

// opened is an answer about the role's sessions of a name, with what it takes to have
// one.
func (r *Role) opened(name string, a Answer) Answer {
	a.Witness.opened(r, name)
	return a
}

// opened adds the session's name to what the way needs; "" needs nothing.
func (w *Witness) opened(r *Role, name string) {
	if w != nil && name != "" {
		w.Needs = append([]Need{{Key: "sts:RoleSessionName of the session of " + r.ARN, Value: name, Chosen: true, SessionOf: r.ARN}}, w.Needs...)
	}
}

const roleSessionName = "sts:rolesessionname"

// anySession is the name of a session that no policy names.
const anySession = "session"

// sessionPrincipal is the session of a role with a name; "" is any other than those
// that policies have.
func sessionPrincipal(role *Role, session string) policy.Principal {
	if session == "" {
		session = anySession
	}
	return policy.Principal{Account: role.Account, ARN: role.sessionARN(session), RoleARN: role.ARN, UniqueID: role.ID}
}

func (r *Role) sessionARN(session string) string {
	parts, _ := aws.SplitARN(r.ARN)
	return aws.SessionARN(parts[1], r.Account, r.Name(), session)
}
