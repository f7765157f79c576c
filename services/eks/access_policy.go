package eks

import (
	"net/http"
	"slices"
	"time"

	"github.com/irsa-emu/irsa-emu/api"
	"github.com/irsa-emu/irsa-emu/aws"
	"github.com/irsa-emu/irsa-emu/policy"
	"github.com/irsa-emu/irsa-emu/wire"
)

// AccessPolicy is one of EKS's own policies for its API servers, associated with
// an access entry.
type AccessPolicy struct {
	ARN        string    `json:"arn"`
	Scope      string    `json:"scope"` // cluster or namespace
	Namespaces []string  `json:"namespaces,omitempty"`
	Associated time.Time `json:"associated"`
	Modified   time.Time `json:"modified"`
}

func (p *AccessPolicy) describe() object {
	namespaces := p.Namespaces
	if namespaces == nil {
		namespaces = []string{}
	}
	return object{
		"policyArn": p.ARN, "associatedAt": wire.At(p.Associated), "modifiedAt": wire.At(p.Modified),
		"accessScope": object{"type": p.Scope, "namespaces": namespaces},
	}
}

type accessPolicyInput struct {
	PolicyARN   string `json:"policyArn"`
	AccessScope struct {
		Type       string   `json:"type"`
		Namespaces []string `json:"namespaces"`
	} `json:"accessScope"`
}

func (in *accessPolicyInput) check(region string) error {
	arn, err := aws.ParseARN(in.PolicyARN)
	name, isPolicy := arn.Named("eks", "cluster-access-policy")
	switch {
	case err != nil || arn.Partition != aws.PartitionOf(region).ID || arn.Account != "aws" || !isPolicy || name == "":
		return invalidParameter("The policyArn parameter format is not valid")
	case in.AccessScope.Type != "cluster" && in.AccessScope.Type != "namespace":
		return invalidParameter("The type of accessScope must be cluster or namespace.")
	case in.AccessScope.Type == "namespace" && len(in.AccessScope.Namespaces) == 0:
		return invalidParameter("At least 1 namespace must be provided if the type is set as namespace")
	case in.AccessScope.Type == "cluster" && len(in.AccessScope.Namespaces) > 0:
		return invalidParameter("accessScope should not include namespaces if the type is not set as namespace")
	}
	return nil
}

// associateAccessPolicy adds a policy to an entry, or gives the one that is there
// another scope.
func (s *Service) associateAccessPolicy(c *call) (any, error) {
	var in accessPolicyInput
	if err := decode(c.Request, &in); err != nil {
		return nil, err
	}
	keys := policy.Context{}
	keys.Set("eks:policyArn", in.PolicyARN)
	keys.Set("eks:accessScope", in.AccessScope.Type)
	if len(in.AccessScope.Namespaces) > 0 {
		keys.SetMulti("eks:namespaces", in.AccessScope.Namespaces)
	}
	associated := AccessPolicy{ARN: in.PolicyARN, Scope: in.AccessScope.Type, Namespaces: in.AccessScope.Namespaces, Associated: c.Now, Modified: c.Now}
	entry, err := s.changeEntry(c, keys, func(entry *AccessEntry) error {
		if entry.Type != standardEntry {
			return notStandard()
		}
		if err := in.check(entry.Region); err != nil {
			return err
		}
		entry.Policies = slices.Clone(entry.Policies)
		if i := entry.indexOf(in.PolicyARN); i >= 0 {
			associated.Associated = entry.Policies[i].Associated
			entry.Policies[i] = associated
			return nil
		}
		entry.Policies = append(entry.Policies, associated)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return object{"clusterName": entry.Cluster, "principalArn": entry.Principal, "associatedAccessPolicy": associated.describe()}, nil
}

func (a *AccessEntry) indexOf(policyARN string) int {
	return slices.IndexFunc(a.Policies, func(p AccessPolicy) bool { return p.ARN == policyARN })
}

func (s *Service) disassociateAccessPolicy(c *call) (any, error) {
	keys := policy.Context{}
	keys.Set("eks:policyArn", c.path["policy"])
	_, err := s.changeEntry(c, keys, func(entry *AccessEntry) error {
		i := entry.indexOf(c.path["policy"])
		if i < 0 {
			return api.Fail(http.StatusNotFound, "ResourceNotFoundException", "The specified policyArn is not associated with the access entry.")
		}
		entry.Policies = slices.Delete(slices.Clone(entry.Policies), i, i+1)
		return nil
	})
	return object{}, err
}

func (s *Service) listAssociatedAccessPolicies(c *call) (any, error) {
	entry, err := openEntry(c, policy.Context{})
	if err != nil {
		return nil, err
	}
	all := []object{}
	for i := range entry.Policies {
		all = append(all, entry.Policies[i].describe())
	}
	page, err := paginate(c, "associatedAccessPolicies", all)
	if err != nil {
		return nil, err
	}
	page["clusterName"], page["principalArn"] = entry.Cluster, entry.Principal
	return page, nil
}
