package kind

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"syscall"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/client-go/discovery/cached/memory"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/restmapper"
	"k8s.io/client-go/tools/clientcmd"
)

// kube speaks with one API server.
type kube struct {
	kubernetes.Interface
	config  *rest.Config
	dynamic dynamic.Interface
	mapper  *restmapper.DeferredDiscoveryRESTMapper
}

// fieldManager owns what irsa-emu applies.
const fieldManager = "irsa-emu"

// openKube reads a kubeconfig file; an empty path or context is what kubectl would use.
func openKube(path, contextName string) (*kube, error) {
	rules := clientcmd.NewDefaultClientConfigLoadingRules()
	rules.ExplicitPath = path
	config, err := clientcmd.NewNonInteractiveDeferredLoadingClientConfig(rules, &clientcmd.ConfigOverrides{CurrentContext: contextName}).ClientConfig()
	if err != nil {
		return nil, fmt.Errorf("reading the kubeconfig: %w", err)
	}
	config.QPS, config.Burst = 200, 400 // one cluster of our own; the default slows ten scenarios down
	config.WarningHandler = rest.NoWarnings{}
	k := &kube{config: config}
	if k.Interface, err = kubernetes.NewForConfig(config); err != nil {
		return nil, err
	}
	if k.dynamic, err = dynamic.NewForConfig(config); err != nil {
		return nil, err
	}
	k.mapper = restmapper.NewDeferredDiscoveryRESTMapper(memory.NewMemCacheClient(k.Discovery()))
	return k, nil
}

// object is one manifest.
type object = unstructured.Unstructured

// objectsOf reads YAML or JSON documents; List objects are taken apart.
func objectsOf(manifests []byte) ([]object, error) {
	var out []object
	decoder := utilyaml.NewYAMLOrJSONDecoder(bytes.NewReader(manifests), 4096)
	for n := 1; ; n++ {
		var o object
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

// resource is the client for an object's kind; namespaced ones without a
// namespace go to default, as with kubectl.
func (k *kube) resource(o *object) (dynamic.ResourceInterface, error) {
	kind := o.GroupVersionKind()
	mapping, err := k.mapper.RESTMapping(kind.GroupKind(), kind.Version)
	if meta.IsNoMatchError(err) { // a CRD that was applied a moment ago
		k.mapper.Reset()
		mapping, err = k.mapper.RESTMapping(kind.GroupKind(), kind.Version)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", title(o), err)
	}
	if mapping.Scope.Name() == meta.RESTScopeNameRoot {
		return k.dynamic.Resource(mapping.Resource), nil
	}
	if o.GetNamespace() == "" {
		o.SetNamespace(metav1.NamespaceDefault)
	}
	return k.dynamic.Resource(mapping.Resource).Namespace(o.GetNamespace()), nil
}

// apply is a server-side apply; who else owns fields loses them.
func (k *kube) apply(ctx context.Context, o *object) error {
	client, err := k.resource(o)
	if err != nil {
		return err
	}
	body, err := json.Marshal(o)
	if err != nil {
		return fmt.Errorf("%s: %w", title(o), err)
	}
	force := true
	return settled(ctx, "applying "+title(o), 250*time.Millisecond, func(ctx context.Context) (bool, string, error) {
		_, err := client.Patch(ctx, o.GetName(), types.ApplyPatchType, body, metav1.PatchOptions{FieldManager: fieldManager, Force: &force})
		return err == nil, "", err
	})
}

func title(o *object) string {
	if o.GetNamespace() == "" {
		return o.GetKind() + " " + o.GetName()
	}
	return o.GetKind() + " " + o.GetNamespace() + "/" + o.GetName()
}

// transient errors go away while an API server starts again or one that has
// just started settles.
func transient(err error) bool {
	var network net.Error
	return errors.As(err, &network) || errors.Is(err, syscall.ECONNREFUSED) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, io.EOF) ||
		errors.Is(err, io.ErrUnexpectedEOF) || apierrors.IsServerTimeout(err) || apierrors.IsTooManyRequests(err) || apierrors.IsServiceUnavailable(err) ||
		apierrors.IsTimeout(err) || apierrors.IsInternalError(err) || strings.Contains(err.Error(), "http2: client connection lost")
}

// ready waits for what an object becomes: a workload's pods, a job's end, a
// custom resource definition's names. Everything else is ready at once.
func (k *kube) ready(ctx context.Context, o *object) error {
	return settled(ctx, "waiting for "+title(o), 250*time.Millisecond, func(ctx context.Context) (bool, string, error) {
		client, err := k.resource(o)
		if err != nil {
			return false, "", err
		}
		got, err := client.Get(ctx, o.GetName(), metav1.GetOptions{})
		if err != nil {
			return false, "", err
		}
		number := func(fields ...string) int64 {
			n, _, _ := unstructured.NestedInt64(got.Object, fields...)
			return n
		}
		wanted, written, _ := unstructured.NestedInt64(got.Object, "spec", "replicas")
		if !written {
			wanted = 1
		}
		have := wanted
		switch got.GetKind() {
		case "Deployment":
			have = min(number("status", "availableReplicas"), number("status", "updatedReplicas"))
		case "StatefulSet", "ReplicaSet":
			have = number("status", "readyReplicas")
		case "DaemonSet":
			wanted, have = number("status", "desiredNumberScheduled"), number("status", "numberReady")
		case "Namespace", "CustomResourceDefinition":
			k.mapper.Reset()
			return true, "", nil
		default:
			return true, "", nil
		}
		if number("status", "observedGeneration") < got.GetGeneration() {
			return false, "the controller has not seen it yet", nil
		}
		if have >= wanted {
			return true, "", nil
		}
		return false, fmt.Sprintf("%d of %d pods are ready", have, wanted), nil
	})
}

// deleted removes an object and waits until it is gone.
func (k *kube) deleted(ctx context.Context, o *object) error {
	client, err := k.resource(o)
	if err != nil {
		return err
	}
	background := metav1.DeletePropagationBackground
	return settled(ctx, "deleting "+title(o), 250*time.Millisecond, func(ctx context.Context) (bool, string, error) {
		err := client.Delete(ctx, o.GetName(), metav1.DeleteOptions{PropagationPolicy: &background})
		if apierrors.IsNotFound(err) {
			return true, "", nil
		}
		if apierrors.IsConflict(err) { // a namespace that is being deleted
			err = nil
		}
		return false, "it is still there", err
	})
}
