package sts

import (
	"time"

	"github.com/irsa-emu/irsa-emu/api"
	"github.com/irsa-emu/irsa-emu/aws"
	"github.com/irsa-emu/irsa-emu/wire"
)

type getSessionTokenInput struct {
	DurationSeconds         *int    `wire:"min=900,max=129600"`
	SerialNumber            *string `wire:"min=9,max=256,pattern=SERIALNUMBER"`
	TokenCode               *string `wire:"min=6,max=6,pattern=DIGITS"`
	MinimumSessionTokenSize int     `wire:"min=0,max=4096"`
}

type getSessionTokenResult struct {
	Credentials credentialsElement
	tokenSize
}

// getSessionToken needs no permission, only a long-term key.
func (s *Service) getSessionToken(req *api.Request) (any, *api.Refusal) {
	var in getSessionTokenInput
	if err := req.DecodeQuery(&in, wire.EchoValues); err != nil {
		return nil, badParameters(err)
	}
	if in.SerialNumber != nil || in.TokenCode != nil {
		return nil, noMFADevice(text(in.SerialNumber))
	}
	p := req.Principal
	session := &Session{
		Kind: UserSession, Account: p.Account, Issued: wholeSecond(req.Now),
	}
	session.Expires = session.Issued.Add(userDuration(in.DurationSeconds, p))
	if p.Type == api.IAMUser {
		session.UserID = p.UserID
	}
	credentials, refused := s.issue(req, session, p.ARN, in.MinimumSessionTokenSize)
	if refused != nil {
		return nil, refused
	}
	return getSessionTokenResult{element(credentials), sizeOf(credentials)}, nil
}

// userDuration: 12 hours unless asked for; root's sessions last an hour, longer
// ones are cut. Source: STS API reference.
func userDuration(asked *int, p *api.Principal) time.Duration {
	seconds := aws.DefaultUserSession
	if asked != nil {
		seconds = *asked
	}
	if p.Type == api.RootUser {
		seconds = min(seconds, aws.LongestRootSession)
	}
	return time.Duration(seconds) * time.Second
}
