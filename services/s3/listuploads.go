package s3

import (
	"cmp"
	"slices"
	"strings"

	"github.com/irsa-emu/irsa-emu/state"
)

type uploadEntry struct {
	Key               string
	UploadId          string
	Initiator         *owner
	Owner             *owner
	StorageClass      string
	Initiated         stamp
	ChecksumAlgorithm string `xml:",omitempty"`
	ChecksumType      string `xml:",omitempty"`
}

type listUploadsResult struct {
	Bucket             string
	KeyMarker          string
	UploadIdMarker     string
	NextKeyMarker      string
	NextUploadIdMarker string
	Delimiter          string `xml:",omitempty"`
	Prefix             string `xml:",omitempty"`
	MaxUploads         int
	IsTruncated        bool
	Uploads            []uploadEntry `xml:"Upload"`
	CommonPrefixes     []commonPrefix
	EncodingType       string `xml:",omitempty"`
}

func (s *Service) listMultipartUploads(c *call) error {
	encode, encoding, err := c.encoder()
	if err != nil {
		return err
	}
	limit, err := c.limit("max-uploads")
	if err != nil {
		return err
	}
	marker, idMarker := c.query.Get("key-marker"), c.query.Get("upload-id-marker")
	prefix, delimiter := c.query.Get("prefix"), c.query.Get("delimiter")
	out := listUploadsResult{
		Bucket: c.name, KeyMarker: encode(marker), UploadIdMarker: idMarker, Delimiter: encode(delimiter), Prefix: encode(prefix),
		MaxUploads: limit, EncodingType: encoding,
	}
	uploads := slices.Collect(state.All[*Upload](c.State, uploadKey(c.name, "")))
	slices.SortFunc(uploads, func(a, b *Upload) int {
		return cmp.Or(cmp.Compare(a.Key, b.Key), a.Initiated.Compare(b.Initiated), cmp.Compare(a.ID, b.ID))
	})
	skipping := idMarker != "" // until that upload of the marker's key
	count, last := 0, ""
	for _, u := range uploads {
		if !strings.HasPrefix(u.Key, prefix) || marker != "" && u.Key < marker {
			continue
		}
		if marker != "" && u.Key == marker {
			if !skipping {
				if idMarker == "" {
					continue
				}
			} else {
				skipping = u.ID != idMarker
				continue
			}
		}
		common := ""
		if at := strings.Index(u.Key[len(prefix):], delimiter); delimiter != "" && at >= 0 {
			common = u.Key[:len(prefix)+at+len(delimiter)]
		}
		if common != "" && (common == last || strings.HasPrefix(marker, common)) {
			continue
		}
		if count == limit {
			out.IsTruncated = true
			break
		}
		count++
		if common != "" {
			last = common
			out.CommonPrefixes = append(out.CommonPrefixes, commonPrefix{encode(common)})
			out.NextKeyMarker, out.NextUploadIdMarker = "", "" // also when more follows: recorded on AWS
			continue
		}
		of := ownerOf(c.bucket.Account)
		out.Uploads = append(out.Uploads, uploadEntry{encode(u.Key), u.ID, of, of, u.StorageClass, stamp(u.Initiated), u.Algorithm, u.Type})
		out.NextKeyMarker, out.NextUploadIdMarker = encode(u.Key), u.ID
	}
	return c.writeXML("ListMultipartUploadsResult", out)
}

type partEntry struct {
	PartNumber int
	copyResult
	Size int64
}

type listPartsResult struct {
	Bucket               string
	Key                  string
	UploadId             string
	Initiator            *owner
	Owner                *owner
	StorageClass         string
	PartNumberMarker     int
	NextPartNumberMarker int
	MaxParts             int
	IsTruncated          bool
	ChecksumAlgorithm    string      `xml:",omitempty"`
	ChecksumType         string      `xml:",omitempty"`
	Parts                []partEntry `xml:"Part"`
}

func (s *Service) listParts(c *call) error {
	u, err := c.upload(c.State)
	if err != nil {
		return err
	}
	limit, err := c.limit("max-parts")
	if err != nil {
		return err
	}
	marker, err := c.number("part-number-marker")
	if err != nil {
		return err
	}
	of := ownerOf(c.bucket.Account)
	out := listPartsResult{
		Bucket: c.name, Key: c.key, UploadId: u.ID, Initiator: of, Owner: of, StorageClass: u.StorageClass,
		PartNumberMarker: marker, MaxParts: limit, ChecksumAlgorithm: u.Algorithm, ChecksumType: u.Type,
	}
	for _, p := range partsOf(c.State, u) {
		if p.Number <= marker {
			continue
		}
		if len(out.Parts) == limit {
			out.IsTruncated = true
			break
		}
		entry := partEntry{PartNumber: p.Number, copyResult: copyResult{ETag: quoted(p.ETag), LastModified: stamp(p.Modified)}, Size: p.Size}
		if u.Algorithm != "" {
			entry.setChecksum(p.Checksum)
		}
		out.Parts = append(out.Parts, entry)
		out.NextPartNumberMarker = p.Number
	}
	return c.writeXML("ListPartsResult", out)
}
