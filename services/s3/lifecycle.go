package s3

import (
	"encoding/xml"
	"net/http"
	"slices"
	"strings"

	"github.com/google/uuid"
)

// Lifecycle is a bucket's lifecycle configuration. It is kept and given back;
// nothing expires here and nothing moves to another class.
type Lifecycle struct {
	Rules []LifecycleRule `json:"rules"`
	// MinimumSize is x-amz-transition-default-minimum-object-size.
	MinimumSize string `json:"minimumSize"`
}

// LifecycleRule is a rule as S3's documents have it. Numbers are texts, which
// come back as they were given.
type LifecycleRule struct {
	AbortIncompleteMultipartUpload *lifecycleAction   `json:",omitempty"`
	Expiration                     *lifecycleAction   `json:",omitempty"`
	Filter                         *lifecycleFilter   `json:",omitempty"`
	ID                             string             `json:",omitempty"`
	NoncurrentVersionExpiration    *lifecycleAction   `json:",omitempty"`
	NoncurrentVersionTransitions   []*lifecycleAction `json:",omitempty" xml:"NoncurrentVersionTransition"`
	Prefix                         *string            `json:",omitempty"`
	Status                         string
	Transitions                    []*lifecycleAction `json:",omitempty" xml:"Transition"`
}

type lifecycleAction struct {
	Date                      string `json:",omitempty" xml:",omitempty"`
	Days                      *int   `json:",omitempty"`
	DaysAfterInitiation       *int   `json:",omitempty"`
	ExpiredObjectDeleteMarker *bool  `json:",omitempty"`
	NoncurrentDays            *int   `json:",omitempty"`
	NewerNoncurrentVersions   *int   `json:",omitempty"`
	StorageClass              string `json:",omitempty" xml:",omitempty"`
}

type lifecycleFilter struct {
	And                   *lifecycleAnd `json:",omitempty"`
	ObjectSizeGreaterThan *int64        `json:",omitempty"`
	ObjectSizeLessThan    *int64        `json:",omitempty"`
	Prefix                *string       `json:",omitempty"`
	Tag                   *tag          `json:",omitempty"`
}

type lifecycleAnd struct {
	ObjectSizeGreaterThan *int64  `json:",omitempty"`
	ObjectSizeLessThan    *int64  `json:",omitempty"`
	Prefix                *string `json:",omitempty"`
	Tags                  []tag   `json:",omitempty" xml:"Tag"`
}

type lifecycleConfiguration struct {
	XMLName xml.Name        `xml:"LifecycleConfiguration"`
	Rules   []LifecycleRule `xml:"Rule"`
}

const minimumSizeHeader = "X-Amz-Transition-Default-Minimum-Object-Size"

var minimumSizes = []string{"all_storage_classes_128K", "varies_by_storage_class"}

func (s *Service) getLifecycle(c *call) error {
	if c.bucket.Lifecycle == nil {
		return fail(http.StatusNotFound, "NoSuchLifecycleConfiguration", "The lifecycle configuration does not exist", "BucketName", c.name)
	}
	c.w.Header().Set(minimumSizeHeader, c.bucket.Lifecycle.MinimumSize)
	return c.writeXML("LifecycleConfiguration", lifecycleConfiguration{Rules: c.bucket.Lifecycle.Rules})
}

func (s *Service) putLifecycle(c *call) error {
	var in lifecycleConfiguration
	if err := c.readXML(&in); err != nil {
		return err
	}
	kept := &Lifecycle{Rules: in.Rules, MinimumSize: c.HTTP.Header.Get(minimumSizeHeader)}
	if kept.MinimumSize == "" {
		kept.MinimumSize = minimumSizes[0]
	}
	if !slices.Contains(minimumSizes, kept.MinimumSize) {
		return invalidRequest("Invalid TransitionDefaultMinimumObjectSize found: " + kept.MinimumSize)
	}
	if len(in.Rules) == 0 || len(in.Rules) > 1000 {
		return malformedXML()
	}
	seen := map[string]bool{}
	for i := range kept.Rules {
		r := &kept.Rules[i]
		if err := r.check(); err != nil {
			return err
		}
		if r.ID == "" {
			id, err := uuid.NewRandomFromReader(s.rand)
			if err != nil {
				return err
			}
			r.ID = id.String()
		}
		if seen[r.ID] {
			return invalidArgumentOnly("Rule ID must be unique. Found same ID for more than one rule", "ID")
		}
		seen[r.ID] = true
	}
	if err := s.changeBucket(c, func(b *Bucket) { b.Lifecycle = kept }); err != nil {
		return err
	}
	c.w.Header().Set(minimumSizeHeader, kept.MinimumSize)
	return c.ok()
}

// check holds a rule against the schema, as far as clients were seen to be
// refused for it (recorded: test_put_bucket_lifecycle_conf_exc).
func (r *LifecycleRule) check() error {
	actions := append(slices.Clone(r.Transitions), r.NoncurrentVersionTransitions...)
	for _, a := range []*lifecycleAction{r.AbortIncompleteMultipartUpload, r.Expiration, r.NoncurrentVersionExpiration} {
		if a != nil {
			actions = append(actions, a)
		}
	}
	switch {
	case r.Status != "Enabled" && r.Status != "Disabled", (r.Filter == nil) == (r.Prefix == nil), r.Filter.conditions() > 1:
		return malformedXML()
	case len(actions) == 0:
		return invalidRequest("At least one action needs to be specified in a rule.")
	case len(r.ID) > 255:
		return invalidArgumentOnly("ID length should not exceed allowed limit of 255", "ID")
	case r.NoncurrentVersionExpiration != nil && r.NoncurrentVersionExpiration.NoncurrentDays == nil:
		return malformedXML()
	}
	for _, a := range actions {
		if a.count() == 0 {
			return malformedXML()
		}
		if e := r.Expiration; a == e && e.Days != nil && *e.Days <= 0 {
			return invalidArgumentOnly("'Days' for Expiration action must be a positive integer", "Days")
		}
		if a.Date != "" && !strings.Contains(a.Date, "T00:00:00") {
			return invalidArgumentOnly("'Date' must be at midnight GMT", "Date")
		}
	}
	if e := r.Expiration; e != nil && e.count() > 1 {
		return malformedXML()
	}
	return nil
}

// count is how many times and amounts an action has.
func (a *lifecycleAction) count() (n int) {
	for _, is := range []bool{a.Date != "", a.Days != nil, a.DaysAfterInitiation != nil, a.ExpiredObjectDeleteMarker != nil, a.NoncurrentDays != nil} {
		if is {
			n++
		}
	}
	return n
}

func (f *lifecycleFilter) conditions() (n int) {
	if f == nil {
		return 0
	}
	for _, is := range []bool{f.And != nil, f.ObjectSizeGreaterThan != nil, f.ObjectSizeLessThan != nil, f.Prefix != nil, f.Tag != nil} {
		if is {
			n++
		}
	}
	return n
}

func (s *Service) deleteLifecycle(c *call) error {
	if err := s.changeBucket(c, func(b *Bucket) { b.Lifecycle = nil }); err != nil {
		return err
	}
	return c.noContent()
}
