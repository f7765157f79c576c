package harness

import (
	"context"
	"fmt"
	"time"

	"github.com/irsa-emu/irsa-emu/control"
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
	now, err := s.control.MoveClock(ctx, control.ClockChange{Advance: c.Advance, Set: c.Set, Reset: c.Reset})
	if err != nil {
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
		_, err = s.control.Rotate(ctx, control.Rotation{Issuer: r.Issuer})
	} else {
		err = s.cluster.(KeyRotator).RotateKeys(ctx) // Needs says so
	}
	if err != nil {
		return nil, fmt.Errorf("rotating keys: %w", err)
	}
	return &outcome{summary: "a new key signs"}, nil
}

// Fault makes matching calls fail, or their sessions end early, or takes all such
// faults back.
type Fault struct {
	Match control.FaultMatch `json:"match,omitzero" jsonschema_description:"Which calls; all when left out."`
	Fault *control.FaultSpec `json:"fault,omitempty" jsonschema_description:"What they get."`
	Times int                `json:"times,omitempty" jsonschema_description:"How many calls; every call when left out."`
	Clear bool               `json:"clear,omitempty" jsonschema_description:"Take all faults back, in place of fault."`
}

// Needs is nothing: faults are the emulator's own.
func (f *Fault) Needs() []Need { return nil }

// After is nothing.
func (f *Fault) After() []string { return nil }

// Changes is true.
func (f *Fault) Changes() bool { return true }

// request is what the control API is asked for.
func (f *Fault) request() *control.FaultRequest {
	return &control.FaultRequest{Match: f.Match, Fault: *f.Fault, Times: f.Times}
}

func (f *Fault) check(d *strictyaml.Decoder, path string) {
	if f.Clear == (f.Fault != nil) {
		d.PathErrorf(path, "write one of fault and clear: true")
	}
	if f.Fault == nil {
		return
	}
	for _, wrong := range f.request().Mistakes() {
		d.PathErrorf(path+"."+wrong.Path, "%s", wrong.Message)
	}
}

func (f *Fault) perform(ctx context.Context, s *stage) (*outcome, error) {
	if f.Clear {
		if err := s.control.ClearFaults(ctx); err != nil {
			return nil, fmt.Errorf("taking faults back: %w", err)
		}
		return &outcome{summary: "no faults"}, nil
	}
	if _, err := s.control.AddFault(ctx, *f.request()); err != nil {
		return nil, fmt.Errorf("injecting a fault: %w", err)
	}
	return &outcome{summary: "faults are on"}, nil
}
