package sts

import (
	"bytes"
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/irsa-emu/irsa-emu/api"
	"github.com/irsa-emu/irsa-emu/aws"
	"github.com/irsa-emu/irsa-emu/iam"
	"github.com/irsa-emu/irsa-emu/policy"
	"github.com/irsa-emu/irsa-emu/wire"
)

// GetWebIdentityToken: AWS as the issuer. Rules, texts, their order, and the
// token's form to the byte are recorded 13, but where a comment says otherwise.

type getWebIdentityTokenInput struct {
	Audience         []string     `wire:"required,max=10,each.min=1,each.max=1000"`
	DurationSeconds  *int         `wire:"min=60,max=3600"`
	SigningAlgorithm string       `wire:"required,min=5,max=5"`
	Tags             []tagElement `wire:"max=50"`
}

type getWebIdentityTokenResult struct {
	WebIdentityToken string `wire:"secret"`
	Expiration       wire.TimeMillis
}

const (
	outboundDefault = 300
	// outboundMost is how many bytes the payload's JSON may have.
	outboundMost = 14_984
)

func (s *Service) getWebIdentityToken(req *api.Request) (any, *api.Refusal) {
	if isGlobal(req.HTTP) {
		return nil, failed(wire.Errorf(http.StatusBadRequest, "InvalidAction", "Operation not supported on STS global endpoint"), GlobalEndpoint).
			WithHint("send the call to a region's endpoint, such as https://sts.us-east-1.amazonaws.com")
	}
	var in getWebIdentityTokenInput
	if err := req.DecodeQuery(&in, wire.EchoNulls); err != nil {
		return nil, badParameters(err)
	}
	if in.SigningAlgorithm != "RS256" && in.SigningAlgorithm != "ES384" {
		return nil, invalid("Requested SigningAlgorithm is not supported. See the GetWebIdentityToken documentation for supported algorithms")
	}
	tags, refused := in.tags()
	if refused != nil {
		return nil, refused
	}
	seconds := outboundDefault
	if in.DurationSeconds != nil {
		seconds = *in.DurationSeconds
	}
	if refused := in.authorize(req, tags, seconds); refused != nil {
		return nil, refused
	}
	p := req.Principal
	expires := req.Now.Add(time.Duration(seconds) * time.Second)
	if p.Temporary && p.Expires.Before(expires) { // also while the feature is off
		return nil, sessionTooShort(seconds, p.Expires.Sub(req.Now))
	}
	federation, ok := iam.Outbound(req.State, p.Account)
	if !ok || !federation.Enabled {
		return nil, outboundDisabled(p.Account)
	}
	payload := outboundPayload(req, &in, tags, federation.Issuer, seconds)
	if len(payload) > outboundMost {
		return nil, payloadTooLarge(len(payload))
	}
	token, err := s.config.SignOutbound(req.HTTP.Context(), federation.Issuer, in.SigningAlgorithm, payload)
	if err != nil {
		return nil, internalFailure(err)
	}
	return getWebIdentityTokenResult{WebIdentityToken: token, Expiration: wire.TimeMillis{Time: expires}}, nil
}

// tags are those of the request. Unlike session tags, they may begin with aws:.
func (in *getWebIdentityTokenInput) tags() ([]aws.Tag, *api.Refusal) {
	var keys []string
	var tags []aws.Tag
	for _, t := range in.Tags {
		if containsKey(keys, t.Key) {
			return nil, duplicateTags()
		}
		keys, tags = append(keys, t.Key), append(tags, aws.Tag{Key: t.Key, Value: t.Value})
	}
	return tags, nil
}

