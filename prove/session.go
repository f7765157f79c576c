package prove

import (
	"slices"
	"strings"

	"github.com/irsa-emu/irsa-emu/aws"
	"github.com/irsa-emu/irsa-emu/policy"
)

// thenPrefix begins the keys of the second call of a question about two: the one
// that opens a session, and what that session does.
const thenPrefix = "then "

// Doing is what a session does: any action like one of Actions, on any resource
// like one of Resources. Nil resources are all.
type Doing struct{ Actions, Resources []string }

// ResourcePolicy is the policy on a resource.
type ResourcePolicy struct {
	// ARN is the resource's, with * for what the policy covers below it.
	ARNs    []string
	Account string
	Policy  policy.Named
	// Decides says that identity policies count only if this one says so: it is a KMS
	// key's.
	Decides bool
	// Unread is where a policy is written that the source does not have; Policy is
	// empty then.
	Unread string
}

// Tagged is a resource of which all tags are known; ARN may hold * and ?.
type Tagged struct {
	ARN  string
	Tags map[string]string
}

// tagged gives the keys of a call about one resource the tags that it has, where they
// are known.
func (a *Account) tagged(d Doing, keys func(string) domain) func(string) domain {
	if len(d.Resources) != 1 || strings.ContainsAny(d.Resources[0], "*?") {
		return keys
	}
	arn := d.Resources[0]
	parts, _ := aws.SplitARN(arn)
	tags := map[string]string{}
	if parts[2] != "s3" { // to which calls have no such key
		i := slices.IndexFunc(a.Tagged, func(t Tagged) bool { return policy.Like(t.ARN, arn) })
		if i < 0 {
			return keys
		}
		tags = a.Tagged[i].Tags
	}
	return func(key string) domain {
		if family, tag, _ := strings.Cut(key, "/"); family == "aws:resourcetag" || family == parts[2]+":resourcetag" {
			return tagDomain(tags, tag)
		}
		return keys(key)
	}
}

// sessionKeys are the keys of a call by a session of a role (condition keys, IAM
// user guide): what AWS knows of the caller.
func sessionKeys(role *Role, session string) map[string]domain {
	keys := requestKeys()
	keys["aws:principalarn"] = always(role.ARN)
	keys["aws:principalaccount"] = always(role.Account)
	keys["aws:principaltype"] = always("AssumedRole")
	id := expr(seq{text(aws.RoleIDPrefix), plus{class(chars("A-Z0-9"))}})
	if role.ID != "" {
		id = text(role.ID)
	}
	name := sessionName.words
	if session != "" {
		name = text(session)
	}
	keys["aws:userid"] = domain{values: shape{words: seq{id, text(":"), name}}}
	keys["aws:tokenissuetime"] = domain{values: shape{words: dateText}}
	keys["aws:username"] = never
	keys["aws:multifactorauthpresent"] = never
	keys["aws:multifactorauthage"] = never
	keys["aws:principalservicename"] = never
	keys["aws:principalservicenameslist"] = never
	keys["aws:principalorgid"] = free
	keys["aws:principalorgpaths"] = domain{absent: true, values: anyText, many: multi}
	keys["aws:federatedprovider"] = free
	keys["aws:sourceidentity"] = domain{absent: true, values: sessionName, chosen: true}
	return keys
}

// sessionOther are the other keys of a session's call: the role's tags, and keys
// of services and resources, of which nothing is known.
func sessionOther(role *Role, tagged []string) func(string) domain {
	return func(key string) domain {
		if tag, ok := strings.CutPrefix(key, "aws:principaltag/"); ok {
			if slices.Contains(tagged, tag) {
				return domain{values: tagValue, chosen: true}
			}
			return tagDomain(role.Tags, tag)
		}
		prefix, _, _ := strings.Cut(key, ":")
		if strings.Contains(prefix, ".") || prefix == "saml" {
			return never // another provider's
		}
		return domain{absent: true, values: anyText, many: either}
	}
}

