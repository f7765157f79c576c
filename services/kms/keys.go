package kms

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/irsa-emu/irsa-emu/api"
	"github.com/irsa-emu/irsa-emu/iam"
	"github.com/irsa-emu/irsa-emu/state"
	"github.com/irsa-emu/irsa-emu/wire"
)

// metadata is a key as DescribeKey shows it.
type metadata struct {
	AWSAccountId             string
	KeyId                    string
	Arn                      string
	CreationDate             wire.Time
	Enabled                  bool
	Description              string
	KeyUsage                 string
	KeyState                 string
	DeletionDate             wire.Time `json:",omitzero"`
	Origin                   string
	KeyManager               string
	CustomerMasterKeySpec    string
	KeySpec                  string
	EncryptionAlgorithms     []string
	MultiRegion              bool
	MultiRegionConfiguration *multiRegion `json:",omitempty"`
}

type multiRegion struct {
	MultiRegionKeyType string
	PrimaryKey         struct{ Arn, Region string }
	ReplicaKeys        []struct{}
}

type keyOutput struct{ KeyMetadata metadata }

func (k *Key) metadata() metadata {
	m := metadata{
		AWSAccountId: k.Account, KeyId: k.ID, Arn: k.ARN(), CreationDate: wire.At(k.Created), Enabled: k.State == enabled, Description: k.Description,
		KeyUsage: encryptDecrypt, KeyState: k.State, DeletionDate: wire.At(k.Deletion), Origin: "AWS_KMS", KeyManager: "CUSTOMER",
		CustomerMasterKeySpec: symmetric, KeySpec: symmetric, EncryptionAlgorithms: []string{symmetric}, MultiRegion: k.MultiRegion,
	}
	if k.manager != "" {
		m.KeyManager = "AWS"
	}
	if k.MultiRegion {
		m.MultiRegionConfiguration = &multiRegion{MultiRegionKeyType: "PRIMARY", ReplicaKeys: []struct{}{}}
		m.MultiRegionConfiguration.PrimaryKey.Arn, m.MultiRegionConfiguration.PrimaryKey.Region = k.ARN(), k.Region
	}
	return m
}

type createKeyInput struct {
	Policy                         string `wire:"min=1,max=131072"`
	Description                    string `wire:"max=8192"`
	KeyUsage                       string
	CustomerMasterKeySpec          string
	KeySpec                        string
	Origin                         string
	CustomKeyStoreId               string
	BypassPolicyLockoutSafetyCheck bool
	Tags                           []tag
	MultiRegion                    bool
	XksKeyId                       string
}

// supported refuses keys that would be of another kind than they say.
func (in *createKeyInput) supported() error {
	for _, asked := range []struct{ member, value, have string }{
		{"KeyUsage", in.KeyUsage, encryptDecrypt}, {"KeySpec", in.KeySpec, symmetric}, {"CustomerMasterKeySpec", in.CustomerMasterKeySpec, symmetric},
		{"Origin", in.Origin, "AWS_KMS"}, {"CustomKeyStoreId", in.CustomKeyStoreId, ""}, {"XksKeyId", in.XksKeyId, ""},
	} {
		if asked.value != "" && asked.value != asked.have {
			return api.Unsupported(Name, "CreateKey with "+asked.member+" "+asked.value)
		}
	}
	return nil
}

func (s *Service) createKey(req *api.Request) (any, error) {
	var in createKeyInput
	if err := req.DecodeJSON(&in); err != nil {
		return nil, err
	}
	if err := in.supported(); err != nil {
		return nil, err
	}
	tags := tagsOf(in.Tags)
	k := &Key{
		Account: req.Principal.Account, Region: req.Region, Description: in.Description, State: enabled, MultiRegion: in.MultiRegion,
		Created: req.Now, Tags: tags, Policy: defaultPolicy(iam.RootARN(req.State, req.Principal.Account)),
	}
	keys := k.keys(req.State)
	for name, value := range requestTags(tags) {
		keys[name] = value
	}
	keys.SetBool("kms:BypassPolicyLockoutSafetyCheck", in.BypassPolicyLockoutSafetyCheck)
	if err := s.authorizeAny(req, "*", keys); err != nil {
		return nil, err
	}
	if len(tags) > 0 {
		d := req.Authorize(api.Access{Action: "kms:TagResource", Resource: "*", Keys: keys}) // API reference, CreateKey, Tags
		if !d.Allowed {
			return nil, fail(accessDenied, "%s", api.DenialText(req.Principal, d, "kms:TagResource", "*")).Explain(d)
		}
	}
	if err := checkTags(tags); err != nil {
		return nil, err
	}
	id, err := uuid.NewRandomFromReader(s.rand)
	if err != nil {
		return nil, fmt.Errorf("kms: making a key ID: %w", err)
	}
	k.ID = id.String()
	if in.MultiRegion {
		k.ID = "mrk-" + strings.ReplaceAll(k.ID, "-", "")
	}
	if in.Policy != "" {
		if err := k.setPolicy(req, in.Policy, in.BypassPolicyLockoutSafetyCheck); err != nil {
			return nil, err
		}
	}
	req.Decision.Resource = k.ARN()
	if err := s.store.Update(req.HTTP.Context(), func(tx *state.Txn) error { tx.Put(k); return nil }); err != nil {
		return nil, err
	}
	return keyOutput{k.metadata()}, nil
}

type keyInput struct {
	KeyId string `wire:"required,min=1,max=2048"`
}

