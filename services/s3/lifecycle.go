package s3

import (
	"encoding/xml"
	"net/http"
	"slices"

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
		l.MinimumSize = statefile.MinimumSizes[0]
	}
	if !slices.Contains(statefile.MinimumSizes, l.MinimumSize) {
		return invalidRequest("Invalid TransitionDefaultMinimumObjectSize found: " + l.MinimumSize)
	}
	if len(l.Rules) == 0 || len(l.Rules) > 1000 {
		return malformedXML()
	}
	for i := range l.Rules {
		r := &l.Rules[i]
		if err := refused(r.Mistake(l.Rules[:i])); err != nil {
			return err
		}
		if r.ID == "" {
			id, err := uuid.NewRandomFromReader(s.rand)
			if err != nil {
				return err
			}
			r.ID = id.String()
		}
	}
	return nil
}

func (s *Service) deleteLifecycle(c *call) error {
	if err := s.changeBucket(c, func(b *Bucket) { b.Lifecycle = nil }); err != nil {
		return err
	}
	return c.noContent()
}
