package services

import (
	"slices"
	"strings"

	"github.com/irsa-emu/irsa-emu/aws"
	"github.com/irsa-emu/irsa-emu/policy"
)

// SetTags is tags with those of more added, or replaced where the key is
// there already. The argument is not changed.
func SetTags(tags []aws.Tag, more ...aws.Tag) []aws.Tag {
	set := append(make([]aws.Tag, 0, len(tags)+len(more)), tags...)
	for _, t := range more {
		if i := slices.IndexFunc(set, func(old aws.Tag) bool { return old.Key == t.Key }); i >= 0 {
			set[i].Value = t.Value
			continue
		}
		set = append(set, t)
	}
	return set
}

// DropTags is tags without those keys; never nil.
func DropTags(tags []aws.Tag, keys []string) []aws.Tag {
	left := make([]aws.Tag, 0, len(tags))
	for _, t := range tags {
		if !slices.Contains(keys, t.Key) {
			left = append(left, t)
		}
	}
	return left
}

// TagsOf lists a document's tags by key.
func TagsOf(m map[string]string) []aws.Tag {
	if m == nil {
		return nil
	}
	tags := make([]aws.Tag, 0, len(m))
	for k, v := range m {
		tags = append(tags, aws.Tag{Key: k, Value: v})
	}
	slices.SortFunc(tags, func(a, b aws.Tag) int { return strings.Compare(a.Key, b.Key) })
	return tags
}

// TagMap is the form that documents and REST-JSON have; nil for no tags.
func TagMap(tags []aws.Tag) map[string]string {
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
func ResourceTagKeys(keys policy.Context, tags []aws.Tag, prefixes ...string) {
	for _, t := range tags {
		keys.Set("aws:ResourceTag/"+t.Key, t.Value)
		for _, prefix := range prefixes {
			keys.Set(prefix+t.Key, t.Value)
		}
	}
}

// RequestTagKeys sets the condition keys of tags that a call wants to write.
func RequestTagKeys(keys policy.Context, tags []aws.Tag) {
	names := make([]string, len(tags))
	for i, t := range tags {
		keys.Set("aws:RequestTag/"+t.Key, t.Value)
		names[i] = t.Key
	}
	if len(names) > 0 {
		keys.SetMulti("aws:TagKeys", names)
	}
}
