package s3

import (
	"net/http"
	"slices"
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

type attributeParts struct {
	TotalPartsCount int `xml:"PartsCount"`
}

var attributes = []string{"ETag", "Checksum", "ObjectParts", "StorageClass", "ObjectSize"}

// getObjectAttributes needs s3:GetObject beside its own permission.
func (s *Service) getObjectAttributes(c *call) error {
	if err := c.authorize(c.bucket, "s3:GetObject", c.key, c.keys()); err != nil {
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
		out.ObjectParts = &attributeParts{len(o.Parts)}
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
