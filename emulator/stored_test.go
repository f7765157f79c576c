package emulator

import (
	"bytes"
	"crypto/md5"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"golang.org/x/tools/txtar"

	"github.com/irsa-emu/irsa-emu/oidc"
	"github.com/irsa-emu/irsa-emu/state"
	"github.com/irsa-emu/irsa-emu/state/boltstore"
	"github.com/irsa-emu/irsa-emu/statefile"
)

// sent is a request as it was signed once: every emulator takes it.
type sent struct {
	method, target, body string
	header               http.Header
}

func (s sent) to(h http.Handler) *httptest.ResponseRecorder {
	r := httptest.NewRequest(s.method, "http://127.0.0.1"+s.target, strings.NewReader(s.body))
	maps.Copy(r.Header, s.header)
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func (s sent) String() string {
	return fmt.Sprintf("%s %s %s %s", s.method, s.target, s.header.Get("X-Amz-Target"), s.body)
}

// signed makes a call of the administrator, or of the user who has the key.
func signed(t testing.TB, key, service, method, path, target, body string) sent {
	t.Helper()
	r, err := http.NewRequest(method, "http://127.0.0.1"+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	sum, digest := sha256.Sum256([]byte(body)), md5.Sum([]byte(body))
	r.Header.Set("X-Amz-Content-Sha256", hex.EncodeToString(sum[:]))
	r.Header.Set("Content-Md5", base64.StdEncoding.EncodeToString(digest[:]))
	switch {
	case target != "":
		r.Header.Set("X-Amz-Target", target)
		r.Header.Set("Content-Type", "application/x-amz-json-1.1")
	case service == "iam" || service == "sts":
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	credentials := aws.Credentials{AccessKeyID: key, SecretAccessKey: "test"}
	if err := v4.NewSigner().SignHTTP(t.Context(), credentials, r, hex.EncodeToString(sum[:]), service, "us-east-1", time.Now()); err != nil {
		t.Fatal(err)
	}
	return sent{method, path, body, r.Header}
}

// filled is a store with something of every kind, and calls that use it.
type filled struct {
	store *common
	calls []sent
}

// quickKeys makes keys that cost nothing.
func quickKeys(string) (*oidc.SigningKey, error) { return oidc.GenerateKey("ES256", rand.Reader) }

func fill(t testing.TB) *filled {
	t.Helper()
	archive, err := txtar.ParseFile("testdata/stored.txtar")
	if err != nil {
		t.Fatal(err)
	}
	section := map[string]string{}
	for _, f := range archive.Files {
		section[f.Name] = string(f.Data)
	}
	given, err := statefile.Parse("state.yaml", archive.Files[0].Data, nil)
	if err != nil {
		t.Fatal(err)
	}
	f := &filled{store: newCommon(0)}
	e, err := New(t.Context(), Config{Backend: f.store.replica(), NewKey: quickKeys, Given: []statefile.State{given}})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	ask := func(s sent) string {
		t.Helper()
		w := s.to(e.Handler())
		if w.Code >= 300 {
			t.Fatalf("%s: %d %s", s, w.Code, w.Body)
		}
		return w.Body.String()
	}
	upload := func(key string) string {
		_, rest, _ := strings.Cut(ask(signed(t, "test", "s3", "POST", "/bucket/"+key+"?uploads", "", "")), "<UploadId>")
		id, _, _ := strings.Cut(rest, "<")
		ask(signed(t, "test", "s3", "PUT", "/bucket/"+key+"?partNumber=1&uploadId="+id, "", "hello"))
		return id
	}
	const complete = `<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>"5d41402abc4b2a76b9719d911017c592"</ETag></Part></CompleteMultipartUpload>`
	ask(signed(t, "test", "s3", "POST", "/bucket/m?uploadId="+upload("m"), "", complete))
	ask(sent{method: "POST", target: "/_emu/clock", body: `{"advance":"1s"}`})
	ask(sent{method: "POST", target: "/_emu/keys/rotate", body: `{"issuer":"https://own.example.com"}`})
	ask(signed(t, "test", "sts", "POST", "/", "", "Action=GetWebIdentityToken&Version=2011-06-15&Audience.member.1=a&SigningAlgorithm=ES384"))
	var token struct{ Token string }
	if err := json.Unmarshal([]byte(ask(sent{method: "POST", target: "/_emu/tokens", body: `{"issuer":"https://own.example.com","serviceAccount":"ns/sa"}`})), &token); err != nil {
		t.Fatal(err)
	}
	id := upload("m2")
	f.store.records = maps.Clone(f.store.records) // e goes on with its own
	names := strings.NewReplacer("UPLOAD", id, "ROLE", url.PathEscape("arn:aws:iam::111122223333:role/r"), "CLUSTER", url.PathEscape("arn:aws:eks:us-east-1:111122223333:cluster/c"))
	list := func(text string) {
		for line := range strings.Lines(names.Replace(text)) {
			words := append(strings.SplitN(strings.TrimSpace(line), " ", 4), "")
			if words[0] == "emu" {
				f.calls = append(f.calls, sent{method: words[1], target: words[2], body: words[3]})
				continue
			}
			f.calls = append(f.calls, signed(t, "test", words[0], words[1], words[2], "", words[3]))
		}
	}
	list(section["calls"])
	f.calls = append(f.calls, sent{method: "POST", target: "/_emu/state", body: section["state.yaml"]})
	f.calls = append(f.calls, everyAction(t, e, token.Token)...)
	list(section["last"])
	return f
}

// everyAction are calls of all that is called by an action's name, with
// parameters that lead to what the store has.
func everyAction(t testing.TB, e *Emulator, token string) (all []sent) {
	policy := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*"}]}`
	form := url.Values{
		"RoleName": {"r"}, "UserName": {"u"}, "GroupName": {"g"}, "InstanceProfileName": {"ip"}, "PolicyName": {"i"}, "VersionId": {"v1"}, "AccessKeyId": {"AKIAIOSFODNN7EXAMPLE"},
		"PolicyArn": {"arn:aws:iam::111122223333:policy/versions"}, "PermissionsBoundary": {"arn:aws:iam::111122223333:policy/p"}, "PolicyDocument": {policy}, "SetAsDefault": {"true"},
		"OpenIDConnectProviderArn": {"arn:aws:iam::111122223333:oidc-provider/own.example.com"}, "ClientID": {"a"}, "Url": {"https://new.example.com"}, "ThumbprintList.member.1": {strings.Repeat("a", 40)},
		"PolicySourceArn": {"arn:aws:iam::111122223333:role/r"}, "ActionNames.member.1": {"s3:GetObject"}, "PolicyInputList.member.1": {policy},
		"Tags.member.1.Key": {"k"}, "Tags.member.1.Value": {"v"}, "TagKeys.member.1": {"a"}, "Status": {"Inactive"}, "Scope": {"Local"}, "Description": {"x"}, "MaxSessionDuration": {"3600"},
		"RoleArn": {"arn:aws:iam::111122223333:role/r"}, "RoleSessionName": {"s"}, "WebIdentityToken": {token}, "Audience.member.1": {"a"}, "SigningAlgorithm": {"ES384"}, "AccountAlias": {"alias"},
	}
	for i, kind := range []string{"User", "Role", "Group", "LocalManagedPolicy"} {
		form.Set(fmt.Sprintf("Filter.member.%d", i+1), kind)
	}
	words := `{"SecretId":"s","KeyId":"1234abcd-12ab-34cd-56ef-1234567890ab","AliasName":"alias/k","TargetKeyId":"1234abcd-12ab-34cd-56ef-1234567890ab","PolicyName":"default","Name":"s",` +
		`"SecretIdList":["s"],"SecretString":"x","ClientRequestToken":"12345678901234567890123456789012","VersionStage":"AWSCURRENT","Description":"d","PendingWindowInDays":7,` +
		`"TagKeys":["a"],"Tags":[{"Key":"k","Value":"v","TagKey":"k","TagValue":"v"}]}`
	for _, key := range []string{"AKIAIOSFODNN7EXAMPLE", "test"} { // the user first: the administrator deletes him
		for _, s := range e.services.all {
			d := s.Describe()
			for _, action := range slices.Sorted(maps.Keys(d.Actions)) {
				switch target := map[string]string{"kms": "TrentService.", "secretsmanager": "secretsmanager."}[d.Name]; {
				case !d.Actions[action]:
				case target != "":
					all = append(all, signed(t, key, d.Name, "POST", "/", target+action, words))
				case d.Version != "":
					form.Set("Action", action)
					form.Set("Version", d.Version)
					all = append(all, signed(t, key, d.Name, "POST", "/", "", form.Encode()))
				}
			}
		}
	}
	slices.SortStableFunc(all, func(a, b sent) int { return order(a) - order(b) })
	return all
}

// order has what reads first, and what deletes last.
func order(s sent) int {
	switch words := s.String(); {
	case strings.Contains(words, "Action=Delete") || strings.Contains(words, ".Delete") || strings.Contains(words, "Action=Re"):
		return 2
	case strings.Contains(words, "Action=Get") || strings.Contains(words, "Action=List") || strings.Contains(words, ".Get") || strings.Contains(words, ".List"):
		return 0
	}
	return 1
}

// places are the kinds and keys of all that is stored.
func (f *filled) places() [][2]string {
	return slices.SortedFunc(maps.Keys(f.store.records), func(a, b [2]string) int { return slices.Compare(a[:], b[:]) })
}

// with is the store with some records in other forms, nil for none at all.
func (f *filled) with(others map[[2]string][]byte) *replica {
	changed := newCommon(0)
	changed.blobs = f.store.blobs
	for at, r := range f.store.records {
		value, is := others[at]
		if !is {
			value = r.Value
		}
		if value != nil {
			changed.records[at] = state.Record{Kind: at[0], Key: at[1], Value: value}
		}
	}
	return changed.replica()
}

// use makes all calls on what the store has become. No call may find the
// emulator's own mistake; a store that is refused is, before that.
func (f *filled) use(t testing.TB, others map[[2]string][]byte) {
	t.Helper()
	var log logBuffer
	e, err := New(t.Context(), Config{Backend: f.with(others), NewKey: quickKeys, Logger: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelError}))})
	if err != nil {
		return
	}
	defer e.Close()
	for _, call := range f.calls {
		w := call.to(e.Handler())
		if said := log.String(); w.Code == http.StatusInternalServerError || strings.Contains(said, "panicked") {
			_, said, _ = strings.Cut(said, "panicked")
			t.Errorf("%.300s: %d %s\n%s", call, w.Code, w.Body, strings.NewReplacer(`\n`, "\n", `\t`, "\t").Replace(said))
			return
		}
	}
}

