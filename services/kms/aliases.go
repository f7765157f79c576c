package kms

import (
	"strings"

	"github.com/irsa-emu/irsa-emu/api"
	"github.com/irsa-emu/irsa-emu/state"
	"github.com/irsa-emu/irsa-emu/statefile"
	"github.com/irsa-emu/irsa-emu/wire"
)

type aliasInput struct {
	AliasName   string `wire:"required,min=1,max=256"`
	TargetKeyId string `wire:"required,min=1,max=2048"`
}

func checkAlias(name string) error {
	switch {
	case strings.HasPrefix(name, "alias/aws/"):
		return fail("NotAuthorizedException", "")
	case !strings.HasPrefix(name, "alias/"):
		return invalid("Invalid identifier")
	case !statefile.IsKMSAlias(name):
		return invalid("1 validation error detected: Value '%s' at 'aliasName' failed to satisfy constraint: Member must satisfy regular expression pattern: ^[a-zA-Z0-9:/_-]+$", name)
	}
	return nil
}

func (s *Service) createAlias(req *api.Request) (any, error) { return s.putAlias(req, false) }
func (s *Service) updateAlias(req *api.Request) (any, error) { return s.putAlias(req, true) }

// putAlias needs the permission on the alias and on the key; on the alias only
// identity policies can give it (API reference, CreateAlias).
func (s *Service) putAlias(req *api.Request, exists bool) (any, error) {
	var in aliasInput
	if err := req.DecodeJSON(&in); err != nil {
		return nil, err
	}
	if err := checkAlias(in.AliasName); err != nil {
		return nil, err
	}
	a := &Alias{Account: req.Principal.Account, Region: req.Region, Name: in.AliasName, Created: req.Now, Updated: req.Now}
	if err := s.authorizeAny(req, a.ARN(), nil); err != nil {
		return nil, err
	}
	if strings.Contains(in.TargetKeyId, "alias/") {
		return nil, invalid("Aliases must refer to keys. Not aliases")
	}
	k, err := s.open(req, in.TargetKeyId, nil)
	if err != nil {
		return nil, err
	}
	if k.Account != a.Account {
		return nil, failure(notFound, "Key '%s' does not exist", arnOf(a.Account, a.Region, "key/"+k.ID)).refusal()
	}
	a.KeyID = k.ID
	return nil, s.store.Update(req.HTTP.Context(), func(tx *state.Txn) error {
		before, is := state.Get[*Alias](tx, a.StateKey())
		if is && !exists {
			return fail("AlreadyExistsException", "An alias with the name %s already exists", a.ARN())
		}
		if !is && exists {
			return failure(notFound, "Alias %s is not found.", a.ARN()).refusal()
		}
		if err := k.live(); err != nil {
			return err
		}
		if is {
			a.Created = before.Created
		}
		tx.Put(a)
		return nil
	})
}

func (s *Service) deleteAlias(req *api.Request) (any, error) {
	var in struct {
		AliasName string `wire:"required,min=1,max=256"`
	}
	if err := req.DecodeJSON(&in); err != nil {
		return nil, err
	}
	if err := checkAlias(in.AliasName); err != nil {
		return nil, err
	}
	place := &Alias{Account: req.Principal.Account, Region: req.Region, Name: in.AliasName}
	if err := s.authorizeAny(req, place.ARN(), nil); err != nil {
		return nil, err
	}
	if a, ok := state.Get[*Alias](req.State, place.StateKey()); ok {
		if _, err := s.open(req, a.KeyID, nil); err != nil {
			return nil, err
		}
	}
	return nil, s.store.Update(req.HTTP.Context(), func(tx *state.Txn) error {
		a, ok := state.Get[*Alias](tx, place.StateKey())
		if !ok {
			return failure(notFound, "Alias %s is not found.", place.ARN()).refusal()
		}
		tx.Delete(a)
		return nil
	})
}

type listedAlias struct {
	AliasName, AliasArn, TargetKeyId string
	CreationDate                     wire.Time `json:",omitzero"`
	LastUpdatedDate                  wire.Time `json:",omitzero"`
}

// listAliases lists AWS's own keys too, which every account has once a service
// has used them.
func (s *Service) listAliases(req *api.Request) (any, error) {
	var in struct {
		KeyId string `wire:"min=1,max=2048"`
		pageInput
	}
	if err := req.DecodeJSON(&in); err != nil {
		return nil, err
	}
	if err := s.authorizeAny(req, "*", nil); err != nil {
		return nil, err
	}
	account := req.Principal.Account
	keyID := in.KeyId
	if keyID != "" {
		p, f := locate(keyID, account, req.Region)
		if f != nil {
			return nil, f.refusal()
		}
		k, f := p.declared(req.State, req.Now)
		if f != nil {
			return nil, f.refusal()
		}
		keyID = k.ID
	}
	list := []listedAlias{}
	add := func(a *Alias) {
		if keyID == "" || a.KeyID == keyID {
			list = append(list, listedAlias{a.Name, a.ARN(), a.KeyID, wire.At(a.Created), wire.At(a.Updated)})
		}
	}
	for _, service := range managers {
		k := managedKey(req.State, account, req.Region, service)
		add(&Alias{Account: account, Region: req.Region, Name: managedAlias(service), KeyID: k.ID})
	}
	for a := range state.All[*Alias](req.State, stateKey(account, req.Region, "")) {
		add(a)
	}
	list, p := take(list, in.pageInput, 50, func(a listedAlias) string { return a.AliasName })
	return struct {
		Aliases []listedAlias
		page
	}{list, p}, nil
}