// describeKey takes GrantTokens and has no use for them: there are no grants.
func (s *Service) describeKey(req *api.Request) (any, error) {
	var in struct {
		keyInput
		GrantTokens []string
	}
	if err := req.DecodeJSON(&in); err != nil {
		return nil, err
	}
	k, err := s.open(req, in.KeyId, nil)
	if err != nil {
		return nil, err
	}
	return keyOutput{k.metadata()}, nil
}

type pageInput struct {
	Limit  *int   `wire:"min=1,max=1000"`
	Marker string `wire:"min=1,max=1024"`
}

type page struct {
	NextMarker string `json:",omitempty"`
	Truncated  bool
}

// take gives the part of a sorted list that follows the marker, which is the name
// of the last that was given.
func take[T any](list []T, in pageInput, limit int, name func(T) string) ([]T, page) {
	if in.Limit != nil {
		limit = *in.Limit
	}
	slices.SortFunc(list, func(a, b T) int { return strings.Compare(name(a), name(b)) })
	from := 0
	for from < len(list) && in.Marker != "" && name(list[from]) <= in.Marker {
		from++
	}
	list = list[from:]
	if len(list) <= limit {
		return list, page{}
	}
	return list[:limit], page{name(list[limit-1]), true}
}

type listedKey struct{ KeyId, KeyArn string }

func (s *Service) listKeys(req *api.Request) (any, error) {
	var in pageInput
	if err := req.DecodeJSON(&in); err != nil {
		return nil, err
	}
	if err := s.authorizeAny(req, "*", nil); err != nil {
		return nil, err
	}
	keys := []listedKey{}
	for _, service := range managers {
		k := managedKey(req.State, req.Principal.Account, req.Region, service)
		keys = append(keys, listedKey{k.ID, k.ARN()})
	}
	for k := range state.All[*Key](req.State, stateKey(req.Principal.Account, req.Region, "")) {
		if !k.gone(req.Now) {
			keys = append(keys, listedKey{k.ID, k.ARN()})
		}
	}
	keys, p := take(keys, in, 100, func(k listedKey) string { return k.KeyId })
	return struct {
		Keys []listedKey
		page
	}{keys, p}, nil
}

func (s *Service) updateKeyDescription(req *api.Request) (any, error) {
	var in struct {
		keyInput
		Description string `wire:"max=8192"`
	}
	if err := req.DecodeJSON(&in); err != nil {
		return nil, err
	}
	return nil, s.edit(req, in.KeyId, func(k *Key) { k.Description = in.Description })
}

// edit is for actions that change a live key and answer nothing.
func (s *Service) edit(req *api.Request, keyID string, fn func(*Key)) error {
	k, err := s.open(req, keyID, nil)
	if err != nil {
		return err
	}
	_, err = s.change(req.HTTP.Context(), k, func(k *Key) error {
		if err := k.live(); err != nil {
			return err
		}
		fn(k)
		return nil
	})
	return err
}

func (s *Service) enableKey(req *api.Request) (any, error)  { return s.switchKey(req, enabled) }
func (s *Service) disableKey(req *api.Request) (any, error) { return s.switchKey(req, disabled) }

func (s *Service) switchKey(req *api.Request, to string) (any, error) {
	var in keyInput
	if err := req.DecodeJSON(&in); err != nil {
		return nil, err
	}
	return nil, s.edit(req, in.KeyId, func(k *Key) { k.State = to })
}

// defaultWindow is how many days a deletion waits for that does not say it.
const defaultWindow = 30

type deletionOutput struct {
	KeyId               string
	DeletionDate        wire.Time `json:",omitzero"`
	KeyState            string    `json:",omitempty"`
	PendingWindowInDays int       `json:",omitempty"`
}

func (s *Service) scheduleKeyDeletion(req *api.Request) (any, error) {
	var in struct {
		keyInput
		PendingWindowInDays *int `wire:"min=1,max=365"`
	}
	if err := req.DecodeJSON(&in); err != nil {
		return nil, err
	}
	days := defaultWindow
	if in.PendingWindowInDays != nil {
		days = *in.PendingWindowInDays
	}
	k, err := s.open(req, in.KeyId, nil)
	if err != nil {
		return nil, err
	}
	if days < 7 || days > 30 {
		return nil, invalid("PendingWindowInDays must be between 7 and 30, inclusive.")
	}
	k, err = s.change(req.HTTP.Context(), k, func(k *Key) error {
		if err := k.live(); err != nil {
			return err
		}
		k.State, k.Deletion = pendingDeletion, req.Now.Add(time.Duration(days)*24*time.Hour)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return deletionOutput{k.ARN(), wire.At(k.Deletion), k.State, days}, nil
}

func (s *Service) cancelKeyDeletion(req *api.Request) (any, error) {
	var in keyInput
	if err := req.DecodeJSON(&in); err != nil {
		return nil, err
	}
	k, err := s.open(req, in.KeyId, nil)
	if err != nil {
		return nil, err
	}
	k, err = s.change(req.HTTP.Context(), k, func(k *Key) error {
		if k.State != pendingDeletion {
			return fail(invalidState, "%s is not pending deletion.", k.ARN())
		}
		k.State, k.Deletion = disabled, time.Time{} // it is enabled by a call of its own
		return nil
	})
	if err != nil {
		return nil, err
	}
	return deletionOutput{KeyId: k.ARN()}, nil
}
