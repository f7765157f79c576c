// Package clients holds the AWS SDK's own clients of the services that scenarios
// call by name: what a scenario calls is what a program would call, with the SDK's
// serialisation, signing and errors.
//
// It is the one list of them. Package harness finds operations, inputs and outputs
// by reflection, and knows no service.
package clients

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eks"
	"github.com/aws/aws-sdk-go-v2/service/eksauth"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/sts"
)

// client is one service's: its name in scenarios, which is the signing name, and
// what makes it.
type client struct {
	service string
	make    func(aws.Config) any
}

var (
	lock sync.RWMutex
	all  = []client{
		{"sts", func(c aws.Config) any { return sts.NewFromConfig(c) }},
		{"iam", func(c aws.Config) any { return iam.NewFromConfig(c) }},
		{"secretsmanager", func(c aws.Config) any { return secretsmanager.NewFromConfig(c) }},
		{"s3", func(c aws.Config) any { return s3.NewFromConfig(c, func(o *s3.Options) { o.UsePathStyle = true }) }},
		{"eks", func(c aws.Config) any { return eks.NewFromConfig(c) }},
		{"eks-auth", func(c aws.Config) any { return eksauth.NewFromConfig(c) }},
	}
)

// Services are the names of the services that scenarios can call.
func Services() []string {
	lock.RLock()
	defer lock.RUnlock()
	names := make([]string, len(all))
	for i := range all {
		names[i] = all[i].service
	}
	return names
}

// New makes the client of a service; false: there is none of that name.
func New(service string, c aws.Config) (any, bool) {
	lock.RLock()
	defer lock.RUnlock()
	for i := range all {
		if all[i].service == service {
			return all[i].make(c), true
		}
	}
	return nil, false
}

// Declare adds the client of a service that is registered beside the emulator's
// own. Each operation is a method of it, as of the SDK's clients:
//
//	func (c *Client) ReadNote(context.Context, *ReadNoteInput, ...func(*Options)) (*ReadNoteOutput, error)
func Declare(service string, newClient func(aws.Config) any) error {
	if made := newClient(aws.Config{}); len(Operations(made)) == 0 {
		return fmt.Errorf("clients: a %T has no operation", made)
	}
	lock.Lock()
	defer lock.Unlock()
	if slices.ContainsFunc(all, func(c client) bool { return c.service == service }) {
		return fmt.Errorf("clients: %s has a client already", service)
	}
	all = append(all[:len(all):len(all)], client{service, newClient})
	return nil
}

// Operations are the names of a client's operations.
func Operations(of any) []string {
	t := reflect.TypeOf(of)
	var names []string
	for i := range t.NumMethod() {
		if m := t.Method(i); isOperation(m.Type) {
			names = append(names, m.Name)
		}
	}
	return names
}

// isOperation: func(client, context, *Input, ...func(*Options)) (*Output, error).
func isOperation(t reflect.Type) bool {
	return t.NumIn() == 4 && t.NumOut() == 2 && t.IsVariadic() && t.In(1) == contextType && t.In(2).Kind() == reflect.Pointer && t.Out(0).Kind() == reflect.Pointer
}

var contextType = reflect.TypeFor[context.Context]()
