package s3

import (
	"encoding/json"
	"encoding/xml"
	"net/http"
	"net/url"
	"strings"

	"github.com/irsa-emu/irsa-emu/aws"
	"github.com/irsa-emu/irsa-emu/state"
)

type tagging struct {
	XMLName xml.Name   `xml:"Tagging"`
	TagSet  []tagEntry `xml:"TagSet>Tag"`
}

// tagEntry has pointers, because a tag without key or value is refused.
type tagEntry struct {
	Key   *string
	Value *string
}

func writeTags(c *call, tags []tag) error {
	out := struct {
		TagSet struct {
			Tags []tag `xml:"Tag"`
		}
	}{}
	out.TagSet.Tags = tags
	return c.writeXML("Tagging", out)
}

// readTags reads the body of PutBucketTagging and PutObjectTagging.
func readTags(c *call) ([]tag, error) {
	var in tagging
	if err := c.readXML(&in); err != nil {
		return nil, err
	}
	tags := make([]tag, len(in.TagSet))
	for i, t := range in.TagSet {
		if t.Key == nil || t.Value == nil {
			return nil, malformedXML()
		}
		tags[i] = tag{Key: *t.Key, Value: *t.Value}
	}
	return checkTags(tags, c.key == "")
}

// checkTags holds tags against S3's rules. The texts were recorded on AWS.
func checkTags(tags []tag, bucket bool) ([]tag, error) {
	seen := map[string]bool{}
	for _, t := range tags {
		invalid := func(message string, more ...string) error {
			return fail(http.StatusBadRequest, "InvalidTag", message, append([]string{"TagKey", t.Key}, more...)...)
		}
		switch {
		case seen[t.Key]:
			return nil, invalid("Cannot provide multiple Tags with the same key")
		case aws.ReservedTagKey(t.Key) && bucket:
			return nil, invalid("System tags cannot be added/updated by requester")
		case aws.ReservedTagKey(t.Key):
			return nil, invalid("Your TagKey cannot be prefixed with aws:")
		case !aws.TagKeyFits(t.Key) || !aws.TagText.MatchString(t.Key):
			return nil, invalid("The TagKey you have provided is invalid")
		case !aws.TagValueFits(t.Value) || !aws.TagText.MatchString(t.Value):
			return nil, invalid("The TagValue you have provided is invalid", "TagValue", t.Value)
		}
		seen[t.Key] = true
	}
	if !bucket && len(tags) > 10 {
		return nil, fail(http.StatusBadRequest, "BadRequest", "Object tags cannot be greater than 10")
	}
	if bucket && len(tags) > aws.MostTags {
		return nil, fail(http.StatusBadRequest, "BadRequest", "Bucket tag count cannot be greater than 50")
	}
	return tags, nil
}

// headerTags reads x-amz-tagging.
func headerTags(h http.Header) ([]tag, error) {
	text := h.Get("X-Amz-Tagging")
	if text == "" {
		return nil, nil
	}
	bad := invalidArgument("The header 'x-amz-tagging' shall be encoded as UTF-8 then URLEncoded URL query parameters without tag name duplicates.", "x-amz-tagging", text)
	var tags []tag
	seen := map[string]bool{}
	for pair := range strings.SplitSeq(text, "&") {
		k, v, _ := strings.Cut(pair, "=")
		key, err := url.QueryUnescape(k)
		value, err2 := url.QueryUnescape(v)
		if err != nil || err2 != nil || seen[key] || strings.Contains(v, "=") {
			return nil, bad
		}
		seen[key] = true
		tags = append(tags, tag{Key: key, Value: value})
	}
	return checkTags(tags, false)
}

func (s *Service) getBucketTagging(c *call) error {
	if len(c.bucket.Tags) == 0 {
		return fail(http.StatusNotFound, "NoSuchTagSet", "The TagSet does not exist", "BucketName", c.name)
	}
	return writeTags(c, c.bucket.Tags)
}

func (s *Service) putBucketTagging(c *call) error {
	tags, err := readTags(c)
	if err != nil {
		return err
	}
	if err := s.changeBucket(c, func(b *Bucket) { b.Tags = tags }); err != nil {
		return err
	}
	return c.noContent()
}

func (s *Service) deleteBucketTagging(c *call) error {
	if err := s.changeBucket(c, func(b *Bucket) { b.Tags = nil }); err != nil {
		return err
	}
	return c.noContent()
}

func (s *Service) getObjectTagging(c *call) error {
	o, err := c.object()
	if err != nil {
		return err
	}
	c.setReadVersion(c.bucket, o)
	return writeTags(c, o.Tags)
}

// putObjectTagging is allowed by what the body says; what cannot be read says
// nothing, and is refused only to callers who may tag.
func (s *Service) putObjectTagging(c *call) error {
	tags, malformed := readTags(c)
	c.tags = tags
	if err := c.authorize(c.bucket, c.action(), c.key, c.keys()); err != nil {
		return err
	}
	if malformed != nil {
		return malformed
	}
	if err := s.retag(c, tags); err != nil {
		return err
	}
	return c.ok()
}

func (s *Service) deleteObjectTagging(c *call) error {
	if err := s.retag(c, nil); err != nil {
		return err
	}
	return c.noContent()
}

func (s *Service) retag(c *call, tags []tag) error {
	return s.store.Update(c.HTTP.Context(), func(tx *state.Txn) error {
		if _, err := c.sameBucket(tx); err != nil {
			return err
		}
		o, err := c.objectOf(tx, c.bucket, c.key, c.query.Get("versionId"))
		if err != nil {
			return err
		}
		c.setReadVersion(c.bucket, o)
		changed := *o
		changed.Tags = tags
		if newest, _ := latest(tx, c.name, c.key); newest == o {
			tx.Put(&changed)
		} else {
			tx.Put(&Version{changed})
		}
		return nil
	})
}

func validJSON(text []byte) bool { return json.Valid(text) }

// hasStatement says whether a JSON object has the member that every policy needs.
func hasStatement(text []byte) bool {
	var members map[string]json.RawMessage
	return json.Unmarshal(text, &members) == nil && members["Statement"] != nil
}
