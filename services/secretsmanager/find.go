package secretsmanager

import (
	"strings"
	"time"

	"github.com/irsa-emu/irsa-emu/aws"
	"github.com/irsa-emu/irsa-emu/lazyregexp"
	"github.com/irsa-emu/irsa-emu/state"
)

var (
	nameChars = lazyregexp.New(`^[A-Za-z0-9/_+=.@!-]+$`)
	suffixed  = lazyregexp.New(`^(.*)-([A-Za-z0-9]{6})$`)
)

// place is what a SecretId names, whether or not there is such a secret.
type place struct {
	account, region, name string
	suffix                string // of a complete ARN
	// arn is the ARN as far as the SecretId tells it.
	arn string
}

// locate reads a SecretId: a name, an ARN, or an ARN without the suffix. A
// name is in the caller's account and the call's region.
func locate(secretID, account, region string) (place, error) {
	if !strings.HasPrefix(secretID, "arn:") {
		if !nameChars.MatchString(secretID) {
			return place{}, invalidName()
		}
		return place{account: account, region: region, name: secretID, arn: arnOf(account, region, secretID)}, nil
	}
	arn, err := aws.ParseARN(secretID)
	name, isSecret := strings.CutPrefix(arn.Resource, "secret:")
	if err != nil || arn.Service != "secretsmanager" || !isSecret || !nameChars.MatchString(name) {
		return place{}, invalidName()
	}
	p := place{account: arn.Account, region: arn.Region, name: name, arn: secretID}
	// An ARN that ends in a hyphen and six characters is taken for a complete
	// one, even where these belong to the name: recorded on AWS.
	if m := suffixed.FindStringSubmatch(name); m != nil {
		p.name, p.suffix = m[1], m[2]
	}
	return p, nil
}

// find gives the secret at a place, also one whose deletion is scheduled. A
// call in one region does not see the secrets of another.
func (p place) find(r state.Reader, callRegion string, now time.Time) (*Secret, bool) {
	if p.region != callRegion {
		return nil, false
	}
	secret, ok := state.Get[*Secret](r, stateKey(p.account, p.region, p.name))
	if !ok || secret.gone(now) || p.suffix != "" && p.suffix != secret.Suffix {
		return nil, false
	}
	return secret, true
}

// gone says whether the recovery window is over. Nothing deletes the entity at
// that moment; it stops to exist for every call.
func (s *Secret) gone(now time.Time) bool { return !s.Deleted.IsZero() && now.After(s.Deleted) }
