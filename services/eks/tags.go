package eks

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/irsa-emu/irsa-emu/api"
	"github.com/irsa-emu/irsa-emu/aws"
	"github.com/irsa-emu/irsa-emu/policy"
	"github.com/irsa-emu/irsa-emu/services"
	"github.com/irsa-emu/irsa-emu/state"
)

// tagged is what can have tags: a cluster, an association, an access entry or an add-on.
type tagged interface {
	state.Entity
	tags() []aws.Tag
	withTags([]aws.Tag) state.Entity
}

func (c *Cluster) tags() []aws.Tag { return c.Tags }

func (c *Cluster) withTags(tags []aws.Tag) state.Entity {
	changed := *c
	changed.Tags = tags
	return &changed
}

// byARN finds what an ARN of the caller's account and region names.
func byARN(r state.Reader, req *api.Request, text string) (tagged, error) {
	arn, err := aws.ParseARN(text)
	if err != nil || arn.Service != "eks" {
		return nil, api.Fail(http.StatusBadRequest, "BadRequestException", "Invalid ARN: %s", text)
	}
	if arn.Account == req.Principal.Account && arn.Region == req.Region {
		if name, ok := arn.EKSCluster(); ok {
			if c, found := ClusterByName(r, arn.Account, arn.Region, name); found {
				return c, nil
			}
		}
		if rest, ok := strings.CutPrefix(arn.Resource, "podidentityassociation/"); ok {
			if a, found := state.Get[*Association](r, clusterKey(arn.Account, arn.Region, rest)); found {
				return a, nil
			}
		}
		if rest, ok := strings.CutPrefix(arn.Resource, "addon/"); ok {
			key := rest[:max(0, strings.LastIndexByte(rest, '/'))]
			if a, found := state.Get[*Addon](r, clusterKey(arn.Account, arn.Region, key)); found && a.ARN() == text {
				return a, nil
			}
		}
		if rest, ok := strings.CutPrefix(arn.Resource, "access-entry/"); ok {
			cluster, _, _ := strings.Cut(rest, "/")
			for entry := range state.All[*AccessEntry](r, clusterKey(arn.Account, arn.Region, cluster)+"/") {
				if entry.ARN() == text {
					return entry, nil
				}
			}
		}
	}
	return nil, api.Fail(http.StatusNotFound, "NotFoundException", "Resource not found for ARN: %s", text)
}

// openARN authorises a call on what an ARN names, and finds it.
func openARN(c *call, keys policy.Context) (tagged, error) {
	text := c.path["arn"]
	found, missing := byARN(c.State, c.Request, text)
	if missing == nil {
		services.ResourceTagKeys(keys, found.tags())
	}
	account := c.Principal.Account
	if arn, err := aws.ParseARN(text); err == nil && arn.Account != "" {
		account = arn.Account
	}
	if err := authorize(c.Request, "eks:"+c.Action, text, account, keys); err != nil {
		return nil, err
	}
	return found, missing
}

func (s *Service) listTags(c *call) (any, error) {
	found, err := openARN(c, policy.Context{})
	if err != nil {
		return nil, err
	}
	return object{"tags": tagMap(found.tags())}, nil
}

func (s *Service) tagResource(c *call) (any, error) {
	var in struct {
		Tags map[string]string `json:"tags"`
	}
	if err := decode(c.Request, &in); err != nil {
		return nil, err
	}
	tags := services.TagsOf(in.Tags)
	keys := policy.Context{}
	services.RequestTagKeys(keys, tags)
	if _, err := openARN(c, keys); err != nil {
		return nil, err
	}
	if len(tags) == 0 {
		return nil, api.Fail(http.StatusBadRequest, "BadRequestException", "tags must have 1 to %d entries.", aws.MostTags)
	}
	if wrong := wrongTags(tags); wrong != "" {
		return nil, api.Fail(http.StatusBadRequest, "BadRequestException", "%s", wrong)
	}
	return s.retag(c, func(old []aws.Tag) []aws.Tag { return services.SetTags(old, tags...) })
}

func (s *Service) untagResource(c *call) (any, error) {
	names := c.HTTP.URL.Query()["tagKeys"]
	keys := policy.Context{}
	keys.SetMulti("aws:TagKeys", names)
	if _, err := openARN(c, keys); err != nil {
		return nil, err
	}
	return s.retag(c, func(old []aws.Tag) []aws.Tag { return services.DropTags(old, names) })
}

func (s *Service) retag(c *call, to func([]aws.Tag) []aws.Tag) (any, error) {
	err := s.store.Update(c.HTTP.Context(), func(tx *state.Txn) error {
		found, err := byARN(tx, c.Request, c.path["arn"])
		if err != nil {
			return err
		}
		tags := to(found.tags())
		if len(tags) > aws.MostTags {
			return api.Fail(http.StatusBadRequest, "BadRequestException", "A resource has at most %d tags.", aws.MostTags)
		}
		tx.Put(found.withTags(tags))
		return nil
	})
	if err != nil {
		return nil, err
	}
	return object{}, nil
}

// wrongTags says which limit of the API tags break (API reference, TagResource;
// EKS user guide, "Tag restrictions"); "" for none. The texts are not AWS's.
func wrongTags(tags []aws.Tag) string {
	if len(tags) > aws.MostTags {
		return fmt.Sprintf("tags must have 1 to %d entries.", aws.MostTags)
	}
	for _, t := range tags {
		switch {
		case !aws.TagKeyFits(t.Key):
			return "A tag's key must be between 1 and 128 characters."
		case !aws.TagValueFits(t.Value):
			return fmt.Sprintf("The value of the tag %s must have at most 256 characters.", t.Key)
		case aws.ReservedTagKey(t.Key):
			return fmt.Sprintf("The tag key %s is reserved: keys must not begin with aws:.", t.Key)
		}
	}
	return ""
}

// authorizeTags holds the tags that come with something new against the API's
// limits, and asks for the permission that tags need which come with something
// new, beside that of its creation (service authorization reference, Amazon EKS,
// TagResource; aws/karpenter-provider-aws#5544, gravitational/teleport#44736).
func authorizeTags(c *call, resource, account string, tags []aws.Tag) error {
	if len(tags) == 0 {
		return nil
	}
	if wrong := wrongTags(tags); wrong != "" {
		return invalidParameter("%s", wrong)
	}
	keys := policy.Context{}
	services.RequestTagKeys(keys, tags)
	return authorize(c.Request, "eks:TagResource", resource, account, keys)
}
