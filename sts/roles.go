package sts

import (
	"fmt"
	"strings"
	"time"

	"github.com/irsa-emu/irsa-emu/api"
	"github.com/irsa-emu/irsa-emu/aws"
	"github.com/irsa-emu/irsa-emu/iam"
	"github.com/irsa-emu/irsa-emu/policy"
)

// visibleRole finds the role of exactly that ARN, once it has propagated; why
// says what is there instead.
func (s *Service) visibleRole(req *api.Request, arn string) (role *iam.Role, why string) {
	role, ok := iam.RoleByARN(req.State, arn)
	if !ok {
		return nil, whyNoRole(req, arn)
	}
	if !s.propagated(role.Created, req.Now) {
		return nil, fmt.Sprintf("the role was created %s ago and is not visible before %s", req.Now.Sub(role.Created), s.config.PropagationDelay)
	}
	return role, ""
}

func (s *Service) propagated(created, now time.Time) bool {
	return s.config.PropagationDelay <= 0 || now.Sub(created) >= s.config.PropagationDelay
}

func whyNoRole(req *api.Request, arn string) string {
	a, err := aws.ParseARN(arn)
	if err != nil || a.Service != "iam" || !strings.HasPrefix(a.Resource, "role/") {
		return arn + " is not the ARN of a role"
	}
	name := a.Resource[strings.LastIndexByte(a.Resource, '/')+1:]
	if role, ok := iam.RoleByName(req.State, a.Account, name); ok {
		return fmt.Sprintf("there is no role %s; account %s has %s", arn, a.Account, role.ARN())
	}
	return fmt.Sprintf("account %s has no role named %s", a.Account, name)
}

// setRoleTags sets the condition keys of the tags of the role that is assumed.
func setRoleTags(ctx policy.Context, role *iam.Role) {
	for _, tag := range role.Tags {
		ctx.Set("aws:ResourceTag/"+tag.Key, tag.Value)
		ctx.Set("iam:ResourceTag/"+tag.Key, tag.Value)
	}
}
