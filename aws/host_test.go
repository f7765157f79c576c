package aws

import "testing"

func TestCutEndpoint(t *testing.T) {
	for host, want := range map[string]string{
		"sts.us-west-2.amazonaws.com":                    "sts.us-west-2",
		"STS.amazonaws.com.":                             "sts",
		"iam.global.api.aws":                             "iam.global",
		"reports.s3.dualstack.us-west-2.amazonaws.com":   "reports.s3.dualstack.us-west-2",
		"sts.cn-north-1.amazonaws.com.cn":                "sts.cn-north-1",
		"sts.cn-north-1.api.amazonwebservices.com.cn":    "sts.cn-north-1",
		"s3.eusc-de-east-1.amazonaws.eu":                 "s3.eusc-de-east-1",
		"amazonaws.com":                                  "",
		"sts.us-west-2.amazonaws.com.example.com":        "",
		"notamazonaws.com":                               "",
		"s3.us-isof-south-1.csp.hci.ic.gov":              "s3.us-isof-south-1",
		"secretsmanager.us-iso-east-1.api.aws.ic.gov":    "secretsmanager.us-iso-east-1",
		"secretsmanager.us-isob-east-1.sc2s.sgov.gov":    "secretsmanager.us-isob-east-1",
		"secretsmanager.us-isob-east-1.api.aws.scloud":   "secretsmanager.us-isob-east-1",
		"fips.eks.us-gov-west-1.amazonaws.com":           "fips.eks.us-gov-west-1",
		"169.254.170.23":                                 "",
		"eks-auth.us-west-2.api.aws":                     "eks-auth.us-west-2",
		"EXAMPLE.gr7.us-west-2.eks.amazonaws.com":        "example.gr7.us-west-2.eks",
		"00000000-0000.tokens.sts.global.api.aws":        "00000000-0000.tokens.sts.global",
		"s3-fips.dualstack.us-gov-west-1.amazonaws.com":  "s3-fips.dualstack.us-gov-west-1",
		"s3.eu-isoe-west-1.cloud.adc-e.uk":               "s3.eu-isoe-west-1",
		"sts.eu-isoe-west-1.api.cloud-aws.adc-e.uk":      "sts.eu-isoe-west-1",
		"sts.eusc-de-east-1.api.amazonwebservices.eu":    "sts.eusc-de-east-1",
		"xn--s3-fake.us-west-2.amazonaws.com.evil.local": "",
	} {
		if got, ok := CutEndpoint(host); got != want || ok != (want != "") {
			t.Errorf("%s: %q, %t", host, got, ok)
		}
	}
	if all := endpointSuffixes(); all[0] != "amazonaws.com" || all[1] != "api.aws" {
		t.Error(all)
	}
}