// authorize asks the caller's policies, for the token and for its tags.
func (in *getWebIdentityTokenInput) authorize(req *api.Request, tags []aws.Tag, seconds int) *api.Refusal {
	p := req.Principal
	if p.Type == api.FederatedUser {
		return accessDenied(SessionCredentials, "GetWebIdentityToken does not support federated user sessions")
	}
	caller, _ := aws.SplitARN(p.ARN)
	self := aws.ARN{Partition: caller[1], Service: "sts", Account: p.Account, Resource: "self"}.String()
	keys := policy.Context{}
	keys.SetMulti("sts:IdentityTokenAudience", in.Audience)
	keys.Set("sts:SigningAlgorithm", in.SigningAlgorithm)
	keys.Set("sts:DurationSeconds", strconv.Itoa(seconds))
	actions := []string{"sts:GetWebIdentityToken"}
	if len(tags) > 0 {
		(&sessionTags{list: tags}).setKeys(keys)
		actions = append(actions, "sts:TagGetWebIdentityToken")
	}
	for _, action := range actions {
		if d := req.Authorize(api.Access{Action: action, Resource: self, Keys: keys}); !d.Allowed {
			return denied(p, action, self, d)
		}
	}
	return nil
}

// outboundClaims are the token's claims in AWS's order.
type outboundClaims struct {
	Audience any           `json:"aud"` // a string if there is one alone
	Subject  string        `json:"sub"`
	AWS      outboundOwner `json:"https://sts.amazonaws.com/"`
	Issuer   string        `json:"iss"`
	Expires  int64         `json:"exp"`
	IssuedAt int64         `json:"iat"`
	ID       string        `json:"jti"`
}

// outboundOwner says whose token it is; what has no value is left out. The
// account is in no organisation. federated_provider's place is not recorded (it
// is in the list of claims of the IAM user guide).
type outboundOwner struct {
	SourceIdentity    string      `json:"source_identity,omitempty"`
	Account           string      `json:"aws_account"`
	RequestTags       orderedTags `json:"request_tags,omitempty"`
	SessionExpires    string      `json:"original_session_exp,omitempty"`
	Region            string      `json:"source_region"`
	PrincipalID       string      `json:"principal_id"`
	PrincipalTags     orderedTags `json:"principal_tags,omitempty"`
	FederatedProvider string      `json:"federated_provider,omitempty"`
}

// orderedTags are an object whose members keep their order.
type orderedTags []aws.Tag

// MarshalJSON leaves < > & as they are, like the rest of the payload.
func (t orderedTags) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	for i, tag := range t {
		b.WriteByte("{,"[min(i, 1)])
		b.Write(plainJSON(tag.Key))
		b.WriteByte(':')
		b.Write(plainJSON(tag.Value))
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

func outboundPayload(req *api.Request, in *getWebIdentityTokenInput, tags []aws.Tag, issuer string, seconds int) []byte {
	p := req.Principal
	subject := p.ARN
	if p.RoleARN != "" {
		subject = p.RoleARN // with its path, and never the session's
	}
	claims := outboundClaims{
		Audience: in.Audience, Subject: subject, Issuer: issuer, IssuedAt: req.Now.Unix(), Expires: req.Now.Unix() + int64(seconds), ID: uuid.NewString(),
		AWS: outboundOwner{
			SourceIdentity: p.SourceIdentity, Account: p.Account, RequestTags: tags, Region: req.Region, PrincipalID: subject,
			PrincipalTags: principalTags(p), FederatedProvider: p.FederatedProvider,
		},
	}
	if len(in.Audience) == 1 {
		claims.Audience = in.Audience[0]
	}
	if p.Temporary {
		claims.AWS.SessionExpires = p.Expires.UTC().Format(time.RFC3339)
	}
	return plainJSON(claims)
}

// principalTags are the user's or the role's, with the session's over them:
// keys ignore case, and the session's spelling wins.
func principalTags(p *api.Principal) orderedTags {
	var tags orderedTags
	for _, tag := range p.Tags {
		if !slices.ContainsFunc(p.SessionTags, func(s aws.Tag) bool { return strings.EqualFold(s.Key, tag.Key) }) {
			tags = append(tags, tag)
		}
	}
	return append(tags, p.SessionTags...)
}

// plainJSON is JSON as AWS writes it: < > & and / as they are.
func plainJSON(v any) []byte {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(v); err != nil {
		panic("sts: " + err.Error()) // strings and numbers alone
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}
