package emulator

import (
	"net/http"
	"strings"

	"github.com/irsa-emu/irsa-emu/api"
	"github.com/irsa-emu/irsa-emu/decision"
	"github.com/irsa-emu/irsa-emu/lazyregexp"
	"github.com/irsa-emu/irsa-emu/wire"
)

// unserved stands for a service that AWS has and the emulator has not. It
// refuses every call in the protocol that the call came in.
type unserved struct {
	description *api.Description
	registry    *registry
}

// unserved is the stand-in for a service of that name; "": the call names none
// so far.
func (r *registry) unserved(name string, req *http.Request) api.Service {
	return &unserved{&api.Description{Name: name, Protocol: protocolOf(name, req), Anonymous: true}, r}
}

// protocolOf is the protocol that a request is written in, as far as it shows:
// JSON services name their action in a header, those of the Query protocol send
// forms or have the action in the URL. The rest are REST services, of which most
// speak JSON.
func protocolOf(name string, req *http.Request) wire.Protocol {
	query := wire.Query{Namespace: wire.STSNamespace}
	switch {
	case req.Header.Get("X-Amz-Target") != "":
		return wire.JSON{}
	case name == "", strings.HasPrefix(req.Header.Get("Content-Type"), "application/x-www-form-urlencoded"), strings.Contains(req.URL.RawQuery, "Action="):
		return query
	case name == "route53", name == "cloudfront": // REST-XML, with the errors of the Query protocol
		return restXML{query}
	}
	return wire.RESTJSON{Action: func(*http.Request) string { return "" }}
}

// restXML reads no action: it would need the service's own paths.
type restXML struct{ wire.Query }

func (restXML) Read(*wire.Call) error { return nil }

// versionSuffix is the date of an API's version in a target: DynamoDB_20120810.
var versionSuffix = lazyregexp.New(`_?(V?\d{8})$`)

// nameOfTarget is the name of a service of which there is a target and no
// signature that says it.
func nameOfTarget(target string) string {
	return strings.ToLower(versionSuffix.ReplaceAllString(target, ""))
}

// Describe says what is known of the service.
func (u *unserved) Describe() *api.Description { return u.description }

// Serve says that it is not served, or that the call names no service at all.
func (u *unserved) Serve(_ http.ResponseWriter, req *api.Request) error {
	name := u.description.Name
	if name == "" {
		return u.description.Protocol.UnknownAction(req.Call)
	}
	if req.Action != "" {
		name += ":" + req.Action
	}
	return api.Refuse(decision.Unsupported, wire.Errorf(http.StatusNotImplemented, "NotImplemented",
		"irsa-emu does not serve %s; it serves %s", name, u.registry.names()))
}
