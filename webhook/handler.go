package webhook

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strings"

	admissionv1 "k8s.io/api/admission/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// maxReview bounds an admission review: the API server's own limit on requests is 3 MiB.
const maxReview = 4 << 20

// Source finds the identity of a service account: from its annotations, or
// from wherever else a cluster keeps roles. False means that it has none; an
// error that it could not be found out, which leaves the pod as it is.
type Source interface {
	Identity(ctx context.Context, namespace, serviceAccount string) (Identity, bool, error)
}

// Handler answers the API server's AdmissionReviews at whatever path it is
// mounted on.
type Handler struct {
	Config Config
	// ConfigFor gives the configuration for a pod in place of Config; it may be nil.
	ConfigFor func(ctx context.Context, namespace string, pod *corev1.Pod) (Config, error)
	Source    Source
	// Leads says of a pod whose service account has no role whether it is led to
	// the emulator all the same; nil: it is not.
	Leads func(ctx context.Context, namespace string, pod *corev1.Pod) (bool, error)
	// Note is told what became of each pod, for logs; it may be nil.
	Note func(namespace, pod, serviceAccount string, got Got, detail string)
}

// Got is what became of a pod.
type Got string

// The outcomes.
const (
	GotRole        Got = "role"
	GotPodIdentity Got = "pod-identity"
	GotEndpoints   Got = "endpoints"
	GotNothing     Got = "nothing"
	GotError       Got = "error"
)

// ServeHTTP answers one review. A body that cannot be read is refused in the
// review itself, with status 200: upstream does so, and failurePolicy Ignore
// does not cover it.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || media != "application/json" {
		http.Error(w, "invalid Content-Type, expected `application/json`", http.StatusUnsupportedMediaType)
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxReview))
	if err != nil {
		http.Error(w, "reading the review: "+err.Error(), http.StatusRequestEntityTooLarge)
		return
	}
	answer, err := json.Marshal(h.review(r.Context(), body))
	if err != nil {
		http.Error(w, "encoding the review: "+err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(answer) // the API server is gone if this fails
}

// review echoes the review's own version, v1 or v1beta1: both have this shape.
func (h *Handler) review(ctx context.Context, body []byte) admissionv1.AdmissionReview {
	var in admissionv1.AdmissionReview
	if err := json.Unmarshal(body, &in); err != nil {
		return admissionv1.AdmissionReview{Response: denied(err)}
	}
	out := admissionv1.AdmissionReview{TypeMeta: in.TypeMeta}
	if in.Request == nil {
		out.Response = denied(fmt.Errorf("the review has no request"))
		return out
	}
	out.Response = h.admit(ctx, in.Request)
	out.Response.UID = in.Request.UID
	return out
}

func (h *Handler) admit(ctx context.Context, req *admissionv1.AdmissionRequest) *admissionv1.AdmissionResponse {
	var pod corev1.Pod
	if err := json.Unmarshal(req.Object.Raw, &pod); err != nil {
		return denied(err)
	}
	// The object's namespace can be empty; the request's is what the pod will be in.
	name := pod.Name
	if name == "" {
		name = pod.GenerateName
	}
	note := func(got Got, detail string) {
		if h.Note != nil {
			h.Note(req.Namespace, name, pod.Spec.ServiceAccountName, got, detail)
		}
	}
	id, ok, err := h.Source.Identity(ctx, req.Namespace, pod.Spec.ServiceAccountName)
	switch {
	case err != nil:
		note(GotError, "left alone: "+err.Error())
		return &admissionv1.AdmissionResponse{Allowed: true}
	case !ok:
		id = Identity{}
		if leads, err := h.leads(ctx, req.Namespace, &pod); err != nil || !leads {
			if err != nil {
				note(GotError, "left alone: "+err.Error())
			} else {
				note(GotNothing, "left alone: the service account has no role")
			}
			return &admissionv1.AdmissionResponse{Allowed: true}
		}
	}
	config := h.Config
	if h.ConfigFor != nil {
		if config, err = h.ConfigFor(ctx, req.Namespace, &pod); err != nil {
			note(GotError, "left alone: "+err.Error())
			return &admissionv1.AdmissionResponse{Allowed: true}
		}
	}
	patch, err := json.Marshal(config.Mutate(&pod, id))
	if err != nil {
		return denied(err)
	}
	got, detail := id.outcome()
	note(got, strings.Join(append([]string{detail}, config.Extra.Warnings...), "; "))
	kind := admissionv1.PatchTypeJSONPatch
	return &admissionv1.AdmissionResponse{Allowed: true, Patch: patch, PatchType: &kind, Warnings: config.Extra.Warnings}
}

func (h *Handler) leads(ctx context.Context, namespace string, pod *corev1.Pod) (bool, error) {
	if h.Leads == nil {
		return false, nil
	}
	return h.Leads(ctx, namespace, pod)
}

// outcome is what a pod with the identity gets.
func (id Identity) outcome() (Got, string) {
	switch {
	case id.PodIdentity:
		return GotPodIdentity, "gets EKS Pod Identity"
	case id.RoleARN != "":
		return GotRole, "gets " + id.RoleARN
	}
	return GotEndpoints, "is led to the emulator, without a role"
}

func denied(err error) *admissionv1.AdmissionResponse {
	return &admissionv1.AdmissionResponse{Result: &metav1.Status{Message: err.Error()}}
}
