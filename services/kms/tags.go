package kms

import (
	"github.com/irsa-emu/irsa-emu/api"
	"github.com/irsa-emu/irsa-emu/policy"
	"github.com/irsa-emu/irsa-emu/services"
	"github.com/irsa-emu/irsa-emu/wire"
)

func (s *Service) tagResource(req *api.Request) (any, error) {
	var in struct {
		keyInput
		Tags []tag `wire:"required"`
	}
	if err := req.DecodeJSON(&in); err != nil {
		return nil, err
	}
	tags := tagsOf(in.Tags)
	k, err := s.open(req, in.KeyId, requestTags(tags))
	if err != nil {
		return nil, err
	}
	_, err = s.change(req.HTTP.Context(), k, func(k *Key) error {
		if err := k.live(); err != nil {
			return err
		}
		if err := checkTags(tags); err != nil {
			return err
		}
		k.Tags = services.SetTags(k.Tags, tags...)
		return checkTags(k.Tags)
	})
	return nil, err
}

func (s *Service) untagResource(req *api.Request) (any, error) {
	var in struct {
		keyInput
		TagKeys []string `wire:"required"`
	}
	if err := req.DecodeJSON(&in); err != nil {
		return nil, err
	}
	keys := policy.Context{}
	keys.SetMulti("aws:TagKeys", in.TagKeys)
	k, err := s.open(req, in.KeyId, keys)
	if err != nil {
		return nil, err
	}
	_, err = s.change(req.HTTP.Context(), k, func(k *Key) error {
		if err := k.live(); err != nil {
			return err
		}
		k.Tags = services.DropTags(k.Tags, in.TagKeys)
		return nil
	})
	return nil, err
}

func (s *Service) listResourceTags(req *api.Request) (any, error) {
	var in struct {
		keyInput
		pageInput
	}
	if err := req.DecodeJSON(&in); err != nil {
		return nil, err
	}
	k, err := s.open(req, in.KeyId, nil)
	if err != nil {
		return nil, err
	}
	list := make([]tag, len(k.Tags))
	for i, t := range k.Tags {
		list[i] = tag{t.Key, t.Value}
	}
	list, p := take(list, in.pageInput, 50, func(t tag) string { return t.TagKey })
	return struct {
		Tags []tag
		page
	}{list, p}, nil
}

func (s *Service) enableKeyRotation(req *api.Request) (any, error) {
	var in struct {
		keyInput
		RotationPeriodInDays *int `wire:"min=90,max=2560"`
	}
	if err := req.DecodeJSON(&in); err != nil {
		return nil, err
	}
	return nil, s.edit(req, in.KeyId, func(k *Key) {
		k.RotationDays = defaultRotation
		if in.RotationPeriodInDays != nil {
			k.RotationDays = *in.RotationPeriodInDays
		}
	})
}

func (s *Service) disableKeyRotation(req *api.Request) (any, error) {
	var in keyInput
	if err := req.DecodeJSON(&in); err != nil {
		return nil, err
	}
	return nil, s.edit(req, in.KeyId, func(k *Key) { k.RotationDays = 0 })
}

// getKeyRotationStatus says what was asked for; nothing is rotated, as there is no
// key material.
func (s *Service) getKeyRotationStatus(req *api.Request) (any, error) {
	var in keyInput
	if err := req.DecodeJSON(&in); err != nil {
		return nil, err
	}
	k, err := s.open(req, in.KeyId, nil)
	if err != nil {
		return nil, err
	}
	out := struct {
		KeyRotationEnabled   bool
		KeyId                string
		RotationPeriodInDays int       `json:",omitempty"`
		NextRotationDate     wire.Time `json:",omitzero"`
	}{KeyId: k.ARN()}
	if k.RotationDays > 0 && k.State != pendingDeletion {
		out.KeyRotationEnabled, out.RotationPeriodInDays = true, k.RotationDays
		if !k.Created.IsZero() {
			next := k.Created.AddDate(0, 0, k.RotationDays)
			for next.Before(req.Now) {
				next = next.AddDate(0, 0, k.RotationDays)
			}
			out.NextRotationDate = wire.At(next)
		}
	}
	return out, nil
}
