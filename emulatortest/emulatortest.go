// Package emulatortest runs irsa-emu inside Go tests. [Start] gives a running
// emulator that ends with the test; [Emulator.PodConfig] gives what the AWS SDK
// finds in a pod of a service account, [Emulator.AWSConfig] what its account's
// administrator has.
//
// When a test fails, the emulator's reasons for the calls that it refused are
// in the test's log. Package emulator is the emulator itself, without package
// testing and without the SDK.
package emulatortest

import (
	"context"
	"errors"
	"net/http"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/credentials"

	ours "github.com/irsa-emu/irsa-emu/aws"
	"github.com/irsa-emu/irsa-emu/control"
	"github.com/irsa-emu/irsa-emu/decision"
	"github.com/irsa-emu/irsa-emu/emulator"
)

// Emulator is a running emulator of one test.
type Emulator struct {
	*emulator.Running
	t       testing.TB
	config  emulator.Config
	http    *http.Client
	control *control.Client
}

// Start runs an emulator on a free loopback port and ends it with the test.
//
//	emu := emulatortest.Start(t, emulatortest.State("testdata/state.yaml"))
//	client := s3.NewFromConfig(emu.PodConfig(t.Context(), "your-namespace/your-service-account", role))
func Start(t testing.TB, options ...Option) *Emulator {
	t.Helper()
	var s settings
	for i, o := range options {
		if o == nil {
			t.Fatalf("starting irsa-emu: option %d is nil", i+1)
		}
		if err := o(&s); err != nil {
			t.Fatalf("starting irsa-emu: %v", err)
		}
	}
	r, stop, err := emulator.StartBackground(context.Background(), s.config)
	if err != nil {
		t.Fatalf("starting irsa-emu: %v", err)
	}
	e := &Emulator{Running: r, t: t, config: s.config, http: control.HTTP()}
	e.control = &control.Client{URL: r.URL, Token: s.config.ControlToken, HTTP: e.http}
	t.Cleanup(func() {
		if t.Failed() {
			e.explainRefusals()
		}
		e.http.CloseIdleConnections()
		if err := stop(); err != nil {
			t.Errorf("stopping irsa-emu: %v", err)
		}
	})
	if s.now != nil {
		if err := e.Clock().Set(*s.now); err != nil {
			t.Fatalf("starting irsa-emu: setting its clock: %v", err)
		}
	}
	for _, f := range s.faults {
		e.Fault(f)
	}
	return e
}

// mostExplained is how many refused calls the log of a failed test explains.
const mostExplained = 5

func (e *Emulator) explainRefusals() {
	refused, err := e.control.Decisions(context.Background(), control.DecisionQuery{Limit: mostExplained, Outcome: decision.Refused})
	if err != nil {
		e.t.Logf("irsa-emu: asking for its decisions: %v", err)
		return
	}
	for i := len(refused) - 1; i >= 0; i-- {
		e.t.Logf("irsa-emu refused a call:\n%s", refused[i].Text())
	}
}

// Control is the client of the emulator's control API: state, issuers, clock,
// decisions, faults.
func (e *Emulator) Control() *control.Client { return e.control }

// AWSConfig is an SDK configuration of the default account's administrator, with
// the emulator's endpoint and region.
func (e *Emulator) AWSConfig() aws.Config { return e.AccountConfig("test") }

// AccountConfig is an SDK configuration of the administrator of an account,
// twelve digits. An account of another partition has a region of that.
func (e *Emulator) AccountConfig(account string) aws.Config {
	secret := e.config.AdminSecret
	if secret == "" {
		secret = "test"
	}
	id := "" // of the default account, and of keys with other names
	if ours.IsAccount(account) {
		id = account
	}
	return e.awsConfig(credentials.NewStaticCredentialsProvider(account, secret, ""), e.regionOf(id))
}

func (e *Emulator) awsConfig(who aws.CredentialsProvider, region string) aws.Config {
	return aws.Config{Region: region, BaseEndpoint: aws.String(e.URL), Credentials: who, HTTPClient: e.http}
}

func (e *Emulator) regionOf(account string) string {
	info, err := e.control.InfoOf(context.Background(), account)
	if err != nil {
		e.t.Fatalf("asking irsa-emu for its region: %v", err)
	}
	return info.Region
}

// Fault makes matching calls fail, or the sessions that they issue end early, until
// it was used as often as it says, or until [control.Client.ClearFaults].
func (e *Emulator) Fault(f control.FaultRequest) {
	e.t.Helper()
	if _, err := e.control.AddFault(context.Background(), f); err != nil {
		e.t.Fatalf("injecting a fault into irsa-emu: %v", err)
	}
}

// Decisions are what the emulator decided, newest first.
func (e *Emulator) Decisions() []*decision.Decision {
	e.t.Helper()
	all, err := e.control.Decisions(context.Background(), control.DecisionQuery{Limit: allDecisions})
	if err != nil {
		e.t.Fatalf("asking irsa-emu for its decisions: %v", err)
	}
	return all
}

// allDecisions is more than an emulator keeps, unless it was told to.
const allDecisions = 1 << 20

// DecisionOf is what the emulator decided about the call whose error this is,
// as an SDK client returned it.
func (e *Emulator) DecisionOf(err error) *decision.Decision {
	e.t.Helper()
	var response *awshttp.ResponseError
	if !errors.As(err, &response) {
		e.t.Fatalf("not an answer of irsa-emu: %v", err)
	}
	d, failed := e.control.Decision(context.Background(), response.ServiceRequestID())
	if failed != nil {
		e.t.Fatalf("asking irsa-emu for a decision: %v", failed)
	}
	return d
}
