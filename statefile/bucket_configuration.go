package statefile

import (
	"slices"
	"strings"

	"github.com/irsa-emu/irsa-emu/statefile/strictyaml"
)

// The configurations of a bucket are as S3's API has them: in JSON, as aws s3api
// takes and gives them, and in XML, as they go over the wire and are kept.

// PublicAccessBlock is a bucket's Block Public Access. One without any field is
// that of a bucket whose configuration was deleted.
type PublicAccessBlock struct {
	BlockPublicAcls       *bool `json:"BlockPublicAcls,omitempty"`
	IgnorePublicAcls      *bool `json:"IgnorePublicAcls,omitempty"`
	BlockPublicPolicy     *bool `json:"BlockPublicPolicy,omitempty"`
	RestrictPublicBuckets *bool `json:"RestrictPublicBuckets,omitempty"`
}

// CORSConfiguration says which pages may read a bucket's answers.
type CORSConfiguration struct {
	CORSRules []CORSRule `json:"CORSRules"`
}

// CORSRule says which pages may read answers of a bucket, and how they may ask.
type CORSRule struct {
	ID             string   `json:"ID,omitempty" xml:",omitempty"`
	AllowedHeaders []string `json:"AllowedHeaders,omitempty" xml:"AllowedHeader"`
	AllowedMethods []string `json:"AllowedMethods" xml:"AllowedMethod"`
	AllowedOrigins []string `json:"AllowedOrigins" xml:"AllowedOrigin"`
	ExposeHeaders  []string `json:"ExposeHeaders,omitempty" xml:"ExposeHeader"`
	MaxAgeSeconds  *int     `json:"MaxAgeSeconds,omitempty" xml:",omitempty"`
}

// LifecycleConfiguration says when objects would expire and move to other classes.
type LifecycleConfiguration struct {
	Rules                              []LifecycleRule `json:"Rules"`
	TransitionDefaultMinimumObjectSize string          `json:"TransitionDefaultMinimumObjectSize,omitempty" jsonschema:"enum=all_storage_classes_128K,enum=varies_by_storage_class"`
}

// LifecycleRule is a rule of a lifecycle configuration.
type LifecycleRule struct {
	AbortIncompleteMultipartUpload *LifecycleAction  `json:"AbortIncompleteMultipartUpload,omitempty"`
	Expiration                     *LifecycleAction  `json:"Expiration,omitempty"`
	Filter                         *LifecycleFilter  `json:"Filter,omitempty"`
	ID                             string            `json:"ID,omitempty" jsonschema_description:"Made when left out."`
	NoncurrentVersionExpiration    *LifecycleAction  `json:"NoncurrentVersionExpiration,omitempty"`
	NoncurrentVersionTransitions   []LifecycleAction `json:"NoncurrentVersionTransitions,omitempty" xml:"NoncurrentVersionTransition"`
	Prefix                         *string           `json:"Prefix,omitempty"`
	Status                         string            `json:"Status" jsonschema:"enum=Enabled,enum=Disabled"`
	Transitions                    []LifecycleAction `json:"Transitions,omitempty" xml:"Transition"`
}

// LifecycleAction is what a rule does, and when: each action has some of the fields.
type LifecycleAction struct {
	Date                      string `json:"Date,omitempty" xml:",omitempty"`
	Days                      *int   `json:"Days,omitempty"`
	DaysAfterInitiation       *int   `json:"DaysAfterInitiation,omitempty"`
	ExpiredObjectDeleteMarker *bool  `json:"ExpiredObjectDeleteMarker,omitempty"`
	NoncurrentDays            *int   `json:"NoncurrentDays,omitempty"`
	NewerNoncurrentVersions   *int   `json:"NewerNoncurrentVersions,omitempty"`
	StorageClass              string `json:"StorageClass,omitempty" xml:",omitempty"`
}

// LifecycleFilter says which objects a rule is about: all, or those of one condition.
type LifecycleFilter struct {
	And                   *LifecycleAnd `json:"And,omitempty"`
	ObjectSizeGreaterThan *int64        `json:"ObjectSizeGreaterThan,omitempty"`
	ObjectSizeLessThan    *int64        `json:"ObjectSizeLessThan,omitempty"`
	Prefix                *string       `json:"Prefix,omitempty"`
	Tag                   *BucketTag    `json:"Tag,omitempty"`
}

// LifecycleAnd is several conditions of a filter.
type LifecycleAnd struct {
	ObjectSizeGreaterThan *int64      `json:"ObjectSizeGreaterThan,omitempty"`
	ObjectSizeLessThan    *int64      `json:"ObjectSizeLessThan,omitempty"`
	Prefix                *string     `json:"Prefix,omitempty"`
	Tags                  []BucketTag `json:"Tags,omitempty" xml:"Tag"`
}

