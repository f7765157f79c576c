package webhook

import (
	"strconv"

	"github.com/irsa-emu/irsa-emu/aws"
)

// Identity is what a pod gets, and by which mechanism.
type Identity struct {
	// PodIdentity is EKS Pod Identity; otherwise it is IRSA.
	PodIdentity bool
	// RoleARN is the role of an IRSA identity. An association's role is the
	// agent's business, and is not written into the pod.
	RoleARN string
	// Audience is that of an IRSA identity's tokens.
	Audience    string
	RegionalSTS bool
	// Expiration is the token's life in seconds.
	Expiration int64
}

// none is a pod without a role.
func (id Identity) none() bool { return !id.PodIdentity && id.RoleARN == "" }

// IdentityOf reads the annotations of a service account. The second result is
// false when it has no role. What cannot be read counts as absent.
func (c Config) IdentityOf(annotations map[string]string) (Identity, bool) {
	c = c.withDefaults()
	role := annotations[c.Prefix+aws.RoleKey]
	if role == "" {
		return Identity{}, false
	}
	id := c.settingsOf(annotations)
	id.RoleARN, id.Audience = role, c.Audience
	if audience, ok := annotations[c.Prefix+aws.AudienceKey]; ok {
		id.Audience = audience
	}
	return id, true
}

// PodIdentityOf is the identity of a service account that has an association.
// Its role annotation does not count, its other settings do (upstream, recorded
// on EKS: an association and an annotation give EKS Pod Identity alone). The
// annotations are nil for a service account that does not exist (yet).
func (c Config) PodIdentityOf(annotations map[string]string) Identity {
	id := c.withDefaults().settingsOf(annotations)
	id.PodIdentity = true
	return id
}

// settingsOf reads what counts for both mechanisms.
func (c Config) settingsOf(annotations map[string]string) Identity {
	id := Identity{RegionalSTS: c.RegionalSTS, Expiration: c.Expiration}
	if regional, err := strconv.ParseBool(annotations[c.Prefix+aws.RegionalKey]); err == nil {
		id.RegionalSTS = regional
	}
	if seconds, ok := expiration(annotations[c.Prefix+aws.ExpirationKey]); ok {
		id.Expiration = seconds
	}
	return id
}

// expiration reads seconds; fewer than the API server takes are raised to that.
func expiration(s string) (int64, bool) {
	seconds, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		return 0, false
	}
	return max(seconds, MinExpiration), true
}
