package iam

import (
	"slices"
	"strconv"
	"strings"

	"github.com/irsa-emu/irsa-emu/state"
	"github.com/irsa-emu/irsa-emu/statefile"
)

// policy applies a customer managed policy. A document that gives all versions
// replaces those of the account; one that gives a document only adds a version
// when the one in force is another.
func (a *applier) policy(in statefile.Policy) error {
	current, err := currentDocument(in)
	if err != nil {
		return err
	}
	f := newForm("PolicyName", in.Name, "Path", in.Path, "PolicyDocument", current.Text())
	if in.Description != nil {
		f.Set("Description", *in.Description)
	}
	f.tags(in.Tags)
	var input createPolicyInput
	if err := f.decode(&input); err != nil {
		return at(current, err)
	}
	p, err := a.maker.policy(&input)
	if err != nil {
		return at(current, err)
	}
	old, exists := state.Get[*Policy](a.tx, p.StateKey())
	if exists {
		if old.Path != p.Path && users(a.tx, a.account, ByPolicy, old.ARN())+users(a.tx, a.account, ByBoundary, old.ARN()) > 0 {
			return deleteConflict("the policy exists in path %s and is attached there", old.Path)
		}
		p.ID, p.Created, p.Updated = old.ID, old.Created, old.Updated
	}
	if p.ID, err = givenID(in.ID, p.ID, policyID); err != nil {
		return err
	}
	p.Created = given(in.Created, p.Created)
	if p, err = a.versions(p, in, old, exists); err != nil {
		return err
	}
	p.Updated = given(in.Updated, p.Updated)
	a.put(p, old, exists)
	return nil
}

// currentDocument is the document in force.
func currentDocument(in statefile.Policy) (statefile.Document, error) {
	if len(in.Versions) == 0 {
		return in.Document, nil
	}
	if !in.Document.IsZero() {
		return in.Document, invalidInput("give either document or versions")
	}
	i := slices.IndexFunc(in.Versions, func(v statefile.PolicyVersion) bool { return v.Default })
	if i < 0 {
		return statefile.Document{}, invalidInput("one of the versions must be the default")
	}
	return in.Versions[i].Document, nil
}

// versions completes p, which has the document in force as its only version.
func (a *applier) versions(p *Policy, in statefile.Policy, old *Policy, exists bool) (*Policy, error) {
	switch {
	case len(in.Versions) > 0:
		return a.allVersions(p, in.Versions)
	case !exists:
		p.Versions[0].Created = p.Created
		return p, nil
	}
	document := p.Versions[0].Document
	p.Versions, p.Default, p.Last = old.Versions, old.Default, old.Last
	if old.DefaultVersion().Document.Text == document.Text {
		return p, nil
	}
	if len(p.Versions) >= maxVersions { // make room: the oldest that is not in force goes
		oldest := slices.IndexFunc(p.Versions, func(v PolicyVersion) bool { return v.Number != p.Default })
		p.Versions = slices.Delete(slices.Clone(p.Versions), oldest, oldest+1)
	}
	return p.withVersion(document, &a.maker, true), nil
}

func (a *applier) allVersions(p *Policy, in []statefile.PolicyVersion) (*Policy, error) {
	if len(in) > maxVersions {
		return nil, limitExceeded("A managed policy can have up to 5 versions.")
	}
	p.Versions, p.Default, p.Last = nil, 0, 0
	for _, v := range in {
		number, err := strconv.Atoi(strings.TrimPrefix(v.ID, "v"))
		if err != nil || !strings.HasPrefix(v.ID, "v") || number <= p.Last {
			return nil, invalidInput("version %q: write v1, v2, …, ascending", v.ID)
		}
		document, err := managedDocument(v.Document.Text(), a.partition)
		if err != nil {
			return nil, at(v.Document, err)
		}
		p.Versions = append(p.Versions, PolicyVersion{Number: number, Document: document, Created: given(v.Created, p.Created)})
		p.Last = number
		if v.Default && p.Default != 0 {
			return nil, invalidInput("only one version can be the default")
		}
		if v.Default {
			p.Default = number
		}
	}
	return p, nil
}
