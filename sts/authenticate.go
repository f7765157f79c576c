package sts

import (
	"time"

	"github.com/irsa-emu/irsa-emu/api"
	"github.com/irsa-emu/irsa-emu/aws"
	"github.com/irsa-emu/irsa-emu/iam"
	"github.com/irsa-emu/irsa-emu/policy"
	"github.com/irsa-emu/irsa-emu/state"
	"github.com/irsa-emu/irsa-emu/wire"
)

// adminKeyID is the administrator's access key id in the default account; in
// account N it is N.
const adminKeyID = "test"

// Authenticate finds who an access key belongs to, and the secret key that the
// signature must have been made with; it does not verify the signature. Keys
// are of three sorts: administrators' (the twelve digits of an account, or
// "test" for the default account, and those of the configuration), users'
// long-term keys, and temporary ones, which need their session token.
func (s *Service) Authenticate(r state.Reader, sig *wire.Signature, now time.Time) (p *api.Principal, secret string, err *wire.AuthError) {
	id := sig.AccessKeyID
	if account, secret, ok := s.Administrator(id); ok {
		// With a key of the configuration a session token says nothing: test suites
		// for other emulators send one with made-up keys (moto's documentation, "How
		// do I avoid tests from mutating my real infrastructure").
		if _, named := s.administrators[id]; !named && sig.SecurityToken != "" {
			return nil, "", wire.InvalidToken(sig, "the administrator's key "+id+" takes no session token")
		}
		return rootOf(r, account, id), secret, nil
	}
	if key, ok := state.Get[*iam.AccessKey](r, id); ok {
		return longTerm(r, sig, key)
	}
	if len(id) == accessKeyIDSize && id[:4] == temporaryPrefix {
		return s.temporary(r, sig, now)
	}
	return nil, "", wire.UnknownAccessKey(sig, unknownKeyHint(id))
}

func unknownKeyHint(id string) string {
	return "there is no access key " + id + "; an administrator's access key id is the account's twelve digits, or test, or one of serve --admin-credentials"
}

// Administrator is the account whose administrator has that access key id, and
// the secret access key.
func (s *Service) Administrator(id string) (account, secret string, ok bool) {
	if a, ok := s.administrators[id]; ok {
		return a.Account, a.Secret, true
	}
	account = id
	if id == adminKeyID {
		account = s.config.DefaultAccount
	}
	secret = s.config.AdminSecret
	return account, secret, secret != "" && aws.IsAccount(account)
}

func rootOf(r state.Reader, account, accessKeyID string) *api.Principal {
	return &api.Principal{
		Type: api.RootUser, Account: account, ARN: iam.RootARN(r, account), UserID: account, AccessKeyID: accessKeyID,
	}
}

func longTerm(r state.Reader, sig *wire.Signature, key *iam.AccessKey) (*api.Principal, string, *wire.AuthError) {
	user, ok := state.Lookup[*iam.User](r, iam.ByID, key.UserID)
	switch {
	case key.Inactive:
		return nil, "", wire.UnknownAccessKey(sig, "the access key "+key.ID+" is inactive")
	case !ok:
		return nil, "", wire.UnknownAccessKey(sig, "the user of access key "+key.ID+" is gone")
	case sig.SecurityToken != "":
		return nil, "", wire.InvalidToken(sig, "the access key "+key.ID+" is a long-term one and takes no session token")
	}
	return principalOf(user, key.ID), key.Secret, nil
}

func principalOf(user *iam.User, accessKeyID string) *api.Principal {
	return &api.Principal{
		Type: api.IAMUser, Account: user.Account, ARN: user.ARN(), UserID: user.ID, UserName: user.Name, AccessKeyID: accessKeyID, Tags: user.Tags,
	}
}

