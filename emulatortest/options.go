package emulatortest

import (
	"fmt"
	"time"

	"github.com/irsa-emu/irsa-emu/control"
	"github.com/irsa-emu/irsa-emu/emulator"
	"github.com/irsa-emu/irsa-emu/statefile"
)

// Option is one thing that [Start] does otherwise than by default.
type Option func(*settings) error

type settings struct {
	config emulator.Config
	now    *time.Time
	faults []control.FaultRequest
}

// State is state to start from: State documents, or folders with some. Options
// are merged in their order.
func State(paths ...string) Option {
	return func(s *settings) error {
		given, err := statefile.Load(paths...)
		if err != nil {
			return err
		}
		s.config.Given = append(s.config.Given, given)
		return nil
	}
}

// Document is state to start from: a State document as text, YAML or JSON.
func Document(text string) Option {
	return func(s *settings) error {
		given, err := statefile.Parse("state", []byte(text), nil)
		if err != nil {
			return err
		}
		s.config.Given = append(s.config.Given, given)
		return nil
	}
}

// At sets the emulator's clock, which runs on from there.
func At(now time.Time) Option {
	return func(s *settings) error {
		s.now = &now
		return nil
	}
}

// Fault makes matching calls fail, or the sessions that they issue end early, from
// the start.
func Fault(f control.FaultRequest) Option {
	return func(s *settings) error {
		s.faults = append(s.faults, f)
		return nil
	}
}

// Region is the emulator's region.
func Region(region string) Option {
	return Config(func(c *emulator.Config) { c.Region = region })
}

// Config changes anything else of the emulator's configuration.
func Config(change func(*emulator.Config)) Option {
	return func(s *settings) error {
		if change == nil {
			return fmt.Errorf("Config: write a function that changes the configuration")
		}
		change(&s.config)
		return nil
	}
}
