package webhook

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
	admissionv1 "k8s.io/api/admission/v1"
	corev1 "k8s.io/api/core/v1"

	"github.com/irsa-emu/irsa-emu/golden"
)

// A case is an archive: the service account's annotations, the webhook's
// config, the pod, and the patch that is expected.
func TestMutate(t *testing.T) {
	golden.Archives(t, "testdata/*.txtar", func(t *testing.T, archive *txtar.Archive) {
		var config Config
		var annotations map[string]string
		var pod corev1.Pod
		association, led := false, false
		for _, f := range archive.Files {
			switch f.Name {
			case "association": // the service account has one; there is nothing to say about it
				association = true
				continue
			case "led": // it has no role, and its pods are led to the emulator
				led = true
				continue
			}
			into := map[string]any{"config.json": &config, "annotations.json": &annotations, "pod.json": &pod}[f.Name]
			if f.Name == "patch.json" {
				continue
			}
			if err := json.Unmarshal(f.Data, into); err != nil {
				t.Fatalf("%s: %v", f.Name, err)
			}
		}
		got := []byte("none\n")
		before, _ := json.Marshal(pod)
		id, ok := config.IdentityOf(annotations)
		if association {
			config.Random = func(int64) int64 { return 0 }
			id, ok = config.PodIdentityOf(annotations), true
		}
		if ok || led {
			var err error
			if got, err = json.MarshalIndent(config.Mutate(&pod, id), "", "  "); err != nil {
				t.Fatal(err)
			}
			got = append(got, '\n')
		}
		if after, _ := json.Marshal(pod); !bytes.Equal(before, after) {
			t.Error("Mutate changed the pod that it was given")
		}
		golden.Set(archive, "patch.json", string(got))
	})
}

type fixedSource struct {
	id  Identity
	ok  bool
	err error
}

func (s fixedSource) Identity(context.Context, string, string) (Identity, bool, error) {
	return s.id, s.ok, s.err
}

const podReview = `{"apiVersion":"admission.k8s.io/v1beta1","kind":"AdmissionReview","request":{"uid":"u-1","namespace":"ns",
"object":{"metadata":{"generateName":"app-"},"spec":{"serviceAccountName":"sa","containers":[{"name":"c","image":"i"}]}}}}`

func post(t *testing.T, h *Handler, contentType, body string) (int, admissionv1.AdmissionReview) {
	t.Helper()
	req := httptest.NewRequest(http.MethodPost, "/mutate", strings.NewReader(body))
	req.Header.Set("Content-Type", contentType)
	w := httptest.NewRecorder()
	h.ServeHTTP(w, req)
	var out admissionv1.AdmissionReview
	if w.Code == http.StatusOK {
		if err := json.Unmarshal(w.Body.Bytes(), &out); err != nil {
			t.Fatalf("%v in %s", err, w.Body)
		}
	}
	return w.Code, out
}

func TestHandler(t *testing.T) {
	role := fixedSource{id: Identity{RoleARN: "arn:aws:iam::111122223333:role/r", Audience: "sts.amazonaws.com", Expiration: 86400}, ok: true}
	for _, tt := range []struct {
		name        string
		source      Source
		contentType string
		body        string
		status      int
		allowed     bool
		patched     bool
		uid         string
	}{
		{"a pod with a role gets a patch, the review's version echoed", role, "application/json", podReview, 200, true, true, "u-1"},
		{"a service account without a role is left alone", fixedSource{}, "application/json", podReview, 200, true, false, "u-1"},
		{"a source that fails leaves the pod alone", fixedSource{err: errors.New("no API server")}, "application/json", podReview, 200, true, false, "u-1"},
		{"a pod that cannot be read is refused with 200", role, "application/json", `{"request":{"uid":"u-1","object":[]}}`, 200, false, false, "u-1"},
		{"a body that cannot be read is refused with 200", role, "application/json", `{`, 200, false, false, ""},
		{"another content type is 415", role, "text/plain", podReview, 415, false, false, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			status, out := post(t, &Handler{Source: tt.source}, tt.contentType, tt.body)
			if status != tt.status {
				t.Fatalf("status %d, want %d", status, tt.status)
			}
			if status != http.StatusOK {
				return
			}
			if out.Response.Allowed != tt.allowed || (out.Response.Patch != nil) != tt.patched || string(out.Response.UID) != tt.uid {
				t.Errorf("response %+v", out.Response)
			}
			if !tt.allowed && out.Response.Result.Message == "" {
				t.Error("a refusal says why")
			}
			if tt.uid != "" && strings.Contains(tt.body, "v1beta1") && out.APIVersion != "admission.k8s.io/v1beta1" {
				t.Errorf("apiVersion %q is not the review's", out.APIVersion)
			}
		})
	}
}

