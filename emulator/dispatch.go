package emulator

import (
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/irsa-emu/irsa-emu/api"
	"github.com/irsa-emu/irsa-emu/decision"
	"github.com/irsa-emu/irsa-emu/iam"
	"github.com/irsa-emu/irsa-emu/state"
	"github.com/irsa-emu/irsa-emu/wire"
)

// dispatcher answers the calls of AWS clients: it finds out which service one is
// for and who signed it, lets the service answer, and records what happened.
type dispatcher struct {
	services      *registry
	authenticator api.Authenticator
	store         *state.Store
	clock         *Clock
	// now is the real time, which signatures are held against.
	now    func() time.Time
	region string // of calls whose signature names none
	log    *slog.Logger

	decisions *decision.Log
	faults    *faults
	metrics   *metrics
	trail     *trail // nil without records

	// signingKeys caches what SigV4 derives from a secret, a day and a region.
	signingKeys *wire.KeyCache
	bodies      bodies
}

// signingKeyCache is how many derived keys are kept, each under a hundred bytes.
const signingKeyCache = 4096

func (e *Emulator) newDispatcher(authenticator api.Authenticator) *dispatcher {
	d := &dispatcher{
		services: e.services, authenticator: authenticator, store: e.store, clock: e.clock, now: e.config.Now, region: e.config.Region, log: e.config.Logger,
		decisions: e.decisions, faults: e.faults, metrics: e.metrics,
		signingKeys: wire.NewKeyCache(signingKeyCache), bodies: make(bodies, mostLargeBodies),
	}
	if e.config.CloudTrail != nil {
		d.trail = newTrail(&e.config, e.metrics)
	}
	return d
}

// serve answers one call.
func (d *dispatcher) serve(w http.ResponseWriter, r *http.Request) {
	started := time.Now()
	req := d.request(r, wire.WantsJSON(r))
	if d.store.Shared() {
		req = d.answerFollowing(w, req)
	} else {
		d.answer(&reasonWriter{ResponseWriter: w, decision: req.Decision}, req)
	}
	req.Decision.Duration = time.Since(started)
	d.record(req)
}

// request is a call that nothing is known of yet, on the state as it is now.
func (d *dispatcher) request(r *http.Request, wantJSON bool) *api.Request {
	call := &wire.Call{ID: wire.NewRequestID(), HTTP: r, WantJSON: wantJSON}
	return &api.Request{
		Call: call, State: d.store.Snapshot(), Now: d.clock.Now(), PoliciesOf: iam.PoliciesOf, OrganizationOf: iam.OrganizationOf,
		Decision: &decision.Decision{RequestID: call.ID},
	}
}

// own makes the call's request a copy, whose body can be replaced: net/http must find its
// own in the one that it gave, or it waits for a body that the client keeps until it
// hears "100 Continue".
func own(call *wire.Call) *http.Request {
	own := *call.HTTP
	call.HTTP = &own
	return &own
}

// answer takes a call through routing, authentication and faults to its service.
func (d *dispatcher) answer(w http.ResponseWriter, req *api.Request) {
	sig, authErr := wire.ParseSignature(req.HTTP)
	service := d.services.of(req.HTTP, sig)
	if service.Describe().Name == "" {
		if named := d.services.ofPath(req.HTTP); named != nil {
			service = named
		}
	}
	defer func() { d.survive(w, req, service.Describe(), recover()) }()
	req.Region = regionOf(sig, d.region)
	release, err := d.read(req, service)
	defer release()
	if service.Describe().Name == "" && err == nil {
		if named := d.services.ofCall(req.Call); named != nil {
			service = named
			own(req.Call).Body = rewound(req.Body) // it may read a stream
		}
	}
	about := service.Describe()
	req.Service = about.Name
	if err != nil {
		d.refuse(w, req, about, err)
		return
	}
	if streams, ok := about.Protocol.(wire.StreamProtocol); ok {
		req.ID = streams.RequestID(req.Call)
		req.Decision.RequestID = req.ID
	}
	describe(req)
	if fromForeignPage(req.HTTP) && reachedByPages(req.HTTP) && !mayComeFromPages(req, service, sig) {
		d.refuse(w, req, about, webPage(req.HTTP))
		return
	}
	if fault, ok := d.faults.take(req.Service, req.Action, req.Form.Get("RoleArn")); ok && d.inject(w, req, about, fault) {
		return
	}
	if !about.IsUnsigned(req.Action) && d.services.serves(req.Service) {
		if err := d.authenticate(req, service, sig, authErr); err != nil {
			d.refuse(w, req, about, err)
			return
		}
	}
	if _, streams := about.Protocol.(wire.StreamProtocol); streams && req.HTTP.ContentLength != 0 {
		allowTransfer(w)
	}
	refusal := api.Answer(service, w, req)
	if refusal != nil {
		hurry(w) // what is left of the body is read for the connection's sake only
	}
	d.failed(req, refusal)
}

