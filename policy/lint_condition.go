package policy

import (
	"fmt"
	"strings"

	"github.com/irsa-emu/irsa-emu/aws"
	"github.com/irsa-emu/irsa-emu/spelling"
)

// multivaluedKeys always need a set qualifier; an issuer's amr and oaud do, too.
var multivaluedKeys = map[string]bool{"aws:tagkeys": true, "sts:transitivetagkeys": true, "aws:calledvia": true,
	"aws:principalorgpaths": true, "aws:resourceorgpaths": true, "aws:principalservicenameslist": true,
	"sts:requestcontextproviders": true}

// condition looks at one key of one operator.
func (l *linter) condition(i int, s *node, t trusted, c lintCondition) {
	if l.keyOfIssuer(i, t, c) {
		return
	}
	_, claim, isClaim := cutClaim(c.key)
	claim = strings.ToLower(claim)
	multivalued := multivaluedKeys[strings.ToLower(c.key)] || isClaim && claim == "amr"
	if multivalued && c.op.quantifier == single && c.op.test != null {
		l.report("multivalued", c.start, fmt.Sprintf("%s can have several values, and %s has no set qualifier", c.key, c.operator),
			"without ForAnyValue or ForAllValues it never matches while the key is present", "write ForAnyValue:"+c.operator,
			inStatement(i, func(s *node) { moveCondition(s, c.operator, c.key, "ForAnyValue:"+c.operator, c.key) }))
	}
	if c.op.quantifier == forAllValues {
		l.allValues(i, s, c, multivalued)
	}
	l.values(i, t, c)
}

// keyOfIssuer looks at the key's prefix and claim; true when the key can never
// be set, so that its values do not matter.
func (l *linter) keyOfIssuer(i int, t trusted, c lintCondition) bool {
	rename := func(key string) func(*node) {
		l.meant[strings.ToLower(key)] = true
		return inStatement(i, func(s *node) { moveCondition(s, c.operator, c.key, c.operator, key) })
	}
	bare := aws.IssuerName(c.key)
	prefix, claim, ok := cutClaim(bare)
	if !ok || len(t.providers) == 0 {
		return false
	}
	var near string
	for _, p := range t.providers {
		name := aws.IssuerName(p.text)
		switch {
		case strings.EqualFold(name, prefix) && bare != c.key:
			begins := "https://"
			if strings.Contains(c.key, ":oidc-provider/") { // aws/karpenter-provider-aws#1666
				begins = "the provider's ARN"
			}
			l.report("never-set-key", c.start, "the key begins with "+begins, neverWhy(c), "write "+name+":"+claim, rename(name+":"+claim))
			return true
		case strings.EqualFold(name, prefix):
			return l.claim(c, name, claim, rename, i)
		case strings.EqualFold(strings.TrimRight(name, "/"), strings.TrimRight(prefix, "/")):
			l.report("trailing-slash", c.start, fmt.Sprintf("the key's issuer %s and the trusted one, %s, differ in a trailing slash", prefix, name),
				neverWhy(c), "write "+name+":"+claim, rename(name+":"+claim))
			return true
		case near == "":
			near = name
		}
	}
	if l.believesKey(i, t, c, prefix, claim, near) {
		return true
	}
	l.report("other-issuer-key", c.start, fmt.Sprintf("the key is of the issuer %s, but the statement trusts %s", prefix, near),
		neverWhy(c)+"; "+firstDifference(prefix, near), "write "+near+":"+claim, rename(near+":"+claim))
	return true
}

// believesKey says that the keys are right and the principal is wrong: only the
// keys' issuer is one that is known (amazon-eks-pod-identity-webhook#30).
func (l *linter) believesKey(i int, t trusted, c lintCondition, prefix, claim, near string) bool {
	if aws.IssuerOf(near).Kind != "" || aws.IssuerOf(prefix).Kind == "" || len(t.providers) != 1 {
		return false
	}
	old := t.providers[0].text
	right := strings.TrimSuffix(old, near) + prefix
	l.meant[strings.ToLower(near+":"+claim)] = true
	l.report("other-issuer-key", c.start, fmt.Sprintf("the key is of the issuer %s, but the statement trusts %s", prefix, near),
		neverWhy(c)+"; "+firstDifference(prefix, near), "trust "+right, inStatement(i, func(s *node) {
			replaceStrings(s.get("Principal").get("Federated"), func(v string) string {
				if v == old {
					return right
				}
				return v
			})
		}))
	return true
}

// passesAbsent says whether the condition is true of a key that no request has.
func (c lintCondition) passesAbsent() bool {
	return c.op.quantifier != forAnyValue && (c.op.negated || c.op.ifExists) || c.op.quantifier == forAllValues
}

