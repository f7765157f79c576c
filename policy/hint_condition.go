package policy

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/irsa-emu/irsa-emu/aws"
	"github.com/irsa-emu/irsa-emu/hint"
)

// condition looks at a condition that is not met and puts what it finds both
// into the condition's result and among the hints.
func (h *hinter) condition(p *PolicyResult, s *StatementResult, r *ConditionResult, c *Condition, doc *Document) {
	found := h.diagnose(r, c, doc)
	if found.IsZero() {
		return
	}
	r.Hint, r.Fix, r.Code = found.Message, found.Fix, found.Code
	found.Message = r.Key + ": " + found.Message
	h.add(p, s, r.Key, found)
}

func (h *hinter) diagnose(r *ConditionResult, c *Condition, doc *Document) hint.Hint {
	if c.op.test == nil || c.op.test == null {
		return hint.Hint{}
	}
	if found := h.podCondition(r); !found.IsZero() {
		return found
	}
	if !r.Present && c.op.quantifier == forAnyValue && c.op.ifExists {
		return fixed("for-any-value-if-exists", "let the key be absent by a statement of its own with Null: true", "the request has no such key, and ForAnyValue is false then, IfExists or not")
	}
	if !r.Present {
		return h.absent(r)
	}
	if c.op.quantifier == single && len(r.Got) > 0 {
		if v, _ := h.request.keys().Get(c.key); v.Multi || len(v.List) > 1 {
			return fixed("multivalued", "write ForAnyValue:"+r.Operator, "this key has several values and %s without ForAnyValue: or ForAllValues: never matches them", r.Operator)
		}
	}
	if c.op.quantifier == forAllValues && !c.op.negated && len(r.Got) > 1 {
		for _, got := range r.Got {
			if slices.Contains(r.Want, got) {
				return known("all-values", "ForAllValues needs every value of the request to match; ForAnyValue needs one")
			}
		}
	}
	if c.op.negated || len(r.Want) == 0 {
		return hint.Hint{}
	}
	if doc.Version != Version2012 {
		for _, want := range r.Want {
			if splitTemplate(want).dynamic() {
				return fixed("version-2008", `add "Version": "2012-10-17"`, "%s is plain text here: variables need version 2012-10-17", want)
			}
		}
	}
	if c.op.test != stringEquals && c.op.test != stringLike && c.op.test != stringEqualsIgnoreCase && c.op.test != arnLike {
		return hint.Hint{}
	}
	got := r.Got[0]
	want := nearest(r.Want, got)
	return h.compare(r, c, want, got)
}

// absent explains a key that the request does not have.
func (h *hinter) absent(r *ConditionResult) hint.Hint {
	key := r.Key
	if strings.HasPrefix(key, "https://") {
		return fixed("key-scheme", "write "+strings.TrimPrefix(key, "https://"), "a provider's condition keys begin with its URL without https://")
	}
	if name := aws.IssuerName(key); name != key {
		return fixed("key-arn", "write "+name, "a provider's condition keys begin with its issuer, not with its ARN")
	}
	prefix, claim, ok := cutClaim(key)
	if !ok {
		return known("absent", "the request has no such key")
	}
	issuer := h.issuer()
	switch {
	case issuer == "":
		return known("absent", "the request has no such key")
	case strings.EqualFold(prefix, issuer) && !aws.IssuerOf(issuer).HasKey(claim):
		return known("never-set", "STS never sets %s; of this issuer's claims it knows %s", key, strings.Join(aws.IssuerOf(issuer).KeyNames(), ", "))
	case strings.EqualFold(prefix, issuer):
		return known("absent", "the token has no claim %s", claim)
	case strings.EqualFold(strings.TrimRight(prefix, "/"), strings.TrimRight(issuer, "/")):
		return known("trailing-slash", "the token's issuer is %s: the key differs in a trailing slash", issuer)
	}
	return known("other-issuer", "the token's issuer is %s, so its key is %s:%s; %s", issuer, issuer, claim, firstDifference(prefix, issuer))
}

// issuer is the issuer of the request's token, without scheme.
func (h *hinter) issuer() string {
	if f := h.request.Principal.Federated; f != "" {
		return aws.IssuerName(f)
	}
	return ""
}

