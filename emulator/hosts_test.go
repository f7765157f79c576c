package emulator

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/irsa-emu/irsa-emu/deploy"
	"github.com/irsa-emu/irsa-emu/golden"
)

func TestHostPattern(t *testing.T) {
	pattern := regexp.MustCompile(HostPattern())
	for _, host := range []string{
		"sts.amazonaws.com", "sts.us-west-2.amazonaws.com", "sts-fips.us-west-2.amazonaws.com", "sts.us-west-2.api.aws", "sts-fips.us-west-2.api.aws",
		"iam.amazonaws.com", "iam-fips.amazonaws.com", "iam.global.api.aws", "iam.us-gov.amazonaws.com", "iam.cn-north-1.amazonaws.com.cn",
		"secretsmanager.us-west-2.amazonaws.com", "secretsmanager-fips.us-west-2.amazonaws.com", "secretsmanager.us-west-2.api.aws",
		"s3.amazonaws.com", "reports.s3.amazonaws.com", "s3.us-west-2.amazonaws.com", "my.dotted.bucket.s3.us-west-2.amazonaws.com",
		"s3.dualstack.us-west-2.amazonaws.com", "reports.s3.dualstack.us-west-2.amazonaws.com", "s3-fips.us-west-2.amazonaws.com",
		"s3-fips.dualstack.us-gov-west-1.amazonaws.com", "s3-us-west-2.amazonaws.com", "reports.s3-us-west-2.amazonaws.com", "s3-external-1.amazonaws.com",
		"s3.cn-north-1.amazonaws.com.cn", "s3.dualstack.cn-north-1.amazonaws.com.cn", "sts.cn-north-1.api.amazonwebservices.com.cn",
		"eks.us-west-2.amazonaws.com", "eks.us-west-2.api.aws", "fips.eks.us-west-2.amazonaws.com", "eks-auth.us-west-2.api.aws",
		"oidc.eks.us-west-2.amazonaws.com", "oidc-eks.us-west-2.api.aws", "access-analyzer.us-east-1.amazonaws.com",
		"kms.us-west-2.amazonaws.com", "kms-fips.us-west-2.amazonaws.com", "kms.us-west-2.api.aws", "kms.cn-north-1.amazonaws.com.cn",
		"0f3c.tokens.sts.global.api.aws", "sts.eusc-de-east-1.amazonaws.eu", "sts.us-iso-east-1.c2s.ic.gov",
	} {
		if !pattern.MatchString(host + ".") {
			t.Errorf("%s is not led to the emulator", host)
		}
	}
	for _, host := range []string{
		"example.com", "aws.amazon.com", "ec2.us-west-2.amazonaws.com", "dynamodb.us-west-2.amazonaws.com", "db.abc.us-west-2.rds.amazonaws.com",
		"0123456789ABCDEF.gr7.us-west-2.eks.amazonaws.com", "123456789012.dkr.ecr.us-west-2.amazonaws.com", "sts.amazonaws.com.example.com", "mys3.us-west-2.amazonaws.com",
	} {
		if pattern.MatchString(host + ".") {
			t.Errorf("%s is led to the emulator", host)
		}
	}
}

// What people copy into their Corefile is what up writes into it; -update rewrites
// the page.
func TestReadmeHasTheCoreDNSStanza(t *testing.T) {
	const file = "../deploy/README.md"
	readme, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	stanza := regexp.MustCompile(`(?m)^    rewrite stop \{\n(.*\n)+?    \}\n`)
	if n := len(stanza.FindAllIndex(readme, -1)); n != 1 {
		t.Fatalf("%s has %d stanzas for CoreDNS", file, n)
	}
	want := "    " + regexp.MustCompile(`(?m)^ *#.*\n`).ReplaceAllString(deploy.CoreDNS(HostPattern()), "")
	golden.File(t, file, string(stanza.ReplaceAllLiteral(readme, []byte(want))))
}

// Every service is led here by the cluster's DNS, under all names that it declares.
func TestHostsOfServicesAreLedHere(t *testing.T) {
	led := regexp.MustCompile(HostPattern())
	emu := Start(t, Config{})
	for _, s := range emu.services.all {
		for _, label := range s.Describe().Hosts {
			label = strings.Replace(label, "*", "us-west-2", 1) // s3-us-west-2
			for _, suffix := range []string{"us-west-2.amazonaws.com", "us-west-2.api.aws", "cn-north-1.amazonaws.com.cn", "us-gov-west-1.amazonaws.com"} {
				host := label + "." + suffix
				if emu.services.ofHost(host) != s || !led.MatchString(host+".") {
					t.Errorf("%s of %s is not led to the emulator", host, s.Describe().Title)
				}
			}
		}
	}
}