func neverWhy(c lintCondition) string {
	if c.passesAbsent() {
		return "the key is never in a request, and " + c.operator + " is true of an absent key: the condition lets everyone pass"
	}
	return "the key is never in a request: the statement can never apply"
}

func (l *linter) claim(c lintCondition, name, claim string, rename func(string) func(*node), i int) bool {
	if aws.IssuerOf(name).HasKey(claim) {
		return false
	}
	best, distance := "", 3
	for _, known := range aws.IssuerOf(name).KeyNames() {
		if d := spelling.Distance(known, strings.ToLower(claim)); d < distance && d < len(known) {
			best, distance = known, d
		}
	}
	message := fmt.Sprintf("STS never sets %s; of this issuer it sets %s", c.key, strings.Join(aws.IssuerOf(name).KeyNames(), ", "))
	if strings.EqualFold(claim, "iss") && c.passesAbsent() {
		// Terraform's module for GitHub writes it: it is idle and does no harm.
		l.report("idle-key", c.start, "STS makes no condition key of iss", c.operator+" is true of an absent key: the condition changes nothing",
			"remove it: the Federated principal already says which issuer", inStatement(i, func(s *node) { dropCondition(s, c.operator, c.key) }))
		return true
	}
	if strings.EqualFold(claim, "iss") {
		l.report("never-set-key", c.start, message, neverWhy(c), "remove it: the Federated principal already says which issuer",
			inStatement(i, func(s *node) { dropCondition(s, c.operator, c.key) }))
		return true
	}
	if best == "" {
		l.report("never-set-key", c.start, message, neverWhy(c), "test sub, which holds what tells identities apart", nil)
		return true
	}
	l.report("never-set-key", c.start, message, neverWhy(c), "write "+name+":"+best, rename(name+":"+best))
	return true
}

// allValues warns of ForAllValues on a key that may be absent. On the tag keys
// of a call it is the right operator: a call without tags is to pass.
func (l *linter) allValues(i int, s *node, c lintCondition, multivalued bool) {
	if key := strings.ToLower(c.key); key == "aws:tagkeys" || key == "sts:transitivetagkeys" {
		return
	}
	for _, other := range conditionsOf(s) {
		if other.known && other.op.test == null && strings.EqualFold(other.key, c.key) {
			return
		}
	}
	fix, mend := `add "Null": {"`+c.key+`": "false"}`, func(s *node) { addCondition(s, "Null", c.key, "false") }
	if !multivalued {
		plain := strings.TrimPrefix(c.operator, "ForAllValues:")
		fix, mend = "write "+plain, func(s *node) { moveCondition(s, c.operator, c.key, plain, c.key) }
	}
	l.report("all-values-absent", c.opStart, fmt.Sprintf("%s on %s", c.operator, c.key),
		"ForAllValues is true when the key is absent: a token without the claim passes", fix, inStatement(i, mend))
}

