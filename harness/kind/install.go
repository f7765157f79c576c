package kind

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/irsa-emu/irsa-emu/aws"
	"github.com/irsa-emu/irsa-emu/deploy"
	"github.com/irsa-emu/irsa-emu/kube"
	"github.com/irsa-emu/irsa-emu/webhook/incluster"
)

// install applies deploy/ and waits until a pod would be mutated.
func (r *running) install(ctx context.Context) error {
	if err := r.secret(ctx); err != nil {
		return err
	}
	objects, err := r.manifests()
	if err != nil {
		return err
	}
	for i := range objects {
		if err := r.apply(ctx, &objects[i]); err != nil {
			return err
		}
	}
	for i := range objects {
		if kind := objects[i].GetKind(); kind == "Deployment" || kind == "DaemonSet" {
			if err := r.ready(ctx, &objects[i]); err != nil {
				return errors.Join(err, r.podTrouble(ctx, deploy.Namespace))
			}
		}
	}
	return r.webhookCalled(ctx)
}

// manifests are those of deploy/ with what is this cluster's own.
func (r *running) manifests() ([]kube.Object, error) {
	var all []kube.Object
	names := []string{"namespace.yaml", "emulator.yaml", "webhook.yaml", "agent.yaml"}
	if r.authenticates {
		names = append(names, "authenticator.yaml")
	}
	for _, name := range names {
		content, err := fs.ReadFile(deploy.FS, name)
		if err != nil {
			return nil, err
		}
		objects, err := kube.Objects(content)
		if err != nil {
			return nil, fmt.Errorf("deploy/%s: %w", name, err)
		}
		all = append(all, objects...)
	}
	for i := range all {
		if err := r.adapt(&all[i]); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// adapt writes what differs from cluster to cluster into a manifest.
func (r *running) adapt(o *kube.Object) error {
	switch {
	case o.GetKind() == "Deployment" || o.GetKind() == "DaemonSet":
		return errors.Join(setImage(o, r.image), r.setSettings(o), r.pin(o))
	case o.GetKind() == "ConfigMap":
		for key, value := range r.settings() {
			if err := unstructured.SetNestedField(o.Object, value, "data", key); err != nil {
				return err
			}
		}
		return nil
	case o.GetKind() == "Service" && o.GetName() == deploy.Name && r.node != nil:
		return (&slot{}).nodePort(o)
	}
	return nil
}

// settings are what the ConfigMap has of this cluster's own.
func (r *running) settings() map[string]string {
	s := map[string]string{}
	if r.region != "" {
		s["region"] = r.region
	}
	if r.leadsAll {
		s["endpoints"] = "true"
	}
	return s
}

// settingsAnnotation on pods makes the Deployments' pods anew when the settings
// change: they read them when they start.
const settingsAnnotation = "irsa-emu.dev/settings"

func (r *running) setSettings(o *kube.Object) error {
	text, err := json.Marshal(r.settings())
	if err != nil {
		return err
	}
	return unstructured.SetNestedField(o.Object, string(text), "spec", "template", "metadata", "annotations", settingsAnnotation)
}

func setImage(o *kube.Object, image string) error {
	for _, list := range []string{"initContainers", "containers"} {
		containers, there, err := unstructured.NestedSlice(o.Object, "spec", "template", "spec", list)
		if err != nil {
			return err
		}
		if !there {
			continue
		}
		for _, c := range containers {
			if container, ok := c.(map[string]any); ok && container["image"] == deploy.Image {
				container["image"] = image
			}
		}
		if err := unstructured.SetNestedSlice(o.Object, containers, "spec", "template", "spec", list); err != nil {
			return err
		}
	}
	return nil
}

// secret makes the authority and the control token before anybody asks for
// them, so that this process knows the token. One that is there is taken over.
func (r *running) secret(ctx context.Context) error {
	var found corev1.Secret
	err := r.Get(ctx, kube.Path("secrets", deploy.Namespace, deploy.Name), &found)
	if err == nil {
		r.controlToken = string(found.Data[incluster.SecretControlToken])
		return nil
	}
	if !apierrors.IsNotFound(err) {
		return fmt.Errorf("reading Secret %s: %w", deploy.Name, err)
	}
	data, err := incluster.NewSecret(time.Now())
	if err != nil {
		return err
	}
	data[incluster.SecretControlToken] = []byte(r.controlToken)
	namespace := &kube.Object{Object: map[string]any{"apiVersion": "v1", "kind": "Namespace", "metadata": map[string]any{"name": deploy.Namespace}}}
	if err := r.apply(ctx, namespace); err != nil {
		return err
	}
	secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: deploy.Name}, Data: data}
	if err := r.Create(ctx, kube.Path("secrets", deploy.Namespace, ""), secret, nil); err != nil {
		return fmt.Errorf("making Secret %s: %w", deploy.Name, err)
	}
	return nil
}

// probe is a service account whose pods, never really made, show that the
// webhook is called: failurePolicy Ignore hides it when it is not.
const probe = "webhook-probe"

func (r *running) webhookCalled(ctx context.Context) error {
	account := &kube.Object{Object: map[string]any{"apiVersion": "v1", "kind": "ServiceAccount", "metadata": map[string]any{
		"name": probe, "namespace": deploy.Namespace, "annotations": map[string]any{aws.RoleAnnotation: aws.RoleARN("", aws.DefaultAccount, "", "probe")},
	}}}
	if err := r.apply(ctx, account); err != nil {
		return err
	}
	pod := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: probe},
		Spec:       corev1.PodSpec{ServiceAccountName: probe, Containers: []corev1.Container{{Name: "probe", Image: r.image}}},
	}
	ctx, cancel := context.WithTimeoutCause(ctx, 3*time.Minute, errors.New("it took longer than three minutes"))
	defer cancel()
	err := settled(ctx, "waiting until the API server calls the webhook", 200*time.Millisecond, func(ctx context.Context) (bool, string, error) {
		var got corev1.Pod
		if err := r.Create(ctx, kube.Path("pods", deploy.Namespace, "")+"?dryRun=All", pod, &got); err != nil {
			return false, "", err
		}
		for _, v := range got.Spec.Containers[0].Env {
			if v.Name == aws.EnvRoleARN {
				return true, "", nil
			}
		}
		return false, "pods come out as they went in", nil
	})
	if err != nil {
		return err
	}
	return r.deleted(ctx, account)
}
