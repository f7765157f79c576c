package aws_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/irsa-emu/irsa-emu/aws"
)

func ExampleParseARN() {
	a, err := aws.ParseARN("arn:aws:iam::111122223333:role/team/app")
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
		a, err := aws.ParseARN(s)
		if (err == nil) != ok || ok && a.String() != s {
			t.Errorf("%q: %v, %v", s, a, err)
		}
	}
}

func TestPartitions(t *testing.T) {
	for region, want := range map[string]string{
		"us-east-1": "aws", "cn-north-1": "aws-cn", "us-gov-west-1": "aws-us-gov", "us-iso-west-1": "aws-iso", "us-isob-east-1": "aws-iso-b",
		"eu-isoe-west-1": "aws-iso-e", "us-isof-south-1": "aws-iso-f", "eusc-de-east-1": "aws-eusc", "mx-central-1": "aws", "": "aws",
	} {
		p := aws.PartitionOf(region)
		if byID, known := aws.PartitionByID(want); p.ID != want || !known || byID != p || !p.Has(p.GlobalRegion) || p.DNSSuffix == "" || p.DualStackDNSSuffix == "" {
			t.Errorf("%q: %+v", region, p)
		}
	}
	if p, known := aws.PartitionByID("b"); known {
		t.Error(p)
	}
	if ids := aws.PartitionIDs(); len(ids) != 8 || ids[0] != "aws" {
		t.Error(ids)
	}
}

func TestForms(t *testing.T) {
	for s, want := range map[string]bool{"111122223333": true, "000000000000": true, "11112222333": false, "1111222233334": false, "11112222333a": false, "١١١١٢٢": false, "": false} {
		if aws.IsAccount(s) != want {
			t.Errorf("account %q: %v", s, !want)
		}
	}
	for s, want := range map[string]string{"arn:aws:iam::111122223333:role/App": "111122223333", "arn:aws:s3:::bucket": "", "arn:aws:iam::111122223333": "", "App": "", "": ""} {
		if got := aws.AccountIn(s); got != want {
			t.Errorf("the account in %q: %q, want %q", s, got, want)
		}
	}
	for s, want := range map[string]bool{"us-west-2": true, "us-gov-east-1": true, "us-isob-east-1": true, "ap-southeast-12": true, "us-west": false, "US-WEST-2": false, "us-west-2a": false, "": false,
		"u-west-2": false, "abcdef-west-2": false, "us--2": false, "us-west--2": false, "us-west-": false, "us-2": false, "us-w3st-2": false, "-west-2": false,
		"us-" + strings.Repeat("west-", 12) + "2": false} {
		if aws.IsRegion(s) != want {
			t.Errorf("region %q: %v", s, !want)
		}
	}
}
