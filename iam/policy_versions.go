package iam

import (
	"slices"
	"strconv"
	"strings"

	"github.com/irsa-emu/irsa-emu/state"
	"github.com/irsa-emu/irsa-emu/wire"
)

const maxVersions = 5

var policyVersionActions = map[string]action{
	"CreatePolicyVersion":     on((*call).createPolicyVersion),
	"GetPolicyVersion":        on((*call).getPolicyVersion),
	"ListPolicyVersions":      on((*call).listPolicyVersions),
	"DeletePolicyVersion":     on((*call).deletePolicyVersion),
	"SetDefaultPolicyVersion": on((*call).setDefaultPolicyVersion),
}

type versionOutput struct {
	Document         string `wire:"omitempty"`
	VersionId        string
	IsDefaultVersion bool
	CreateDate       wire.Time
}

// outVersion is a version without its document, as only GetPolicyVersion and
// GetAccountAuthorizationDetails show that (recorded).
func outVersion(p *Policy, v *PolicyVersion) versionOutput {
	return versionOutput{VersionId: versionID(v.Number), IsDefaultVersion: v.Number == p.Default, CreateDate: wire.At(v.Created)}
}

type versionResult struct{ PolicyVersion versionOutput }

type createPolicyVersionInput struct {
	policyInput
	PolicyDocument string `wire:"required,min=1,max=131072,pattern=LATIN1"`
	SetAsDefault   bool
}

func (c *call) createPolicyVersion(in *createPolicyVersionInput) (any, error) {
	return c.update(func(tx *state.Txn) (any, error) {
		if err := mustBeOwn(in.PolicyArn, "update policies"); err != nil {
			return nil, err
		}
		if err := checkPolicyARN(in.PolicyArn, Partition(tx, c.account)); err != nil {
			return nil, err
		}
		p, ok := PolicyByARN(tx, in.PolicyArn)
		if !ok {
			return nil, notAttachable(in.PolicyArn)
		}
		document, err := managedDocument(in.PolicyDocument, p.Partition)
		if err != nil {
			return nil, err
		}
		if len(p.Versions) >= maxVersions {
			return nil, limitExceeded("A managed policy can have up to 5 versions. Before you create a new version, you must delete an existing version.")
		}
		changed := p.withVersion(document, c.maker(tx), in.SetAsDefault)
		tx.Put(changed)
		return &versionResult{outVersion(changed, changed.Version(changed.Last))}, nil
	})
}

// withVersion is a copy of p with one version more.
func (p *Policy) withVersion(document Document, m *maker, asDefault bool) *Policy {
	changed := *p
	changed.Last++
	changed.Updated = m.now
	changed.Versions = append(slices.Clone(p.Versions), PolicyVersion{Number: changed.Last, Document: document, Created: m.now})
	if asDefault {
		changed.Default = changed.Last
	}
	return &changed
}

type policyVersionInput struct {
	policyInput
	VersionId string `wire:"required,pattern=VERSIONID"`
}

// version finds a policy's version; AWS has one text for a missing policy and
// a missing version.
func (in *policyVersionInput) version(c *call, r state.Reader) (*Policy, *PolicyVersion, error) {
	if err := checkPolicyARN(in.PolicyArn, Partition(r, c.account)); err != nil {
		return nil, nil, err
	}
	missing := noSuchEntity("Policy %s version %s does not exist or is not attachable.", in.PolicyArn, in.VersionId)
	p, ok := PolicyByARN(r, in.PolicyArn)
	if !ok {
		return nil, nil, missing
	}
	number, err := strconv.Atoi(strings.TrimPrefix(in.VersionId, "v"))
	if err != nil {
		return nil, nil, missing
	}
	v := p.Version(number)
	if v == nil {
		return nil, nil, missing
	}
	return p, v, nil
}

func (c *call) getPolicyVersion(in *policyVersionInput) (any, error) {
	p, v, err := in.version(c, c.State)
	if err != nil {
		return nil, err
	}
	out := outVersion(p, v)
	out.Document = percentEncode(v.Document.Text)
	return &versionResult{out}, nil
}

type listPolicyVersionsInput struct {
	policyInput
	pageInput
}

type listPolicyVersionsOutput struct {
	Versions wire.List[versionOutput]
	pageOutput
}

// listPolicyVersions has the newest first (recorded).
func (c *call) listPolicyVersions(in *listPolicyVersionsInput) (any, error) {
	if err := checkPolicyARN(in.PolicyArn, Partition(c.State, c.account)); err != nil {
		return nil, err
	}
	p, ok := PolicyByARN(c.State, in.PolicyArn)
	if !ok {
		return nil, notAttachable(in.PolicyArn)
	}
	newest := slices.Clone(p.Versions)
	slices.Reverse(newest)
	some, page, err := paginate(slices.Values(newest), func(v PolicyVersion) string {
		return strconv.Itoa(1_000_000_000 - v.Number)
	}, in.pageInput)
	if err != nil {
		return nil, err
	}
	out := &listPolicyVersionsOutput{pageOutput: page}
	for _, v := range some {
		out.Versions = append(out.Versions, outVersion(p, &v))
	}
	return out, nil
}

func (c *call) deletePolicyVersion(in *policyVersionInput) (any, error) {
	return c.update(func(tx *state.Txn) (any, error) {
		if err := mustBeOwn(in.PolicyArn, "delete policy versions for policies"); err != nil {
			return nil, err
		}
		p, v, err := in.version(c, tx)
		if err != nil {
			return nil, err
		}
		if v.Number == p.Default {
			return nil, deleteConflict("Cannot delete the default version of a policy.")
		}
		changed := *p
		changed.Updated = c.maker(tx).now
		changed.Versions = slices.DeleteFunc(slices.Clone(p.Versions), func(other PolicyVersion) bool { return other.Number == v.Number })
		tx.Put(&changed)
		return nil, nil
	})
}

func (c *call) setDefaultPolicyVersion(in *policyVersionInput) (any, error) {
	return c.update(func(tx *state.Txn) (any, error) {
		if err := mustBeOwn(in.PolicyArn, "update policies"); err != nil {
			return nil, err
		}
		p, v, err := in.version(c, tx)
		if err != nil {
			return nil, err
		}
		changed := *p
		changed.Default, changed.Updated = v.Number, c.maker(tx).now
		tx.Put(&changed)
		return nil, nil
	})
}
