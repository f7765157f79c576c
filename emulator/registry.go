package emulator

import (
	"context"
	"fmt"
	"iter"
	"net"
	"net/http"
	"slices"
	"strings"

	"github.com/irsa-emu/irsa-emu/api"
	"github.com/irsa-emu/irsa-emu/aws"
	"github.com/irsa-emu/irsa-emu/state"
	"github.com/irsa-emu/irsa-emu/wire"
)

// registry finds the service that a request is for, among those that are
// registered. It knows them by what they say of themselves.
type registry struct {
	all       []api.Service
	byName    map[string]api.Service
	byTarget  map[string]api.Service
	byVersion map[string]api.Service
	// paths are those of unsigned requests, and byPath whose they are.
	paths  *http.ServeMux
	byPath map[string]api.Service
	// anonymous is the service that unsigned requests are for which say nothing
	// else; nil: there is none.
	anonymous api.Service
}

func newRegistry(services []api.Service) (*registry, error) {
	r := &registry{
		byName: map[string]api.Service{}, byTarget: map[string]api.Service{}, byVersion: map[string]api.Service{},
		paths: http.NewServeMux(), byPath: map[string]api.Service{},
	}
	for _, s := range services {
		if err := r.add(s); err != nil {
			return nil, err
		}
	}
	return r, nil
}

func (r *registry) add(s api.Service) error {
	d := s.Describe()
	if d.Name == "" || d.Protocol == nil {
		return fmt.Errorf("a service of type %T has no name or no protocol", s)
	}
	if r.byName[d.Name] != nil {
		return fmt.Errorf("two services are called %s", d.Name)
	}
	for _, host := range d.Hosts {
		if i := slices.IndexFunc(r.all, func(other api.Service) bool {
			o := other.Describe()
			return o.HasHost(host) || slices.ContainsFunc(o.Hosts, d.HasHost)
		}); i >= 0 {
			return fmt.Errorf("two services have the host %s: %s and %s", host, r.all[i].Describe().Name, d.Name)
		}
	}
	r.all, r.byName[d.Name] = append(r.all, s), s
	for _, target := range d.Targets {
		if other := r.byTarget[target]; other != nil {
			return fmt.Errorf("two services have the target %s: %s and %s", target, other.Describe().Name, d.Name)
		}
		r.byTarget[target] = s
	}
	if d.Version != "" {
		r.byVersion[d.Version] = s
	}
	for _, path := range d.Paths {
		if r.byPath[path] != nil {
			return fmt.Errorf("two services have the path %s", path)
		}
		r.paths.Handle(path, http.NotFoundHandler())
		r.byPath[path] = s
	}
	if d.Anonymous && r.anonymous == nil {
		r.anonymous = s
	}
	return nil
}

// of is the service that a request is for: by its target header, AWS's own host
// that it was sent to, the scope of its signature, and last by its path. What
// none of these names is told by [registry.ofCall] once it has been read.
func (r *registry) of(req *http.Request, sig *wire.Signature) api.Service {
	target, _, targeted := strings.Cut(req.Header.Get("X-Amz-Target"), ".")
	if targeted {
		if s := r.byTarget[strings.ToLower(target)]; s != nil {
			return s
		}
	}
	if s := r.ofHost(req.Host); s != nil {
		return s // a scope of another service's is refused there
	}
	switch {
	case sig != nil:
		if s := r.byName[sig.Service]; s != nil {
			return s
		}
		return r.unserved(sig.Service, req)
	case targeted:
		return r.unserved(nameOfTarget(target), req)
	}
	if req.URL.Path != "/" {
		if _, pattern := r.paths.Handler(req); pattern != "" {
			return r.byPath[pattern]
		}
	}
	return r.unserved("", req)
}

// ofCall is the service of a call that nothing named but its parameters.
func (r *registry) ofCall(call *wire.Call) api.Service {
	if s := r.byVersion[call.Version]; s != nil {
		return s
	}
	if call.Action == "" && r.anonymous != nil { // a read of an object, as far as it can be told
		if err := r.anonymous.Describe().Protocol.Read(call); err == nil {
			return r.anonymous
		}
	}
	return nil
}

