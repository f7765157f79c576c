package sts

import (
	"slices"
	"strings"

	"github.com/irsa-emu/irsa-emu/api"
	"github.com/irsa-emu/irsa-emu/aws"
	"github.com/irsa-emu/irsa-emu/policy"
)

// tagElement is a member of the parameter Tags.
type tagElement struct {
	Key   string `wire:"required,min=1,max=128,pattern=TAGKEY"`
	Value string `wire:"required,min=0,max=256,pattern=TAGVALUE"`
}

// String is the tag as AWS's violations print it (recorded 13).
func (t tagElement) String() string { return "Tag(key=" + t.Key + ", value=" + t.Value + ")" }

// sessionTags are the tags of one call and what the calling session hands on.
type sessionTags struct {
	list       []aws.Tag // passed in this call
	transitive []string  // of list
	// inherited are the transitive tags of the calling session; inheritedKeys their keys.
	inherited []aws.Tag
}

// elements are the tags as the parameter has them.
func (t *sessionTags) elements() []tagElement {
	var list []tagElement
	for _, tag := range t.list {
		list = append(list, tagElement{tag.Key, tag.Value})
	}
	return list
}

// readTags checks the parameters Tags and TransitiveTagKeys against each other
// and against the calling session; nil caller: there is none. Tag keys ignore case.
func readTags(elements []tagElement, transitive []string, caller *api.Principal) (sessionTags, *api.Refusal) {
	var tags sessionTags
	if caller != nil && caller.Temporary {
		for _, tag := range caller.SessionTags {
			if containsKey(caller.TransitiveTagKeys, tag.Key) {
				tags.inherited = append(tags.inherited, tag)
			}
		}
	}
	keys := make([]string, 0, len(elements))
	for _, e := range elements {
		if containsKey(keys, e.Key) {
			return tags, duplicateTags()
		}
		if aws.ReservedTagKey(e.Key) {
			return tags, reservedTag(e.Key)
		}
		keys = append(keys, e.Key)
		tags.list = append(tags.list, aws.Tag{Key: e.Key, Value: e.Value})
	}
	for _, key := range transitive {
		if !containsKey(keys, key) {
			return tags, transitiveNotInTags()
		}
	}
	for _, tag := range tags.inherited {
		if containsKey(keys, tag.Key) {
			return tags, transitiveConflict()
		}
	}
	tags.transitive = transitive
	return tags, nil
}

func containsKey(keys []string, key string) bool {
	return slices.ContainsFunc(keys, func(k string) bool { return strings.EqualFold(k, key) })
}

// setKeys sets the condition keys of the tags, inherited ones included: a role
// that is assumed with them must allow sts:TagSession too, and sees them as tags
// of the request (EKS user guide, "Access AWS resources using EKS Pod Identity
// target IAM roles"; without the permission the refusal names sts:TagSession, US
// in recorded 14).
func (t *sessionTags) setKeys(ctx policy.Context) {
	all := t.list
	if len(t.inherited) > 0 {
		all = t.all()
	}
	if len(all) == 0 {
		return
	}
	keys := make([]string, len(all))
	for i, tag := range all {
		keys[i] = tag.Key
		ctx.Set("aws:RequestTag/"+tag.Key, tag.Value)
	}
	ctx.SetMulti("aws:TagKeys", keys)
	if transitive := t.transitiveKeys(); len(transitive) > 0 {
		ctx.SetMulti("sts:TransitiveTagKeys", transitive)
	}
}

// transitiveKeys are those of the new session: passed and inherited.
func (t *sessionTags) transitiveKeys() []string {
	keys := slices.Clone(t.transitive)
	for _, tag := range t.inherited {
		keys = append(keys, tag.Key)
	}
	return keys
}

// all are the new session's tags: passed and inherited.
func (t *sessionTags) all() []aws.Tag { return append(slices.Clone(t.list), t.inherited...) }
