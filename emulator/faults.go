package emulator

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/irsa-emu/irsa-emu/api"
	"github.com/irsa-emu/irsa-emu/aws"
	"github.com/irsa-emu/irsa-emu/control"
	"github.com/irsa-emu/irsa-emu/decision"
	"github.com/irsa-emu/irsa-emu/wire"
)

// complete fills in what an error of a fault needs and does not say.
func complete(f *control.FaultSpec) {
	if f.Code == "" {
		return
	}
	if f.Status == 0 {
		f.Status = http.StatusBadRequest
	}
	if f.Message == "" {
		f.Message = "Injected fault: " + f.Code
	}
}

// faults are those in force, oldest first; the first match counts.
type faults struct {
	mu   sync.Mutex
	last int
	list []*control.Fault
}

// mostFaults bounds the list, which every call is held against.
const mostFaults = 1000

// add puts a fault in force, or says what is wrong with it.
func (fs *faults) add(f control.FaultRequest) (control.Fault, error) {
	if err := f.Check(); err != nil {
		return control.Fault{}, err
	}
	complete(&f.Fault)
	fs.mu.Lock()
	defer fs.mu.Unlock()
	if len(fs.list) >= mostFaults {
		return control.Fault{}, fmt.Errorf("there are %d faults already; DELETE /_emu/faults clears them, and \"times\" makes one go by itself", len(fs.list))
	}
	fs.last++
	added := control.Fault{ID: fs.last, Match: f.Match, Fault: f.Fault, Times: f.Times}
	fs.list = append(fs.list, &added)
	return added, nil
}

func (fs *faults) all() []control.Fault {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	out := make([]control.Fault, 0, len(fs.list))
	for _, f := range fs.list {
		out = append(out, *f)
	}
	return out
}

func (fs *faults) clear() {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	fs.list = nil
}

// take returns the fault that a call gets and counts it, if there is one.
func (fs *faults) take(service, action, role string) (control.FaultSpec, bool) {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	for i, f := range fs.list {
		if !matchesFault(f.Match, service, action, role) || f.Fault.SessionDuration > 0 && !aws.IssuesSessions(action) {
			continue
		}
		f.Used++
		if f.Times > 0 && f.Used >= f.Times {
			fs.list = append(fs.list[:i:i], fs.list[i+1:]...)
		}
		return f.Fault, true
	}
	return control.FaultSpec{}, false
}

func matchesFault(m control.FaultMatch, service, action, role string) bool {
	if m.Service != "" && !strings.EqualFold(m.Service, service) {
		return false
	}
	if m.Action != "" && !strings.EqualFold(m.Action, action) {
		return false
	}
	return m.Role == "" || m.Role == role || strings.HasSuffix(role, "/"+m.Role)
}

// inject carries out a fault; it reports whether the call is answered by it.
func (d *dispatcher) inject(w http.ResponseWriter, req *api.Request, about *api.Description, f control.FaultSpec) bool {
	if f.Latency > 0 {
		allowTransfer(w) // or the wait for the next request would end this one
		timer := time.NewTimer(time.Duration(f.Latency))
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-req.HTTP.Context().Done():
		}
	}
	req.LongestSession = time.Duration(f.SessionDuration)
	const why = "a fault was asked for through POST /_emu/faults"
	if f.DropConnection {
		req.Decision.Reason = &decision.Reason{Kind: decision.Injected, Message: why}
		req.Decision.Error = &decision.Error{Code: "ConnectionDropped", Message: "the connection was closed without an answer"}
		drop(w)
		return true
	}
	if f.Code == "" {
		return false
	}
	d.refuse(w, req, about, api.Refuse(decision.Injected, wire.Errorf(f.Status, f.Code, "%s", f.Message)).Because(why))
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
