package kms

import (
	"crypto/sha256"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/irsa-emu/irsa-emu/aws"
	"github.com/irsa-emu/irsa-emu/iam"
	"github.com/irsa-emu/irsa-emu/lazyregexp"
	"github.com/irsa-emu/irsa-emu/state"
)

// managers are the services whose own keys AWS keeps in every account that are
// used here.
var managers = []string{"s3", "secretsmanager"}

// managedAlias is the name of the key that AWS keeps for a service.
func managedAlias(service string) string { return "alias/aws/" + service }

// IsManaged says whether a name is that of the key which AWS keeps for a service;
// no name at all is.
func IsManaged(name, service string) bool {
	return name == "" || name == managedAlias(service) || strings.HasSuffix(name, ":"+managedAlias(service))
}

// place is what a KeyId names, whether or not there is such a key.
type place struct {
	account, region string
	// name is a key ID, or an alias with alias/.
	name string
	// given is the KeyId as it was written, and arn whether it was an ARN.
	given string
	arn   bool
}

// uuidPattern is that of key IDs; those of multi-Region keys have mrk- and no hyphens.
var uuidPattern = lazyregexp.New(`^([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|mrk-[0-9a-f]{32})$`)

// locate reads a KeyId: a key ID, an alias, or the ARN of either. One that is no
// ARN is in an account and a region that the call tells.
func locate(keyID, account, region string) (place, *Failure) {
	p := place{account: account, region: region, name: keyID, given: keyID}
	if !strings.HasPrefix(keyID, "arn:") {
		return p, nil
	}
	a, err := aws.ParseARN(keyID)
	name, isKey := strings.CutPrefix(a.Resource, "key/")
	if err != nil || a.Service != "kms" || !aws.IsAccount(a.Account) || !isKey && !strings.HasPrefix(name, "alias/") {
		return p, failure(notFound, "Invalid arn %s", keyID)
	}
	if a.Region != region {
		// Recorded: a key serves its own region alone, and this is what is said of another.
		return p, failure(notFound, "Invalid arn %s", a.Region)
	}
	return place{account: a.Account, region: a.Region, name: name, given: keyID, arn: true}, nil
}

// find gives the key at a place. used says that something is under it, which shows
// that there is such a key, whatever is declared.
func (p place) find(r state.Reader, now time.Time, used bool) (*Key, *Failure) {
	if service, is := strings.CutPrefix(p.name, "alias/aws/"); is {
		if slices.Contains(managers, service) {
			return managedKey(r, p.account, p.region, service), nil
		}
		return nil, p.missing()
	}
	for _, service := range managers {
		if p.name == madeID(p.account, p.region, managedAlias(service)) {
			return managedKey(r, p.account, p.region, service), nil
		}
	}
	id := p.name
	if strings.HasPrefix(id, "alias/") {
		if alias, ok := state.Get[*Alias](r, stateKey(p.account, p.region, id)); ok {
			id = alias.KeyID
		}
	}
	k, ok := state.Get[*Key](r, stateKey(p.account, p.region, id))
	switch {
	case ok && !k.gone(now):
		return k, nil
	case !ok && p.plausible() && (used || p.open(r)):
		return assumedKey(r, p), nil
	}
	return nil, p.missing()
}

// declared finds a key that something declares: one that is only taken to be
// there is missing.
func (p place) declared(r state.Reader, now time.Time) (*Key, *Failure) {
	k, f := p.find(r, now, false)
	if f == nil && k.assumed {
		return nil, p.missing()
	}
	return k, f
}

// open says whether nobody told which keys the account has: then it has every key
// that something names.
func (p place) open(r state.Reader) bool {
	for range state.All[*Key](r, p.account+"/") {
		return false
	}
	return true
}

// plausible is whether there can be a key of that name.
func (p place) plausible() bool {
	return aws.IsAccount(p.account) && (strings.HasPrefix(p.name, "alias/") || p.arn || uuidPattern.MatchString(p.name))
}

// missing is what KMS says of a key that is not there (LocalStack,
// tests/aws/services/s3, test_s3_sse_validate_kms_key; aws/aws-cli#4507 of an alias).
func (p place) missing() *Failure {
	switch {
	case strings.HasPrefix(p.name, "alias/"):
		return failure(notFound, "Alias %s is not found.", arnOf(p.account, p.region, p.name))
	case !p.arn && !uuidPattern.MatchString(p.name):
		return failure(notFound, "Invalid keyId '%s'", p.name)
	}
	return failure(notFound, "Key '%s' does not exist", arnOf(p.account, p.region, "key/"+p.name))
}

// assumedKey stands for a key of an account whose keys nothing declares: that it is
// there is taken from whoever names it, and its policy is AWS's default one.
func assumedKey(r state.Reader, p place) *Key {
	id := p.name
	if strings.HasPrefix(id, "alias/") {
		id = madeID(p.account, p.region, p.name)
	}
	return &Key{
		Account: p.account, Region: p.region, ID: id, Policy: defaultPolicy(iam.RootARN(r, p.account)),
		State: enabled, assumed: true,
	}
}

// managedDescriptions are those that DescribeKey shows.
var managedDescriptions = map[string]string{
	"s3":             "Default key that protects my S3 objects when no other key is defined",
	"secretsmanager": "Default key that protects my Secrets Manager data when no other key is defined",
}

// managedKey is the key that AWS keeps in an account and region for a service. Its
// ID is always the same.
func managedKey(r state.Reader, account, region, service string) *Key {
	return &Key{
		Account: account, Region: region, ID: madeID(account, region, managedAlias(service)), Description: managedDescriptions[service],
		Policy: managedPolicy(iam.RootARN(r, account), account, service), State: enabled,
		RotationDays: defaultRotation, manager: service,
	}
}

// madeID is the ID of a key that nothing gives one, always the same for a name.
func madeID(account, region, name string) string {
	sum := sha256.Sum256([]byte(stateKey(account, region, name)))
	id, err := uuid.FromBytes(sum[:16])
	if err != nil {
		panic(err) // sixteen bytes are one
	}
	id[6], id[8] = id[6]&0x0f|0x40, id[8]&0x3f|0x80 // of version 4, as KMS's are
	return id.String()
}
