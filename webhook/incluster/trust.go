package incluster

import (
	"crypto/sha1"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/binary"
	"encoding/pem"
	"errors"
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/irsa-emu/irsa-emu/webhook"
)

// dirVariable is a list of folders. OpenSSL and Go read the image's bundle file
// beside them; SSL_CERT_FILE they read in its place.
const dirVariable = "SSL_CERT_DIR"

// systemFolders are where images have certificates one by one: OpenSSL and Go no
// longer look there of themselves once the variable is set. Debian, Alpine and
// SUSE; Red Hat, Fedora and Amazon Linux.
const systemFolders = "/etc/ssl/certs:/etc/pki/tls/certs"

// authorityOf is the nearest choice of variables. What cannot be read says
// nothing, and is a warning for who makes the pod.
func (r *Routes) authorityOf(nearest []annotated) (names []string, warnings []string) {
	for _, a := range nearest {
		names, err := webhook.ParseAuthority(a.annotations[webhook.AuthorityAnnotation])
		if err != nil {
			warnings = append(warnings, fmt.Sprintf("annotation %s of %s is passed over: %v", webhook.AuthorityAnnotation, a.what, err))
		} else if names != nil {
			return names, warnings
		}
	}
	if r.Authority != nil {
		return r.Authority, warnings
	}
	return webhook.DefaultAuthority, warnings
}

// trust mounts the authority's certificate, which goes with the pod as an
// annotation so that namespaces need nothing prepared in them, and names it in
// variables. It is there twice: as a bundle, and under the name by which OpenSSL
// finds it in a folder.
func (r *Routes) trust(extra *webhook.Extra, variables []string) error {
	hash, err := subjectHash(r.CA)
	if err != nil {
		return fmt.Errorf("the authority in the Secret: %w", err)
	}
	for _, name := range variables {
		value := webhook.AuthorityMountPath + "/" + caFile
		if name == dirVariable {
			value = webhook.AuthorityMountPath + ":" + systemFolders
		}
		extra.Env = append(extra.Env, corev1.EnvVar{Name: name, Value: value})
	}
	var files []corev1.DownwardAPIVolumeFile
	for _, name := range []string{caFile, hash + ".0"} {
		files = append(files, corev1.DownwardAPIVolumeFile{
			Path: name, FieldRef: &corev1.ObjectFieldSelector{APIVersion: "v1", FieldPath: "metadata.annotations['" + CAAnnotation + "']"},
		})
	}
	extra.MountPath, extra.Annotations = webhook.AuthorityMountPath, map[string]string{CAAnnotation: string(r.CA)}
	extra.Volume = &corev1.Volume{Name: caVolume, VolumeSource: corev1.VolumeSource{DownwardAPI: &corev1.DownwardAPIVolumeSource{Items: files}}}
	return nil
}

// trusts are the variables by which a pod's containers know the authority; nil: the
// pod has no certificate.
func trusts(pod *corev1.Pod) []string {
	if pod.Annotations[CAAnnotation] == "" {
		return nil
	}
	names := []string{}
	for _, c := range slices.Concat(pod.Spec.InitContainers, pod.Spec.Containers) {
		for _, v := range c.Env {
			if strings.HasPrefix(v.Value, webhook.AuthorityMountPath) && !slices.Contains(names, v.Name) {
				names = append(names, v.Name)
			}
		}
	}
	return names
}

// subjectHash is what OpenSSL, since 1.0, calls a certificate by in a folder of
// certificates (openssl x509 -subject_hash): the first four bytes, as a little-endian
// number, of the SHA-1 of its subject's canonical form, in which every value is
// UTF-8, of small ASCII letters, and without needless white space (X509_NAME_hash(3)).
func subjectHash(authority []byte) (string, error) {
	block, rest := pem.Decode(authority)
	for block != nil && block.Type != "CERTIFICATE" {
		block, rest = pem.Decode(rest)
	}
	if block == nil {
		return "", errors.New("no certificate is in it; PEM is expected (-----BEGIN CERTIFICATE-----)")
	}
	certificate, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return "", err
	}
	var subject pkix.RDNSequence
	if _, err := asn1.Unmarshal(certificate.RawSubject, &subject); err != nil {
		return "", err
	}
	type attribute struct {
		Type  asn1.ObjectIdentifier
		Value asn1.RawValue
	}
	var canonical []byte
	for _, names := range subject {
		var set []attribute
		for _, n := range names {
			text, ok := n.Value.(string)
			if !ok {
				return "", fmt.Errorf("its subject's %s is not text", n.Type)
			}
			set = append(set, attribute{n.Type, asn1.RawValue{Tag: asn1.TagUTF8String, Bytes: canonicalText(text)}})
		}
		encoded, err := asn1.MarshalWithParams(set, "set")
		if err != nil {
			return "", err
		}
		canonical = append(canonical, encoded...)
	}
	sum := sha1.Sum(canonical)
	return fmt.Sprintf("%08x", binary.LittleEndian.Uint32(sum[:4])), nil
}

// canonicalText leaves letters beyond ASCII as they are.
func canonicalText(s string) []byte {
	space := func(c rune) bool { return c == ' ' || c >= '\t' && c <= '\r' }
	b := []byte(strings.Join(strings.FieldsFunc(s, space), " "))
	for i, c := range b {
		if c >= 'A' && c <= 'Z' {
			b[i] = c + 'a' - 'A'
		}
	}
	return b
}