// damaged gives a JSON value with one member less, or with another value.
func damaged(v any, give func(any)) {
	switch v := v.(type) {
	case map[string]any:
		for _, name := range slices.Sorted(maps.Keys(v)) {
			without := maps.Clone(v)
			delete(without, name)
			give(without)
			member := func(changed any) {
				with := maps.Clone(v)
				with[name] = changed
				give(with)
			}
			for _, other := range []any{"", "x", -1, []any{}, []any{nil}, map[string]any{}} {
				member(other)
			}
			damaged(v[name], member)
		}
	case []any:
		for i := range v {
			damaged(v[i], func(changed any) {
				with := slices.Clone(v)
				with[i] = changed
				give(with)
			})
		}
	}
}

// A store that was written by hand has entities that lack what the emulator
// always writes. Those are refused by their kind and key, or nothing needs it.
func TestStoredEntities(t *testing.T) {
	f := fill(t)
	kinds := Kinds()
	here := map[string]bool{"s3-blob": true, "account-alias": true, "account": true} // the first is 1.0's, the others have texts alone
	var rounds []map[[2]string][]byte
	gone := make([]map[[2]string][]byte, 8) // stores from which entities themselves are missing
	for i := range gone {
		gone[i] = map[[2]string][]byte{}
	}
	all, taken := 0, 0
	for i, at := range f.places() {
		record := f.store.records[at]
		here[at[0]] = true
		var value any
		decoder := json.NewDecoder(bytes.NewReader(record.Value))
		decoder.UseNumber()
		if err := decoder.Decode(&value); err != nil {
			t.Fatal(err)
		}
		round := 0
		damaged(value, func(changed any) {
			text, err := json.Marshal(changed)
			if err != nil {
				t.Fatal(err)
			}
			all++
			if err := state.Check([]state.Record{{Kind: at[0], Key: at[1], Value: text}}, kinds...); err != nil {
				if want := fmt.Sprintf("%s %q: ", at[0], at[1]); !strings.Contains(err.Error(), want) {
					t.Errorf("the error %q does not name %s", err, want)
				}
				return
			}
			if taken++; round == len(rounds) {
				rounds = append(rounds, map[[2]string][]byte{})
			}
			rounds[round][at] = text
			round++
		})
		gone[i%len(gone)][at] = nil
	}
	for _, kind := range kinds {
		if !here[kind.Name] {
			t.Errorf("testdata/stored.txtar has nothing of the kind %s", kind.Name)
		}
	}
	t.Logf("%d damages, %d of them are taken; %d stores", all, taken, len(rounds)+len(gone))
	f.use(t, nil)
	for _, round := range append(rounds, gone...) {
		f.use(t, round)
	}
}

// The error of a file that somebody wrote names it, the entity and what is missing.
func TestStoredEntityIsNamed(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state.db")
	backend, err := boltstore.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	policy := `{"account":"111122223333","path":"/","name":"p","id":"ANPAIOSFODNN7EXAMPLE","default":1,"last":1,"versions":[]}`
	if _, err := backend.Commit(t.Context(), []state.Change{{Kind: "policy", Key: "111122223333/p", Value: []byte(policy)}}); err != nil {
		t.Fatal(err)
	}
	_, err = New(t.Context(), Config{Backend: backend})
	want := "opening the state: state: opening state file " + path + `: decoding policy "111122223333/p": versions lacks number 1, which is the default`
	if err == nil || err.Error() != want {
		t.Errorf("\n got %v\nwant %s", err, want)
	}
}

// FuzzStored: whatever stands in the place of an entity is refused, or all that
// uses it goes on.
func FuzzStored(f *testing.F) {
	store := fill(f)
	places := store.places()
	for i, at := range places {
		f.Add(uint8(i), store.store.records[at].Value)
	}
	f.Fuzz(func(t *testing.T, which uint8, value []byte) {
		store.use(t, map[[2]string][]byte{places[int(which)%len(places)]: value})
	})
}
