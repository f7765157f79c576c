package s3

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
)

type attributesResult struct {
	ETag         string          `xml:",omitempty"`
	Checksum     *attributesSum  `xml:",omitempty"`
	ObjectParts  *attributeParts `xml:",omitempty"`
	StorageClass string          `xml:",omitempty"`
	ObjectSize   *int64          `xml:",omitempty"`
}

type attributesSum struct {
	ChecksumType      string `xml:",omitempty"`
	ChecksumCRC32     string `xml:",omitempty"`
	ChecksumCRC32C    string `xml:",omitempty"`
	ChecksumCRC64NVME string `xml:",omitempty"`
	ChecksumSHA1      string `xml:",omitempty"`
	ChecksumSHA256    string `xml:",omitempty"`
}

// attributeParts lists the parts only where they have checksums of their own,
// which is in composite uploads: recorded on AWS.
type attributeParts struct {
	TotalPartsCount      int             `xml:"PartsCount"`
	PartNumberMarker     *int            `xml:",omitempty"`
	NextPartNumberMarker *int            `xml:",omitempty"`
	MaxParts             *int            `xml:",omitempty"`
	IsTruncated          *bool           `xml:",omitempty"`
	Parts                []attributePart `xml:"Part"`
}

type attributePart struct {
	PartNumber        int
	Size              int64
	ChecksumCRC32     string `xml:",omitempty"`
	ChecksumCRC32C    string `xml:",omitempty"`
	ChecksumCRC64NVME string `xml:",omitempty"`
	ChecksumSHA1      string `xml:",omitempty"`
	ChecksumSHA256    string `xml:",omitempty"`
}

// attributeParts gives a page of the object's parts.
func (c *call) attributeParts(o *Object) (*attributeParts, error) {
	out := &attributeParts{TotalPartsCount: len(o.Parts)}
	if o.Checksum.Type != composite {
		return out, nil
	}
	number := func(header string, otherwise int) (int, error) {
		text := c.HTTP.Header.Get(header)
		if text == "" {
			return otherwise, nil
		}
		n, err := strconv.Atoi(text)
		if err != nil || n < 0 {
			return 0, invalidArgument("Provided "+strings.ToLower(header)+" not an integer or within integer range", strings.ToLower(header), text)
		}
		return n, nil
	}
	limit, err := number("X-Amz-Max-Parts", 1000)
	if err != nil {
		return nil, err
	}
	after, err := number("X-Amz-Part-Number-Marker", 0)
	if err != nil {
		return nil, err
	}
	limit = min(limit, 1000)
	next, truncated := 0, false
	for _, p := range o.Parts {
		switch {
		case p.Number <= after:
			continue
		case len(out.Parts) == limit:
			truncated = true
			continue
		}
		var sum copyResult
		sum.setChecksum(Checksum{Algorithm: o.Checksum.Algorithm, Value: p.Checksum})
		out.Parts = append(out.Parts, attributePart{p.Number, p.Size, sum.ChecksumCRC32, sum.ChecksumCRC32C, sum.ChecksumCRC64NVME, sum.ChecksumSHA1, sum.ChecksumSHA256})
		next = p.Number
	}
	out.PartNumberMarker, out.NextPartNumberMarker, out.MaxParts, out.IsTruncated = &after, &next, &limit, &truncated
	return out, nil
}

var attributes = []string{"ETag", "Checksum", "ObjectParts", "StorageClass", "ObjectSize"}

// getObjectAttributes needs the permission to read the object, or the version,
// beside its own (API reference; versity/versitygw#1317).
func (s *Service) getObjectAttributes(c *call) error {
	read := "s3:GetObject"
	if c.query.Has("versionId") {
		read = "s3:GetObjectVersion"
	}
	if err := c.authorize(c.bucket, read, c.key, c.keys()); err != nil {
		return err
	}
	asked := map[string]bool{}
	for _, header := range c.HTTP.Header.Values("X-Amz-Object-Attributes") {
		for name := range strings.SplitSeq(header, ",") {
			if name = strings.TrimSpace(name); !slices.Contains(attributes, name) {
				return invalidArgument("Invalid attribute name specified.", "x-amz-object-attributes", name)
			}
			asked[name] = true
		}
	}
	if len(asked) == 0 {
		return invalidRequest("The x-amz-object-attributes header specifying the attributes to be retrieved is either missing or empty")
	}
	o, err := c.object()
	if err != nil {
		return err
	}
	if asked["Checksum"] { // which is encrypted with the object
		if err := c.decrypt(c.bucket, o); err != nil {
			return err
		}
	}
	var out attributesResult
	if asked["ETag"] {
		out.ETag = o.ETag
	}
	if asked["Checksum"] && o.Checksum.Algorithm != "" {
		var all copyResult
		sum := o.Checksum
		sum.Value, _, _ = strings.Cut(sum.Value, "-") // without the number of parts: recorded on AWS
		all.setChecksum(sum)
		out.Checksum = &attributesSum{all.ChecksumType, all.ChecksumCRC32, all.ChecksumCRC32C, all.ChecksumCRC64NVME, all.ChecksumSHA1, all.ChecksumSHA256}
	}
	if asked["ObjectParts"] && len(o.Parts) > 0 {
		if out.ObjectParts, err = c.attributeParts(o); err != nil {
			return err
		}
	}
	if asked["StorageClass"] {
		out.StorageClass = o.StorageClass
	}
	if asked["ObjectSize"] {
		out.ObjectSize = &o.Size
	}
	c.w.Header().Set("Last-Modified", o.Modified.UTC().Format(http.TimeFormat))
	return c.writeXML("GetObjectAttributesResponse", out)
}
