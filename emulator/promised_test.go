package emulator_test

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/irsa-emu/irsa-emu/control"
	"github.com/irsa-emu/irsa-emu/emulator"
)

// The promised way to start one in a test.
func TestStart(t *testing.T) {
	emu := emulator.Start(t, emulator.Config{Account: "444455556666"})
	who, err := sts.NewFromConfig(emu.AWSConfig()).GetCallerIdentity(t.Context(), &sts.GetCallerIdentityInput{})
	if err != nil || *who.Account != "444455556666" {
		t.Errorf("%+v, %v", who, err)
	}
	if token, err := emu.Token(t.Context(), control.TokenRequest{ServiceAccount: "a/b"}); err != nil || token == "" || emu.Issuer() == "" {
		t.Errorf("%q of %q, %v", token, emu.Issuer(), err)
	}
}