// compare explains why got is not want.
func (h *hinter) compare(r *ConditionResult, c *Condition, want, got string) hint.Hint {
	_, claim, isClaim := cutClaim(r.Key)
	switch {
	case c.op.test != stringLike && c.op.test != arnLike && strings.ContainsAny(want, "*?"):
		like := strings.Replace(strings.Replace(r.Operator, "StringEqualsIgnoreCase", "StringLike", 1), "StringEquals", "StringLike", 1)
		if Like(want, got) {
			return fixed("wildcard-under-equals", like+" would match: write it", "%q holds a wildcard, but %s compares letter by letter", want, r.Operator)
		}
		// It would not match either: what else differs is a part of the mend.
		found := fixed("wildcard-under-equals", "write "+like, "%q holds a wildcard, but %s compares letter by letter", want, r.Operator)
		if also := gitHub(r.Want, got); !also.IsZero() {
			found.Message += "; besides, " + also.Message
			if also.Fix != "" {
				found.Fix += ", and " + also.Fix
			}
		}
		return found
	case strings.EqualFold(want, got):
		return known("case", "wanted %q and got %q differ in letter case only", want, got)
	case strings.TrimRight(want, "/") == strings.TrimRight(got, "/"):
		return known("trailing-slash", "wanted %q and got %q differ in a trailing slash", want, got)
	case strings.TrimSpace(want) == strings.TrimSpace(got):
		return known("blank", "wanted %q and got %q differ in a blank", want, got)
	case isClaim && claim == "aud" && looksLikeSubject(want):
		return fixed("aud-sub-swapped", "test it under :sub", "%q is a subject, but the key is :aud", want)
	case isClaim && claim == "sub" && (isSTSAudience(want) || h.isAudience(r.Key, want)):
		return fixed("aud-sub-swapped", "test it under :aud", "%q is an audience, but the key is :sub", want)
	case isClaim && claim == "aud" && h.isOriginalAudience(r.Key, want):
		return fixed("aud-is-azp", "test it under :oaud, or write "+got, "the token has azp, and then :aud is azp; %q is its aud, which is :oaud", want)
	case strings.Contains(want, aws.SlipAudience) && strings.Contains(got, aws.DefaultAudience):
		return known("sts-amazon-com", "the audience is sts.amazonaws.com, not sts.amazon.com")
	case strings.Contains(got, aws.SlipAudience) && strings.Contains(want, aws.DefaultAudience):
		return fixed("sts-amazon-com", "ask for one for sts.amazonaws.com", "the token was made for sts.amazon.com")
	}
	finders := []func(want []string, got string) hint.Hint{gitHub, circleCIShape}
	if isClaim && claim == "sub" {
		finders = append(finders, subjectGoesOn)
	}
	for _, find := range finders {
		if found := find(r.Want, got); !found.IsZero() {
			return found
		}
	}
	if text := serviceAccounts(want, got); text != "" {
		return known("service-account", "%s", text)
	}
	if (c.op.test == stringLike || c.op.test == arnLike) && strings.ContainsAny(want, "*?") {
		return pattern(r.Want, got)
	}
	return known("differs", "%s", firstDifference(want, got))
}

// isAudience says whether a value is the audience of the token whose :sub is key.
func (h *hinter) isAudience(key, value string) bool {
	prefix, _, _ := cutClaim(key)
	aud, ok := h.request.keys().Get(prefix + ":aud")
	return ok && slices.Contains(aud.List, value)
}

// isOriginalAudience says whether a value is the aud of a token whose azp is
// what key tests.
func (h *hinter) isOriginalAudience(key, value string) bool {
	prefix, _, _ := cutClaim(key)
	original, ok := h.request.keys().Get(prefix + ":oaud")
	return ok && slices.Contains(original.List, value)
}

func isSTSAudience(s string) bool {
	return s == aws.DefaultAudience || s == aws.ChinaAudience || s == aws.SlipAudience
}

func looksLikeSubject(s string) bool {
	return strings.HasPrefix(s, aws.ServiceAccountPrefix) || strings.HasPrefix(s, "repo:") ||
		strings.HasPrefix(s, "project_path:") || strings.HasPrefix(s, "organization:")
}

// serviceAccounts compares two Kubernetes subjects name by name.
func serviceAccounts(want, got string) string {
	w, wok := aws.ServiceAccountOf(want)
	g, gok := aws.ServiceAccountOf(got)
	switch {
	case !wok || !gok || strings.ContainsAny(want, "*?"):
		return ""
	case w.Namespace == g.Name && w.Name == g.Namespace:
		return "namespace and service account are swapped: a subject is system:serviceaccount:NAMESPACE:NAME"
	case w.Name == g.Name:
		return fmt.Sprintf("another namespace: wanted %s, got %s", w.Namespace, g.Namespace)
	case w.Namespace == g.Namespace:
		return fmt.Sprintf("another service account: wanted %s, got %s", w.Name, g.Name)
	}
	return fmt.Sprintf("another service account: wanted %s, got %s", w, g)
}

// nearest is the wanted value with the longest common beginning, which is the
// one that was probably meant.
func nearest(want []string, got string) string {
	best, length := want[0], -1
	for _, w := range want {
		if n := commonPrefix(strings.ToLower(w), strings.ToLower(got)); n > length {
			best, length = w, n
		}
	}
	return best
}

func commonPrefix(a, b string) int {
	n := 0
	for n < len(a) && n < len(b) && a[n] == b[n] {
		n++
	}
	return n
}

// firstDifference says where two values part, counting characters from 1.
func firstDifference(want, got string) string {
	n := commonPrefix(want, got)
	for n > 0 && !utf8.RuneStart(byteAt(want, n)) {
		n--
	}
	show := func(s string) string {
		if n >= len(s) {
			return "the end"
		}
		r := []rune(s[n:min(len(s), n+64)])
		return strconv.Quote(string(r[:min(len(r), 12)]))
	}
	return fmt.Sprintf("first difference at character %d: wanted %s, got %s", utf8.RuneCountInString(want[:n])+1, show(want), show(got))
}

// byteAt is 0 past the end, which starts a character like any ASCII.
func byteAt(s string, i int) byte {
	if i < len(s) {
		return s[i]
	}
	return 0
}

// pattern explains why no pattern matches, when one nearly does.
func pattern(want []string, got string) hint.Hint {
	for _, w := range want {
		switch {
		case Like(strings.ToLower(w), strings.ToLower(got)):
			return known("case", "wanted %q and got %q differ in letter case only", w, got)
		case Like(w+"/", got) || Like(strings.TrimRight(w, "/"), strings.TrimRight(got, "/")):
			return known("trailing-slash", "wanted %q and got %q differ in a trailing slash", w, got)
		}
	}
	return hint.Hint{}
}
