package iam

import (
	"encoding/base64"
	"iter"
	"strings"

	"github.com/irsa-emu/irsa-emu/wire"
)

// defaultPage is how many entries a list has when MaxItems does not say.
const defaultPage = 100

// pageInput asks for one page of a list.
type pageInput struct {
	Marker   string `wire:"min=1,max=320,pattern=MARKER"`
	MaxItems *int   `wire:"min=1,max=1000"`
}

// pageOutput is the end of a page.
type pageOutput struct {
	IsTruncated bool
	Marker      string `wire:"omitempty"`
}

// paginate cuts the page out of all that in asks for. The entries are in
// ascending order of key, and a marker holds the key of the last entry sent:
// entries that come or go between two pages do not shift the rest.
func paginate[T any](all iter.Seq[T], key func(T) string, in pageInput) ([]T, pageOutput, error) {
	limit := defaultPage
	if in.MaxItems != nil {
		limit = *in.MaxItems
	}
	after, later := "", in.Marker != ""
	if later {
		var ok bool
		if after, ok = openMarker(in.Marker); !ok {
			return nil, pageOutput{}, wire.ValidationError("Invalid Marker.")
		}
	}
	var some []T
	for entry := range all {
		if later && key(entry) <= after {
			continue
		}
		if len(some) == limit {
			return some, pageOutput{IsTruncated: true, Marker: sealMarker(key(some[limit-1]))}, nil
		}
		some = append(some, entry)
	}
	return some, pageOutput{}, nil
}

// under leaves only the entries whose path begins with a prefix; "" is all.
func under[T any](all iter.Seq[T], path func(T) string, prefix string) iter.Seq[T] {
	return func(yield func(T) bool) {
		for entry := range all {
			if strings.HasPrefix(path(entry), prefix) && !yield(entry) {
				return
			}
		}
	}
}

// markerMark tells our markers from other base64.
const markerMark = "after:"

func sealMarker(key string) string {
	return base64.RawURLEncoding.EncodeToString([]byte(markerMark + key))
}

func openMarker(marker string) (key string, ok bool) {
	b, err := base64.RawURLEncoding.DecodeString(marker)
	if err != nil {
		return "", false
	}
	return strings.CutPrefix(string(b), markerMark)
}
