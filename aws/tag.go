package aws

import (
	"strings"
	"unicode/utf8"

	"github.com/irsa-emu/irsa-emu/lazyregexp"
)

// Tag is one key and value; the case that was written last is kept.
type Tag struct {
	Key   string `json:"key"`
	Value string `json:"value"`
}

// The limits of tags: how many a resource or a session can have, and how many
// characters (tagging user guide, "Tag naming limits and requirements"). Few have
// others, such as the objects of S3.
const (
	MostTags        = 50
	LongestTagKey   = 128
	LongestTagValue = 256
)

// TagText matches texts of the characters that tags are made of.
var TagText = lazyregexp.New(`^[\p{L}\p{Z}\p{N}_.:/=+\-@]*$`)

// TagKeyFits says whether a tag's key has a length that AWS takes.
func TagKeyFits(key string) bool { return key != "" && utf8.RuneCountInString(key) <= LongestTagKey }

// TagValueFits says whether a tag's value has a length that AWS takes.
func TagValueFits(value string) bool { return utf8.RuneCountInString(value) <= LongestTagValue }

// ReservedTagKey says whether a tag's key is one of those that AWS alone can set.
func ReservedTagKey(key string) bool { return len(key) >= 4 && strings.EqualFold(key[:4], "aws:") }
