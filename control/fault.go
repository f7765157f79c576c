package control

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/irsa-emu/irsa-emu/aws"
)

// FaultError is one thing that is wrong with a fault.
type FaultError struct {
	// Path is the member that is meant, such as fault.latency.
	Path string
	// Message says what is wrong and what to write instead.
	Message string
}

func (e *FaultError) Error() string { return e.Path + ": " + e.Message }

const (
	// MaxFaultLatency bounds how long a fault lets a call wait.
	MaxFaultLatency = 5 * time.Minute
	// MaxFaultSession is AWS's own bound on sessions of roles, which a fault can only shorten.
	MaxFaultSession = 12 * time.Hour
)

// Check is an error that names all of [FaultRequest.Mistakes]; nil without any.
func (f *FaultRequest) Check() error {
	var errs []error
	for _, mistake := range f.Mistakes() {
		errs = append(errs, mistake)
	}
	return errors.Join(errs...)
}

// Mistakes says what is wrong with a fault.
func (f *FaultRequest) Mistakes() []*FaultError {
	var found []*FaultError
	wrong := func(path, format string, args ...any) {
		found = append(found, &FaultError{path, fmt.Sprintf(format, args...)})
	}
	if f.Times < 0 {
		wrong("times", "%d is negative; write how many calls get the fault, or leave it out for every call", f.Times)
	}
	x := &f.Fault
	switch {
	case x.Latency < 0:
		wrong("fault.latency", "%s is negative", time.Duration(x.Latency))
	case x.Latency > Duration(MaxFaultLatency):
		wrong("fault.latency", "%s is over the limit of %s", time.Duration(x.Latency), MaxFaultLatency)
	}
	switch {
	case x.DropConnection && x.Code != "":
		wrong("fault", "a dropped connection carries no code; write dropConnection or code, not both")
	case x.Status != 0 && (x.Status < http.StatusBadRequest || x.Status > 599):
		wrong("fault.status", "%d is not an error; write 400 to 599", x.Status)
	case x.Status != 0 && x.Code == "":
		wrong("fault.status", "needs fault.code, such as Throttling or IDPCommunicationError")
	case x.Message != "" && x.Code == "":
		wrong("fault.message", "needs fault.code, such as Throttling or IDPCommunicationError")
	case x.Code == "" && !x.DropConnection && x.Latency == 0 && x.SessionDuration == 0:
		wrong("fault", "nothing to do; write code, latency, dropConnection or sessionDuration")
	}
	if x.SessionDuration != 0 {
		f.checkSession(wrong)
	}
	return found
}

func (f *FaultRequest) checkSession(wrong func(path, format string, args ...any)) {
	session := time.Duration(f.Fault.SessionDuration)
	if session < time.Second || session > MaxFaultSession || session%time.Second != 0 {
		wrong("fault.sessionDuration", "%s; write whole seconds, 1s to %s: sessions can be made shorter than AWS makes them, not longer", session, MaxFaultSession)
	}
	if f.Fault.Code != "" || f.Fault.DropConnection {
		wrong("fault.sessionDuration", "a call that fails issues no session; write sessionDuration, or code or dropConnection, in faults of their own")
	}
	if f.Match.Action != "" && !aws.IssuesSessions(f.Match.Action) {
		wrong("match.action", "%s issues no session; with sessionDuration write %s, or leave it out for all of them", f.Match.Action, strings.Join(aws.SessionActions(), ", "))
	}
}
