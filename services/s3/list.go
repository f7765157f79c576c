package s3

import (
	"encoding/base64"
	"net/http"
	"strconv"
	"strings"

	"github.com/irsa-emu/irsa-emu/state"
)

// pageOf is what a call wants of a bucket's names: those that begin with prefix
// and come after a key, or after a version of it, grouped up to the delimiter.
type pageOf struct {
	prefix, delimiter   string
	after, afterVersion string
	limit               int
}

// listing is one page of a bucket's objects.
type listing struct {
	objects   []*Object
	prefixes  []string
	truncated bool
	last      string // the last key or common prefix of the page
}

// list gives the objects, those that share a prefix up to the delimiter as one.
func list(r state.Reader, bucket string, of pageOf) (page listing) {
	if of.limit == 0 {
		return page
	}
	count := 0
	for o := range state.All[*Object](r, objectKey(bucket, of.prefix)) {
		if o.Marker {
			continue
		}
		entry, common := grouped(o.Key, of.prefix, of.delimiter)
		switch {
		case common && (entry == page.last || of.after != "" && (entry <= of.after || strings.HasPrefix(of.after, entry))):
			continue // that prefix is on this page or an earlier one
		case !common && o.Key <= of.after && of.after != "":
			continue
		case count == of.limit:
			page.truncated = true
			return page
		}
		count++
		page.last = entry
		if common {
			page.prefixes = append(page.prefixes, entry)
		} else {
			page.objects = append(page.objects, o)
		}
	}
	return page
}

type objectEntry struct {
	Key               string
	LastModified      stamp
	ETag              string
	ChecksumAlgorithm string `xml:",omitempty"`
	ChecksumType      string `xml:",omitempty"`
	Size              int64
	Owner             *owner
	StorageClass      string
}

type commonPrefix struct{ Prefix string }

type listResult struct {
	Name                  string
	Prefix                string
	Marker                *string
	KeyMarker             *string
	VersionIdMarker       *string
	NextMarker            string  `xml:",omitempty"`
	NextKeyMarker         string  `xml:",omitempty"`
	NextVersionIdMarker   string  `xml:",omitempty"`
	StartAfter            string  `xml:",omitempty"`
	ContinuationToken     *string `xml:",omitempty"`
	NextContinuationToken string  `xml:",omitempty"`
	KeyCount              *int
	MaxKeys               int
	Delimiter             string `xml:",omitempty"`
	IsTruncated           bool
	Versions              []versionEntry
	Contents              []objectEntry
	CommonPrefixes        []commonPrefix
	EncodingType          string `xml:",omitempty"`
}

// limit reads max-keys and its like; more than a thousand is a thousand.
func (c *call) limit(param string) (int, error) {
	if c.query.Get(param) == "" {
		return 1000, nil
	}
	n, err := c.number(param)
	return min(n, 1000), err
}

// number reads a parameter that is a number; 0 when it is not there.
func (c *call) number(param string) (int, error) {
	text := c.query.Get(param)
	if text == "" {
		return 0, nil
	}
	n, err := strconv.ParseInt(text, 10, 32)
	if err != nil {
		return 0, invalidArgument("Provided "+param+" not an integer or within integer range", param, text)
	}
	if n < 0 {
		return 0, invalidArgument("Argument "+param+" must be an integer between 0 and 2147483647", param, text)
	}
	return int(n), nil
}

// entries puts a page into an answer.
func (out *listResult) entries(page listing, encode func(string) string, of *owner) []objectEntry {
	entries := make([]objectEntry, 0, len(page.objects))
	for _, o := range page.objects {
		entries = append(entries, objectEntry{
			Key: encode(o.Key), LastModified: stamp(o.Modified), ETag: quoted(o.ETag), Size: o.Size, Owner: of, StorageClass: o.StorageClass,
			ChecksumAlgorithm: o.Checksum.Algorithm, ChecksumType: o.Checksum.Type,
		})
	}
	for _, p := range page.prefixes {
		out.CommonPrefixes = append(out.CommonPrefixes, commonPrefix{encode(p)})
	}
	out.IsTruncated = page.truncated
	return entries
}

// startList reads what the three listings have in common.
func (c *call) startList() (out listResult, encode func(string) string, wanted pageOf, err error) {
	encode, encoding, err := c.encoder()
	if err != nil {
		return out, nil, wanted, err
	}
	max, err := c.limit("max-keys")
	wanted = pageOf{prefix: c.query.Get("prefix"), delimiter: c.query.Get("delimiter"), limit: max}
	return listResult{Name: c.name, Prefix: encode(wanted.prefix), Delimiter: encode(wanted.delimiter), MaxKeys: max, EncodingType: encoding}, encode, wanted, err
}

func (s *Service) listObjectsV2(c *call) error {
	if kind := c.query.Get("list-type"); kind != "2" {
		return invalidArgument("Invalid List Type specified in Request", "list-type", kind)
	}
	out, encode, wanted, err := c.startList()
	if err != nil {
		return err
	}
	after := c.query.Get("start-after")
	out.StartAfter = encode(after)
	if c.query.Has("continuation-token") {
		token := c.query.Get("continuation-token")
		if token == "" {
			return fail(http.StatusBadRequest, "InvalidArgument", "The continuation token provided is incorrect", "ArgumentName", "continuation-token")
		}
		if after, err = readToken(token); err != nil {
			return err
		}
		out.ContinuationToken, out.StartAfter = &token, "" // the token is stronger, and not echoed beside it: recorded on AWS
	}
	var of *owner
	if c.query.Get("fetch-owner") == "true" {
		of = ownerOf(c.bucket.Account)
	}
	wanted.after = after
	page := list(c.State, c.name, wanted)
	out.Contents = out.entries(page, encode, of)
	count := len(page.objects) + len(page.prefixes)
	out.KeyCount = &count
	if page.truncated {
		out.NextContinuationToken = makeToken(page.last)
	}
	return c.writeXML("ListBucketResult", out)
}

func (s *Service) listObjects(c *call) error {
	out, encode, wanted, err := c.startList()
	if err != nil {
		return err
	}
	marker := c.query.Get("marker")
	encoded := encode(marker)
	out.Marker = &encoded
	wanted.after = marker
	page := list(c.State, c.name, wanted)
	out.Contents = out.entries(page, encode, ownerOf(c.bucket.Account))
	if page.truncated && wanted.delimiter != "" {
		out.NextMarker = encode(page.last)
	}
	return c.writeXML("ListBucketResult", out)
}

// A token is the name that the next page comes after.
func makeToken(last string) string { return base64.RawURLEncoding.EncodeToString([]byte(last)) }

func readToken(token string) (string, error) {
	b, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil {
		return "", invalidArgument("The continuation token provided is incorrect", "continuation-token", token)
	}
	return string(b), nil
}

// grouped is the entry that a listing has for a key: the key, or the common prefix
// that ends with the first delimiter behind the prefix asked for.
func grouped(key, prefix, delimiter string) (entry string, common bool) {
	if delimiter == "" {
		return key, false
	}
	rest, _, found := strings.Cut(key[len(prefix):], delimiter)
	if !found {
		return key, false
	}
	return prefix + rest + delimiter, true
}
