package secretsmanager

import (
	"github.com/irsa-emu/irsa-emu/api"
	"github.com/irsa-emu/irsa-emu/aws"
	"github.com/irsa-emu/irsa-emu/policy"
	"github.com/irsa-emu/irsa-emu/services"
)

type tagResourceInput struct {
	SecretId string    `wire:"required,min=1,max=2048"`
	Tags     []aws.Tag `wire:"required"`
}

func (s *Service) tagResource(req *api.Request) (any, error) {
	var in tagResourceInput
	if err := req.DecodeJSON(&in); err != nil {
		return nil, err
	}
	keys := policy.Context{}
	services.RequestTagKeys(keys, in.Tags)
	secret, err := s.open(req, in.SecretId, keys)
	if err != nil {
		return nil, err
	}
	if err := checkTags(in.Tags); err != nil {
		return nil, err
	}
	return s.retag(req, secret, func(tags []aws.Tag) []aws.Tag { return services.SetTags(tags, in.Tags...) })
}

type untagResourceInput struct {
	SecretId string   `wire:"required,min=1,max=2048"`
	TagKeys  []string `wire:"required"`
}

func (s *Service) untagResource(req *api.Request) (any, error) {
	var in untagResourceInput
	if err := req.DecodeJSON(&in); err != nil {
		return nil, err
	}
	keys := policy.Context{}
	keys.SetMulti("aws:TagKeys", in.TagKeys)
	secret, err := s.open(req, in.SecretId, keys)
	if err != nil {
		return nil, err
	}
	return s.retag(req, secret, func(tags []aws.Tag) []aws.Tag { return services.DropTags(tags, in.TagKeys) })
}

// retag answers without a body, as AWS does.
func (s *Service) retag(req *api.Request, secret *Secret, to func([]aws.Tag) []aws.Tag) (any, error) {
	_, err := s.change(req.HTTP.Context(), secret, func(secret *Secret) error {
		if !secret.Deleted.IsZero() {
			return markedForDeletion()
		}
		tags := to(secret.Tags)
		if len(tags) > aws.MostTags {
			return invalidParameter("Number of tags exceeds the limit of 50.")
		}
		secret.Tags = tags
		return nil
	})
	return nil, err
}

// checkTags holds tags against the limits of the API reference.
func checkTags(tags []aws.Tag) error {
	seen := map[string]bool{}
	for _, t := range tags {
		switch {
		case !aws.TagKeyFits(t.Key) || !aws.TagValueFits(t.Value):
			return invalidParameter("Invalid tag: keys have 1 to 128 characters, values up to 256.")
		case aws.ReservedTagKey(t.Key):
			return invalidParameter("Invalid tag: keys that begin with aws: are reserved.")
		case seen[t.Key]:
			return invalidParameter("Duplicate tag keys: %s", t.Key)
		}
		seen[t.Key] = true
	}
	if len(tags) > aws.MostTags {
		return invalidParameter("Number of tags exceeds the limit of 50.")
	}
	return nil
}