func FuzzReview(f *testing.F) {
	f.Add([]byte(podReview))
	f.Add([]byte(`{"request":{"object":{"spec":{"containers":null,"volumes":[{}]}}}}`))
	h := &Handler{Source: fixedSource{id: Identity{RoleARN: "r", Expiration: 600}, ok: true}}
	f.Fuzz(func(t *testing.T, body []byte) {
		req := httptest.NewRequest(http.MethodPost, "/mutate", bytes.NewReader(body))
		req.Header.Set("Content-Type", "application/json")
		w := httptest.NewRecorder()
		h.ServeHTTP(w, req)
		if w.Code == http.StatusOK && !json.Valid(w.Body.Bytes()) {
			t.Errorf("the answer is not JSON: %q", w.Body)
		}
	})
}

// Reviews that are too large, too deep or not what they say leave the webhook
// answering, and let no pod through as if it had been seen.
func TestAttackHugeReviews(t *testing.T) {
	h := &Handler{Source: fixedSource{id: Identity{RoleARN: "r"}, ok: true}}
	for name, tt := range map[string]struct {
		body   string
		status int
	}{
		"five megabytes":     {`{"request":{"uid":"` + strings.Repeat("x", 5<<20) + `"}}`, http.StatusRequestEntityTooLarge},
		"nested too deeply":  {strings.Repeat(`{"request":`, 100_000), http.StatusOK},
		"a pod nested":       {`{"request":{"uid":"u","object":{"metadata":{"labels":` + strings.Repeat("[", 20_000) + strings.Repeat("]", 20_000) + `}}}}`, http.StatusOK},
		"100,000 containers": {`{"request":{"uid":"u","object":{"spec":{"containers":[` + strings.Repeat("{},", 100_000) + `1]}}}}`, http.StatusOK},
	} {
		t.Run(name, func(t *testing.T) {
			req := httptest.NewRequest(http.MethodPost, "/mutate", strings.NewReader(tt.body))
			req.Header.Set("Content-Type", "application/json")
			w := httptest.NewRecorder()
			h.ServeHTTP(w, req)
			if w.Code != tt.status {
				t.Fatalf("status %d, want %d", w.Code, tt.status)
			}
			if w.Code == http.StatusOK && (strings.Contains(w.Body.String(), `"allowed":true`) || !json.Valid(w.Body.Bytes())) {
				t.Errorf("answer %.300s", w.Body)
			}
		})
	}
}

// What upstream's reader of the annotation does (commit 3bf80a3: encoding/csv, one line, not trimmed).
func TestSkippedContainers(t *testing.T) {
	for annotation, want := range map[string][]string{
		"":             nil,
		"a":            {"a"},
		"a,b":          {"a", "b"},
		"a, b":         {"a", " b"}, // " b" is no container's name
		`"a","b"`:      {"a", "b"},
		`"a,b"`:        {"a,b"},
		`"a,b`:         nil, // a quote that is not closed: no CSV, so nothing is skipped
		"a\nb":         {"a"},
		"\n\na,b\nc\n": {"a", "b"},
		"a,":           {"a", ""},
	} {
		got := slices.Sorted(maps.Keys(skippedContainers(annotation)))
		slices.Sort(want)
		if !slices.Equal(got, want) {
			t.Errorf("%q skips %q, want %q", annotation, got, want)
		}
	}
}
