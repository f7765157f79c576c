package iam

import (
	"github.com/irsa-emu/irsa-emu/api"
	"github.com/irsa-emu/irsa-emu/state"
	"github.com/irsa-emu/irsa-emu/wire"
)

const maxAccessKeys = 2

var accessKeyActions = map[string]action{
	"CreateAccessKey":      on((*call).createAccessKey),
	"ListAccessKeys":       on((*call).listAccessKeys),
	"UpdateAccessKey":      on((*call).updateAccessKey),
	"DeleteAccessKey":      on((*call).deleteAccessKey),
	"GetAccessKeyLastUsed": on((*call).getAccessKeyLastUsed),
}

type accessKeyOutput struct {
	UserName        string
	AccessKeyId     string
	Status          string
	SecretAccessKey string `wire:"omitempty,secret"`
	CreateDate      wire.Time
}

func outAccessKey(k *AccessKey, user string) accessKeyOutput {
	out := accessKeyOutput{UserName: user, AccessKeyId: k.ID, Status: "Active", CreateDate: wire.At(k.Created)}
	if k.Inactive {
		out.Status = "Inactive"
	}
	return out
}

type createAccessKeyOutput struct{ AccessKey accessKeyOutput }

func (c *call) createAccessKey(in *optionalUserInput) (any, error) {
	name, err := in.name(c)
	if err != nil {
		return nil, err
	}
	return c.update(func(tx *state.Txn) (any, error) {
		u, err := c.user(tx, name)
		if err != nil {
			return nil, err
		}
		n := 0
		for range state.LookupAll[*AccessKey](tx, ByUser, u.ID) {
			n++
		}
		if n >= maxAccessKeys {
			return nil, quotaExceeded("AccessKeysPerUser", maxAccessKeys)
		}
		m := c.maker(tx)
		k := &AccessKey{Account: c.account, UserID: u.ID, Created: m.now}
		if k.ID, err = m.id(accessKeyID); err != nil {
			return nil, err
		}
		if k.Secret, err = m.secret(); err != nil {
			return nil, err
		}
		tx.Put(k)
		out := outAccessKey(k, u.Name)
		out.SecretAccessKey = k.Secret
		return &createAccessKeyOutput{out}, nil
	})
}

type listAccessKeysInput struct {
	optionalUserInput
	pageInput
}

type listAccessKeysOutput struct {
	AccessKeyMetadata wire.List[accessKeyOutput]
	pageOutput
}

func (c *call) listAccessKeys(in *listAccessKeysInput) (any, error) {
	if in.UserName == "" && c.Principal.Type == api.RootUser {
		return &listAccessKeysOutput{}, nil // the administrator's key is no entity of the account
	}
	name, err := in.name(c)
	if err != nil {
		return nil, err
	}
	u, err := c.user(c.State, name)
	if err != nil {
		return nil, err
	}
	keys := state.LookupAll[*AccessKey](c.State, ByUser, u.ID)
	some, page, err := paginate(keys, (*AccessKey).StateKey, in.pageInput)
	if err != nil {
		return nil, err
	}
	out := &listAccessKeysOutput{pageOutput: page}
	for _, k := range some {
		out.AccessKeyMetadata = append(out.AccessKeyMetadata, outAccessKey(k, u.Name))
	}
	return out, nil
}

type accessKeyInput struct {
	optionalUserInput
	AccessKeyId string `wire:"required,min=16,max=128,pattern=WORD"`
}

// key finds a key of the user that the call means.
func (in *accessKeyInput) key(c *call, tx *state.Txn) (*AccessKey, error) {
	name, err := in.name(c)
	if err != nil {
		return nil, err
	}
	u, err := c.user(tx, name)
	if err != nil {
		return nil, err
	}
	k, ok := state.Get[*AccessKey](tx, in.AccessKeyId)
	if !ok || k.UserID != u.ID {
		return nil, noSuchEntity("The Access Key with id %s cannot be found.", in.AccessKeyId)
	}
	return k, nil
}

type updateAccessKeyInput struct {
	accessKeyInput
	Status string `wire:"required,enum=Active|Inactive"`
}

func (c *call) updateAccessKey(in *updateAccessKeyInput) (any, error) {
	return c.update(func(tx *state.Txn) (any, error) {
		k, err := in.key(c, tx)
		if err != nil {
			return nil, err
		}
		changed := *k
		changed.Inactive = in.Status == "Inactive"
		tx.Put(&changed)
		return nil, nil
	})
}

func (c *call) deleteAccessKey(in *accessKeyInput) (any, error) {
	return c.update(func(tx *state.Txn) (any, error) {
		k, err := in.key(c, tx)
		if err != nil {
			return nil, err
		}
		tx.Delete(k)
		return nil, nil
	})
}

type lastUsedInput struct {
	AccessKeyId string `wire:"required,min=16,max=128,pattern=WORD"`
}

func (in *lastUsedInput) target(c *call) target {
	if k, ok := state.Get[*AccessKey](c.State, in.AccessKeyId); ok && k.Account == c.account {
		if u, ok := state.Lookup[*User](c.State, ByID, k.UserID); ok {
			return c.onUser(u.Name)
		}
	}
	return target{arn: "*", shown: "access key " + in.AccessKeyId}
}

type lastUsedOutput struct {
	UserName          string
	AccessKeyLastUsed keyUseOutput
}

type keyUseOutput struct {
	LastUsedDate wire.Time `wire:"omitempty"`
	ServiceName  string
	Region       string
}

func (c *call) getAccessKeyLastUsed(in *lastUsedInput) (any, error) {
	// Recorded: AWS hides whether a key of no user of the account exists, and
	// has no colon after "perform" here.
	unknown := accessDenied("User: %s is not authorized to perform iam:GetAccessKeyLastUsed on resource: access key %s", c.Principal.ARN, in.AccessKeyId)
	k, ok := state.Get[*AccessKey](c.State, in.AccessKeyId)
	if !ok || k.Account != c.account {
		return nil, unknown
	}
	u, ok := state.Lookup[*User](c.State, ByID, k.UserID)
	if !ok {
		return nil, unknown
	}
	out := &lastUsedOutput{u.Name, keyUseOutput{ServiceName: "N/A", Region: "N/A"}}
	if c.cfg.LastUsed != nil {
		if use, ok := c.cfg.LastUsed(k.ID); ok {
			out.AccessKeyLastUsed = keyUseOutput{wire.At(use.Time), use.Service, use.Region}
		}
	}
	return out, nil
}
