package s3

import (
	"encoding/xml"
	"errors"

	"github.com/irsa-emu/irsa-emu/api"
	"github.com/irsa-emu/irsa-emu/state"
)

// deleteObject answers well also when there is nothing to delete.
func (s *Service) deleteObject(c *call) error {
	if err := c.refuseDeletionHeaders(); err != nil {
		return err
	}
	match := conditions{match: unquoted(c.HTTP.Header.Get("If-Match"))}
	if match.match == "*" {
		match.match = ""
	}
	id := c.query.Get("versionId")
	o, err := s.remove(c, c.key, id, match)
	if err != nil {
		return err
	}
	switch {
	case o == nil && id != "" && c.bucket.Versioning != "":
		c.w.Header().Set("X-Amz-Version-Id", id) // it is gone already
	case o != nil && o.Marker:
		c.setMarker(o)
	case o != nil && id != "":
		c.setReadVersion(c.bucket, o)
	}
	return c.noContent()
}

// refuseDeletionHeaders: recorded on AWS for general purpose buckets.
func (c *call) refuseDeletionHeaders() error {
	h := c.HTTP.Header
	for _, name := range []string{"x-amz-if-match-last-modified-time", "x-amz-if-match-size"} {
		if h.Get(name) != "" {
			return headerNotImplemented(name, "")
		}
	}
	if h.Get("X-Amz-Bypass-Governance-Retention") != "" {
		return invalidArgumentOnly("x-amz-bypass-governance-retention is only applicable to Object Lock enabled buckets.", "x-amz-bypass-governance-retention")
	}
	return nil
}

// remove deletes the version of an id, or the object of a key as the bucket's
// versioning will have it. It gives the version that was deleted, or the delete
// marker that was made; nil where there was nothing to do.
func (s *Service) remove(c *call, key, id string, conditions conditions) (done *Object, err error) {
	if c.bucket.Versioning == "" && id != "" && id != nullVersion {
		return nil, invalidVersion(id)
	}
	marker, err := s.versionID()
	if err != nil {
		return nil, err
	}
	err = s.store.Update(c.HTTP.Context(), func(tx *state.Txn) error {
		done = nil
		b, err := c.sameBucket(tx)
		if err != nil {
			return err
		}
		if id != "" {
			o, newest, ok := version(tx, b.Name, key, id)
			if !ok {
				if !validVersionID(id) {
					return invalidVersion(id)
				}
				return nil
			}
			done = o
			s.contents.drop(tx, o, newest)
			return nil
		}
		o, ok := current(tx, b.Name, key)
		if err := conditions.check(o, key); err != nil {
			return err
		}
		if b.Versioning != "" {
			done = s.contents.put(tx, b, &Object{Bucket: b.Name, Key: key, Modified: c.Now, VersionID: marker, Marker: true})
		} else if ok {
			done = o
			s.contents.drop(tx, o, true)
		}
		return nil
	})
	return done, err
}

type deleteRequest struct {
	XMLName xml.Name `xml:"Delete"`
	Objects []struct {
		Key       string
		VersionId *string
		ETag      string
	} `xml:"Object"`
	Quiet bool
}

type deleteResult struct {
	Deleted []deletedEntry
	Errors  []deleteError `xml:"Error"`
}

type deletedEntry struct {
	Key                   string
	VersionId             string `xml:",omitempty"`
	DeleteMarker          bool   `xml:",omitempty"`
	DeleteMarkerVersionId string `xml:",omitempty"`
}

type deleteError struct {
	Key       string
	VersionId string `xml:",omitempty"`
	Code      string
	Message   string
}

// deleteObjects holds each key against the policies for itself.
func (s *Service) deleteObjects(c *call) error {
	if err := c.refuseDeletionHeaders(); err != nil {
		return err
	}
	h := c.HTTP.Header
	if name, _ := c.body.Checksum(); name == "" && h.Get("Content-Md5") == "" {
		return invalidRequest("Missing required header for this request: Content-MD5 OR x-amz-checksum-*")
	}
	var in deleteRequest
	if err := c.readXML(&in); err != nil {
		return err
	}
	if len(in.Objects) == 0 || len(in.Objects) > 1000 {
		return malformedXML()
	}
	var out deleteResult
	for _, o := range in.Objects {
		id := ""
		if o.VersionId != nil {
			id = *o.VersionId
		}
		gone, err := s.deleteOne(c, o.Key, id, conditions{match: unquoted(o.ETag)})
		var f *api.Refusal
		switch {
		case err == nil && !in.Quiet:
			entry := deletedEntry{Key: o.Key, VersionId: id}
			if gone != nil && gone.Marker {
				entry.DeleteMarker, entry.DeleteMarkerVersionId = true, gone.id()
			}
			out.Deleted = append(out.Deleted, entry)
		case errors.As(err, &f):
			out.Errors = append(out.Errors, deleteError{o.Key, id, f.Wire.Code, f.Wire.Message})
		case err != nil:
			return err
		}
	}
	return c.writeXML("DeleteResult", out)
}

// deleteOne deletes one of many, which must be allowed for itself.
func (s *Service) deleteOne(c *call, key, id string, conditions conditions) (*Object, error) {
	action := "s3:DeleteObject"
	if id != "" {
		action = "s3:DeleteObjectVersion"
	}
	if err := checkKey(key); err != nil {
		return nil, err
	}
	if key == "" {
		return nil, fail(400, "UserKeyMustBeSpecified", "User key must be specified.")
	}
	keys := c.keys()
	if id != "" {
		keys.Set("s3:versionid", id)
	}
	if conditions.match != "" {
		keys.Set("s3:if-match", conditions.match)
	}
	if err := c.authorize(c.bucket, action, key, keys); err != nil {
		return nil, err
	}
	if err := c.authorizeMatch(key, conditions.match); err != nil {
		return nil, err
	}
	gone, err := s.remove(c, key, id, conditions)
	var bad *api.Refusal
	if id != "" && (errors.As(err, &bad) && bad.Wire.Code == "InvalidArgument" || err == nil && gone == nil && c.bucket.Versioning != "") {
		return nil, fail(404, "NoSuchVersion", "The specified version does not exist.") // recorded: test_delete_objects_versioned
	}
	return gone, err
}

func unquoted(etag string) string {
	if len(etag) >= 2 && etag[0] == '"' && etag[len(etag)-1] == '"' {
		return etag[1 : len(etag)-1]
	}
	return etag
}
