package incluster

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/irsa-emu/irsa-emu/webhook"
)

// Names that openssl rehash gives public authorities: those of their links in
// every /etc/ssl/certs.
func TestSubjectHash(t *testing.T) {
	for want, subject := range map[string]pkix.Name{
		"ea073e77": {CommonName: "irsa-emu cluster CA"}, // by openssl x509 -subject_hash
		"4042bcee": {Country: []string{"US"}, Organization: []string{"Internet Security Research Group"}, CommonName: "ISRG Root X1"},
		"ce5e74ef": {Country: []string{"US"}, Organization: []string{"Amazon"}, CommonName: "Amazon Root CA 1"},
		"3513523f": {Country: []string{"US"}, Organization: []string{"DigiCert Inc"}, OrganizationalUnit: []string{"www.digicert.com"}, CommonName: "DigiCert Global Root CA"},
	} {
		if got, err := subjectHash(selfSigned(t, subject)); err != nil || got != want {
			t.Errorf("%s: %s, %v; openssl says %s", subject, got, err, want)
		}
	}
	spaced := selfSigned(t, pkix.Name{Country: []string{"us"}, Organization: []string{" amazon"}, CommonName: "AMAZON  ROOT\tCA 1 "})
	if got, err := subjectHash(spaced); err != nil || got != "ce5e74ef" {
		t.Errorf("white space and case count: %s, %v", got, err)
	}
	after := append(pem.EncodeToMemory(&pem.Block{Type: "EC PARAMETERS"}), authority(t)...)
	if got, err := subjectHash(after); err != nil || got != "ea073e77" {
		t.Errorf("behind another block: %s, %v", got, err)
	}
	for _, bad := range []string{"", "PEM", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"} {
		if got, err := subjectHash([]byte(bad)); err == nil {
			t.Errorf("%q has the hash %s", bad, got)
		}
	}
}

func selfSigned(t *testing.T, subject pkix.Name) []byte {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: serial(), Subject: subject, NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}

func authority(t *testing.T) []byte {
	t.Helper()
	return selfSigned(t, pkix.Name{CommonName: "irsa-emu cluster CA"})
}

// The nearest annotation chooses the variables; one that cannot be read is passed
// over with a warning, and the certificate is mounted whatever is chosen.
func TestAuthority(t *testing.T) {
	const annotated = `{"metadata": {"annotations": {"irsa-emu.dev/authority": "SSL_CERT_FILE"}}}`
	const plain = `{"metadata": {}}`
	a := &api{objects: map[string]string{
		"/api/v1/namespaces/shop": plain, "/api/v1/namespaces/shop/serviceaccounts/chooses": annotated,
		"/api/v1/namespaces/chooses":                    annotated,
		"/api/v1/namespaces/irsa-emu/services/irsa-emu": `{"spec": {"clusterIP": "10.96.0.7"}}`,
	}}
	r := &Routes{Client: a.client(t), Namespace: "irsa-emu", Service: "irsa-emu", CA: authority(t)}
	const file, dir = "/var/run/secrets/irsa-emu.dev/ca.pem", "/var/run/secrets/irsa-emu.dev:/etc/ssl/certs:/etc/pki/tls/certs"
	standard := map[string]string{"AWS_CA_BUNDLE": file, "SSL_CERT_DIR": dir, "NODE_EXTRA_CA_CERTS": file}
	for _, c := range []struct {
		namespace, account, pod, own string
		want                         map[string]string
		warning                      string
	}{
		{namespace: "shop", account: "plain", want: standard},
		{namespace: "shop", account: "plain", pod: " ", want: standard},
		{namespace: "shop", account: "plain", own: "SSL_CERT_DIR", want: map[string]string{"SSL_CERT_DIR": dir}},
		{namespace: "shop", account: "plain", own: "none", want: map[string]string{}},
		{namespace: "shop", account: "chooses", own: "none", want: map[string]string{"SSL_CERT_FILE": file}},
		{namespace: "shop", account: "chooses", pod: "SSL_CERT_DIR, REQUESTS_CA_BUNDLE", want: map[string]string{"SSL_CERT_DIR": dir, "REQUESTS_CA_BUNDLE": file}},
		{namespace: "chooses", account: "plain", want: map[string]string{"SSL_CERT_FILE": file}},
		{namespace: "chooses", account: "plain", pod: "none", want: map[string]string{}},
		{namespace: "chooses", account: "plain", pod: "ssl-cert-dir", want: map[string]string{"SSL_CERT_FILE": file}, warning: `of the pod is passed over: "ssl-cert-dir" is not the name of a variable`},
		{namespace: "chooses", account: "plain", pod: "none,SSL_CERT_DIR", want: map[string]string{"SSL_CERT_FILE": file}, warning: "none stands alone"},
	} {
		var err error
		if r.Authority, err = webhook.ParseAuthority(c.own); err != nil {
			t.Fatal(err)
		}
		pod := &corev1.Pod{Spec: corev1.PodSpec{ServiceAccountName: c.account}}
		if c.pod != "" {
			pod.Annotations = map[string]string{webhook.AuthorityAnnotation: c.pod}
		}
		config, err := r.ConfigFor(t.Context(), c.namespace, pod)
		if err != nil {
			t.Fatal(err)
		}
		got := map[string]string{}
		for _, v := range config.Extra.Env {
			got[v.Name] = v.Value
		}
		if !maps.Equal(got, c.want) {
			t.Errorf("%+v: %v", c, got)
		}
		if warnings := strings.Join(config.Extra.Warnings, "\n"); (warnings != "") != (c.warning != "") || !strings.Contains(warnings, c.warning) {
			t.Errorf("%+v: warnings %q", c, warnings)
		}
		checkMounted(t, r, config.Extra)
	}
}

