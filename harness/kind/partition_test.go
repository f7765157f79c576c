package kind

import "testing"

// Region, issuer and the settings of the manifests are of one partition, whichever
// of them was said.
func TestUpIsOfOnePartition(t *testing.T) {
	for _, c := range []struct {
		up             UpConfig
		issuer, region string
	}{
		{UpConfig{}, "https://oidc.eks.us-east-1.amazonaws.com/id/" + defaultIssuerID, "us-east-1"},
		{UpConfig{Region: "cn-north-1"}, "https://oidc.eks.cn-north-1.amazonaws.com.cn/id/" + defaultIssuerID, "cn-north-1"},
		{UpConfig{Region: "us-gov-west-1"}, "https://oidc.eks.us-gov-west-1.amazonaws.com/id/" + defaultIssuerID, "us-gov-west-1"},
		{UpConfig{Issuer: "https://oidc.eks.cn-northwest-1.amazonaws.com.cn/id/A"}, "https://oidc.eks.cn-northwest-1.amazonaws.com.cn/id/A", "cn-northwest-1"},
		{UpConfig{NewRegion: "eusc-de-east-1"}, "https://oidc.eks.eusc-de-east-1.amazonaws.eu/id/" + defaultIssuerID, "eusc-de-east-1"},
	} {
		mark := newMark(c.up, 4772)
		if mark.Issuer != c.issuer || mark.Region != c.region {
			t.Errorf("%+v: issuer %s in %s, want %s in %s", c.up, mark.Issuer, mark.Region, c.issuer, c.region)
		}
		if got := (&running{region: mark.Region}).settings()["region"]; got != c.region {
			t.Errorf("%+v: the manifests' region is %q, want %s", c.up, got, c.region)
		}
	}
}
