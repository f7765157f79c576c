package sts

import (
	"bytes"
	"compress/flate"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/irsa-emu/irsa-emu/aws"
)

// SessionKind is the action that a session came from.
type SessionKind byte

// The kinds; their values are in tokens and never change.
const (
	WebIdentitySession SessionKind = 'w' // AssumeRoleWithWebIdentity
	RoleSession        SessionKind = 'r' // AssumeRole
	UserSession        SessionKind = 'u' // GetSessionToken; no UserID: the account's root
	FederatedSession   SessionKind = 'f' // GetFederationToken; no UserID: made by the account's root
)

// Session is what a session token holds: who its bearer is, and within what limits.
type Session struct {
	Kind            SessionKind
	Account         string
	Issued, Expires time.Time // whole seconds
	// Name is the role session's or the federated user's.
	Name string
	// RoleID is the unique id: a role that was deleted and made again is another one.
	RoleID string
	// UserID is the IAM user that asked for a user or federated session; empty for root.
	UserID  string
	Chained bool
	// HasPolicies tells a session without session policies from one whose
	// policies allow nothing.
	HasPolicies    bool
	Policy         string   // inline session policy
	PolicyARNs     []string // managed session policies
	Tags           []aws.Tag
	TransitiveKeys []string
	SourceIdentity string
	// Provider is the ARN of the OIDC provider; Audience, Subject and AMR are what
	// stays usable of the token's claims. Web identity only.
	Provider, Audience, Subject string
	AMR                         []string
}

const (
	flagChained    = 1 << 0
	flagPolicies   = 1 << 1
	flagDeflated   = 1 << 2
	sessionVersion = 1
	// deflateFrom is the size of lists and policies beyond which deflating pays.
	deflateFrom = 512
	// inflateMost bounds what a token can expand to.
	inflateMost = 1 << 17
	// The fillers make tokens as long as AWS's: those of web identities fill a
	// quarter of the limit before anything was put in (recorded: PackedPolicySize
	// 24 to 34 without session policies), others about a tenth. So whatever a client
	// keeps or forwards them in is tried with their true size.
	webIdentityFiller = 500
	otherFiller       = 250
)

// append adds the session in its binary form: version, kind, flags, times, the
// short strings, then lists and policies, deflated when that is shorter. What
// follows is filler.
func (s *Session) append(b []byte) ([]byte, error) {
	var flags byte
	if s.Chained {
		flags |= flagChained
	}
	if s.HasPolicies {
		flags |= flagPolicies
	}
	var variable []byte
	if s.hasLists() {
		variable = s.appendLists(nil)
		if len(variable) > deflateFrom {
			short, err := deflate(variable)
			if err != nil {
				return nil, err
			}
			if len(short) < len(variable) {
				variable, flags = short, flags|flagDeflated
			}
		}
	}
	b = append(b, sessionVersion, byte(s.Kind), flags)
	b = binary.AppendVarint(b, s.Issued.Unix())
	b = binary.AppendVarint(b, s.Expires.Unix())
	for _, text := range [...]string{s.Account, s.Name, s.RoleID, s.UserID, s.SourceIdentity, s.Provider, s.Audience, s.Subject} {
		b = appendText(b, text)
	}
	b = binary.AppendUvarint(b, uint64(len(variable)))
	b = append(b, variable...)
	if s.Kind == WebIdentitySession {
		return append(b, make([]byte, webIdentityFiller)...), nil
	}
	return append(b, make([]byte, otherFiller)...), nil
}

func (s *Session) appendLists(b []byte) []byte {
	b = appendText(b, s.Policy)
	b = appendTexts(b, s.PolicyARNs)
	b = appendTexts(b, s.TransitiveKeys)
	b = appendTexts(b, s.AMR)
	b = binary.AppendUvarint(b, uint64(len(s.Tags)))
	for _, tag := range s.Tags {
		b = appendText(appendText(b, tag.Key), tag.Value)
	}
	return b
}

func appendText(b []byte, text string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(text))), text...)
}

func appendTexts(b []byte, list []string) []byte {
	b = binary.AppendUvarint(b, uint64(len(list)))
	for _, text := range list {
		b = appendText(b, text)
	}
	return b
}

func deflate(b []byte) ([]byte, error) {
	var out bytes.Buffer
	w, err := flate.NewWriter(&out, flate.BestCompression)
	if err != nil {
		return nil, err
	}
	if _, err := w.Write(b); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

// readSession reads what append wrote.
func readSession(b []byte) (*Session, error) {
	if len(b) < 3 || b[0] != sessionVersion {
		return nil, errors.New("its format is not one that this version reads")
	}
	s := &Session{Kind: SessionKind(b[1]), Chained: b[2]&flagChained != 0, HasPolicies: b[2]&flagPolicies != 0}
	r := &reader{text: string(b[3:])}
	s.Issued = time.Unix(r.varint(), 0).UTC()
	s.Expires = time.Unix(r.varint(), 0).UTC()
	for _, text := range [...]*string{&s.Account, &s.Name, &s.RoleID, &s.UserID, &s.SourceIdentity, &s.Provider, &s.Audience, &s.Subject} {
		*text = r.string()
	}
	if variable := r.string(); variable != "" {
		if b[2]&flagDeflated != 0 {
			long, err := io.ReadAll(io.LimitReader(flate.NewReader(strings.NewReader(variable)), inflateMost))
			if err != nil {
				return nil, fmt.Errorf("inflating: %w", err)
			}
			variable = string(long)
		}
		s.readLists(r, variable)
		if !s.hasLists() || !s.HasPolicies && (s.Policy != "" || len(s.PolicyARNs) > 0) {
			return nil, errors.New("it has lists, or policies, that nothing calls for")
		}
	}
	if r.broken {
		return nil, errors.New("it ends too early")
	}
	return s, nil
}

// hasLists says whether lists and policies are written at all.
func (s *Session) hasLists() bool { return s.HasPolicies || len(s.Tags) > 0 || len(s.AMR) > 0 }

func (s *Session) readLists(r *reader, variable string) {
	lists := &reader{text: variable}
	s.Policy = lists.string()
	s.PolicyARNs = lists.strings()
	s.TransitiveKeys = lists.strings()
	s.AMR = lists.strings()
	for range lists.count() {
		s.Tags = append(s.Tags, aws.Tag{Key: lists.string(), Value: lists.string()})
	}
	r.broken = r.broken || lists.broken
}

// reader takes fields off a text. The strings it gives share the text's memory.
type reader struct {
	text   string
	broken bool
}

func (r *reader) varint() int64 {
	u := r.uvarint()
	return int64(u>>1) ^ -int64(u&1)
}

func (r *reader) uvarint() uint64 {
	var value uint64
	for i := 0; i < len(r.text) && i < binary.MaxVarintLen64; i++ {
		value |= uint64(r.text[i]&0x7f) << (7 * i)
		if r.text[i] < 0x80 {
			r.text = r.text[i+1:]
			return value
		}
	}
	r.broken, r.text = true, ""
	return 0
}

// count is the length of a list, each item of which takes a byte at least.
func (r *reader) count() int {
	n := r.uvarint()
	if n > uint64(len(r.text)) {
		r.broken = true
		return 0
	}
	return int(n)
}

func (r *reader) string() string {
	n := r.count()
	text := r.text[:n]
	r.text = r.text[n:]
	return text
}

func (r *reader) strings() []string {
	n := r.count()
	if n == 0 {
		return nil
	}
	list := make([]string, n)
	for i := range list {
		list[i] = r.string()
	}
	return list
}