func checkMounted(t *testing.T, r *Routes, extra webhook.Extra) {
	t.Helper()
	if extra.Volume == nil || extra.MountPath != webhook.AuthorityMountPath || extra.Annotations[CAAnnotation] != string(r.CA) {
		t.Fatalf("the certificate does not go with the pod: %+v", extra)
	}
	hash, err := subjectHash(r.CA)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, f := range extra.Volume.DownwardAPI.Items {
		names = append(names, f.Path)
	}
	if want := []string{"ca.pem", hash + ".0"}; !slices.Equal(names, want) {
		t.Errorf("files %v, want %v", names, want)
	}
}

// What the webhook gives a pod is what the interception finds in it.
func TestTrusts(t *testing.T) {
	a := &api{objects: map[string]string{
		"/api/v1/namespaces/shop": `{"metadata": {}}`, "/api/v1/namespaces/irsa-emu/services/irsa-emu": `{"spec": {"clusterIP": "10.96.0.7"}}`,
	}}
	r := &Routes{Client: a.client(t), Namespace: "irsa-emu", Service: "irsa-emu", CA: authority(t)}
	if got := trusts(new(corev1.Pod)); got != nil {
		t.Errorf("a pod without a certificate has %v", got)
	}
	for choice, want := range map[string][]string{"": webhook.DefaultAuthority, "none": {}, "SSL_CERT_DIR": {"SSL_CERT_DIR"}} {
		pod := &corev1.Pod{Spec: corev1.PodSpec{InitContainers: []corev1.Container{{Name: "init"}}, Containers: []corev1.Container{{Name: "main"}}}}
		pod.Annotations = map[string]string{webhook.AuthorityAnnotation: choice}
		config, err := r.ConfigFor(t.Context(), "shop", pod)
		if err != nil {
			t.Fatal(err)
		}
		pod.Annotations[CAAnnotation] = config.Extra.Annotations[CAAnnotation]
		for _, list := range [][]corev1.Container{pod.Spec.InitContainers, pod.Spec.Containers} {
			list[0].Env = config.Extra.Env
		}
		if got := trusts(pod); got == nil || !slices.Equal(got, want) {
			t.Errorf("%q: %v, want %v", choice, got, want)
		}
	}
}
