package doctor

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
)

// callTimeout bounds each call, so that an address that swallows packets does not hold the rest up.
const callTimeout = 10 * time.Second

// ref names an object of the API server's, or a list when it has no name, or a
// path that is no object. All groups that are asked for have version v1.
type ref struct {
	group, namespace, resource, name, sub string
	path                                  string
}

func (r ref) url() string {
	if r.path != "" {
		return r.path
	}
	u := "/api/v1/"
	if r.group != "" {
		u = "/apis/" + r.group + "/v1/"
	}
	if r.namespace != "" {
		u += "namespaces/" + url.PathEscape(r.namespace) + "/"
	}
	u += r.resource
	for _, part := range []string{r.name, r.sub} {
		if part != "" {
			u += "/" + url.PathEscape(part)
		}
	}
	return u
}

// String is how RBAC and kubectl auth can-i write it.
func (r ref) String() string {
	if r.path != "" {
		return r.path
	}
	s := r.resource
	if r.group != "" {
		s += "." + r.group
	}
	if r.sub != "" {
		s += "/" + r.sub
	}
	return s
}

// forbidden is a refusal for want of rights, which says nothing about the chain.
type forbidden struct {
	verb string
	what ref
	err  error
}

func (e *forbidden) Unwrap() error { return e.err }

func (e *forbidden) Error() string {
	s := fmt.Sprintf("you lack the right to %s %s", e.verb, e.what)
	if e.what.namespace != "" {
		s += " in namespace " + e.what.namespace
	}
	return s
}

// refusal tells a want of rights from what admission refuses with the same
// status, such as a quota: only the former says what somebody "cannot" do.
func refusal(verb string, r ref, err error) error {
	if errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("no answer within %s", callTimeout)
	}
	if apierrors.IsForbidden(err) && strings.Contains(err.Error(), " cannot "+verb+" ") {
		return &forbidden{verb, r, err}
	}
	return err
}

func (x *examination) get(ctx context.Context, r ref, into any) error {
	return x.list(ctx, r, nil, into)
}

// list is get with a query.
func (x *examination) list(ctx context.Context, r ref, query url.Values, into any) error {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	path := r.url()
	if len(query) > 0 {
		path += "?" + query.Encode()
	}
	verb := "get"
	if r.path == "" && r.name == "" {
		verb = "list"
	}
	return refusal(verb, r, x.API.Get(ctx, path, into))
}

func (x *examination) create(ctx context.Context, r ref, query string, object, into any) error {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	return refusal("create", r, x.API.Create(ctx, r.url()+query, object, into))
}

// kubectl is a command in the namespace, for the same cluster.
func (x *examination) kubectl(format string, args ...any) string {
	return x.Kubectl + " -n " + x.Namespace + " " + fmt.Sprintf(format, args...)
}

// kubectlIn is a command in another namespace.
func (x *examination) kubectlIn(namespace, format string, args ...any) string {
	return x.Kubectl + " -n " + namespace + " " + fmt.Sprintf(format, args...)
}
