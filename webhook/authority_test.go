package webhook

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
)

// What is passed over is said to whoever makes the pod, and in the log.
func TestWarnings(t *testing.T) {
	var noted string
	h := &Handler{
		Source: fixedSource{id: Identity{RoleARN: "r", Expiration: 600}, ok: true},
		ConfigFor: func(context.Context, string, *corev1.Pod) (Config, error) {
			return Config{Extra: Extra{Warnings: []string{"passed over"}}}, nil
		},
		Note: func(_, _, _ string, _ Got, detail string) { noted = detail },
	}
	status, out := post(t, h, "application/json", podReview)
	if status != http.StatusOK || !out.Response.Allowed || out.Response.Patch == nil || !slices.Equal(out.Response.Warnings, []string{"passed over"}) {
		t.Errorf("status %d, response %+v", status, out.Response)
	}
	if noted != "gets r; passed over" {
		t.Errorf("noted %q", noted)
	}
}

func FuzzParseAuthority(f *testing.F) {
	for _, seed := range []string{"", "none", "AWS_CA_BUNDLE,SSL_CERT_DIR", " A , B", ",", "none,A", "A=B", "\u00e4"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, value string) {
		names, err := ParseAuthority(value)
		if err != nil {
			return
		}
		for _, name := range names {
			if !variableName.MatchString(name) || name == NoAuthority {
				t.Errorf("%q gives the variable %q", value, name)
			}
		}
		if again, err := ParseAuthority(strings.Join(names, ",")); err != nil || len(again) != len(names) {
			t.Errorf("%q: %v again is %v, %v", value, names, again, err)
		}
	})
}
