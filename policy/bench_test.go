package policy

import "testing"

const issuer = "oidc.eks.us-west-2.amazonaws.com/id/EXAMPLE"

const irsaTrust = `{
  "Version": "2012-10-17",
  "Statement": [{
    "Effect": "Allow",
    "Principal": {"Federated": "arn:aws:iam::111122223333:oidc-provider/` + issuer + `"},
    "Action": "sts:AssumeRoleWithWebIdentity",
    "Condition": {"StringEquals": {
      "` + issuer + `:sub": "system:serviceaccount:your-namespace:your-service-account",
      "` + issuer + `:aud": "sts.amazonaws.com"
    }}
  }]
}`

func irsaRequest(sub string) Request {
	r := Request{
		Action:    "sts:AssumeRoleWithWebIdentity",
		Resource:  "arn:aws:iam::111122223333:role/EKSServiceAccountRole",
		Principal: Principal{Account: "111122223333", Federated: "arn:aws:iam::111122223333:oidc-provider/" + issuer},
		Context:   Context{},
	}
	r.Context.Set(issuer+":sub", sub)
	r.Context.Set(issuer+":aud", "sts.amazonaws.com")
	return r
}

func benchmarkTrust(b *testing.B, sub string, want bool) {
	doc, err := Parse([]byte(irsaTrust))
	if err != nil {
		b.Fatal(err)
	}
	p := Policies{Trust: &Named{Name: "trust", Type: TrustPolicy, Document: doc}, ResourceAccount: "111122223333"}
	r := irsaRequest(sub)
	b.ReportAllocs()
	for b.Loop() {
		if Evaluate(p, r).Allowed != want {
			b.Fatal("wrong verdict")
		}
	}
}

// BenchmarkEvaluateTrust is what STS pays for one call, explanation included.
func BenchmarkEvaluateTrust(b *testing.B) {
	b.Run("allowed", func(b *testing.B) {
		benchmarkTrust(b, "system:serviceaccount:your-namespace:your-service-account", true)
	})
	b.Run("refused", func(b *testing.B) {
		benchmarkTrust(b, "system:serviceaccount:other:your-service-account", false)
	})
}

func BenchmarkParse(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Parse([]byte(irsaTrust)); err != nil {
			b.Fatal(err)
		}
	}
}
