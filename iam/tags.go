package iam

import (
	"fmt"
	"slices"
	"strings"

	"github.com/irsa-emu/irsa-emu/aws"
	"github.com/irsa-emu/irsa-emu/policy"
	"github.com/irsa-emu/irsa-emu/wire"
)

const maxTags = 50

// tagCase is whether an entity tells tag keys apart by their case. Recorded:
// OIDC providers and managed policies do, roles and users do not; instance
// profiles got their tags with the first two and are taken to do the same.
type tagCase bool

const (
	caseSensitive   tagCase = true
	caseInsensitive tagCase = false
)

func (c tagCase) equal(a, b string) bool {
	return a == b || c == caseInsensitive && strings.EqualFold(a, b)
}

func (c tagCase) index(tags []aws.Tag, key string) int {
	return slices.IndexFunc(tags, func(t aws.Tag) bool { return c.equal(t.Key, key) })
}

// tagInput is a tag of a request.
type tagInput struct {
	Key   string `wire:"required,min=1,max=128,pattern=TAGKEY"`
	Value string `wire:"required,max=256,pattern=TAGVALUE"`
}

// tagsInput are the tags of a new entity.
type tagsInput struct {
	Tags []tagInput `wire:"max=50"`
}

// addTagsInput is what every Tag… action takes.
type addTagsInput struct {
	Tags []tagInput `wire:"required,max=50"`
}

// tagKeysInput is what every Untag… action takes.
type tagKeysInput struct {
	TagKeys []string `wire:"required,max=50,each.required,each.min=1,each.max=128,each.pattern=TAGKEY"`
}

// newTags checks the tags of a new entity.
func newTags(in []tagInput, c tagCase) ([]aws.Tag, error) { return addTags(nil, in, c) }

// addTags gives have with in added: a tag replaces the one of its key and
// brings its own spelling of the key.
func addTags(have []aws.Tag, in []tagInput, c tagCase) ([]aws.Tag, error) {
	tags := slices.Clone(have)
	for i, t := range in {
		if aws.ReservedTagKey(t.Key) {
			return nil, invalidInput("System tags cannot be added/updated/deleted by the requester")
		}
		for _, earlier := range in[:i] {
			if !c.equal(earlier.Key, t.Key) {
				continue
			}
			if c == caseInsensitive {
				return nil, invalidInput("Duplicate tag keys found. Please note that Tag keys are case insensitive.")
			}
			return nil, invalidInput("Duplicate tag keys found.")
		}
		if at := c.index(tags, t.Key); at >= 0 {
			tags[at] = aws.Tag(t)
		} else {
			tags = append(tags, aws.Tag(t))
		}
	}
	if len(tags) > maxTags {
		return nil, limitExceeded("The number of tags has reached the maximum limit.")
	}
	slices.SortFunc(tags, func(a, b aws.Tag) int { return strings.Compare(a.Key, b.Key) })
	return tags, nil
}

func removeTags(have []aws.Tag, keys []string, c tagCase) []aws.Tag {
	return slices.DeleteFunc(slices.Clone(have), func(t aws.Tag) bool {
		return slices.ContainsFunc(keys, func(key string) bool { return c.equal(t.Key, key) })
	})
}

// tagOutput is a tag of an answer.
type tagOutput struct{ Key, Value string }

func outTags(tags []aws.Tag) wire.List[tagOutput] {
	out := make(wire.List[tagOutput], len(tags))
	for i, t := range tags {
		out[i] = tagOutput(t)
	}
	return out
}

// listTagsOutput is the answer of every List…Tags action.
type listTagsOutput struct {
	Tags wire.List[tagOutput]
	pageOutput
}

// listTags pages by position: a key may be too long for a marker.
func listTags(tags []aws.Tag, in pageInput) (any, error) {
	position := map[aws.Tag]string{}
	for i, t := range tags {
		position[t] = fmt.Sprintf("%02d", i)
	}
	some, page, err := paginate(slices.Values(tags), func(t aws.Tag) string { return position[t] }, in)
	if err != nil {
		return nil, err
	}
	return &listTagsOutput{outTags(some), page}, nil
}

// requestTagKeys are the condition keys of tags in a request.
func requestTagKeys(keys policy.Context, tags []tagInput) policy.Context {
	if len(tags) == 0 {
		return keys
	}
	names := make([]string, len(tags))
	for i, t := range tags {
		names[i] = t.Key
		keys.Set("aws:RequestTag/"+t.Key, t.Value)
	}
	keys.SetMulti("aws:TagKeys", names)
	return keys
}

// resourceTagKeys are the condition keys of the tags that the resource has.
func resourceTagKeys(tags []aws.Tag) policy.Context {
	keys := policy.Context{}
	setResourceTags(keys, tags)
	return keys
}

func setResourceTags(keys policy.Context, tags []aws.Tag) {
	for _, t := range tags {
		keys.Set("aws:ResourceTag/"+t.Key, t.Value)
		keys.Set("iam:ResourceTag/"+t.Key, t.Value)
	}
}

// SetTagKeys sets the condition keys that a call about the role has of its tags.
func (r *Role) SetTagKeys(keys policy.Context) { setResourceTags(keys, r.Tags) }
