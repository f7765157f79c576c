package s3

import (
	"encoding/xml"
	"net/http"
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/irsa-emu/irsa-emu/statefile"
)

// Lifecycle is a bucket's lifecycle configuration. It is kept and given back;
// nothing expires here and nothing moves to another class.
type Lifecycle struct {
	Rules []statefile.LifecycleRule `json:"rules"`
	// MinimumSize is x-amz-transition-default-minimum-object-size.
	MinimumSize string `json:"minimumSize"`
}

type lifecycleConfiguration struct {
	XMLName xml.Name                  `xml:"LifecycleConfiguration"`
	Rules   []statefile.LifecycleRule `xml:"Rule"`
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
	if err := s.completeLifecycle(kept); err != nil {
		return err
	}
	if err := s.changeBucket(c, func(b *Bucket) { b.Lifecycle = kept }); err != nil {
		return err
	}
	c.w.Header().Set(minimumSizeHeader, kept.MinimumSize)
	return c.ok()
}

// completeLifecycle checks a configuration, and gives rules their ids that have none.
func (s *Service) completeLifecycle(l *Lifecycle) error {
	if l.MinimumSize == "" {
		l.MinimumSize = minimumSizes[0]
	}
	if !slices.Contains(minimumSizes, l.MinimumSize) {
		return invalidRequest("Invalid TransitionDefaultMinimumObjectSize found: " + l.MinimumSize)
	}
	if len(l.Rules) == 0 || len(l.Rules) > 1000 {
		return malformedXML()
	}
	seen := map[string]bool{}
	for i := range l.Rules {
		r := &l.Rules[i]
		if err := checkLifecycleRule(r); err != nil {
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
	return nil
}

// checkLifecycleRule holds a rule against the schema, as far as clients were seen
// to be refused for it (recorded: test_put_bucket_lifecycle_conf_exc).
func checkLifecycleRule(r *statefile.LifecycleRule) error {
	actions := slices.Concat(r.Transitions, r.NoncurrentVersionTransitions)
	for _, a := range []*statefile.LifecycleAction{r.AbortIncompleteMultipartUpload, r.Expiration, r.NoncurrentVersionExpiration} {
		if a != nil {
			actions = append(actions, *a)
		}
	}
	switch e := r.Expiration; {
	case !slices.Contains(statefile.LifecycleStatuses, r.Status), (r.Filter == nil) == (r.Prefix == nil), filterConditions(r.Filter) > 1:
		return malformedXML()
	case len(actions) == 0:
		return invalidRequest("At least one action needs to be specified in a rule.")
	case len(r.ID) > 255:
		return invalidArgumentOnly("ID length should not exceed allowed limit of 255", "ID")
	case r.NoncurrentVersionExpiration != nil && r.NoncurrentVersionExpiration.NoncurrentDays == nil:
		return malformedXML()
	case e != nil && e.Days != nil && *e.Days <= 0:
		return invalidArgumentOnly("'Days' for Expiration action must be a positive integer", "Days")
	case e != nil && actionTimes(e) > 1:
		return malformedXML()
	}
	for i := range actions {
		a := &actions[i]
		if actionTimes(a) == 0 {
			return malformedXML()
		}
		if a.Date != "" && !strings.Contains(a.Date, "T00:00:00") {
			return invalidArgumentOnly("'Date' must be at midnight GMT", "Date")
		}
	}
	return nil
}

// actionTimes is how many times and amounts an action has.
func actionTimes(a *statefile.LifecycleAction) int {
	return count(a.Date != "", a.Days != nil, a.DaysAfterInitiation != nil, a.ExpiredObjectDeleteMarker != nil, a.NoncurrentDays != nil)
}

func filterConditions(f *statefile.LifecycleFilter) int {
	if f == nil {
		return 0
	}
	return count(f.And != nil, f.ObjectSizeGreaterThan != nil, f.ObjectSizeLessThan != nil, f.Prefix != nil, f.Tag != nil)
}

func count(set ...bool) (n int) {
	for _, is := range set {
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