// BucketTag is a tag as S3's API writes it.
type BucketTag struct {
	Key   string `json:"Key"`
	Value string `json:"Value"`
}

// EncryptionConfiguration is how a bucket keeps objects that do not say it themselves.
type EncryptionConfiguration struct {
	Rules []EncryptionRule `json:"Rules" xml:"Rule"`
}

// EncryptionRule is the only rule of an encryption configuration.
type EncryptionRule struct {
	Default   EncryptionDefault `json:"ApplyServerSideEncryptionByDefault" xml:"ApplyServerSideEncryptionByDefault"`
	BucketKey bool              `json:"BucketKeyEnabled,omitempty" xml:"BucketKeyEnabled"`
	Blocked   *BlockedTypes     `json:"BlockedEncryptionTypes,omitempty" xml:"BlockedEncryptionTypes"`
}

// BlockedTypes are the ways of encryption that a bucket does not take.
type BlockedTypes struct {
	EncryptionType []string `json:"EncryptionType" jsonschema_description:"SSE-C or NONE."`
}

// EncryptionDefault is an algorithm and its key.
type EncryptionDefault struct {
	SSEAlgorithm   string `json:"SSEAlgorithm" jsonschema:"enum=AES256,enum=aws:kms,enum=aws:kms:dsse"`
	KMSMasterKeyID string `json:"KMSMasterKeyID,omitempty" xml:",omitempty"`
}

// What a bucket's versioning and object ownership can be. NoOwnership is that of
// a bucket whose ownership controls were deleted.
var (
	versionings = []string{"Enabled", "Suspended"}
	ownerships  = []string{"BucketOwnerEnforced", "BucketOwnerPreferred", "ObjectWriter", NoOwnership}
)

// What the members of a bucket's configurations can be (API reference of S3).
var (
	CORSMethods       = []string{"GET", "PUT", "POST", "DELETE", "HEAD"}
	LifecycleStatuses = []string{"Enabled", "Disabled"}
	MinimumSizes      = []string{"all_storage_classes_128K", "varies_by_storage_class"} // the first is that of a new configuration
	SSEAlgorithms     = []string{AES256, AWSKMS, "aws:kms:dsse"}
	blockable         = []string{"SSE-C", "NONE"}
)

// Algorithms of encryption: S3's own keys, and a key of KMS.
const (
	AES256 = "AES256"
	AWSKMS = "aws:kms"
)

// NoOwnership is written where a bucket has no ownership controls.
const NoOwnership = "None"

func checkConfigurations(c *Check, at string, b *Bucket) {
	oneOf := func(name, value string, known []string) {
		if value != "" && !slices.Contains(known, value) {
			c.Errorf(at+"."+name, "%q; write one of %s", value, strings.Join(known, ", "))
		}
	}
	mistake := func(name string, m *Mistake) {
		if m == nil {
			return
		}
		if m.At != "" {
			name += "." + m.At
		}
		c.Errorf(at+"."+name, "%s", m.Error())
	}
	oneOf("versioning", b.Versioning, versionings)
	oneOf("objectOwnership", b.ObjectOwnership, ownerships)
	if b.CORS != nil {
		if len(b.CORS.CORSRules) == 0 {
			c.Errorf(at+".cors.CORSRules", "no rule; write one, or leave cors out")
		}
		for i, r := range b.CORS.CORSRules {
			if r.AllowedMethods != nil && r.AllowedOrigins != nil { // that they are missing has been said
				mistake(strictyaml.Index("cors.CORSRules", i), r.Mistake())
			}
		}
	}
	if b.Lifecycle != nil {
		if len(b.Lifecycle.Rules) == 0 {
			c.Errorf(at+".lifecycle.Rules", "no rule; write one, or leave lifecycle out")
		}
		oneOf("lifecycle.TransitionDefaultMinimumObjectSize", b.Lifecycle.TransitionDefaultMinimumObjectSize, MinimumSizes)
		for i, r := range b.Lifecycle.Rules {
			if r.Status != "" { // that it is missing has been said
				mistake(strictyaml.Index("lifecycle.Rules", i), r.Mistake(b.Lifecycle.Rules[:i]))
			}
		}
	}
	if e := b.Encryption; e != nil {
		if len(e.Rules) != 1 {
			c.Errorf(at+".encryption.Rules", "%d rules; write one", len(e.Rules))
		}
		for i, r := range e.Rules {
			if r.Default.SSEAlgorithm != "" { // that it is missing has been said
				mistake(strictyaml.Index("encryption.Rules", i), r.Mistake())
			}
		}
	}
}
