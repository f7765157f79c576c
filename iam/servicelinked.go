package iam

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"strings"
	"sync"

	"github.com/google/uuid"

	"github.com/irsa-emu/irsa-emu/state"
)

var serviceLinkedActions = map[string]action{
	"CreateServiceLinkedRole":            on((*call).createServiceLinkedRole),
	"DeleteServiceLinkedRole":            on((*call).deleteServiceLinkedRole),
	"GetServiceLinkedRoleDeletionStatus": on((*call).getServiceLinkedRoleDeletionStatus),
}

// serviceRolesJSON says which service has which role: its name, the AWS managed
// policies attached, and whether a suffix may follow. maketables makes it from
// what LocalStack recorded on AWS (test_service_role_lifecycle, 13 March 2025).
//
//go:generate sh -c "go run ./maketables -service-roles \"$SERVICE_ROLES\""
//go:embed service_roles.json
var serviceRolesJSON []byte

type serviceRole struct {
	Name        string   `json:"name"`
	Policies    []string `json:"policies"` // what [managedARN] takes
	Description string   `json:"description,omitempty"`
	Suffix      bool     `json:"suffix,omitempty"`
}

var serviceRoles = sync.OnceValue(func() map[string]serviceRole {
	var table map[string]serviceRole
	if err := json.Unmarshal(serviceRolesJSON, &table); err != nil {
		panic(fmt.Sprintf("iam: service_roles.json: %v", err))
	}
	return table
})

type createServiceLinkedRoleInput struct {
	AWSServiceName string  `wire:"required,min=1,max=128,pattern=NAME"`
	Description    *string `wire:"max=1000,pattern=[\\u0009\\u000A\\u000D\\u0020-\\u007E\\u00A1-\\u00FF]*"`
	CustomSuffix   string  `wire:"min=1,max=64,pattern=NAME"`
}

func (in *createServiceLinkedRoleInput) target(c *call) target {
	service, ok := serviceRoles()[in.AWSServiceName]
	if !ok {
		service.Name = "*"
	}
	return target{arn: c.arnOf("role", serviceRolePath+in.AWSServiceName+"/", service.roleName(in.CustomSuffix))}.
		with("iam:AWSServiceName", in.AWSServiceName)
}

func (s serviceRole) roleName(suffix string) string {
	if suffix == "" {
		return s.Name
	}
	return s.Name + "_" + suffix
}

// createServiceLinkedRole makes the role of a service that the table knows. The
// text for any other service is our own.
func (c *call) createServiceLinkedRole(in *createServiceLinkedRoleInput) (any, error) {
	service, ok := serviceRoles()[in.AWSServiceName]
	if !ok {
		return nil, invalidInput("irsa-emu knows no service-linked role of the service %s", in.AWSServiceName)
	}
	if in.CustomSuffix != "" && !service.Suffix {
		return nil, invalidInput("Custom suffix is not allowed for %s", in.AWSServiceName)
	}
	return c.update(func(tx *state.Txn) (any, error) {
		name := service.roleName(in.CustomSuffix)
		if _, exists := RoleByName(tx, c.account, name); exists {
			return nil, invalidInput("Service role name %s has been taken in this account, please try a different suffix.", name)
		}
		make := &createRoleInput{
			RoleName: name, AssumeRolePolicyDocument: serviceTrust(in.AWSServiceName), Description: in.Description,
			pathInput: pathInput{serviceRolePath + in.AWSServiceName + "/"},
		}
		if make.Description == nil && service.Description != "" {
			make.Description = &service.Description
		}
		role, err := c.maker(tx).role(make)
		if err != nil {
			return nil, err
		}
		limits := roleLimits.in(role.Account, role.Partition)
		limits.service = true
		for _, policy := range service.Policies {
			arn := managedARN(role.Partition, policy)
			if _, known := PolicyByARN(tx, arn); !known {
				// AmazonLexBotPolicy, whose text no source has: it is listed, and allows nothing.
				role.Attached = append(role.Attached, arn)
				continue
			}
			if err := role.attach(tx, arn, limits); err != nil {
				return nil, err
			}
		}
		tx.Put(role)
		out := outRole(role)
		out.AssumeRolePolicyDocument = percentEncode(serviceTrustInLists(in.AWSServiceName))
		return &roleResult{out}, nil
	})
}

// serviceTrust is the trust policy of every service-linked role.
func serviceTrust(service string) string {
	return `{"Version":"2012-10-17","Statement":[{"Action":"sts:AssumeRole","Effect":"Allow","Principal":{"Service":"` + service + `"}}]}`
}

// serviceTrustInLists is that policy as CreateServiceLinkedRole alone answers it
// (recorded 4).
func serviceTrustInLists(service string) string {
	return `{"Version":"2012-10-17","Statement":[{"Action":["sts:AssumeRole"],"Effect":"Allow","Principal":{"Service":["` + service + `"]}}]}`
}

type deletionTaskOutput struct{ DeletionTaskId string }

// deleteServiceLinkedRole removes the role at once; on AWS the service is asked
// first and a task waits for it.
func (c *call) deleteServiceLinkedRole(in *roleInput) (any, error) {
	return c.update(func(tx *state.Txn) (any, error) {
		role, err := c.role(tx, in.RoleName)
		if err != nil {
			return nil, err
		}
		service, ok := strings.CutPrefix(role.Path, serviceRolePath)
		if !ok {
			return nil, noSuchEntity("The role with name %s exists but is not a service role.", in.RoleName)
		}
		tx.Delete(role)
		if err := forgetPrincipal(tx, TrustPrincipal{role.ARN(), role.ID}); err != nil {
			return nil, err
		}
		return &deletionTaskOutput{deletionTask(c.account, service+role.Name)}, nil
	})
}

type deletionStatusInput struct {
	DeletionTaskId string `wire:"required,min=1,max=1000"`
}

func (in *deletionStatusInput) target(c *call) target {
	return target{arn: c.arnOf("role", serviceRolePath, "*")}
}

type deletionStatusOutput struct{ Status string }

// deletionTask is the id of the task that deletes a role, given as SERVICE/NAME.
// It is the same each time (recorded 4), and says itself whether it was given out.
func deletionTask(account, role string) string {
	id := uuid.NewSHA1(uuid.NameSpaceURL, []byte("iam/"+account+serviceRolePath+role))
	return "task" + serviceRolePath + role + "/" + id.String()
}

// getServiceLinkedRoleDeletionStatus answers from the id alone: a task is named
// after its role and has succeeded when the role is gone.
func (c *call) getServiceLinkedRoleDeletionStatus(in *deletionStatusInput) (any, error) {
	parts := strings.Split(in.DeletionTaskId, "/")
	switch {
	case len(parts) != 5 || parts[0] != "task" || parts[1] != "aws-service-role" || uuid.Validate(parts[4]) != nil:
		return nil, invalidInput("Invalid task id")
	case in.DeletionTaskId != deletionTask(c.account, parts[2]+"/"+parts[3]):
		return nil, noSuchEntity("Cannot find deletion status for given id.")
	}
	if _, exists := RoleByName(c.State, c.account, parts[3]); exists {
		return &deletionStatusOutput{"NOT_STARTED"}, nil
	}
	return &deletionStatusOutput{"SUCCEEDED"}, nil
}
