package emulatortest_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"

	"github.com/irsa-emu/irsa-emu/control"
	"github.com/irsa-emu/irsa-emu/emulatortest"
)

const role = "arn:aws:iam::111122223333:role/app"

// The code under test gets the configuration that it would find in its pod.
func Example() {
	t := newT() // in a test, its *testing.T
	defer t.end()
	emu := emulatortest.Start(t, emulatortest.State("testdata/state.yaml"), emulatortest.Region("us-west-2"))

	pod := emu.PodConfig(context.Background(), "your-namespace/your-service-account", role)
	secret, err := secretsmanager.NewFromConfig(pod).GetSecretValue(context.Background(), &secretsmanager.GetSecretValueInput{SecretId: aws.String("your-secret-name")})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(aws.ToString(secret.SecretString))

	stranger := emu.PodConfig(context.Background(), "other/your-service-account", role)
	_, err = sts.NewFromConfig(stranger).GetCallerIdentity(context.Background(), &sts.GetCallerIdentityInput{})
	d := emu.DecisionOf(err)
	fmt.Println(d.Error.Code, "because of", d.Reason.Kind)
	// Output:
	// s3cr3t
	// AccessDenied because of trust-policy
}

// Faults show what a program does when AWS fails; times makes them go by themselves.
func ExampleEmulator_Fault() {
	t := newT()
	defer t.end()
	emu := emulatortest.Start(t, emulatortest.State("testdata/state.yaml"))
	emu.Fault(control.FaultRequest{
		Match: control.FaultMatch{Service: "sts", Action: "AssumeRoleWithWebIdentity"},
		Fault: control.FaultSpec{Code: "IDPCommunicationError"},
		Times: 2,
	})

	// The SDK asks three times.
	pod := emu.PodConfig(context.Background(), "your-namespace/your-service-account", role)
	_, err := pod.Credentials.Retrieve(context.Background())
	fmt.Println(err)
	for _, d := range emu.Decisions() {
		fmt.Println(d.Action, d.Outcome)
	}
	// Output:
	// <nil>
	// AssumeRoleWithWebIdentity allowed
	// AssumeRoleWithWebIdentity failed
	// AssumeRoleWithWebIdentity failed
}

// The clock is the emulator's own: what expires in an hour expires now.
func ExampleAt() {
	t := newT()
	defer t.end()
	emu := emulatortest.Start(t, emulatortest.State("testdata/state.yaml"), emulatortest.At(time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)))
	pod := emu.PodConfig(context.Background(), "your-namespace/your-service-account", role)
	client := sts.NewFromConfig(pod)
	if _, err := client.GetCallerIdentity(context.Background(), &sts.GetCallerIdentityInput{}); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(emu.Clock().Now().UTC().Year())

	if err := emu.Clock().Advance(2 * time.Hour); err != nil {
		fmt.Println(err)
		return
	}
	_, err := client.GetCallerIdentity(context.Background(), &sts.GetCallerIdentityInput{})
	var refused smithy.APIError
	fmt.Println(errors.As(err, &refused), refused.ErrorCode())
	// Output:
	// 2030
	// true ExpiredToken
}
