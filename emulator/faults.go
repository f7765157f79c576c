package emulator

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"
)

// Fault is a failure that was asked for: calls that match get it instead of,
// or before, their answer.
type Fault struct {
	ID    int        `json:"id,omitempty"`
	Match FaultMatch `json:"match"`
	Fault FaultSpec  `json:"fault"`
	// Times is how many calls get the fault; 0 is every call until it is deleted.
	Times int `json:"times,omitempty"`
	// Used counts the calls that got it.
	Used int `json:"used"`
}

// FaultMatch says which calls; an empty field matches all.
type FaultMatch struct {
	Service string `json:"service,omitempty"`
	Action  string `json:"action,omitempty"`
	// Role is a role's ARN or name, as the call names it.
	Role string `json:"role,omitempty"`
}

// FaultSpec says what they get: a latency, then a dropped connection or an
// error in the service's own protocol, or the true answer if neither is set.
type FaultSpec struct {
	Code           string   `json:"code,omitempty"`
	Status         int      `json:"status,omitempty"`
	Message        string   `json:"message,omitempty"`
	Latency        Duration `json:"latency,omitempty"`
	DropConnection bool     `json:"dropConnection,omitempty"`
}

// Duration reads and writes as Go writes durations: "960s", "2h".
type Duration time.Duration

// MarshalJSON writes the duration as a string.
func (d Duration) MarshalJSON() ([]byte, error) { return json.Marshal(time.Duration(d).String()) }

// UnmarshalJSON reads a string such as "250ms".
func (d *Duration) UnmarshalJSON(b []byte) error {
	var s string
	if err := json.Unmarshal(b, &s); err != nil {
		return fmt.Errorf("a duration is a string such as \"250ms\" or \"2h\", not %s", b)
	}
	v, err := time.ParseDuration(s)
	*d = Duration(v)
	return err
}

// validate says what is wrong with a fault and what to write instead.
func (f *Fault) validate() error {
	switch {
	case f.Times < 0:
		return fmt.Errorf("times: %d is negative; write how many calls get the fault, or 0 for every call", f.Times)
	case f.Fault.Latency < 0:
		return fmt.Errorf("fault.latency: %s is negative", time.Duration(f.Fault.Latency))
	case f.Fault.Latency > Duration(5*time.Minute):
		return fmt.Errorf("fault.latency: %s is over the limit of 5m", time.Duration(f.Fault.Latency))
	case f.Fault.DropConnection && f.Fault.Code != "":
		return fmt.Errorf("fault: a dropped connection carries no code; write dropConnection or code, not both")
	case f.Fault.Status != 0 && (f.Fault.Status < 400 || f.Fault.Status > 599):
		return fmt.Errorf("fault.status: %d is not an error; write 400 to 599", f.Fault.Status)
	case f.Fault.Status != 0 && f.Fault.Code == "":
		return fmt.Errorf("fault.status needs fault.code, such as Throttling or IDPCommunicationError")
	case f.Fault.Code == "" && !f.Fault.DropConnection && f.Fault.Latency == 0:
		return fmt.Errorf("fault: nothing to do; write code, latency or dropConnection")
	}
	if f.Fault.Code != "" && f.Fault.Status == 0 {
		f.Fault.Status = http.StatusBadRequest
	}
	if f.Fault.Code != "" && f.Fault.Message == "" {
		f.Fault.Message = "Injected fault: " + f.Fault.Code
	}
	return nil
}

// faults are those in force, oldest first; the first match counts.
type faults struct {
	mu   sync.Mutex
	last int
	list []*Fault
}

// mostFaults bounds the list, which every call is held against.
const mostFaults = 1000

func (fs *faults) add(f Fault) (Fault, error) {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	if len(fs.list) >= mostFaults {
		return f, fmt.Errorf("there are %d faults already; DELETE /_emu/faults clears them, and \"times\" makes one go by itself", len(fs.list))
	}
	fs.last++
	f.ID, f.Used = fs.last, 0
	fs.list = append(fs.list, &f)
	return f, nil
}

func (fs *faults) all() []Fault {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	out := make([]Fault, 0, len(fs.list))
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
func (fs *faults) take(service, action, role string) (FaultSpec, bool) {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	for i, f := range fs.list {
		if !f.Match.matches(service, action, role) {
			continue
		}
		f.Used++
		if f.Times > 0 && f.Used >= f.Times {
			fs.list = append(fs.list[:i:i], fs.list[i+1:]...)
		}
		return f.Fault, true
	}
	return FaultSpec{}, false
}

func (m FaultMatch) matches(service, action, role string) bool {
	if m.Service != "" && !strings.EqualFold(m.Service, service) {
		return false
	}
	if m.Action != "" && !strings.EqualFold(m.Action, action) {
		return false
	}
	return m.Role == "" || m.Role == role || strings.HasSuffix(role, "/"+m.Role)
}
