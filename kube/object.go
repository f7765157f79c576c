package kube

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"strings"
	"sync"
	"syscall"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
)

// Object is one manifest, of any kind.
type Object = unstructured.Unstructured

// FieldManager owns what irsa-emu installs.
const FieldManager = "irsa-emu"

// Objects reads YAML or JSON documents; List objects are taken apart.
func Objects(manifests []byte) ([]Object, error) {
	var out []Object
	decoder := utilyaml.NewYAMLOrJSONDecoder(bytes.NewReader(manifests), 4096)
	for n := 1; ; n++ {
		var o Object
		err := decoder.Decode(&o.Object)
		if errors.Is(err, io.EOF) {
			return out, nil
		}
		if err != nil {
			return nil, fmt.Errorf("manifest %d: %w", n, err)
		}
		switch {
		case len(o.Object) == 0:
		case o.GetKind() == "" || o.GetAPIVersion() == "":
			return nil, fmt.Errorf("manifest %d: apiVersion or kind is missing", n)
		case o.IsList():
			list, err := o.ToList()
			if err != nil {
				return nil, fmt.Errorf("manifest %d: %w", n, err)
			}
			out = append(out, list.Items...)
		default:
			out = append(out, o)
		}
	}
}

// Title names an object for people.
func Title(o *Object) string {
	if o.GetNamespace() == "" {
		return o.GetKind() + " " + o.GetName()
	}
	return o.GetKind() + " " + o.GetNamespace() + "/" + o.GetName()
}

// GetObject reads an object as it is now.
func (c *Client) GetObject(ctx context.Context, o *Object) (*Object, error) {
	path, err := c.PathOf(ctx, o)
	if err != nil {
		return nil, err
	}
	answer, err := c.Raw(ctx, path)
	if err != nil {
		return nil, err
	}
	got := new(Object)
	return got, got.UnmarshalJSON(answer) // encoding/json would make every number a float
}

// Apply is a server-side apply by a field manager; who else owns fields of
// the object loses them. What the manager applied before and is no longer in
// the object goes.
func (c *Client) Apply(ctx context.Context, o *Object, manager string) error {
	path, err := c.PathOf(ctx, o)
	if err != nil {
		return err
	}
	return c.Patch(ctx, path+"?fieldManager="+url.QueryEscape(manager)+"&force=true", types.ApplyPatchType, o.Object)
}

// DeleteObject deletes an object; what belongs to it goes afterwards.
func (c *Client) DeleteObject(ctx context.Context, o *Object) error {
	path, err := c.PathOf(ctx, o)
	if err != nil {
		return err
	}
	background := metav1.DeletePropagationBackground
	return c.Delete(ctx, path, metav1.DeleteOptions{PropagationPolicy: &background})
}

// PathOf is an object's path. Namespaced objects without a namespace go to
// default, as with kubectl; that is then written into the object.
func (c *Client) PathOf(ctx context.Context, o *Object) (string, error) {
	r, err := c.kinds.find(ctx, c, o.GroupVersionKind())
	if err != nil {
		return "", fmt.Errorf("%s: %w", Title(o), err)
	}
	path := r.list
	if r.namespaced {
		if o.GetNamespace() == "" {
			o.SetNamespace(metav1.NamespaceDefault)
		}
		path += "namespaces/" + url.PathEscape(o.GetNamespace()) + "/"
	}
	return path + r.name + "/" + url.PathEscape(o.GetName()), nil
}

// kinds remembers what resources the kinds of an API group are.
type kinds struct {
	mu    sync.Mutex
	known map[schema.GroupVersionKind]resource
}

type resource struct {
	list       string // the group's path
	name       string
	namespaced bool
}

// find asks the server for a kind that it has not heard of yet: a custom
// resource definition may have been applied a moment ago.
func (k *kinds) find(ctx context.Context, c *Client, kind schema.GroupVersionKind) (resource, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if r, ok := k.known[kind]; ok {
		return r, nil
	}
	path := "/apis/" + kind.Group + "/" + kind.Version
	if kind.Group == "" {
		path = "/api/" + kind.Version
	}
	var list metav1.APIResourceList
	if err := c.Get(ctx, path, &list); err != nil && !apierrors.IsNotFound(err) {
		return resource{}, err
	}
	if k.known == nil {
		k.known = map[schema.GroupVersionKind]resource{}
	}
	for _, r := range list.APIResources {
		if !strings.Contains(r.Name, "/") { // not a subresource
			k.known[kind.GroupVersion().WithKind(r.Kind)] = resource{path + "/", r.Name, r.Namespaced}
		}
	}
	r, ok := k.known[kind]
	if !ok {
		return resource{}, fmt.Errorf("the cluster has no kind %s in apiVersion %s; kubectl api-resources lists what it has", kind.Kind, kind.GroupVersion())
	}
	return r, nil
}

// Transient tells errors that go away while an API server starts again, or
// one that has just started settles.
func Transient(err error) bool {
	var network net.Error
	return errors.As(err, &network) || errors.Is(err, syscall.ECONNREFUSED) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, io.EOF) ||
		errors.Is(err, io.ErrUnexpectedEOF) || apierrors.IsServerTimeout(err) || apierrors.IsTooManyRequests(err) || apierrors.IsServiceUnavailable(err) ||
		apierrors.IsTimeout(err) || apierrors.IsInternalError(err) || strings.Contains(err.Error(), "http2: client connection lost")
}

// ToObject is a value of k8s.io/api as an object.
func ToObject(v any) (*Object, error) {
	content, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	o := new(Object)
	if err := o.UnmarshalJSON(content); err != nil {
		return nil, err
	}
	delete(o.Object, "status")
	return o, nil
}
