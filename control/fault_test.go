package control

import (
	"testing"
	"time"
)

func TestFaultCheck(t *testing.T) {
	for want, f := range map[string]FaultRequest{
		"times: -1 is negative; write how many calls get the fault, or leave it out for every call": {Times: -1, Fault: FaultSpec{Code: "A"}},
		"fault.latency: -1s is negative":                                                                                                       {Fault: FaultSpec{Latency: Duration(-time.Second)}},
		"fault.latency: 6m0s is over the limit of 5m0s":                                                                                        {Fault: FaultSpec{Latency: Duration(6 * time.Minute)}},
		"fault: a dropped connection carries no code; write dropConnection or code, not both":                                                  {Fault: FaultSpec{Code: "A", DropConnection: true}},
		"fault.status: 200 is not an error; write 400 to 599":                                                                                  {Fault: FaultSpec{Code: "A", Status: 200}},
		"fault.status: needs fault.code, such as Throttling or IDPCommunicationError":                                                          {Fault: FaultSpec{Status: 500}},
		"fault.message: needs fault.code, such as Throttling or IDPCommunicationError":                                                         {Fault: FaultSpec{Message: "no"}},
		"fault: nothing to do; write code, latency, dropConnection or sessionDuration":                                                         {},
		"fault.sessionDuration: 500ms; write whole seconds, 1s to 12h0m0s: sessions can be made shorter than AWS makes them, not longer":       {Fault: FaultSpec{SessionDuration: Duration(500 * time.Millisecond)}},
		"fault.sessionDuration: 13h0m0s; write whole seconds, 1s to 12h0m0s: sessions can be made shorter than AWS makes them, not longer":     {Fault: FaultSpec{SessionDuration: Duration(13 * time.Hour)}},
		"fault.sessionDuration: -1s; write whole seconds, 1s to 12h0m0s: sessions can be made shorter than AWS makes them, not longer":         {Fault: FaultSpec{SessionDuration: Duration(-time.Second)}},
		"fault.sessionDuration: a call that fails issues no session; write sessionDuration, or code or dropConnection, in faults of their own": {Fault: FaultSpec{SessionDuration: Duration(time.Minute), Code: "A"}},
		"match.action: GetObject issues no session; with sessionDuration write AssumeRole, AssumeRoleForPodIdentity, AssumeRoleWithWebIdentity, GetFederationToken, GetSessionToken, or leave it out for all of them": {
			Match: FaultMatch{Action: "GetObject"}, Fault: FaultSpec{SessionDuration: Duration(time.Minute)}},
	} {
		if err := f.Check(); err == nil || err.Error() != want {
			t.Errorf("%v\nwant %s", err, want)
		}
	}
	for _, f := range []FaultRequest{
		{Fault: FaultSpec{SessionDuration: Duration(20 * time.Second), Latency: Duration(time.Second)}, Times: 3},
		{Match: FaultMatch{Action: "assumeRole"}, Fault: FaultSpec{SessionDuration: Duration(time.Second)}},
		{Fault: FaultSpec{Code: "Throttling", Status: 503, Message: "slow down"}},
	} {
		if err := f.Check(); err != nil {
			t.Errorf("%+v: %v", f, err)
		}
	}
}
