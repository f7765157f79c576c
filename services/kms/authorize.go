package kms

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/irsa-emu/irsa-emu/api"
	"github.com/irsa-emu/irsa-emu/aws"
	"github.com/irsa-emu/irsa-emu/policy"
	"github.com/irsa-emu/irsa-emu/services"
	"github.com/irsa-emu/irsa-emu/state"
	"github.com/irsa-emu/irsa-emu/wire"
)

// Every client error of KMS has the status 400.

func fail(code, format string, args ...any) *api.Refusal {
	return api.Fail(http.StatusBadRequest, code, format, args...)
}

func invalid(format string, args ...any) *api.Refusal {
	return fail("ValidationException", format, args...)
}

// refusal is a failure as KMS itself answers it.
func (f *Failure) refusal() *api.Refusal {
	return f.Refusal(wire.Errorf(http.StatusBadRequest, f.Code, "%s", f.Message))
}

// keyOfARN is the key that has an ARN.
func keyOfARN(r state.Reader, arn string, now time.Time) (*Key, *Failure) {
	a, err := aws.ParseARN(arn)
	if err != nil || a.Service != "kms" {
		return nil, failure(notFound, "Invalid arn %s", arn)
	}
	p, f := locate(arn, a.Account, a.Region)
	if f != nil {
		return nil, f
	}
	return p.find(r, now, false)
}

// open finds the key that a call is about and authorises the call for it. Whether
// an alias may stand for it is the action's to say; none changes a key of AWS's.
func (s *Service) open(req *api.Request, keyID string, more policy.Context) (*Key, error) {
	p, f := locate(keyID, req.Principal.Account, req.Region)
	if f != nil {
		return nil, f.refusal()
	}
	k, f := p.declared(req.State, req.Now)
	if f != nil {
		if p.account != req.Principal.Account {
			f = Use{Action: req.Action}.denied(req.Principal, assumedKey(req.State, p), policy.Decision{Outcome: policy.ImplicitDeny, By: policy.ResourcePolicy})
		}
		return nil, f.refusal()
	}
	if err := s.authorize(req, k, p, more); err != nil {
		return nil, err
	}
	if k.manager != "" && !strings.HasPrefix(req.Action, "Get") && !strings.HasPrefix(req.Action, "List") && req.Action != "DescribeKey" {
		return nil, fail(accessDenied, "User: %s is not authorized to perform: kms:%s on resource: %s", req.Principal.ARN, req.Action, k.ARN()).
			Because("the key %s is AWS's own, which nobody changes", managedAlias(k.manager))
	}
	return k, nil
}

func (s *Service) authorize(req *api.Request, k *Key, p place, more policy.Context) error {
	keys := k.keys(req.State)
	keys.Set("kms:CallerAccount", req.Principal.Account)
	if strings.HasPrefix(p.name, "alias/") {
		keys.Set("kms:RequestAlias", p.name)
	}
	for name, value := range more {
		keys[name] = value
	}
	req.Decision.Resource = k.ARN()
	d := req.Authorize(api.Access{
		Action: "kms:" + req.Action, Resource: k.ARN(), ResourceAccount: k.Account,
		ResourcePolicy: k.resourcePolicy(req.State), ResourceDecides: true, Keys: keys,
	})
	if d.Allowed {
		return nil
	}
	return Use{Action: req.Action}.denied(req.Principal, k, d).refusal()
}

// authorizeAny is for actions on no key, and for aliases, which have no policy.
func (s *Service) authorizeAny(req *api.Request, resource string, keys policy.Context) error {
	if keys == nil {
		keys = policy.Context{}
	}
	keys.Set("kms:CallerAccount", req.Principal.Account)
	d := req.Authorize(api.Access{Action: "kms:" + req.Action, Resource: resource, Keys: keys})
	if d.Allowed {
		return nil
	}
	return api.Denied(d, wire.Errorf(http.StatusBadRequest, accessDenied, "%s", api.DenialText(req.Principal, d, "kms:"+req.Action, resource)))
}

// change applies fn to a copy of the key, on its newest state, and keeps it.
func (s *Service) change(ctx context.Context, k *Key, fn func(*Key) error) (*Key, error) {
	var changed *Key
	err := s.store.Update(ctx, func(tx *state.Txn) error {
		now, ok := state.Get[*Key](tx, k.StateKey())
		if !ok {
			return failure(notFound, "Key '%s' does not exist", k.ARN()).refusal()
		}
		c := *now
		if err := fn(&c); err != nil {
			return err
		}
		changed = &c
		tx.Put(changed)
		return nil
	})
	return changed, err
}

// live refuses a change of a key that is pending deletion (developer guide, "Key
// states of AWS KMS keys").
func (k *Key) live() error {
	if k.State == pendingDeletion {
		return k.usable().refusal()
	}
	return nil
}

type tag struct{ TagKey, TagValue string }

func tagsOf(in []tag) []aws.Tag {
	var tags []aws.Tag
	for _, t := range in {
		tags = append(tags, aws.Tag{Key: t.TagKey, Value: t.TagValue})
	}
	return tags
}

func checkTags(tags []aws.Tag) error {
	seen := map[string]bool{}
	for _, t := range tags {
		switch {
		case !aws.TagKeyFits(t.Key) || !aws.TagValueFits(t.Value):
			return fail("TagException", "Invalid tag: keys have 1 to 128 characters, values up to 256.")
		case aws.ReservedTagKey(t.Key):
			return fail("TagException", "aws: prefixed tag key names are not allowed for external use.")
		case seen[t.Key]:
			return fail("TagException", "Duplicate tag keys")
		}
		seen[t.Key] = true
	}
	if len(tags) > aws.MostTags {
		return fail("TagException", "Too many tags")
	}
	return nil
}

// requestTags are the condition keys of tags that a call writes.
func requestTags(tags []aws.Tag) policy.Context {
	keys := policy.Context{}
	services.RequestTagKeys(keys, tags)
	return keys
}