// ofPath is the service of an unsigned request that says by its path alone what
// it is for, such as an object: what it sends need not be read to know that.
func (r *registry) ofPath(req *http.Request) api.Service {
	if r.anonymous == nil || req.URL.Query().Has("Action") {
		return nil
	}
	kind, _, _ := strings.Cut(req.Header.Get("Content-Type"), ";")
	switch strings.TrimSpace(strings.ToLower(kind)) {
	case "multipart/form-data": // a form that uploads an object; calls of AWS's are never sent so
	case "application/x-www-form-urlencoded", "application/x-amz-json-1.0", "application/x-amz-json-1.1":
		return nil
	default:
		if req.URL.Path == "/" {
			return nil
		}
	}
	call := &wire.Call{HTTP: req}
	if err := r.anonymous.Describe().Protocol.Read(call); err != nil || call.Action == "" {
		return nil
	}
	return r.anonymous
}

// ofHost reads AWS's own host names, which clients use when DNS points them
// here: sts.us-west-2.amazonaws.com, bucket.s3.amazonaws.com.
func (r *registry) ofHost(hostport string) api.Service {
	host := hostport
	if h, _, err := net.SplitHostPort(hostport); err == nil {
		host = h
	}
	labels, ok := aws.CutEndpoint(host)
	if !ok || aws.IsIssuerHost(labels) {
		return nil
	}
	for _, label := range slices.Backward(strings.Split(labels, ".")) { // from the right: a bucket may be called "sts"
		for _, s := range r.all {
			if s.Describe().HasHost(label) {
				return s
			}
		}
	}
	return nil
}

// serves says whether a service of that name is registered, and knows says
// whether it has such an action, which no client made up.
func (r *registry) serves(name string) bool { return r.byName[name] != nil }

func (r *registry) knows(name, action string) bool {
	s := r.byName[name]
	return s != nil && s.Describe().Knows(action)
}

// keepers are the services that have a part in State documents.
func (r *registry) keepers() iter.Seq[api.StateKeeper] {
	return func(yield func(api.StateKeeper) bool) {
		for _, s := range r.all {
			if keeper, ok := s.(api.StateKeeper); ok && !yield(keeper) {
				return
			}
		}
	}
}

// start starts the services that have something to do beside their calls.
func (r *registry) start(ctx context.Context) error {
	for _, s := range r.all {
		if starter, ok := s.(api.Starter); ok {
			if err := starter.Start(ctx); err != nil {
				return fmt.Errorf("starting %s: %w", s.Describe().Title, err)
			}
		}
	}
	return nil
}

func (r *registry) stop() {
	if r == nil {
		return // nothing was wired
	}
	for _, s := range r.all {
		if starter, ok := s.(api.Starter); ok {
			starter.Stop()
		}
	}
}

// issuers are the URLs of the issuers that an account's resources have; "": of
// every account.
func (r *registry) issuers(in state.Reader, account string) []string {
	var urls []string
	for _, s := range r.all {
		if namer, ok := s.(api.IssuerNamer); ok {
			urls = append(urls, namer.Issuers(in, account)...)
		}
	}
	return urls
}

// titles is the list of what is served, for people: "STS, IAM and S3".
func (r *registry) titles() string {
	var names []string
	for _, s := range r.all {
		names = append(names, s.Describe().Title)
	}
	return inWords(names)
}

func (r *registry) names() string {
	var names []string
	for _, s := range r.all {
		names = append(names, s.Describe().Name)
	}
	return inWords(names)
}

func inWords(names []string) string {
	if len(names) < 2 {
		return strings.Join(names, "")
	}
	last := len(names) - 1
	return strings.Join(names[:last], ", ") + " and " + names[last]
}

// isAWSCall says whether a request is one of an AWS client rather than one
// for the issuer, the health checks or the control API.
func (r *registry) isAWSCall(req *http.Request) bool {
	return strings.HasPrefix(req.Header.Get("Authorization"), "AWS4-") || req.Header.Get("X-Amz-Target") != "" ||
		strings.Contains(req.URL.RawQuery, "X-Amz-") || (req.Method == http.MethodPost && req.URL.Path == "/") || r.ofHost(req.Host) != nil
}

// regionOf is the region of a call whose signature names none.
func regionOf(sig *wire.Signature, fallback string) string {
	if sig != nil && sig.Region != "" {
		return sig.Region
	}
	return fallback
}
