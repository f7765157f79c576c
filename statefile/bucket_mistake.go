package statefile

import (
	"fmt"
	"slices"
	"strings"

	"github.com/irsa-emu/irsa-emu/statefile/strictyaml"
)

// Mistake is what S3 has against a rule of a bucket's configuration.
type Mistake struct {
	// At is the member of the rule, Filter or AllowedOrigins[0]; "" is the rule itself.
	At string
	// Message is S3's; "" where it says no more than that the XML is malformed.
	Message string
	// Argument is the argument that S3 names; "" where it speaks of the request.
	Argument string
	// What says it of a document, where S3's message is none or does not help.
	What string
}

func (m *Mistake) Error() string {
	if m.What != "" {
		return m.What
	}
	return m.Message
}

// Mistake is what S3 has against the rule, nil for nothing. The texts were recorded
// on AWS (LocalStack's test_put_cors_invalid_rules), or are those that users of S3 are shown.
func (r *CORSRule) Mistake() *Mistake {
	if len(r.AllowedMethods) == 0 || len(r.AllowedOrigins) == 0 {
		return &Mistake{What: "a rule needs AllowedMethods and AllowedOrigins"}
	}
	for i, method := range r.AllowedMethods {
		if !slices.Contains(CORSMethods, method) {
			return &Mistake{At: strictyaml.Index("AllowedMethods", i), Message: "Found unsupported HTTP method in CORS config. Unsupported method is " + method,
				What: fmt.Sprintf("%q; write one of %s", method, strings.Join(CORSMethods, ", "))}
		}
	}
	for i, origin := range r.AllowedOrigins {
		if strings.Count(origin, "*") > 1 {
			return &Mistake{At: strictyaml.Index("AllowedOrigins", i), Message: `AllowedOrigin "` + origin + `" can not have more than one wildcard.`}
		}
	}
	for i, header := range r.AllowedHeaders {
		if strings.Count(header, "*") > 1 {
			return &Mistake{At: strictyaml.Index("AllowedHeaders", i), Message: `AllowedHeader "` + header + `" can not have more than one wildcard.`}
		}
	}
	for i, header := range r.ExposeHeaders {
		if strings.Contains(header, "*") {
			return &Mistake{At: strictyaml.Index("ExposeHeaders", i), Message: `ExposeHeader "` + header + `" contains wildcard. We currently do not support wildcard for ExposeHeader.`}
		}
	}
	return nil
}

// Mistake is what S3 has against the rule behind those before it, nil for nothing, as
// far as clients were seen to be refused for it (LocalStack's
// test_put_bucket_lifecycle_conf_exc).
func (r *LifecycleRule) Mistake(before []LifecycleRule) *Mistake {
	actions := r.actions()
	switch e := r.Expiration; {
	case !slices.Contains(LifecycleStatuses, r.Status):
		return &Mistake{At: "Status", What: fmt.Sprintf("%q; write one of %s", r.Status, strings.Join(LifecycleStatuses, ", "))}
	case r.Filter == nil && r.Prefix == nil:
		return &Mistake{What: "the rule does not say for which objects it is; write Filter: {} for all"}
	case r.Filter != nil && r.Prefix != nil:
		return &Mistake{At: "Prefix", What: "a rule has Filter or Prefix; write the prefix into Filter"}
	case r.Filter.conditions() > 1:
		return &Mistake{At: "Filter", What: "there is more than one condition; write them into And"}
	case len(actions) == 0:
		return &Mistake{Message: "At least one action needs to be specified in a rule."}
	case len(r.ID) > 255:
		return &Mistake{At: "ID", Message: "ID length should not exceed allowed limit of 255", Argument: "ID"}
	case r.NoncurrentVersionExpiration != nil && r.NoncurrentVersionExpiration.NoncurrentDays == nil:
		return &Mistake{At: "NoncurrentVersionExpiration", What: "it needs NoncurrentDays"}
	case e != nil && e.Days != nil && *e.Days <= 0:
		return &Mistake{At: "Expiration.Days", Message: "'Days' for Expiration action must be a positive integer", Argument: "Days"}
	case e != nil && e.times() > 1:
		return &Mistake{At: "Expiration", What: "it has one of Days, Date and ExpiredObjectDeleteMarker"}
	}
	for _, a := range actions {
		if a.times() == 0 {
			return &Mistake{At: a.at, What: "the action does not say when; write Days or its like"}
		}
		if a.Date != "" && !strings.Contains(a.Date, "T00:00:00") {
			return &Mistake{At: a.at + ".Date", Message: "'Date' must be at midnight GMT", Argument: "Date"}
		}
	}
	if r.ID != "" && slices.ContainsFunc(before, func(other LifecycleRule) bool { return other.ID == r.ID }) {
		return &Mistake{At: "ID", Message: "Rule ID must be unique. Found same ID for more than one rule", Argument: "ID",
			What: fmt.Sprintf("another rule is called %q; give each its own ID, or none", r.ID)}
	}
	return nil
}

// Mistake is what S3 has against the rule, nil for nothing.
func (r *EncryptionRule) Mistake() *Mistake {
	const at = "ApplyServerSideEncryptionByDefault"
	switch e := r.Default; {
	case !slices.Contains(SSEAlgorithms, e.SSEAlgorithm):
		return &Mistake{At: at + ".SSEAlgorithm", What: fmt.Sprintf("%q; write one of %s", e.SSEAlgorithm, strings.Join(SSEAlgorithms, ", "))}
	case e.SSEAlgorithm == AES256 && e.KMSMasterKeyID != "":
		return &Mistake{At: at + ".KMSMasterKeyID", Message: "a KMSMasterKeyID is not applicable if the default sse algorithm is not aws:kms or aws:kms:dsse", Argument: at,
			What: "AES256 has no key of KMS; write SSEAlgorithm: aws:kms, or leave it out"}
	}
	if b := r.Blocked; b != nil && (len(b.EncryptionType) != 1 || !slices.Contains(blockable, b.EncryptionType[0])) {
		return &Mistake{At: "BlockedEncryptionTypes.EncryptionType", What: fmt.Sprintf("%q; write one of %s", b.EncryptionType, strings.Join(blockable, ", "))}
	}
	return nil
}

type placedAction struct {
	at string
	*LifecycleAction
}

func (r *LifecycleRule) actions() []placedAction {
	var all []placedAction
	for i := range r.Transitions {
		all = append(all, placedAction{strictyaml.Index("Transitions", i), &r.Transitions[i]})
	}
	for i := range r.NoncurrentVersionTransitions {
		all = append(all, placedAction{strictyaml.Index("NoncurrentVersionTransitions", i), &r.NoncurrentVersionTransitions[i]})
	}
	for _, a := range []placedAction{
		{"AbortIncompleteMultipartUpload", r.AbortIncompleteMultipartUpload}, {"Expiration", r.Expiration}, {"NoncurrentVersionExpiration", r.NoncurrentVersionExpiration},
	} {
		if a.LifecycleAction != nil {
			all = append(all, a)
		}
	}
	return all
}

// times is how many times and amounts an action has.
func (a *LifecycleAction) times() int {
	return count(a.Date != "", a.Days != nil, a.DaysAfterInitiation != nil, a.ExpiredObjectDeleteMarker != nil, a.NoncurrentDays != nil)
}

func (f *LifecycleFilter) conditions() int {
	if f == nil {
		return 0
	}
	return count(f.And != nil, f.ObjectSizeGreaterThan != nil, f.ObjectSizeLessThan != nil, f.Prefix != nil, f.Tag != nil)
}
