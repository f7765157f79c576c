package emulatortest_test

import (
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"github.com/irsa-emu/irsa-emu/control"
	"github.com/irsa-emu/irsa-emu/decision"
	"github.com/irsa-emu/irsa-emu/emulatortest"
)

// A program whose credentials end soon asks for others before each call, and no
// call of it is refused: what the SDK would do five minutes before the hour is over.
func TestRefreshIsSeen(t *testing.T) {
	for life, want := range map[time.Duration]int{time.Minute: 3, 5 * time.Minute: 3, 10 * time.Minute: 1, 0: 1} {
		emu := emulatortest.Start(t, emulatortest.State("../scenarios/states/tutorial.yaml"), emulatortest.Region("us-west-2"))
		if life > 0 {
			emu.Fault(control.FaultRequest{
				Match: control.FaultMatch{Action: "AssumeRoleWithWebIdentity"},
				Fault: control.FaultSpec{SessionDuration: control.Duration(life)},
			})
		}
		client := secretsmanager.NewFromConfig(emu.PodConfig(t.Context(), "your-namespace/your-service-account", "arn:aws:iam::111122223333:role/EKSServiceAccountRole"))
		secret := "your-secret-name"
		for range 3 {
			if _, err := client.GetSecretValue(t.Context(), &secretsmanager.GetSecretValueInput{SecretId: &secret}); err != nil {
				t.Error(err)
			}
		}
		assumed := 0
		for _, d := range emu.Decisions() {
			if d.Outcome != decision.Allowed {
				t.Errorf("%s was %s", d.Action, d.Outcome)
			}
			if d.Action == "AssumeRoleWithWebIdentity" {
				assumed++
			}
		}
		if assumed != want {
			t.Errorf("sessions of %s: the role was assumed %d times, want %d", life, assumed, want)
		}
	}
}
