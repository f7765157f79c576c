package emulator

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/irsa-emu/irsa-emu/api"
	"github.com/irsa-emu/irsa-emu/control"
	"github.com/irsa-emu/irsa-emu/decision"
	"github.com/irsa-emu/irsa-emu/iam"
	"github.com/irsa-emu/irsa-emu/services/eks"
	"github.com/irsa-emu/irsa-emu/services/eksauth"
	"github.com/irsa-emu/irsa-emu/services/s3"
	"github.com/irsa-emu/irsa-emu/state"
	"github.com/irsa-emu/irsa-emu/wire"
)

// maxBody bounds the body of every call but S3's, which streams. The largest
// documents that AWS takes are 131,072 characters, sent percent-encoded.
const maxBody = 1 << 20

// smallBody is what a body may have without a share of the memory for large
// ones: tokens and session policies fit, and mostLargeBodies are for the rest.
const (
	smallBody       = 64 << 10
	mostLargeBodies = 128
)

// unsignedActions need no signature; one that is sent is not looked at.
var unsignedActions = map[string]bool{"AssumeRoleWithWebIdentity": true, "AssumeRoleWithSAML": true}

// serveAWS answers one call of an AWS client: what it is, who signed it, what
// the service says, and the decision that records it all.
func (e *Emulator) serveAWS(w http.ResponseWriter, r *http.Request) {
	started := time.Now()
	call := &wire.Call{ID: wire.NewRequestID(), HTTP: r, WantJSON: wire.WantsJSON(r)}
	req := &api.Request{
		Call: call, State: e.store.Snapshot(), Now: e.clock.Now(), PoliciesOf: iam.PoliciesOf,
		Decision: &decision.Decision{RequestID: call.ID},
	}
	if e.store.Shared() {
		req = e.answerFollowing(w, req)
	} else {
		e.answer(&reasonWriter{ResponseWriter: w, decision: req.Decision}, req)
	}
	req.Decision.Duration = time.Since(started)
	e.record(req)
}

// answer takes a call through routing, authentication and faults to its service.
func (e *Emulator) answer(w http.ResponseWriter, req *api.Request) {
	defer e.survive(w, req)
	sig, authErr := wire.ParseSignature(req.HTTP)
	req.Service = serviceOf(req.HTTP, sig)
	req.Region = regionOf(sig, e.config.Region)
	done, err := e.read(w, req)
	defer done()
	if err != nil {
		e.refuse(w, req, err)
		return
	}
	if req.Service == serviceS3 { // its request ids have a form of their own
		req.ID = wire.S3RequestID(req.Call)
		req.Decision.RequestID = req.ID
	}
	e.describe(req)
	if isLoopback(localAddr(req.HTTP)) && fromForeignPage(req.HTTP) {
		e.refuseWebPage(w, req)
		return
	}
	if fault, ok := e.faults.take(req.Service, req.Action, req.Form.Get("RoleArn")); ok {
		if e.inject(w, req, fault) {
			return
		}
	}
	service, ok := e.services[req.Service]
	if !ok {
		e.refuse(w, req, unknownService(req))
		return
	}
	if !(req.Service == serviceSTS && unsignedActions[req.Action]) {
		if err := e.authenticate(req, sig, authErr); err != nil {
			e.refuse(w, req, err)
			return
		}
	}
	service.ServeAWS(w, req)
}

// read takes the body, unless it is S3's, and with it the action. done gives
// back what the body holds of the memory for large ones.
func (e *Emulator) read(w http.ResponseWriter, req *api.Request) (done func(), err error) {
	if req.Service == serviceS3 {
		if req.HTTP.ContentLength != 0 {
			allowTransfer(w)
		}
		req.Action = s3.ActionOf(req.HTTP)
		return func() {}, nil
	}
	body, done, err := e.readBody(req.HTTP)
	if err != nil {
		return done, err
	}
	req.Body = body
	req.HTTP.Body = io.NopCloser(bytes.NewReader(body))
	return done, e.readAction(req)
}

// readBody reads a body whole. Anybody may send one before it is known who it
// is, so only so many large ones are read at a time.
func (e *Emulator) readBody(r *http.Request) (body []byte, done func(), err error) {
	done = func() {}
	var buffer bytes.Buffer
	if n := r.ContentLength; n > 0 && n <= maxBody {
		// ReadFrom wants so much room to see the end. A client that announces a
		// megabyte and sends nothing gets no megabyte.
		buffer.Grow(int(min(n, smallBody/2)) + bytes.MinRead)
	}
	_, err = buffer.ReadFrom(io.LimitReader(r.Body, smallBody))
	if err == nil && buffer.Len() == smallBody {
		select {
		case e.largeBodies <- struct{}{}:
			done = func() { <-e.largeBodies }
		default:
			return nil, done, wire.Errorf(http.StatusServiceUnavailable, "ServiceUnavailable", "over %d requests with large bodies are under way; try again", cap(e.largeBodies))
		}
		_, err = buffer.ReadFrom(io.LimitReader(r.Body, maxBody+1-smallBody))
	}
	if err != nil {
		return nil, done, wire.Errorf(http.StatusBadRequest, "RequestAborted", "reading the request body: %v", err)
	}
	if buffer.Len() > maxBody {
		return nil, done, wire.Errorf(http.StatusRequestEntityTooLarge, "RequestEntityTooLarge", "the request body is over %d bytes", maxBody)
	}
	return buffer.Bytes(), done, nil
}

