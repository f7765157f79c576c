package s3

import (
	"net"
	"net/http"
	"net/netip"
	"strings"

	"github.com/irsa-emu/irsa-emu/aws"
	"github.com/irsa-emu/irsa-emu/state"
	"github.com/irsa-emu/irsa-emu/wire"
)

// locate finds the operation, the bucket and the key of a request.
func (s *Service) locate(c *call) error {
	r := c.HTTP
	path := strings.TrimPrefix(r.URL.Path, "/")
	if strings.HasPrefix(path, "v20180820/") && r.Header.Get("X-Amz-Account-Id") != "" {
		return wire.Errorf(http.StatusNotImplemented, "NotImplemented", "irsa-emu does not implement the S3 Control API.")
	}
	c.name, c.key = split(s.HostBucket(r, c.State), path)
	at := onService
	switch {
	case c.key != "":
		at = onObject
	case c.name != "":
		at = onBucket
	}
	if c.op = operationOf(r, c.query, at); c.op == nil {
		return methodNotAllowed(r.Method, at)
	}
	return nil
}

// HostBucket is the bucket that a request names in its host, "" in path style.
func (s *Service) HostBucket(r *http.Request, in state.Reader) string {
	return bucketOfHost(r.Host, s.hosts, strings.TrimPrefix(r.URL.Path, "/"), r.Method, func(name string) bool {
		_, ok := state.Get[*Bucket](in, name)
		return ok
	})
}

// split takes a path apart. With a bucket from the host, all of it is the key.
func split(bucket, path string) (name, key string) {
	if bucket != "" {
		return bucket, path
	}
	name, key, _ = strings.Cut(path, "/")
	return name, key
}

// bucketOfHost is the bucket that a virtual-hosted-style request names in its
// host: BUCKET.s3.REGION.amazonaws.com, BUCKET.localhost, BUCKET.HOST for the
// hosts that are known; "" for path style. An emulator is reached under names
// that it does not know, too: then the first label is a bucket if there is
// such a bucket, or if one is to be made and the path names none.
func bucketOfHost(hostport string, hosts []string, path, method string, exists func(string) bool) string {
	host := hostport
	if h, _, err := net.SplitHostPort(hostport); err == nil {
		host = h
	}
	host = strings.ToLower(strings.Trim(host, "[]"))
	if _, err := netip.ParseAddr(host); err == nil || host == "localhost" {
		return ""
	}
	if bucket, ok := strings.CutSuffix(host, ".localhost"); ok {
		// s3.localhost and s3.REGION.localhost are end points; BUCKET.s3.localhost is a bucket.
		return beforeEndpoint(bucket, bucket)
	}
	if labels, ok := aws.CutEndpoint(host); ok {
		return beforeEndpoint(labels, "")
	}
	for _, known := range hosts {
		if host == known {
			return ""
		}
		if bucket, ok := strings.CutSuffix(host, "."+known); ok {
			return beforeEndpoint(bucket, bucket)
		}
	}
	label, _, dotted := strings.Cut(host, ".")
	if dotted && (exists(label) || path == "" && method == http.MethodPut) {
		return label
	}
	return ""
}

// beforeEndpoint is what stands before the label that names S3 (s3,
// s3-REGION, s3.dualstack, …); without such a label it is fallback.
func beforeEndpoint(host, fallback string) string {
	labels := strings.Split(host, ".")
	for i := len(labels) - 1; i >= 0; i-- {
		if labels[i] == "s3" || strings.HasPrefix(labels[i], "s3-") {
			return strings.Join(labels[:i], ".")
		}
	}
	return fallback
}

// actionOf names the operation that a request asks for, as far as its method,
// query and headers tell: a path with one part is taken for a bucket.
func actionOf(r *http.Request) string {
	name, key := split("", strings.TrimPrefix(r.URL.Path, "/"))
	at := onService
	switch {
	case key != "":
		at = onObject
	case name != "":
		at = onBucket
	}
	if op := operationOf(r, r.URL.Query(), at); op != nil {
		return op.name
	}
	return ""
}
