package s3

import (
	"encoding/xml"
	"iter"
	"strings"

	"github.com/irsa-emu/irsa-emu/state"
)

// versionEntry is a Version or a DeleteMarker of a listing; markers have no more than who, what and when.
type versionEntry struct {
	XMLName           xml.Name
	Key               string
	VersionId         string
	IsLatest          bool
	LastModified      stamp
	ETag              string `xml:",omitempty"`
	ChecksumAlgorithm string `xml:",omitempty"`
	ChecksumType      string `xml:",omitempty"`
	Size              *int64
	Owner             *owner
	StorageClass      string `xml:",omitempty"`
}

// listedVersion is a version and whether it is the newest of its key.
type listedVersion struct {
	*Object
	newest bool
}

// versionsOf gives all versions below a prefix in the order of keys, those of a
// key with the newest first.
func versionsOf(r state.Reader, bucket, prefix string) iter.Seq[listedVersion] {
	return func(yield func(listedVersion) bool) {
		next, stop := iter.Pull(state.All[*Version](r, objectKey(bucket, prefix)))
		defer stop()
		older, more := next()
		for o := range state.All[*Object](r, objectKey(bucket, prefix)) {
			if !yield(listedVersion{o, true}) {
				return
			}
			for more && older.Key <= o.Key {
				if !yield(listedVersion{&older.Object, false}) {
					return
				}
				older, more = next()
			}
		}
	}
}

// versionPage is one page of a listing of versions.
type versionPage struct {
	versions    []listedVersion
	prefixes    []string
	truncated   bool
	lastKey     string // key or common prefix
	lastVersion string // "" after a prefix
}

// listVersions gives the versions that come after a key, or after one version of it.
func listVersions(r state.Reader, bucket string, of pageOf) (page versionPage) {
	if of.limit == 0 {
		return page
	}
	passed := of.afterVersion == "" // the version that the page begins after
	for v := range versionsOf(r, bucket, of.prefix) {
		entry, common := grouped(v.Key, of.prefix, of.delimiter)
		switch {
		case common && (entry == page.lastKey || of.after != "" && (entry <= of.after || strings.HasPrefix(of.after, entry))):
			continue
		case !common && of.after != "" && v.Key < of.after:
			continue
		case !common && of.after != "" && v.Key == of.after && of.afterVersion == "":
			continue
		case !common && of.after != "" && v.Key == of.after && !passed:
			passed = v.id() == of.afterVersion
			continue
		case len(page.versions)+len(page.prefixes) == of.limit:
			page.truncated = true
			return page
		}
		page.lastKey, page.lastVersion = entry, ""
		if common {
			page.prefixes = append(page.prefixes, entry)
			continue
		}
		page.lastVersion = v.id()
		page.versions = append(page.versions, v)
	}
	return page
}

// isVersion says whether an id is one of S3's, or one that a State document gave.
func (c *call) isVersion(key, id string) bool {
	if validVersionID(id) {
		return true
	}
	_, _, ok := version(c.State, c.name, key, id)
	return ok
}

func (s *Service) listObjectVersions(c *call) error {
	out, encode, wanted, err := c.startList()
	if err != nil {
		return err
	}
	marker, version := c.query.Get("key-marker"), c.query.Get("version-id-marker")
	switch {
	case c.query.Has("version-id-marker") && version == "":
		return invalidArgument("A version-id marker cannot be empty.", "version-id-marker", "")
	case version != "" && marker == "":
		return invalidArgument("A version-id marker cannot be specified without a key marker.", "version-id-marker", version)
	case version != "" && !c.isVersion(marker, version):
		return invalidArgument("Invalid version id specified", "version-id-marker", version)
	}
	encoded := encode(marker)
	out.KeyMarker, out.VersionIdMarker = &encoded, &version
	wanted.after, wanted.afterVersion = marker, version
	page := listVersions(c.State, c.name, wanted)
	of := ownerOf(c.bucket.Account)
	for _, v := range page.versions {
		out.Versions = append(out.Versions, entryOf(v, encode, of))
	}
	for _, p := range page.prefixes {
		out.CommonPrefixes = append(out.CommonPrefixes, commonPrefix{encode(p)})
	}
	if out.IsTruncated = page.truncated; page.truncated {
		out.NextKeyMarker, out.NextVersionIdMarker = encode(page.lastKey), page.lastVersion
	}
	return c.writeXML("ListVersionsResult", out)
}

func entryOf(v listedVersion, encode func(string) string, of *owner) versionEntry {
	e := versionEntry{XMLName: xml.Name{Local: "Version"}, Key: encode(v.Key), VersionId: v.id(), IsLatest: v.newest, LastModified: stamp(v.Modified), Owner: of}
	if v.Marker {
		e.XMLName.Local = "DeleteMarker"
		return e
	}
	e.ETag, e.Size, e.StorageClass = quoted(v.ETag), &v.Size, v.StorageClass
	e.ChecksumAlgorithm, e.ChecksumType = v.Checksum.Algorithm, v.Checksum.Type
	return e
}
