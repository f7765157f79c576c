package sts

import (
	"github.com/irsa-emu/irsa-emu/api"
	"github.com/irsa-emu/irsa-emu/iam"
	"github.com/irsa-emu/irsa-emu/state"
	"github.com/irsa-emu/irsa-emu/wire"
)

type getAccessKeyInfoInput struct {
	AccessKeyId string `wire:"required,min=16,max=128,pattern=ACCESSKEYID"`
}

type getAccessKeyInfoResult struct{ Account string }

// getAccessKeyInfo tells the account of a key, whoever asks: of a key in the
// state what the state says, of any other what its id says.
func (s *Service) getAccessKeyInfo(req *api.Request) (any, *api.Refusal) {
	var in getAccessKeyInfoInput
	if err := req.DecodeQuery(&in, wire.EchoValues); err != nil {
		return nil, badParameters(err)
	}
	const action = "sts:GetAccessKeyInfo"
	if d := req.Authorize(api.Access{Action: action, Resource: "*"}); !d.Allowed {
		return nil, denied(req.Principal, action, "*", d)
	}
	if key, ok := state.Get[*iam.AccessKey](req.State, in.AccessKeyId); ok {
		return getAccessKeyInfoResult{key.Account}, nil
	}
	account, ok := accountOf(in.AccessKeyId)
	if !ok {
		return nil, unknownAccessKey(in.AccessKeyId)
	}
	return getAccessKeyInfoResult{account}, nil
}
