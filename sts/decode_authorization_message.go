package sts

import (
	"github.com/irsa-emu/irsa-emu/api"
	"github.com/irsa-emu/irsa-emu/wire"
)

type decodeAuthorizationMessageInput struct {
	EncodedMessage string `wire:"required,min=1,max=10240"`
}

// decodeAuthorizationMessage has nothing to decode: encoded messages come from
// services such as EC2, none of which is served here.
func (s *Service) decodeAuthorizationMessage(req *api.Request) (any, *api.Refusal) {
	var in decodeAuthorizationMessageInput
	if err := req.DecodeQuery(&in, wire.EchoValues); err != nil {
		return nil, badParameters(err)
	}
	return nil, api.Unsupported("sts", req.Action).
		WithHint("no service of irsa-emu encodes its refusals; `irsa-emu explain` has the reason of each")
}
