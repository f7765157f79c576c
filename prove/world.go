package prove

import (
	"maps"
	"strings"
	"unicode"

	"github.com/irsa-emu/irsa-emu/aws"
	"github.com/irsa-emu/irsa-emu/policy"
)

// multiplicity says how many values a key has.
type multiplicity uint8

const (
	single multiplicity = iota
	multi               // a set, however many values it has now
	either              // a set only when there are several
)

// domain is what one condition key can be in the requests of a world.
type domain struct {
	absent bool  // it can be absent
	values shape // words nil: it is never present
	many   multiplicity
	// claim is the token's claim that the key comes from; "" for the request's keys.
	claim string
	// chosen says that the caller chooses the value: he has to know it, that is all.
	chosen bool
	// supposed says that the key depends on another one in a way that is not followed.
	supposed bool
	// with are values that a set holds in any case, each by its language.
	with []expr
}

// constant is the one value that the key always has.
func (d *domain) constant() (string, bool) {
	if d.absent || d.many == multi {
		return "", false
	}
	values, ok := finite(d.values.words)
	if !ok || len(values) != 1 {
		return "", false
	}
	return values[0], true
}

// finite lists the words of a language of a few fixed words.
func finite(e expr) ([]string, bool) {
	switch e := e.(type) {
	case text:
		return []string{string(e)}, true
	case alt:
		var out []string
		for _, part := range e {
			t, ok := part.(text)
			if !ok {
				return nil, false
			}
			out = append(out, string(t))
		}
		return out, true
	}
	return nil, false
}

func always(value string) domain { return domain{values: oneOf(value)} }

var (
	never = domain{absent: true}
	free  = domain{absent: true, values: anyText}
)

// world is a kind of request of which every key is known: what it can be, and
// that it is independent of the others. A question is asked in each world that
// it can be about.
type world struct {
	// Who asks, and for what: all actions must be allowed.
	principal policy.Principal
	actions   []string
	resource  string
	account   string // the resource's
	provider  *Provider

	keys  map[string]domain
	other func(key string) domain // of keys that are not in keys
	// follows are keys whose value follows from that of subject.
	subject string
	follows map[string]follows
	// thenKeys are the keys of a second call; nil when there is none.
	thenKeys func(key string) domain
	// same are keys that always have another one's value.
	same map[string]string
}

func (w world) clone() world {
	w.keys, w.follows = maps.Clone(w.keys), maps.Clone(w.follows)
	if w.follows == nil {
		w.follows = map[string]follows{}
	}
	return w
}

func (w *world) domain(key string) domain {
	if then, ok := strings.CutPrefix(key, thenPrefix); ok {
		return w.thenKeys(then)
	}
	if d, ok := w.keys[key]; ok {
		return d
	}
	return w.other(key)
}

const assumeWithWebIdentity = "sts:AssumeRoleWithWebIdentity"

var (
	sessionName = shape{
		words:   seq{class(nameOfSession), plus{class(nameOfSession)}},
		lengths: limited(upTo{class(nameOfSession), 64}),
	}
	nameOfSession = chars("A-Za-z0-9_+=,.@-")
	externalID    = shape{words: seq{class(ofExternalID), plus{class(ofExternalID)}}, lengths: limited(upTo{class(ofExternalID), 1224})}
	ofExternalID  = chars("A-Za-z0-9_+=,.@:/-")
)

// requestKeys are the keys of the call itself, whoever makes it (the IAM user
// guide, "AWS global condition context keys").
func requestKeys() map[string]domain {
	return map[string]domain{
		"aws:currenttime":           {values: shape{words: dateText}},
		"aws:epochtime":             {values: number},
		"aws:securetransport":       {values: trueOrFalse},
		"aws:sourceip":              {absent: true, values: shape{words: addressText}}, // absent through a VPC endpoint
		"aws:vpcsourceip":           {absent: true, values: shape{words: addressText}},
		"aws:sourcevpc":             free,
		"aws:sourcevpcarn":          free,
		"aws:sourcevpce":            free,
		"aws:useragent":             free,
		"aws:referer":               free,
		"aws:requestedregion":       {values: shape{words: plus{class(chars("a-z0-9-"))}}},
		"aws:viaawsservice":         always("false"),
		"aws:principalisawsservice": always("false"),
	}
}

var (
	// dateText is the form in which STS sets aws:CurrentTime.
	dateText = seq{twoDigits, twoDigits, text("-"), twoDigits, text("-"), twoDigits, text("T"),
		twoDigits, text(":"), twoDigits, text(":"), twoDigits, text("Z")}
	twoDigits   = seq{class(digits), class(digits)}
	addressText = plus{class(chars("0-9a-f:."))}
)

