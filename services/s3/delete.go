package s3

import (
	"encoding/xml"
	"errors"

	"github.com/irsa-emu/irsa-emu/api"
	"github.com/irsa-emu/irsa-emu/state"
)

// deleteObject answers well also when there is nothing to delete.
func (s *Service) deleteObject(c *call) error {
	if v := c.query.Get("versionId"); v != "" && v != "null" {
		return invalidArgument("Invalid version id specified", "versionId", v)
	}
	if err := c.refuseDeletionHeaders(); err != nil {
		return err
	}
	match := conditions{match: unquoted(c.HTTP.Header.Get("If-Match"))}
	if match.match == "*" {
		match.match = ""
	}
	if err := s.remove(c, c.key, match); err != nil {
		return err
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

func (s *Service) remove(c *call, key string, conditions conditions) error {
	var left []Piece
	err := s.store.Update(c.HTTP.Context(), func(tx *state.Txn) error {
		left = nil
		o, ok := state.Get[*Object](tx, objectKey(c.name, key))
		if err := conditions.check(o, key); err != nil {
			return err
		}
		if ok {
			left = o.Content
			tx.Delete(o)
		}
		return nil
	})
	if err != nil {
		return err
	}
	s.drop(c, left)
	return nil
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
	Key       string
	VersionId string `xml:",omitempty"`
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
		version := ""
		action := "s3:DeleteObject"
		if o.VersionId != nil && *o.VersionId != "" {
			version, action = *o.VersionId, "s3:DeleteObjectVersion"
		}
		err := checkKey(o.Key)
		switch {
		case err != nil:
		case o.Key == "":
			err = fail(400, "UserKeyMustBeSpecified", "User key must be specified.")
		default:
			err = c.authorize(c.bucket, action, o.Key, c.keys())
		}
		if err == nil && version != "" && version != "null" {
			err = fail(404, "NoSuchVersion", "The specified version does not exist.")
		}
		if err == nil {
			err = s.remove(c, o.Key, conditions{match: unquoted(o.ETag)})
		}
		var f *api.Refusal
		switch {
		case err == nil && !in.Quiet:
			out.Deleted = append(out.Deleted, deletedEntry{o.Key, version})
		case errors.As(err, &f):
			out.Errors = append(out.Errors, deleteError{o.Key, version, f.Wire.Code, f.Wire.Message})
		case err != nil:
			return err
		}
	}
	return c.writeXML("DeleteResult", out)
}

func unquoted(etag string) string {
	if len(etag) >= 2 && etag[0] == '"' && etag[len(etag)-1] == '"' {
		return etag[1 : len(etag)-1]
	}
	return etag
}