func (l *linter) values(i int, t trusted, c lintCondition) {
	_, claim, isClaim := cutClaim(c.key)
	claim = strings.ToLower(claim)
	if !c.op.negated && len(c.value.list()) == 0 && c.op.test != null {
		l.report("never-matches", c.start, fmt.Sprintf("%s has no values", c.key), "an empty value list never matches, so the statement can never apply", "name a value or remove the key",
			inStatement(i, func(s *node) { dropCondition(s, c.operator, c.key) }))
		return
	}
	text := strings.HasPrefix(c.op.test.name, "String")
	for _, v := range c.value.list() {
		replace := func(right string) func(*node) {
			old := v.text
			return inStatement(i, func(s *node) {
				replaceStrings(s.get("Condition").get(c.operator).get(c.key), func(t string) string {
					if t == old {
						return right
					}
					return t
				})
			})
		}
		if !text {
			if why := c.op.malformed(v.text); why != "" {
				l.report("never-matches", v.start, fmt.Sprintf("%q is %s", v.text, why), "no request can meet it", "write a value of that kind", nil)
			} else if (c.op.test == boolean || c.op.test == null) && !strings.EqualFold(v.text, "true") && !strings.EqualFold(v.text, "false") && !splitTemplate(v.text).dynamic() {
				l.report("never-matches", v.start, fmt.Sprintf("%q is neither true nor false", v.text), "AWS reads everything but true as false", "write true or false", nil)
			}
			continue
		}
		if c.op.test != stringLike && hasWildcard(v.text) {
			like := strings.Replace(strings.Replace(c.operator, "EqualsIgnoreCase", "Like", 1), "Equals", "Like", 1)
			l.report("wildcard-under-equals", v.start, fmt.Sprintf("%q holds a wildcard", v.text),
				c.operator+" compares letter by letter: only a value with that very * or ? is equal", "write "+like,
				inStatement(i, func(s *node) { moveCondition(s, c.operator, c.key, like, c.key) }))
		}
		if !isClaim || len(t.providers) == 0 {
			continue
		}
		prefix := c.key[:len(c.key)-len(claim)] // with the colon
		switch lower := strings.ToLower(v.text); {
		case claim == "aud" && looksLikeSubject(v.text):
			l.report("aud-sub-swapped", v.start, fmt.Sprintf("%q is a subject, but the key is aud", v.text), "no token has it as its audience", "write "+prefix+"sub", l.swap(i, prefix))
		case claim == "sub" && isSTSAudience(v.text):
			l.report("aud-sub-swapped", v.start, fmt.Sprintf("%q is an audience, but the key is sub", v.text), "no token has it as its subject", "write "+prefix+"aud", l.swap(i, prefix))
		case strings.Contains(lower, "sts.amazon.com"):
			right := strings.Replace(lower, "sts.amazon.com", "sts.amazonaws.com", 1)
			l.report("sts-amazon-com", v.start, "the audience is sts.amazonaws.com, not sts.amazon.com", "tokens for AWS are made for sts.amazonaws.com", "write "+right, replace(right))
		case claim == "aud" && lower != v.text && isSTSAudience(lower):
			l.report("letter-case", v.start, fmt.Sprintf("%q is written %s", v.text, lower), c.operator+" tells upper from lower case", "write "+lower, replace(lower))
		case claim == "aud" && isSTSAudience(strings.TrimRight(strings.TrimPrefix(v.text, "https://"), "/")) && !isSTSAudience(v.text):
			right := strings.TrimRight(strings.TrimPrefix(v.text, "https://"), "/")
			l.report("trailing-slash", v.start, fmt.Sprintf("the audience %q is written %s", v.text, right), "audiences are compared letter by letter", "write "+right, replace(right))
		case claim == "sub" && strings.HasPrefix(lower, "system:serviceaccount:") && lower != v.text && !splitTemplate(v.text).dynamic() && c.op.test != stringEqualsIgnoreCase:
			l.report("letter-case", v.start, fmt.Sprintf("%q has upper-case letters", v.text), "names in Kubernetes are lower-case and the comparison is not blind to case", "write "+lower, replace(lower))
		case claim == "sub" && !c.op.negated:
			if why := impossibleSubject(v.text, aws.IssuerOf(strings.TrimSuffix(prefix, ":")).Kind == aws.EKS, c.op.test == stringLike); why != "" {
				l.report("sub-format", v.start, fmt.Sprintf("%q: %s", v.text, why), "no token has such a subject", "write system:serviceaccount:NAMESPACE:NAME", nil)
			}
		}
	}
}

// impossibleSubject says why no token can have a subject, or "".
func impossibleSubject(text string, eks, wild bool) string {
	const begins = "system:serviceaccount:"
	if start := strings.Index(text, "${"); start >= 0 {
		name, _, closed := strings.Cut(text[start+2:], "}")
		if closed && name != "*" && name != "?" && name != "$" && !strings.Contains(name, ":") {
			return "${" + name + "} was not replaced, and IAM has no variable of that name"
		}
		return ""
	}
	kubernetes := eks || strings.HasPrefix(text, "system:service")
	if kubernetes && strings.ContainsAny(text, " \t\r\n") {
		return "it holds a blank"
	}
	literal := text
	if wild {
		if end := strings.IndexAny(text, "*?"); end >= 0 {
			literal = text[:end]
		} else {
			literal, wild = text, false
		}
	}
	switch {
	case !kubernetes:
		return ""
	case wild && (strings.HasPrefix(literal, begins) || strings.HasPrefix(begins, literal)), hasWildcard(text) && !wild:
		return ""
	case strings.HasPrefix(literal, "system:serviceaccounts"):
		return "it is a group of Kubernetes"
	case strings.HasPrefix(literal, begins) && strings.Count(literal, ":") == 3 && !strings.HasSuffix(literal, ":") && !strings.Contains(literal, "::"):
		return ""
	}
	return "it is not a Kubernetes subject"
}

// swap exchanges an issuer's aud and sub keys where only one is there, or both.
func (l *linter) swap(i int, prefix string) func(*node) {
	return inStatement(i, func(s *node) {
		for _, o := range s.get("Condition").members {
			for k := range o.value.members {
				switch m := &o.value.members[k]; {
				case strings.EqualFold(m.name, prefix+"aud") && anyLooksLikeSubject(m.value):
					m.name = prefix + "sub"
				case strings.EqualFold(m.name, prefix+"sub") && !anyLooksLikeSubject(m.value):
					m.name = prefix + "aud"
				}
			}
			o.value.dropDuplicates()
		}
	})
}

func anyLooksLikeSubject(n *node) bool {
	for _, v := range n.list() {
		if looksLikeSubject(v.text) {
			return true
		}
	}
	return false
}