func (s *Service) temporary(r state.Reader, sig *wire.Signature, now time.Time) (*api.Principal, string, *wire.AuthError) {
	if sig.SecurityToken == "" {
		return nil, "", wire.InvalidToken(sig, "the access key "+sig.AccessKeyID+" is a temporary one, and the request has no session token")
	}
	ring, err := s.keyring(r)
	if err != nil {
		return nil, "", wire.InvalidToken(sig, err.Error())
	}
	session, secret, err := ring.open(sig.AccessKeyID, sig.SecurityToken)
	if err != nil {
		return nil, "", wire.InvalidToken(sig, err.Error())
	}
	p, gone := session.principal(r)
	if gone != "" {
		return nil, "", wire.InvalidToken(sig, gone)
	}
	if !now.Before(session.Expires) {
		return nil, "", wire.ExpiredToken(sig, "the session "+p.ARN+" expired at "+session.Expires.Format(time.RFC3339))
	}
	p.AccessKeyID = sig.AccessKeyID
	return p, secret, nil
}

// principal is the session's bearer in the state r; gone says what of it is
// there no more.
func (s *Session) principal(r state.Reader) (p *api.Principal, gone string) {
	switch s.Kind {
	case WebIdentitySession, RoleSession:
		role, ok := state.Lookup[*iam.Role](r, iam.ByID, s.RoleID)
		if !ok {
			return nil, "the role of this session, " + s.RoleID + ", was deleted; one of the same name that was made later is another role"
		}
		p = &api.Principal{
			Type: api.AssumedRole, Account: role.Account,
			ARN: role.SessionARN(s.Name), UserID: role.ID + ":" + s.Name,
			RoleName: role.Name, RoleID: role.ID, RoleARN: role.ARN(), Tags: role.Tags,
		}
	case UserSession, FederatedSession:
		p = rootOf(r, s.Account, "")
		if s.UserID != "" {
			user, ok := state.Lookup[*iam.User](r, iam.ByID, s.UserID)
			if !ok {
				return nil, "the user of this session, " + s.UserID + ", was deleted"
			}
			p = principalOf(user, "")
		}
		if s.Kind == FederatedSession {
			p.Type, p.ARN, p.UserID = api.FederatedUser, federatedUserARN(r, s.Account, s.Name), s.Account+":"+s.Name
		}
	default:
		return nil, "the session is of a kind that this version does not know"
	}
	p.Temporary, p.Chained, p.Issued, p.Expires = true, s.Chained, s.Issued, s.Expires
	p.SessionTags, p.TransitiveTagKeys, p.SourceIdentity = s.Tags, s.TransitiveKeys, s.SourceIdentity
	p.SessionPolicies, p.HasSessionPolicies = s.policies(r), s.HasPolicies
	if s.Provider != "" {
		p.FederatedProvider = s.Provider
		p.SessionKeys = s.keys()
	}
	return p, ""
}

// policies are the session policies as they are now: of a managed one the
// default version counts. One that is gone allows nothing.
func (s *Session) policies(r state.Reader) []policy.Named {
	var named []policy.Named
	if s.Policy != "" {
		document, err := policy.Parse([]byte(s.Policy))
		if err != nil {
			document = &policy.Document{} // cannot be: it was validated before it was sealed
		}
		named = append(named, policy.Named{Name: "session policy", Type: policy.SessionPolicy, Document: document})
	}
	for _, arn := range s.PolicyARNs {
		document := &policy.Document{}
		if managed, ok := iam.PolicyByARN(r, arn); ok {
			document = managed.DefaultVersion().Document.Parsed()
		}
		named = append(named, policy.Named{Name: arn, Type: policy.SessionPolicy, Document: document})
	}
	return named
}

// keys are the provider's condition keys that the session keeps (recorded: aud, sub and amr).
func (s *Session) keys() map[string][]string {
	prefix := providerURL(s.Provider)
	keys := map[string][]string{prefix + ":aud": {s.Audience}, prefix + ":sub": {s.Subject}}
	if len(s.AMR) > 0 {
		keys[prefix+":amr"] = s.AMR
	}
	return keys
}

func federatedUserARN(r state.Reader, account, name string) string {
	return aws.PartitionARN(iam.Partition(r, account), "sts", account, "federated-user/"+name)
}
