package wire_test

import (
	"fmt"
	"testing"

	"github.com/irsa-emu/irsa-emu/wire"
)

func ExampleParseARN() {
	a, err := wire.ParseARN("arn:aws:iam::111122223333:role/team/app")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(a.Service, a.Account, a.Resource)
	// Output: iam 111122223333 role/team/app
}

func TestParseARN(t *testing.T) {
	// Recorded at STS as "is invalid", but for the first two.
	tests := map[string]bool{
		"arn:aws:iam::111122223333:role/r": true, "arn:aws:sns:r:1:a:b:c": true,
		"nothing-valid-in-here": false, "arn::b:::x/y": false, "arn:a::::x": false, "arn:a:::x": false, "arn:a:a::aaaaaaaaaa:": false,
		"": false, "ARN:aws:iam::1:r": false,
	}
	for s, ok := range tests {
		a, err := wire.ParseARN(s)
		if (err == nil) != ok || ok && a.String() != s {
			t.Errorf("%q: %v, %v", s, a, err)
		}
	}
}

func TestPartitions(t *testing.T) {
	for region, want := range map[string]string{"us-east-1": "aws", "cn-north-1": "aws-cn", "us-gov-west-1": "aws-us-gov", "eusc-de-east-1": "aws-eusc", "": "aws"} {
		if got := wire.PartitionOf(region); got != want || !wire.KnownPartition(got) || wire.PartitionOf(wire.GlobalRegion(got)) != got || wire.DNSSuffix(got) == "" {
			t.Errorf("%q: %q", region, got)
		}
	}
	if wire.KnownPartition("b") || wire.DNSSuffix("b") != "" {
		t.Error("partition b")
	}
}