// read takes the body, unless it is a stream, and with it the action. release
// gives back what the body holds of the memory for large ones.
func (d *dispatcher) read(req *api.Request, service api.Service) (release func(), err error) {
	release = func() {}
	protocol := service.Describe().Protocol
	if _, streams := protocol.(wire.StreamProtocol); streams {
		return release, protocol.Read(req.Call)
	}
	if req.Body, release, err = d.bodies.read(req.HTTP); err != nil {
		return release, err
	}
	return release, protocol.Read(req.Call)
}

// authenticate finds out who signed. An unsigned call goes on to the service,
// which says whether there are such.
func (d *dispatcher) authenticate(req *api.Request, service api.Service, sig *wire.Signature, parseErr error) error {
	if parseErr != nil {
		return parseErr
	}
	if sig == nil {
		return nil
	}
	principal, secret, authErr := d.authenticator.Authenticate(req.State, sig, req.Now)
	if authErr != nil {
		return authErr
	}
	stream, streams := service.Describe().Protocol.(wire.StreamProtocol)
	opts := wire.VerifyOptions{Service: req.Service, Body: req.Body, S3: streams, Keys: d.signingKeys}
	if host, ok := service.(api.BucketHost); ok && sig.Presigned {
		opts.Bucket = host.HostBucket(req.HTTP, req.State)
	}
	if err := sig.Verify(req.HTTP, secret, d.now(), opts); err != nil {
		return err
	}
	if streams {
		if err := stream.OpenBody(own(req.Call), sig); err != nil {
			return err
		}
	}
	req.SignedBy(principal, sig, service.Describe())
	return nil
}

// refuse answers a call with an error that arose before any service saw it.
func (d *dispatcher) refuse(w http.ResponseWriter, req *api.Request, about *api.Description, err error) {
	d.failed(req, about.Refuse(w, req, err))
}

// failed logs what went wrong in the emulator itself.
func (d *dispatcher) failed(req *api.Request, r *api.Refusal) {
	if r != nil && r.Cause != nil {
		d.log.Error("a call failed", "service", req.Service, "action", req.Action, "requestId", req.ID, "err", r.Cause)
	}
}

// webPage keeps pages of other sites from an emulator on this machine: they know the
// administrator's usual secret as well as anybody, and a presigned call in a
// form needs no leave of the browser's.
func webPage(r *http.Request) error {
	refusal := api.Refuse(decision.WebPage, wire.Errorf(http.StatusForbidden, "AccessDenied", "Access Denied"))
	refusal.Outcome = decision.Refused
	return refusal.Because("a web page of the origin %q asks, and this emulator is reached on loopback", r.Header.Get("Origin")).
		WithHint("serve the page from localhost")
}

// survive turns a mistake of the emulator's own into an answer and a log line
// that carry the request's id: net/http would close the connection and log a
// stack that belongs to nobody.
func (d *dispatcher) survive(w http.ResponseWriter, req *api.Request, about *api.Description, mistake any) {
	if mistake == nil {
		return
	}
	if mistake == http.ErrAbortHandler {
		panic(mistake) // asked for: a fault that drops the connection
	}
	logPanic(d.log, req, mistake)
	if answer, ok := w.(*reasonWriter); ok && answer.wrote { // too late for an answer
		req.Decision.Outcome = decision.Failed
		req.Decision.Reason = &decision.Reason{Kind: decision.Internal, Message: ownMistake}
		req.Decision.Error = &decision.Error{Code: "InternalFailure", Message: "the connection was closed in the middle of the answer"}
		d.record(req)
		panic(http.ErrAbortHandler)
	}
	about.Refuse(w, req, fmt.Errorf("%s", ownMistake))
}
