package iam

import (
	"slices"
	"strings"

	"github.com/irsa-emu/irsa-emu/policy"
	"github.com/irsa-emu/irsa-emu/wire"
)

type contextKeysInput struct {
	anyInput
	PolicyInputList []string `wire:"required,each.min=1,each.max=131072,each.pattern=LATIN1"`
}

type contextKeysPrincipalInput struct {
	PolicySourceArn string   `wire:"required,min=20,max=2048"`
	PolicyInputList []string `wire:"each.min=1,each.max=131072,each.pattern=LATIN1"`
}

func (in *contextKeysPrincipalInput) target(*call) target { return target{arn: in.PolicySourceArn} }

type contextKeysOutput struct{ ContextKeyNames wire.List[string] }

func (c *call) contextKeysForCustomPolicy(in *contextKeysInput) (any, error) {
	return contextKeys(nil, in.PolicyInputList)
}

func (c *call) contextKeysForPrincipalPolicy(in *contextKeysPrincipalInput) (any, error) {
	source, err := c.policySource(in.PolicySourceArn)
	if err != nil {
		return nil, err
	}
	return contextKeys(source.policies.Identity, in.PolicyInputList)
}

// contextKeys lists the keys of all policies, each once whatever its case.
func contextKeys(policies []policy.Named, list []string) (any, error) {
	for _, text := range list {
		n, err := simulatedPolicy("PolicyInputList", policy.IdentityPolicy, text)
		if err != nil {
			return nil, err
		}
		policies = append(policies, *n)
	}
	out := &contextKeysOutput{}
	for _, n := range policies {
		for _, key := range n.Document.ContextKeys() {
			if !slices.ContainsFunc(out.ContextKeyNames, func(k string) bool { return strings.EqualFold(k, key) }) {
				out.ContextKeyNames = append(out.ContextKeyNames, key)
			}
		}
	}
	slices.Sort(out.ContextKeyNames)
	return out, nil
}