// chainedOther is sessionOther of a session of which it is not known who opened
// it: it has session tags of which nothing is known, where the trust policy lets
// callers give it any.
func chainedOther(role *Role) func(string) domain {
	others := sessionOther(role, nil)
	if !role.taggable() {
		return others
	}
	return func(key string) domain {
		d := others(key)
		if _, ok := strings.CutPrefix(key, "aws:principaltag/"); ok {
			return domain{absent: d.absent, values: anyText, supposed: true}
		}
		return d
	}
}

// then adds the second call to a token's world: its session's keys, of which the
// provider's sub, aud and amr are the token's own.
func (w *world) then(role *Role, accounts []string, session string, d Doing) {
	keys := sessionKeys(role, session)
	if session != "" {
		w.keys[roleSessionName] = domain{values: oneOf(session), chosen: true}
	}
	keys["aws:federatedprovider"] = always(w.provider.ARN)
	keys["aws:sourceidentity"] = never
	var tagged []string
	for key := range w.keys {
		if tag, ok := strings.CutPrefix(key, "aws:requesttag/"); ok {
			tagged = append(tagged, tag)
		}
	}
	if _, has := w.keys["sts:sourceidentity"]; has {
		keys["aws:sourceidentity"] = domain{values: sessionName, chosen: true}
	}
	keys[actionKey] = domain{values: d.actions()}
	keys[resourceKey] = domain{values: d.resources(accounts)}
	other := sessionOther(role, tagged)
	w.thenKeys = func(key string) domain {
		if k, ok := keys[key]; ok {
			return k
		}
		return other(key)
	}
}

// The action and the resource of a call are keys like others.
const (
	actionKey   = "action"
	resourceKey = "resource"
)

func (d *Doing) actions() shape {
	var out alt
	for _, a := range d.Actions {
		if a == "*" {
			out = append(out, seq{plus{class(chars("a-z0-9-"))}, text(":"), plus{class(chars("a-z0-9"))}})
			continue
		}
		out = append(out, within(globText(strings.ToLower(a), anyChar), chars("a-z0-9:-")))
	}
	return shape{words: out}
}

// resources are those of the accounts, the role's own and those that have resources
// with known policies, and those whose ARN names none: of others nothing is known.
func (d *Doing) resources(accounts []string) shape {
	var out alt
	for _, r := range d.patterns() {
		if r == "*" {
			out = append(out, text("*"))
			r = "arn:*:*:*:*:*"
		}
		out = append(out, ownARN(accounts, r))
	}
	return shape{words: out}
}

// patterns are the resources that are asked about: all when none is named.
func (d *Doing) patterns() []string {
	if len(d.Resources) == 0 {
		return []string{"*"}
	}
	return d.Resources
}

// foreign are the patterns of resources that name another account.
func (d *Doing) foreign(account string) []string {
	var out []string
	for _, r := range d.Resources {
		if parts, ok := aws.SplitARN(r); ok && aws.IsAccount(parts[4]) && parts[4] != account {
			out = append(out, r)
		}
	}
	return out
}

// ownARN are the ARNs of some accounts, or of none, that are like a pattern.
func ownARN(accounts []string, pattern string) expr {
	pieces := strings.SplitN(pattern, ":", 6)
	if len(pieces) < 6 {
		return globText(pattern, anyChar)
	}
	out := seq{}
	for i, piece := range pieces[:5] {
		switch {
		case i == 4 && len(accounts) > 0:
			var own alt
			for _, candidate := range append([]string{""}, accounts...) {
				if holds(globText(piece, colonless), candidate) {
					own = append(own, text(candidate))
				}
			}
			out = append(out, own, text(":"))
		default:
			out = append(out, globText(piece, colonless), text(":"))
		}
	}
	return append(out, globText(pieces[5], anyChar))
}
