// Package kube asks a Kubernetes API server. It is client-go's configuration
// and transport under a client that takes paths and the types of k8s.io/api.
//
// It is deliberately not client-go's clientset: that registers every type of
// every API group when a process starts, which doubles the resident memory of
// an emulator that never speaks to a cluster.
package kube

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

// Client speaks with one API server. Errors of its methods are those that
// k8s.io/apimachinery/pkg/api/errors tells apart, or of the connection: see [Transient].
type Client struct {
	rest   *rest.RESTClient
	config *rest.Config
	kinds  kinds
}

// Context is what a kubeconfig says about where to look.
type Context struct {
	Name      string // of the context
	Namespace string // default unless the context names one
}

// Open reads a kubeconfig file; an empty path or context is what kubectl
// would use.
func Open(path, contextName string) (*Client, Context, error) {
	rules := clientcmd.NewDefaultClientConfigLoadingRules()
	rules.ExplicitPath = path
	deferred := clientcmd.NewNonInteractiveDeferredLoadingClientConfig(rules, &clientcmd.ConfigOverrides{CurrentContext: contextName})
	raw, err := deferred.RawConfig()
	if err != nil {
		return nil, Context{}, fmt.Errorf("reading the kubeconfig: %w", err)
	}
	c := Context{Name: contextName}
	if c.Name == "" {
		c.Name = raw.CurrentContext
	}
	if _, there := raw.Contexts[c.Name]; !there {
		return nil, c, noContext(rules, c.Name, raw.Contexts)
	}
	if c.Namespace, _, err = deferred.Namespace(); err != nil {
		return nil, c, fmt.Errorf("reading the kubeconfig: %w", err)
	}
	config, err := deferred.ClientConfig()
	if err != nil {
		return nil, c, fmt.Errorf("reading the kubeconfig: %w", err)
	}
	client, err := New(config)
	return client, c, err
}

func noContext[T any](rules *clientcmd.ClientConfigLoadingRules, name string, contexts map[string]T) error {
	file := rules.GetDefaultFilename()
	switch {
	case len(contexts) == 0:
		if _, err := os.Stat(file); err != nil {
			return fmt.Errorf("there is no kubeconfig: %w; let KUBECONFIG name one", err)
		}
		return fmt.Errorf("the kubeconfig %s has no context; kubectl config get-contexts lists what there is", file)
	case name == "":
		return errors.New("the kubeconfig has no current context; choose one: kubectl config use-context NAME, or --context NAME")
	}
	return fmt.Errorf("the kubeconfig has no context %q; kubectl config get-contexts lists what there is", name)
}

// InCluster is the API server of the cluster that this process is a pod of.
func InCluster() (*Client, error) {
	config, err := rest.InClusterConfig()
	if err != nil {
		return nil, err
	}
	return New(config)
}

// New speaks with the API server of a configuration.
func New(config *rest.Config) (*Client, error) {
	scheme := runtime.NewScheme()
	metav1.AddToGroupVersion(scheme, schema.GroupVersion{Version: "v1"}) // Status, in which the server says what is wrong
	config = rest.CopyConfig(config)
	config.NegotiatedSerializer = serializer.NewCodecFactory(scheme).WithoutConversion()
	// */*, because the API server serves its keys as application/jwk-set+json and as nothing else.
	config.ContentType, config.AcceptContentTypes = runtime.ContentTypeJSON, runtime.ContentTypeJSON+", */*"
	config.QPS, config.Burst = 200, 400 // the default slows ten scenarios on one cluster down
	config.WarningHandler = rest.NoWarnings{}
	client, err := rest.UnversionedRESTClientFor(config)
	if err != nil {
		return nil, fmt.Errorf("client of the API server: %w", err)
	}
	return &Client{rest: client, config: config}, nil
}

// Host is the API server's address.
func (c *Client) Host() string { return c.config.Host }

// Authority is the PEM certificate that the API server is trusted by; empty: one
// of the system's.
func (c *Client) Authority() []byte { return c.config.CAData }

// Path is that of an object of the core API, or of a list without a name:
// Path("pods", "default", "web", "log"). Those of cluster-wide objects have no namespace.
func Path(resource, namespace, name string, sub ...string) string {
	path := "/api/v1/"
	if namespace != "" {
		path += "namespaces/" + url.PathEscape(namespace) + "/"
	}
	path += resource
	for _, part := range append([]string{name}, sub...) {
		if part != "" {
			path += "/" + url.PathEscape(part)
		}
	}
	return path
}

// Get reads the object or list at a path, which may have a query.
func (c *Client) Get(ctx context.Context, path string, into any) error {
	return c.do(ctx, c.rest.Get(), path, nil, into)
}

// Raw reads what is at a path, whatever it is.
func (c *Client) Raw(ctx context.Context, path string) ([]byte, error) {
	return c.send(ctx, c.rest.Get(), path, nil)
}

// Create posts an object to the path of its list; into, unless nil, becomes what the server made of it.
func (c *Client) Create(ctx context.Context, path string, object, into any) error {
	return c.do(ctx, asJSON(c.rest.Post()), path, object, into)
}

// Update replaces the object at a path.
func (c *Client) Update(ctx context.Context, path string, object any) error {
	return c.do(ctx, asJSON(c.rest.Put()), path, object, nil)
}

// Patch changes the object at a path.
func (c *Client) Patch(ctx context.Context, path string, kind types.PatchType, patch any) error {
	return c.do(ctx, c.rest.Patch(kind), path, patch, nil)
}

// Delete deletes the object at a path, or all of a list.
func (c *Client) Delete(ctx context.Context, path string, options metav1.DeleteOptions) error {
	options.Kind, options.APIVersion = "DeleteOptions", "v1"
	return c.do(ctx, asJSON(c.rest.Delete()), path, options, nil)
}

func asJSON(r *rest.Request) *rest.Request {
	return r.SetHeader("Content-Type", runtime.ContentTypeJSON)
}

func (c *Client) do(ctx context.Context, r *rest.Request, path string, body, into any) error {
	answer, err := c.send(ctx, r, path, body)
	if err != nil || into == nil {
		return err
	}
	if err := json.Unmarshal(answer, into); err != nil {
		return fmt.Errorf("the API server's answer at %s: %w", path, err)
	}
	return nil
}

func (c *Client) send(ctx context.Context, r *rest.Request, path string, body any) ([]byte, error) {
	if body != nil {
		content, err := json.Marshal(body)
		if err != nil {
			return nil, fmt.Errorf("encoding what goes to %s: %w", path, err)
		}
		r = r.Body(content)
	}
	result := r.RequestURI(path).Do(ctx)
	if err := result.Error(); err != nil {
		return nil, err
	}
	return result.Raw()
}

// Save writes a kubeconfig that holds one context alone, with everything in
// it that it refers to.
func Save(path, contextName, to string) error {
	rules := clientcmd.NewDefaultClientConfigLoadingRules()
	rules.ExplicitPath = path
	config, err := rules.Load()
	if err != nil {
		return fmt.Errorf("reading the kubeconfig: %w", err)
	}
	config.CurrentContext = contextName
	if err := clientcmdapi.MinifyConfig(config); err != nil {
		return fmt.Errorf("the kubeconfig: %w", err)
	}
	if err := clientcmdapi.FlattenConfig(config); err != nil {
		return fmt.Errorf("the kubeconfig: %w", err)
	}
	if err := clientcmd.WriteToFile(*config, to); err != nil {
		return fmt.Errorf("writing a kubeconfig: %w", err)
	}
	return nil
}
