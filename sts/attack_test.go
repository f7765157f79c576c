package sts

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/binary"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/irsa-emu/irsa-emu/iam"
	"github.com/irsa-emu/irsa-emu/state"
	"github.com/irsa-emu/irsa-emu/wire"
)

// session assumes the role "open" with a web identity.
func (f *fixture) session(t testing.TB) Credentials {
	t.Helper()
	sealer, err := f.sealerFor(context.Background(), f.store.Snapshot(), f.now)
	if err != nil {
		t.Fatal(err)
	}
	role, ok := iam.RoleByName(f.store.Snapshot(), home, "open")
	if !ok {
		t.Fatal("no role")
	}
	c, err := sealer.Seal(&Session{
		Kind: WebIdentitySession, Account: home, Name: "session", RoleID: role.ID, Issued: f.now, Expires: f.now.Add(time.Hour),
		Provider: providerARN(home, issuer), Audience: "sts.amazonaws.com", Subject: subject,
	}, f.rand, 0)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func (f *fixture) refusal(t testing.TB, id, token string) *wire.AuthError {
	t.Helper()
	_, secret, err := f.Authenticate(f.store.Snapshot(), &wire.Signature{AccessKeyID: id, SecurityToken: token}, f.now)
	if err == nil {
		t.Fatal("let in")
	}
	if secret != "" {
		t.Error("a secret was given with the refusal")
	}
	return err
}

// wantInvalid is what AWS answers to every token that is not one of its own.
func (f *fixture) wantInvalid(t testing.TB, id, token string) {
	t.Helper()
	err := f.refusal(t, id, token).Query()
	if err.Code != "InvalidClientTokenId" || err.Status != 403 || err.Message != "The security token included in the request is invalid." {
		t.Errorf("got %d %s: %s", err.Status, err.Code, err.Message)
	}
}

func TestSessionTokenLooksLikeAWSs(t *testing.T) {
	c := newFixture(t).session(t)
	if !strings.HasPrefix(c.SessionToken(), "IQoJb3JpZ2luX2Vj") {
		t.Errorf("token begins %.20s", c.SessionToken())
	}
	if len(c.AccessKeyID) != 20 || !strings.HasPrefix(c.AccessKeyID, "ASIA") {
		t.Errorf("access key id %s", c.AccessKeyID)
	}
	if len(c.SecretAccessKey) != 40 {
		t.Errorf("secret access key has %d characters", len(c.SecretAccessKey))
	}
	if account, ok := accountOf(c.AccessKeyID); !ok || account != home {
		t.Errorf("%s says its account is %q", c.AccessKeyID, account)
	}
}

// TestTokenEveryByteCounts alters every character of a session token in turn.
func TestTokenEveryByteCounts(t *testing.T) {
	f := newFixture(t)
	c := f.session(t)
	f.principal(t, c.AccessKeyID, c.SessionToken())
	for i := range c.SessionToken() {
		for _, with := range []byte{'A', 'b', '=', '-', ' '} {
			if c.SessionToken()[i] == with {
				continue
			}
			altered := []byte(c.SessionToken())
			altered[i] = with
			f.wantInvalid(t, c.AccessKeyID, string(altered))
		}
	}
}

func TestTokenCutLengthenedRespelt(t *testing.T) {
	f := newFixture(t)
	c := f.session(t)
	for n := range len(c.SessionToken()) {
		f.wantInvalid(t, c.AccessKeyID, c.SessionToken()[:n])
	}
	raw, err := base64.StdEncoding.DecodeString(c.SessionToken())
	if err != nil {
		t.Fatal(err)
	}
	for name, token := range map[string]string{
		"longer":              c.SessionToken() + "AAAA",
		"twice":               c.SessionToken() + c.SessionToken(),
		"with a line break":   c.SessionToken()[:20] + "\n" + c.SessionToken()[20:],
		"URL alphabet":        base64.URLEncoding.EncodeToString(append(raw, 0xff, 0xfe, 0xff)),
		"without padding":     strings.TrimRight(base64.StdEncoding.EncodeToString(append(raw[:len(raw):len(raw)], 1)), "="),
		"white space":         " ",
		"only the mark":       "IQoJb3JpZ2luX2Vj",
		"longer than any":     strings.Repeat("A", MaxSessionToken+4),
		"mark of another age": "FwoGZXIvYXdz" + c.SessionToken()[12:],
	} {
		t.Run(name, func(t *testing.T) { f.wantInvalid(t, c.AccessKeyID, token) })
	}
}

func TestTokenOfAnotherKey(t *testing.T) {
	f := newFixture(t)
	a, b := f.session(t), f.session(t)
	f.wantInvalid(t, a.AccessKeyID, b.SessionToken())
	f.wantInvalid(t, strings.ToLower(a.AccessKeyID), a.SessionToken())
	f.wantInvalid(t, a.AccessKeyID[:19], a.SessionToken())
	f.wantInvalid(t, "AKIA"+a.AccessKeyID[4:], a.SessionToken())
	f.wantInvalid(t, a.AccessKeyID, "")
	f.wantInvalid(t, userKey, a.SessionToken()) // a user's key takes no token
	f.wantInvalid(t, "test", a.SessionToken())  // neither does the administrator's
}

func TestTokenOfAnotherEmulator(t *testing.T) {
	f, other := newFixture(t), newSeededFixture(t, "another")
	c := f.session(t)
	other.wantInvalid(t, c.AccessKeyID, c.SessionToken())

	// The same id, another secret.
	key := *f.onlyKey(t)
	key.Secret = bytes.Repeat([]byte{7}, 32)
	sealer, err := newSealer(&key)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := sealer.Open(c.AccessKeyID, c.SessionToken()); err == nil {
		t.Error("another secret opened the token")
	}
}

func (f *fixture) onlyKey(t testing.TB) *SealingKey {
	t.Helper()
	var found *SealingKey
	for key := range state.All[*SealingKey](f.store.Snapshot(), "") {
		if found != nil {
			t.Fatal("two keys")
		}
		found = key
	}
	if found == nil {
		t.Fatal("no sealing key")
	}
	return found
}

func TestTokenEndsWithItsTime(t *testing.T) {
	f := newFixture(t)
	c := f.session(t)
	f.now = epoch.Add(time.Hour - time.Second)
	f.principal(t, c.AccessKeyID, c.SessionToken())
	f.now = epoch.Add(time.Hour)
	err := f.refusal(t, c.AccessKeyID, c.SessionToken()).Query()
	if err.Code != "ExpiredToken" || err.Message != "The security token included in the request is expired" {
		t.Errorf("got %s: %s", err.Code, err.Message)
	}
}

func TestTokenEndsWithItsRole(t *testing.T) {
	f := newFixture(t)
	c := f.session(t)
	ctx := context.Background()
	role, _ := iam.RoleByName(f.store.Snapshot(), home, "open")
	change := func(do func(tx *state.Txn)) {
		t.Helper()
		if err := f.store.Update(ctx, func(tx *state.Txn) error { do(tx); return nil }); err != nil {
			t.Fatal(err)
		}
	}
	change(func(tx *state.Txn) { tx.Delete(role) })
	f.wantInvalid(t, c.AccessKeyID, c.SessionToken())

	again := *role
	again.ID = "AROAANOTHERROLE000000"
	change(func(tx *state.Txn) { tx.Put(&again) })
	f.wantInvalid(t, c.AccessKeyID, c.SessionToken())

	change(func(tx *state.Txn) { tx.Put(role) }) // as it was: the session is good again
	f.principal(t, c.AccessKeyID, c.SessionToken())
}

func TestUnknownAndInactiveKeys(t *testing.T) {
	f := newFixture(t)
	for _, id := range []string{"", "AKIA0000000000000000", "AKIAINACTIVEEXAMPLE1", "TEST", "11112222333", "1111222233334", "111122223333 ", "11112222333a"} {
		f.wantInvalid(t, id, "")
	}
	p := f.principal(t, "999900001111", "")
	if p.ARN != "arn:aws:iam::999900001111:root" || p.Account != "999900001111" {
		t.Errorf("administrator of another account: %+v", p)
	}
	f.Service.config.AdminSecret = ""
	f.wantInvalid(t, "test", "")
	f.wantInvalid(t, home, "")
}

// TestRotation follows a session from key to key.
func TestRotation(t *testing.T) {
	f := newFixture(t)
	ctx := context.Background()
	first := f.onlyKey(t)
	old := f.session(t)
	if err := Rotate(ctx, f.store, f.now, f.rand); err != nil {
		t.Fatal(err)
	}
	current := func() string {
		sealer, err := f.sealerFor(ctx, f.store.Snapshot(), f.now)
		if err != nil {
			t.Fatal(err)
		}
		return sealer.key.ID
	}
	if current() != first.ID {
		t.Error("the new key seals before every replica can know it")
	}
	f.now = epoch.Add(RotationOverlap)
	if current() == first.ID {
		t.Error("the new key never takes over")
	}
	fresh := f.session(t)
	f.principal(t, old.AccessKeyID, old.SessionToken())
	f.principal(t, fresh.AccessKeyID, fresh.SessionToken())

	// A key goes when its last session has ended.
	f.now = epoch.Add(RotationOverlap + longestSession)
	if err := Rotate(ctx, f.store, f.now, f.rand); err != nil {
		t.Fatal(err)
	}
	if _, ok := state.Get[*SealingKey](f.store.Snapshot(), first.ID); !ok {
		t.Error("a key went that a session could still need")
	}
	f.now = f.now.Add(2 * RotationOverlap)
	if err := Rotate(ctx, f.store, f.now, f.rand); err != nil {
		t.Fatal(err)
	}
	if _, ok := state.Get[*SealingKey](f.store.Snapshot(), first.ID); ok {
		t.Error("a key stays that no session can need")
	}
	f.wantInvalid(t, old.AccessKeyID, old.SessionToken())
}

// TestEnsureOnce: replicas that start on one store agree on a key, and a store
// that was emptied gets a new one.
func TestEnsureOnce(t *testing.T) {
	f := newFixture(t)
	key := f.onlyKey(t)
	if err := ensure(context.Background(), f.store, f.now, f.rand); err != nil {
		t.Fatal(err)
	}
	if f.onlyKey(t).ID != key.ID {
		t.Error("another key was made")
	}
	c := f.session(t)
	if err := f.store.Update(context.Background(), func(tx *state.Txn) error { tx.Delete(key); return nil }); err != nil {
		t.Fatal(err)
	}
	f.wantInvalid(t, c.AccessKeyID, c.SessionToken())
	c = f.session(t)
	f.principal(t, c.AccessKeyID, c.SessionToken())
}

func TestTwoReplicas(t *testing.T) {
	f := newFixture(t)
	other, err := New(context.Background(), Config{Store: f.store, AdminSecret: "test", DefaultAccount: home})
	if err != nil {
		t.Fatal(err)
	}
	c := f.session(t)
	p, secret, refused := other.Authenticate(f.store.Snapshot(), &wire.Signature{AccessKeyID: c.AccessKeyID, SecurityToken: c.SessionToken()}, f.now)
	if refused != nil {
		t.Fatal(refused)
	}
	if secret != c.SecretAccessKey {
		t.Error("the replica found another secret")
	}
	if p.ARN != "arn:aws:sts::"+home+":assumed-role/open/session" {
		t.Error(p.ARN)
	}
}

// A sealed session that would inflate to a gigabyte: it cannot be without the
// sealing key, and is bounded all the same.
func TestAttackInflatedSession(t *testing.T) {
	bomb, err := deflate(make([]byte, 64<<20))
	if err != nil {
		t.Fatal(err)
	}
	b := []byte{sessionVersion, 'w', flagDeflated | flagPolicies, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}
	b = append(binary.AppendUvarint(b, uint64(len(bomb))), bomb...)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	readSession(b)
	runtime.ReadMemStats(&after)
	if bytes := after.TotalAlloc - before.TotalAlloc; bytes > 4<<20 {
		t.Errorf("%d kB were allocated", bytes>>10)
	}
}
