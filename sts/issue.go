package sts

import (
	"time"

	"github.com/irsa-emu/irsa-emu/api"
	"github.com/irsa-emu/irsa-emu/aws"
	"github.com/irsa-emu/irsa-emu/decision"
	"github.com/irsa-emu/irsa-emu/wire"
)

// credentialsElement is <Credentials> of every answer.
type credentialsElement struct {
	AccessKeyId     string
	SecretAccessKey string `wire:"secret"`
	SessionToken    []byte `wire:"secret"` // written in base64
	Expiration      wire.Time
}

type assumedRoleUserElement struct {
	AssumedRoleId string
	Arn           string
}

// tokenSize are the outputs that the API has since September 2026.
type tokenSize struct {
	SessionTokenSize        int // bytes
	SessionTokenUtilization int // percent of MaxSessionToken
}

func element(c Credentials) credentialsElement {
	return credentialsElement{
		AccessKeyId: c.AccessKeyID, SecretAccessKey: c.SecretAccessKey, SessionToken: c.Sealed, Expiration: wire.At(c.Expiration),
	}
}

// sizeOf rounds up, as AWS's percentages do: nothing that is there is 0 %.
func sizeOf(c Credentials) tokenSize {
	size := c.size()
	return tokenSize{SessionTokenSize: size, SessionTokenUtilization: (size*100 + MaxSessionToken - 1) / MaxSessionToken}
}

// issue seals the session and notes in the decision whom the credentials are for.
// A session that was asked to end early is dated so.
func (s *Service) issue(req *api.Request, session *Session, arn string, minSize int) (Credentials, *api.Refusal) {
	if end := session.Issued.Add(req.LongestSession); req.LongestSession > 0 && end.Before(session.Expires) {
		session.Expires = end
	}
	sealer, err := s.sealerFor(req.HTTP.Context(), req.State, req.Now)
	if err != nil {
		return Credentials{}, internalFailure(err)
	}
	credentials, err := sealer.Seal(session, s.config.Rand, minSize)
	if err != nil {
		return Credentials{}, internalFailure(err)
	}
	if size := credentials.size(); size > MaxSessionToken {
		return Credentials{}, tokenTooLarge(size)
	}
	req.Decision.Session = &decision.Session{
		ARN: arn, AccessKeyID: credentials.AccessKeyID, Expiration: credentials.Expiration,
		Tags: tagMap(session.Tags), TransitiveTagKeys: session.TransitiveKeys, SourceIdentity: session.SourceIdentity,
	}
	return credentials, nil
}

// wholeSecond is the resolution of all times of sessions.
func wholeSecond(t time.Time) time.Time { return t.UTC().Truncate(time.Second) }

// text is a parameter that may be absent.
func text(p *string) string {
	if p == nil {
		return ""
	}
	return *p
}

func tagMap(tags []aws.Tag) map[string]string {
	if len(tags) == 0 {
		return nil
	}
	m := make(map[string]string, len(tags))
	for _, tag := range tags {
		m[tag.Key] = tag.Value
	}
	return m
}
