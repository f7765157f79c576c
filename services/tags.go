package services

import (
	"slices"
	"strings"

	"github.com/irsa-emu/irsa-emu/iam"
	"github.com/irsa-emu/irsa-emu/policy"
)

// SetTags is tags with those of more added, or replaced where the key is
// there already. The argument is not changed.
func SetTags(tags []iam.Tag, more ...iam.Tag) []iam.Tag {
	set := append(make([]iam.Tag, 0, len(tags)+len(more)), tags...)
	for _, t := range more {
		if i := slices.IndexFunc(set, func(old iam.Tag) bool { return old.Key == t.Key }); i >= 0 {
			set[i].Value = t.Value
			continue
		}
		set = append(set, t)
	}
	return set
}

// DropTags is tags without those keys; never nil.
func DropTags(tags []iam.Tag, keys []string) []iam.Tag {
	left := make([]iam.Tag, 0, len(tags))
	for _, t := range tags {
		if !slices.Contains(keys, t.Key) {
			left = append(left, t)
		}
	}
	return left
}

// TagsOf lists a document's tags by key.
func TagsOf(m map[string]string) []iam.Tag {
	if m == nil {
		return nil
	}
	tags := make([]iam.Tag, 0, len(m))
	for k, v := range m {
		tags = append(tags, iam.Tag{Key: k, Value: v})
	}
	slices.SortFunc(tags, func(a, b iam.Tag) int { return strings.Compare(a.Key, b.Key) })
	return tags
}

// TagMap is the form that documents and REST-JSON have; nil for no tags.
func TagMap(tags []iam.Tag) map[string]string {
	if len(tags) == 0 {
		return nil
	}
	m := make(map[string]string, len(tags))
	for _, t := range tags {
		m[t.Key] = t.Value
	}
	return m
}

// ResourceTagKeys sets the condition keys of an existing resource's tags,
// under aws:ResourceTag and under the service's own prefix where it has one.
func ResourceTagKeys(keys policy.Context, tags []iam.Tag, prefixes ...string) {
	for _, t := range tags {
		keys.Set("aws:ResourceTag/"+t.Key, t.Value)
		for _, prefix := range prefixes {
			keys.Set(prefix+t.Key, t.Value)
		}
	}
}

// RequestTagKeys sets the condition keys of tags that a call wants to write.
func RequestTagKeys(keys policy.Context, tags []iam.Tag) {
	names := make([]string, len(tags))
	for i, t := range tags {
		keys.Set("aws:RequestTag/"+t.Key, t.Value)
		names[i] = t.Key
	}
	if len(names) > 0 {
		keys.SetMulti("aws:TagKeys", names)
	}
}
