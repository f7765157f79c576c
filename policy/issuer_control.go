package policy

import (
	"fmt"
	"slices"
	"strings"

	"github.com/irsa-emu/irsa-emu/aws"
	"github.com/irsa-emu/irsa-emu/policy/tree"
)

// A web identity's issuer may serve everybody: a statement that trusts it must
// say whom of its customers it means, or IAM refuses the document when it is
// written. What is stored already stays in force. Three families of issuers have
// rules of their own, all recorded on AWS (recorded 9).

const (
	assumeRoleByWeb  = "sts:AssumeRoleWithWebIdentity"
	textTrustControl = "Trust policy with trusted principal %s must evaluate, using StringEquals, StringLike or StringEqualsIgnoreCase, %s which is not scoped to all."
	textApplication  = "Policy trusting %s requires a StringEquals condition on an application id"
)

// IssuerControl is what IAM demands of a statement that trusts an issuer.
type IssuerControl struct {
	// Keys are the condition keys of which one must be tested.
	Keys []string

	exactCase bool // the key's letters must be lower-case, as the guide has them
	like      bool // StringLike is a test as good as StringEquals
	open      func(value string) bool
	refusal   string // AWS's text
	missing   string // AWS's text for a statement without any condition
}

// IssuerControlOf says what IAM demands of a statement that trusts an issuer,
// which is given as in a policy: a built-in one by its host, any other by the ARN
// of its provider. It is false for issuers that IAM does not control.
func IssuerControlOf(federated string) (IssuerControl, bool) {
	name := aws.IssuerName(federated)
	under := func(claims ...string) (keys []string) {
		for _, claim := range claims {
			keys = append(keys, name+":"+claim)
		}
		return keys
	}
	switch name {
	case aws.GoogleIssuer:
		return IssuerControl{Keys: under("aud", "oaud", "sub"), exactCase: true, refusal: fmt.Sprintf(textApplication, name)}, true
	case aws.AmazonIssuer, aws.FacebookIssuer:
		return IssuerControl{Keys: under("app_id", "sub"), exactCase: true, refusal: fmt.Sprintf(textApplication, name)}, true
	}
	// Every provider whose URL begins so, and with its own whole name as prefix of
	// the keys: enterprises have issuers of their own in paths.
	if strings.HasPrefix(name, aws.GitHubIssuer) {
		c := IssuerControl{Keys: under("sub", "job_workflow_ref"), like: true, open: func(value string) bool {
			return strings.TrimSpace(value) == "" || strings.HasPrefix(value, "*")
		}}
		c.refusal = fmt.Sprintf(textTrustControl, federated, strings.Join(c.Keys, " or "))
		return c, true
	}
	// The others are controlled by exactly the names of the table.
	key, shared := SharedIssuerKey(name)
	c := IssuerControl{Keys: []string{key}, like: true, open: func(value string) bool { return value == "*" }}
	c.refusal = fmt.Sprintf(textTrustControl, name, key)
	if name == aws.CognitoIssuer {
		c.missing = textCognito
	}
	return c, shared
}

// MetBy says whether a Condition element limits the issuer's tokens as IAM
// demands: one operator is enough, and all of its keys that count must be good.
func (c IssuerControl) MetBy(condition *tree.Node) bool {
	if condition == nil {
		return false
	}
	return slices.ContainsFunc(condition.Members, func(operator tree.Member) bool {
		op, ok := parseOperator(operator.Name)
		if !ok || op.negated || op.ifExists || op.test != stringEquals && op.test != stringEqualsIgnoreCase && (!c.like || op.test != stringLike) {
			return false
		}
		counts := 0
		for _, key := range operator.Value.Members {
			if !slices.ContainsFunc(c.Keys, func(k string) bool { return k == key.Name || !c.exactCase && strings.EqualFold(k, key.Name) }) {
				continue
			}
			counts++
			if c.open != nil && slices.ContainsFunc(key.Value.List(), func(v *tree.Node) bool { return c.open(v.Text) }) {
				return false
			}
		}
		return counts > 0
	})
}

// issuerControls refuses statements that let everybody of a controlled issuer
// assume the role.
func (v trustValidator) issuerControls(s *tree.Node) *ValidationError {
	if s.Get("Effect").Text != "Allow" || !coversWebIdentity(s) {
		return nil
	}
	condition := s.Get("Condition")
	for _, n := range s.Get("Principal").Get("Federated").List() {
		c, controlled := IssuerControlOf(n.Text)
		if !controlled || c.MetBy(condition) {
			continue
		}
		text := c.refusal
		if c.missing != "" && (condition == nil || len(condition.Members) == 0) {
			text = c.missing
		}
		return v.refuse(n, text, fmt.Sprintf("%s issues tokens for all of its customers; add a condition on %s that names yours",
			aws.IssuerName(n.Text), strings.Join(c.Keys, " or ")))
	}
	return nil
}

// coversWebIdentity says whether a statement is about AssumeRoleWithWebIdentity.
func coversWebIdentity(s *tree.Node) bool {
	covers := func(n *tree.Node) bool {
		return slices.ContainsFunc(n.List(), func(action *tree.Node) bool {
			g := compileGlob(action.Text)
			return g.match(assumeRoleByWeb)
		})
	}
	if n := s.Get("NotAction"); n != nil {
		return !covers(n)
	}
	return covers(s.Get("Action"))
}