// readAction finds out what a call asks for.
func (e *Emulator) readAction(req *api.Request) error {
	body := req.Body
	switch req.Service {
	case serviceSecretsManager:
		req.Action = actionOfTarget(req.HTTP)
	case serviceEKS:
		req.Action = eks.ActionOf(req.HTTP)
	case serviceEKSAuth:
		req.Action = eksauth.ActionOf(req.HTTP)
	case serviceSTS, serviceIAM, "":
		action, version, form, err := wire.ReadQuery(req.HTTP, body)
		if err != nil {
			return err
		}
		req.Action, req.Version, req.Form = action, version, form
		if req.Service == "" {
			if req.Service = apiVersions[version]; req.Service == "" && action == "" {
				req.Service = serviceS3 // an anonymous read of an object, as far as it can be told
			}
		}
	}
	return nil
}

// authenticate finds out who signed. An unsigned call goes on only to S3,
// whose buckets may be public.
func (e *Emulator) authenticate(req *api.Request, sig *wire.Signature, parseErr error) error {
	if parseErr != nil {
		return parseErr
	}
	if sig == nil {
		if req.Service == serviceS3 {
			return nil
		}
		return wire.MissingAuthentication()
	}
	principal, secret, authErr := e.sts.Authenticate(req.State, sig, req.Now)
	if authErr != nil {
		return authErr
	}
	opts := wire.VerifyOptions{Service: req.Service, Body: req.Body, S3: req.Service == serviceS3, Keys: e.signingKeys}
	if s3, ok := e.services[req.Service].(interface {
		HostBucket(*http.Request, state.Reader) string
	}); ok && sig.Presigned {
		opts.Bucket = s3.HostBucket(req.HTTP, req.State)
	}
	if err := sig.Verify(req.HTTP, secret, e.config.Now(), opts); err != nil {
		return err
	}
	if req.Service == serviceS3 {
		payload, err := wire.OpenPayload(req.HTTP, sig)
		if err != nil {
			return err
		}
		req.HTTP.Body, req.HTTP.ContentLength = payload, payload.Length()
	}
	req.Principal = principal
	req.Decision.Caller = &decision.Caller{
		ARN: principal.ARN, Account: principal.Account, AccessKeyID: principal.AccessKeyID, UserID: principal.UserID,
	}
	return nil
}

// inject carries out a fault; it reports whether the call is answered by it.
func (e *Emulator) inject(w http.ResponseWriter, req *api.Request, f control.FaultSpec) bool {
	if f.Latency > 0 {
		allowTransfer(w) // or the wait for the next request would end this one
		timer := time.NewTimer(time.Duration(f.Latency))
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-req.HTTP.Context().Done():
		}
	}
	reason := &decision.Reason{Kind: decision.Injected, Message: "a fault was asked for through POST /_emu/faults"}
	if f.DropConnection {
		req.Decision.Reason = reason
		req.Decision.Error = &decision.Error{Code: "ConnectionDropped", Message: "the connection was closed without an answer"}
		drop(w)
		return true
	}
	if f.Code == "" {
		return false
	}
	err := wire.Errorf(f.Status, f.Code, "%s", f.Message)
	req.Decision.Reason = reason
	e.write(w, req, err)
	return true
}

// drop closes the client's connection; over HTTP/2, or where the server does
// not let go of it, the handler is aborted, which resets the stream.
func drop(w http.ResponseWriter) {
	if conn, _, err := http.NewResponseController(w).Hijack(); err == nil {
		conn.Close()
		return
	}
	panic(http.ErrAbortHandler)
}

// refuse answers an error that arose before any service saw the call.
func (e *Emulator) refuse(w http.ResponseWriter, req *api.Request, err error) {
	answer := protocolError(req, err)
	var auth *wire.AuthError
	switch {
	case errors.As(err, &auth):
		req.Decision.Outcome = decision.Refused
		req.Decision.Reason = &decision.Reason{Kind: string(auth.Kind), Message: answer.Message, Hint: auth.Hint}
	case answer.Status == http.StatusNotImplemented:
		req.Decision.Reason = &decision.Reason{Kind: decision.Unsupported, Message: answer.Message}
	default:
		req.Decision.Reason = &decision.Reason{Kind: decision.Parameter, Message: answer.Message}
	}
	e.write(w, req, answer)
}