// Role is a role as far as questions about it go.
type Role struct {
	ARN     string // "" when only its trust policy is known
	Account string
	ID      string
	Trust   policy.Named
	// Tags are the role's; nil when they are not known.
	Tags map[string]string
	// Permissions of its sessions.
	Identity []policy.Named
	Boundary *policy.Named
	// Unread are the ARNs of attached policies that the source does not have;
	// UnreadBoundary is that of the boundary, when it does not have that.
	Unread         []string
	UnreadBoundary string
	// Unknown says why the trust policy is not known; "" when it is.
	Unknown string
	// Place is where the trust policy is written, for people.
	Place string
}

// sessionFeatures are what a token brings besides who it is from.
type sessionFeatures struct {
	sourceIdentity bool
	tagged         bool
	tags           []string // of the keys that policies test, those that the token has
}

// tokenWorld is a web identity's call for a role.
func tokenWorld(p *Provider, role *Role, f sessionFeatures) world {
	w := world{
		principal: policy.Principal{Account: role.Account, Federated: p.ARN},
		actions:   []string{assumeWithWebIdentity}, resource: role.ARN, account: role.Account, provider: p,
		keys: requestKeys(), follows: map[string]follows{}, subject: p.prefix() + "sub",
	}
	if p.Kind != Unknown && p.Kind != Google {
		w.same = map[string]string{p.prefix() + "oaud": p.prefix() + "aud"} // their tokens have no azp
	}
	for key, d := range p.keys() {
		w.keys[key] = d
	}
	w.keys[roleSessionName] = domain{values: sessionName, chosen: true}
	w.keys["sts:roleauthorizedbyidp"] = always("false")
	if setsAWSClaims(p.Kind) && role.ARN != "" {
		w.keys["sts:roleauthorizedbyidp"] = domain{values: trueOrFalse}
	}
	w.keys["aws:resourceaccount"] = always(role.Account)
	// Recorded: the caller is the provider, and aws:PrincipalArn is absent.
	w.keys["aws:principalaccount"] = always(role.Account)
	w.keys["aws:principaltype"] = always("User")
	w.keys["aws:userid"] = always(p.ARN)
	w.addFeatures(f)
	w.other = func(key string) domain {
		switch {
		case strings.HasPrefix(key, "aws:resourcetag/") || strings.HasPrefix(key, "iam:resourcetag/"):
			return tagDomain(role.Tags, key[strings.IndexByte(key, '/')+1:])
		case key == "aws:resourceorgid", key == "aws:resourceorgpaths":
			return free
		}
		return never
	}
	return w
}

// choose makes the source identity and the tags of a call the caller's to choose.
func (w *world) choose(f sessionFeatures) {
	w.addFeatures(f)
	for key, d := range w.keys {
		if key == "sts:sourceidentity" || aws.SessionTagKey(key) {
			d.claim, d.chosen = "", true
			w.keys[key] = d
		}
	}
}

func (w *world) addFeatures(f sessionFeatures) {
	if f.sourceIdentity {
		w.actions = append(w.actions, "sts:SetSourceIdentity")
		w.keys["sts:sourceidentity"] = domain{values: sessionName, claim: sourceIdentityClaim}
	}
	if !f.tagged {
		return
	}
	w.actions = append(w.actions, "sts:TagSession")
	// The set of keys goes with the tags: those that the token has, in any case of
	// their letters, and others that no policy asks for.
	keys := domain{values: tagKey, many: multi, claim: tagKeysClaim}
	for _, key := range f.tags {
		w.keys["aws:requesttag/"+key] = domain{values: tagValue, claim: tagsClaim + key}
		keys.with = append(keys.with, fold(key))
	}
	w.keys["aws:tagkeys"] = keys
	w.keys["sts:transitivetagkeys"] = domain{absent: true, values: tagKey, many: multi, claim: transitiveClaim, supposed: true}
}

// What session tags can hold (STS API reference, Tag).
var (
	ofTag    = append(chars("A-Za-z0-9 _.:/=+@-"), runeRange{0xA0, 0xD7FF}, runeRange{0xE000, unicode.MaxRune})
	tagKey   = shape{words: plus{class(ofTag)}, lengths: limited(upTo{class(ofTag), 128})}
	tagValue = shape{words: star(ofTag), lengths: limited(upTo{class(ofTag), 256})}
)

// The claims of session tags and source identity.
const (
	sourceIdentityClaim = aws.ClaimSourceIdentity
	tagsClaim           = aws.ClaimTags + "/principal_tags/"
	tagKeysClaim        = "tag keys"
	transitiveClaim     = "transitive tag keys"
)

// tagDomain is the value of a tag of something whose tags may be known.
func tagDomain(tags map[string]string, key string) domain {
	if tags == nil {
		return free
	}
	for k, v := range tags {
		if strings.EqualFold(k, key) {
			return always(v)
		}
	}
	return never
}

// Name is the role's name, the last part of its ARN.
func (r *Role) Name() string { return aws.NameIn(r.ARN) }
