package harness

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/irsa-emu/irsa-emu/statefile/strictyaml"
)

// Clock moves the emulator's clock.
type Clock struct {
	Advance *Duration  `json:"advance,omitempty" jsonschema_description:"By how much, such as 2h."`
	Set     *time.Time `json:"set,omitempty" jsonschema_description:"To when, RFC 3339; it runs on from there."`
	Reset   bool       `json:"reset,omitempty" jsonschema_description:"Back to the real time."`
}

// Needs is nothing: the clock is the emulator's own.
func (c *Clock) Needs() []Need { return nil }

// After is nothing.
func (c *Clock) After() []string { return nil }

// Changes is true.
func (c *Clock) Changes() bool { return true }

func (c *Clock) check(d *strictyaml.Decoder, path string) {
	written := 0
	for _, is := range []bool{c.Advance != nil, c.Set != nil, c.Reset} {
		if is {
			written++
		}
	}
	if written != 1 {
		d.PathErrorf(path, "write one of {advance: 2h}, {set: 2026-01-31T12:00:00Z} and {reset: true}")
	}
}

func (c *Clock) perform(ctx context.Context, s *stage) (*outcome, error) {
	body := map[string]any{"reset": true}
	switch {
	case c.Advance != nil:
		body = map[string]any{"advance": time.Duration(*c.Advance).String()}
	case c.Set != nil:
		body = map[string]any{"set": c.Set}
	}
	var now struct{ Now time.Time }
	if err := s.control.call(ctx, http.MethodPost, "/_emu/clock", body, &now); err != nil {
		return nil, fmt.Errorf("moving the clock: %w", err)
	}
	return &outcome{summary: "it is " + now.Now.UTC().Format(time.RFC3339)}, nil
}

// RotateKeys gives an issuer a new signing key; the old ones stay published.
type RotateKeys struct {
	Issuer string `json:"issuer,omitempty" jsonschema_description:"One of the emulator's own issuers; the cluster's when left out."`
}

// Needs is a cluster whose keys can be replaced, when they are its own.
func (r *RotateKeys) Needs() []Need {
	if r.Issuer == "" {
		return []Need{NeedRotation}
	}
	return nil
}

// After is nothing.
func (r *RotateKeys) After() []string { return nil }

// Changes is true.
func (r *RotateKeys) Changes() bool { return true }

func (r *RotateKeys) perform(ctx context.Context, s *stage) (*outcome, error) {
	var err error
	if r.Issuer != "" {
		err = s.control.rotateKeys(ctx, r.Issuer)
	} else {
		err = s.cluster.(KeyRotator).RotateKeys(ctx) // Needs says so
	}
	if err != nil {
		return nil, fmt.Errorf("rotating keys: %w", err)
	}
	return &outcome{summary: "a new key signs"}, nil
}

// Fault makes matching calls fail, or takes all such faults back.
type Fault struct {
	Match FaultMatch `json:"match,omitzero" jsonschema_description:"Which calls; all when left out."`
	Fault *FaultSpec `json:"fault,omitempty" jsonschema_description:"What they get."`
	Times int        `json:"times,omitempty" jsonschema_description:"How many calls; every call when left out."`
	Clear bool       `json:"clear,omitempty" jsonschema_description:"Take all faults back, in place of fault."`
}

// FaultMatch says which calls.
type FaultMatch struct {
	Service string `json:"service,omitempty"`
	Action  string `json:"action,omitempty"`
	Role    string `json:"role,omitempty"`
}

// FaultSpec says what they get.
type FaultSpec struct {
	Code           string    `json:"code,omitempty" jsonschema_description:"AWS error code, such as IDPCommunicationError."`
	Status         int       `json:"status,omitempty"`
	Message        string    `json:"message,omitempty"`
	Latency        *Duration `json:"latency,omitempty" jsonschema_description:"Wait before the answer, such as 200ms."`
	DropConnection bool      `json:"dropConnection,omitempty"`
}

// Needs is nothing: faults are the emulator's own.
func (f *Fault) Needs() []Need { return nil }

// After is nothing.
func (f *Fault) After() []string { return nil }

// Changes is true.
func (f *Fault) Changes() bool { return true }

func (f *Fault) check(d *strictyaml.Decoder, path string) {
	if f.Clear == (f.Fault != nil) {
		d.PathErrorf(path, "write one of fault and clear: true")
	}
	if f.Times < 0 {
		d.PathErrorf(path+".times", "%d; write how many calls, or leave it out for every call", f.Times)
	}
	if x := f.Fault; x != nil && x.Code == "" && x.Latency == nil && !x.DropConnection {
		d.PathErrorf(path+".fault", "nothing to do; write code, latency or dropConnection")
	}
}

func (f *Fault) perform(ctx context.Context, s *stage) (*outcome, error) {
	if f.Clear {
		if err := s.control.call(ctx, http.MethodDelete, "/_emu/faults", nil, nil); err != nil {
			return nil, fmt.Errorf("taking faults back: %w", err)
		}
		return &outcome{summary: "no faults"}, nil
	}
	x := f.Fault
	fault := map[string]any{}
	set := func(name string, written bool, value any) {
		if written {
			fault[name] = value
		}
	}
	set("code", x.Code != "", x.Code)
	set("status", x.Status != 0, x.Status)
	set("message", x.Message != "", x.Message)
	set("dropConnection", x.DropConnection, true)
	if x.Latency != nil {
		fault["latency"] = time.Duration(*x.Latency).String()
	}
	if err := s.control.call(ctx, http.MethodPost, "/_emu/faults", map[string]any{"match": f.Match, "fault": fault, "times": f.Times}, nil); err != nil {
		return nil, fmt.Errorf("injecting a fault: %w", err)
	}
	return &outcome{summary: "faults are on"}, nil
}