// refuseWebPage keeps pages of other sites from an emulator on loopback: they
// know the administrator's usual secret as well as anybody, and a presigned call
// in a form needs no leave of the browser's.
func (e *Emulator) refuseWebPage(w http.ResponseWriter, req *api.Request) {
	req.Decision.Outcome = decision.Refused
	req.Decision.Reason = &decision.Reason{
		Kind: decision.WebPage, Message: fmt.Sprintf("a web page of the origin %q asks, and this emulator listens on loopback", req.HTTP.Header.Get("Origin")),
		Hint: "serve the page from localhost",
	}
	e.write(w, req, wire.Errorf(http.StatusForbidden, "AccessDenied", "Access Denied"))
}

// write sends an error in the protocol of the request's service.
func (e *Emulator) write(w http.ResponseWriter, req *api.Request, err *wire.Error) {
	req.Decision.Error = &decision.Error{Code: err.Code, Message: err.Message, Status: err.Status}
	switch {
	case req.Service == serviceS3:
		wire.WriteS3Error(w, req.Call, err)
	case req.Service == serviceEKS, req.Service == serviceEKSAuth:
		wire.WriteRESTJSONError(w, req.Call, err)
	case req.HTTP.Header.Get("X-Amz-Target") != "":
		wire.WriteJSONError(w, req.Call, err)
	case req.Service == serviceIAM:
		wire.WriteQueryError(w, req.Call, wire.IAMNamespace, err)
	default:
		wire.WriteQueryError(w, req.Call, wire.STSNamespace, err)
	}
}

// protocolError is err as the service's protocol words it.
func protocolError(req *api.Request, err error) *wire.Error {
	var auth *wire.AuthError
	if errors.As(err, &auth) {
		switch req.Service {
		case serviceS3:
			return auth.S3()
		case serviceEKS, serviceEKSAuth:
			return auth.REST()
		case serviceSecretsManager:
			return auth.JSON()
		}
		return auth.Query()
	}
	var wireErr *wire.Error
	if errors.As(err, &wireErr) {
		return wireErr
	}
	return wire.Errorf(http.StatusInternalServerError, "InternalFailure", "%v", err)
}

func unknownService(req *api.Request) *wire.Error {
	if req.Service == "" {
		if req.Action == "" {
			return wire.MissingAction()
		}
		return wire.InvalidAction(req.Action, req.Version)
	}
	name := req.Service
	if req.Action != "" {
		name += ":" + req.Action
	}
	return wire.Errorf(http.StatusNotImplemented, "NotImplemented",
		"irsa-emu does not serve %s; it serves sts, iam, secretsmanager, s3, eks and eks-auth", name)
}

// record completes the decision and hands it to the log, the metrics and the logger.
func (e *Emulator) record(req *api.Request) {
	d := req.Decision
	e.describe(req)
	if d.Outcome == "" {
		d.Outcome = outcome(d)
	}
	held := 0
	if req.Form != nil { // its values may be parts of the body
		held = len(req.Body) + len(req.HTTP.URL.RawQuery)
	}
	e.decisions.Add(d, held)
	e.metrics.observe(d)
	if e.trail != nil {
		e.trail.record(req)
	}
	level := slog.LevelInfo
	if d.Outcome == decision.Allowed {
		level = slog.LevelDebug
	}
	if ctx := req.HTTP.Context(); e.config.Logger.Enabled(ctx, level) {
		e.config.Logger.LogAttrs(ctx, level, "call", d.LogAttrs()...)
	}
}

// describe fills what every decision carries. Services may have said more.
func (e *Emulator) describe(req *api.Request) {
	d := req.Decision
	d.Time, d.Service, d.Action, d.Region = req.Now, req.Service, req.Action, req.Region
	if d.Resource == "" {
		d.Resource = strings.Clone(req.Form.Get("RoleArn")) // the form has the token too, and is not kept
	}
}

// outcome tells a refusal from a failure where the service has not said.
func outcome(d *decision.Decision) decision.Outcome {
	switch {
	case d.Error == nil:
		return decision.Allowed
	case d.Reason != nil && (d.Reason.Kind == decision.Policy || d.Reason.Kind == decision.TrustPolicy || d.Reason.Kind == decision.RoleNotFound ||
		d.Reason.Kind == decision.ProviderNotFound || d.Reason.Kind == decision.RolesClaim):
		return decision.Refused
	case d.Error.Status == http.StatusForbidden || d.Error.Status == http.StatusUnauthorized || d.Token != nil:
		return decision.Refused
	default:
		return decision.Failed
	}
}

// reasonWriter puts the reason of a refusal beside the answer, never into it:
// the header x-irsa-emu-reason.
type reasonWriter struct {
	http.ResponseWriter
	decision *decision.Decision
	wrote    bool
}

// ReasonHeader carries why a call was refused.
const ReasonHeader = "X-Irsa-Emu-Reason"

func (w *reasonWriter) WriteHeader(status int) {
	if !w.wrote {
		w.wrote = true
		if text := w.decision.ReasonLine(); text != "" {
			w.Header().Set(ReasonHeader, text)
		}
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *reasonWriter) Write(b []byte) (int, error) {
	if !w.wrote {
		w.WriteHeader(http.StatusOK)
	}
	return w.ResponseWriter.Write(b)
}

// Unwrap lets http.ResponseController reach the connection.
func (w *reasonWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
