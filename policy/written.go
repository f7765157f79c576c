package policy

import (
	"strings"
)

// This file tells those who look at a document as it was written (package lint)
// what its words mean, whether or not IAM would store them.

// Operator is a condition operator taken apart: ForAnyValue:StringNotLikeIfExists
// is the StringLike comparison, negated, with a qualifier, true of an absent key.
type Operator struct {
	// Comparison is the operator without negation, qualifier and suffix.
	Comparison string
	Negated    bool
	IfExists   bool
	Qualifier  Qualifier

	op operator
}

// ParseOperator takes an operator's name apart; false when AWS knows none of it.
func ParseOperator(name string) (Operator, bool) {
	op, ok := parseOperator(name)
	if !ok || op.test == nil {
		return Operator{}, false
	}
	return Operator{op.test.name, op.negated, op.ifExists, Qualifier(op.quantifier), op}, true
}

// Malformed says what a value should be that the operator wants, and is not, or "".
func (o Operator) Malformed(value string) string { return o.op.malformed(value) }

// OfText says whether the operator compares texts.
func (o Operator) OfText() bool { return strings.HasPrefix(o.Comparison, "String") }

// NearestOperator is the operator that was probably meant by a name that none
// has, or "".
func NearestOperator(name string) string { return nearestOperator(name) }

// HasVariable says whether a value holds a policy variable.
func HasVariable(value string) bool { return splitTemplate(value).dynamic() }

// HasWildcard says whether a value holds a wildcard outside of variables.
func HasWildcard(value string) bool { return hasWildcard(value) }

// CutClaim splits a provider's condition key at its last colon; false for keys of
// AWS, such as aws:SourceIp.
func CutClaim(key string) (issuer, claim string, ok bool) { return cutClaim(key) }

// TrustActions are the actions that a trust policy can allow.
func TrustActions() []string { return trustActions }

// IsTrustAction says whether an action, which may hold wildcards, means any that a
// trust policy can allow.
func IsTrustAction(action string) bool { return matchesTrustAction(action) }

// FirstDifference says where two values part, counting characters from 1.
func FirstDifference(want, got string) string { return firstDifference(want, got) }

// LooksLikeSubject says whether a value has the beginning of a subject.
func LooksLikeSubject(value string) bool { return looksLikeSubject(value) }

// IsSTSAudience says whether a value is an audience of the STS, or the usual slip.
func IsSTSAudience(value string) bool { return isSTSAudience(value) }
