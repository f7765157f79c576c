package kms_test

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/google/go-cmp/cmp"

	"github.com/irsa-emu/irsa-emu/api"
	"github.com/irsa-emu/irsa-emu/services/kms"
	"github.com/irsa-emu/irsa-emu/services/servicetest"
	"github.com/irsa-emu/irsa-emu/state"
	"github.com/irsa-emu/irsa-emu/statefile"
)

func start(t *testing.T) *servicetest.Server {
	t.Helper()
	return servicetest.Start(t, kms.Kinds(), false, func(s *state.Store) api.Service {
		return kms.New(kms.Config{Store: s, Rand: rand.Reader})
	})
}

// call makes a call of awsJson 1.1 and gives its answer; what is refused is
// "CODE: MESSAGE".
func call(t *testing.T, s *servicetest.Server, c aws.Config, action string, in any) (out map[string]any, refused string) {
	t.Helper()
	body, err := json.Marshal(in)
	if err != nil {
		t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.URL+"/", bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-amz-json-1.1")
	req.Header.Set("X-Amz-Target", "TrentService."+action)
	credentials, err := c.Credentials.Retrieve(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := v4.NewSigner().SignHTTP(t.Context(), credentials, req, fmt.Sprintf("%x", sha256.Sum256(body)), kms.Name, servicetest.Region, time.Now()); err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	if len(text) > 0 {
		if err := json.Unmarshal(text, &out); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
	}
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Sprint(out["__type"], ": ", out["Message"])
	}
	return out, ""
}

type object = map[string]any

// ok is a call that must be answered.
func ok(t *testing.T, s *servicetest.Server, c aws.Config, action string, in any) object {
	t.Helper()
	out, refused := call(t, s, c, action, in)
	if refused != "" {
		t.Fatalf("%s: %s", action, refused)
	}
	return out
}

// refusedWith is a call that must be refused with words.
func refusedWith(t *testing.T, s *servicetest.Server, c aws.Config, action string, in any, want string) {
	t.Helper()
	out, refused := call(t, s, c, action, in)
	if !strings.HasPrefix(refused, want) {
		t.Errorf("%s: %v %s, want %s", action, out, refused, want)
	}
}

func newKey(t *testing.T, s *servicetest.Server, c aws.Config, in object) (id, arn string) {
	t.Helper()
	m := ok(t, s, c, "CreateKey", in)["KeyMetadata"].(object)
	return m["KeyId"].(string), m["Arn"].(string)
}

// TestKeyLife: what a key goes through (KMS developer guide, "Key states of AWS KMS keys").
func TestKeyLife(t *testing.T) {
	s := start(t)
	c := s.Root(servicetest.Account)
	id, arn := newKey(t, s, c, object{"Description": "d", "Tags": []object{{"TagKey": "team", "TagValue": "a"}}})
	state := func() string {
		return ok(t, s, c, "DescribeKey", object{"KeyId": arn})["KeyMetadata"].(object)["KeyState"].(string)
	}
	ok(t, s, c, "CreateAlias", object{"AliasName": "alias/app", "TargetKeyId": id})
	refusedWith(t, s, c, "CreateAlias", object{"AliasName": "alias/app", "TargetKeyId": id}, "AlreadyExistsException: An alias with the name arn:aws:kms:us-west-2:111122223333:alias/app already exists")
	refusedWith(t, s, c, "CreateAlias", object{"AliasName": "alias/aws/mine", "TargetKeyId": id}, "NotAuthorizedException")
	if got := ok(t, s, c, "DescribeKey", object{"KeyId": "alias/app"})["KeyMetadata"].(object)["Arn"]; got != arn {
		t.Errorf("by alias: %v", got)
	}
	ok(t, s, c, "DisableKey", object{"KeyId": id})
	if got := state(); got != "Disabled" {
		t.Errorf("disabled: %s", got)
	}
	ok(t, s, c, "ScheduleKeyDeletion", object{"KeyId": id, "PendingWindowInDays": 7})
	refusedWith(t, s, c, "EnableKey", object{"KeyId": id}, "KMSInvalidStateException: "+arn+" is pending deletion.")
	ok(t, s, c, "CancelKeyDeletion", object{"KeyId": id})
	if got := state(); got != "Disabled" {
		t.Errorf("after the deletion was cancelled: %s", got)
	}
	ok(t, s, c, "EnableKey", object{"KeyId": id})
	ok(t, s, c, "EnableKeyRotation", object{"KeyId": id, "RotationPeriodInDays": 90})
	if got := ok(t, s, c, "GetKeyRotationStatus", object{"KeyId": id}); got["KeyRotationEnabled"] != true || got["RotationPeriodInDays"] != 90.0 {
		t.Errorf("rotation %v", got)
	}
	ok(t, s, c, "TagResource", object{"KeyId": id, "Tags": []object{{"TagKey": "env", "TagValue": "b"}}})
	ok(t, s, c, "UntagResource", object{"KeyId": id, "TagKeys": []string{"team"}})
	if tags := ok(t, s, c, "ListResourceTags", object{"KeyId": id})["Tags"].([]any); len(tags) != 1 {
		t.Errorf("tags %v", tags)
	}
	ok(t, s, c, "ScheduleKeyDeletion", object{"KeyId": id, "PendingWindowInDays": 7})
	s.Advance(8 * 24 * time.Hour)
	refusedWith(t, s, c, "DescribeKey", object{"KeyId": id}, "NotFoundException: ")
	refusedWith(t, s, c, "CreateKey", object{"KeySpec": "RSA_2048"}, "NotImplemented: irsa-emu does not implement kms:CreateKey with KeySpec RSA_2048.")
}

// TestPages: lists end where Limit says, and go on from there.
func TestPages(t *testing.T) {
	s := start(t)
	c := s.Root(servicetest.Account)
	want := 2 // AWS's own
	for range 5 {
		newKey(t, s, c, object{})
		want++
	}
	seen, in := map[string]bool{}, object{"Limit": 3}
	for {
		out := ok(t, s, c, "ListKeys", in)
		for _, k := range out["Keys"].([]any) {
			seen[k.(object)["KeyId"].(string)] = true
		}
		if out["Truncated"] != true {
			break
		}
		in["Marker"] = out["NextMarker"]
	}
	if len(seen) != want {
		t.Errorf("%d keys, want %d", len(seen), want)
	}
}

// TestKeyPolicies: who may look at a key, and which policies are taken.
func TestKeyPolicies(t *testing.T) {
	s := start(t)
	root := s.Root(servicetest.Account)
	id, arn := newKey(t, s, root, object{})
	reader := s.Role(servicetest.Account, "reader", servicetest.Allow(arn, "kms:DescribeKey"))
	stranger := s.Role(servicetest.Other, "stranger", servicetest.Allow("*", "kms:*"))
	ok(t, s, reader, "DescribeKey", object{"KeyId": id})
	refusedWith(t, s, reader, "GetKeyPolicy", object{"KeyId": id}, "AccessDeniedException: User: arn:aws:sts::111122223333:assumed-role/reader/test is not authorized to perform: kms:GetKeyPolicy on resource: "+arn+
		" because no identity-based policy allows the kms:GetKeyPolicy action")
	for _, key := range []string{arn, strings.Replace(arn, id, "11111111-2222-4333-8444-555555555555", 1)} { // who may not does not learn which keys there are
		refusedWith(t, s, stranger, "DescribeKey", object{"KeyId": key}, "AccessDeniedException: User: arn:aws:sts::444455556666:assumed-role/stranger/test is not authorized to perform: kms:DescribeKey on this resource because the resource does not exist")
	}
	policy := func(principal string) string {
		return `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"` + principal + `"},"Action":"kms:*","Resource":"*"}]}`
	}
	put := func(text string, more object) object {
		in := object{"KeyId": id, "Policy": text}
		for k, v := range more {
			in[k] = v
		}
		return in
	}
	refusedWith(t, s, root, "PutKeyPolicy", put(policy("arn:aws:iam::111122223333:role/nobody"), nil), "MalformedPolicyDocumentException: Policy contains a statement with one or more invalid principals.")
	refusedWith(t, s, root, "PutKeyPolicy", put(policy("arn:aws:iam::111122223333:role/reader"), nil), "MalformedPolicyDocumentException: The new key policy will not allow you to update the key policy in the future.")
	ok(t, s, root, "PutKeyPolicy", put(policy("arn:aws:iam::111122223333:role/reader"), object{"BypassPolicyLockoutSafetyCheck": true}))
	ok(t, s, reader, "GetKeyPolicy", object{"KeyId": id})
	// The root user has no rights on a key whose policy does not name the account.
	refusedWith(t, s, root, "GetKeyPolicy", object{"KeyId": id}, "AccessDeniedException: User: arn:aws:iam::111122223333:root is not authorized to perform: kms:GetKeyPolicy on resource: "+arn+" because no resource-based policy allows the kms:GetKeyPolicy action")
	refusedWith(t, s, root, "PutKeyPolicy", object{"KeyId": "alias/aws/s3", "Policy": policy("*")}, "AccessDeniedException")
}

// TestDocument: what a State document declares is given back so, and an alias names
// one key.
func TestDocument(t *testing.T) {
	s := start(t)
	apply := func(keys ...statefile.KMSKey) error {
		return s.Store.Update(t.Context(), func(tx *state.Txn) error {
			return kms.Apply(tx, servicetest.Account, servicetest.Region, statefile.Account{KMSKeys: keys}, s.Now())
		})
	}
	if err := apply(statefile.KMSKey{ID: "a", Aliases: []string{"alias/x"}}, statefile.KMSKey{ID: "b", Aliases: []string{"alias/x"}}); err == nil || !strings.Contains(err.Error(), `"a" and "b"`) {
		t.Errorf("one alias of two keys: %v", err)
	}
	declared := statefile.KMSKey{
		ID: "a", Region: servicetest.Region, Aliases: []string{"alias/x", "alias/y"}, Description: "d", State: "Disabled", MultiRegion: true, Rotation: true,
		Created: s.Now(), Tags: map[string]string{"team": "a"},
	}
	if err := apply(declared); err != nil {
		t.Fatal(err)
	}
	got := kms.Export(s.Store.Snapshot(), servicetest.Account)
	if len(got) != 1 {
		t.Fatalf("%d keys, want 1", len(got))
	}
	if text := got[0].Policy.Text(); !strings.Contains(text, "arn:aws:iam::111122223333:root") {
		t.Errorf("the policy is %s, want AWS's default", text)
	}
	got[0].Policy = statefile.Document{}
	if diff := cmp.Diff(declared, got[0], cmp.AllowUnexported(statefile.Document{})); diff != "" {
		t.Error(diff)
	}
}
