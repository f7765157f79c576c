package policy_test

import (
	"fmt"
	"os"

	"github.com/irsa-emu/irsa-emu/policy"
	"github.com/irsa-emu/irsa-emu/term"
)

const trust = `{
  "Version": "2012-10-17",
  "Statement": [{
    "Effect": "Allow",
    "Principal": {"Federated": "arn:aws:iam::111122223333:oidc-provider/issuer.example.com"},
    "Action": "sts:AssumeRoleWithWebIdentity",
    "Condition": {"StringEquals": {"issuer.example.com:sub": "system:serviceaccount:shop:*"}}
  }]
}`

func Example() {
	doc, err := policy.Parse([]byte(trust))
	if err != nil {
		fmt.Println(err)
		return
	}
	request := policy.Request{
		Action:    "sts:AssumeRoleWithWebIdentity",
		Principal: policy.Principal{Account: "111122223333", Federated: "arn:aws:iam::111122223333:oidc-provider/issuer.example.com"},
		Context:   policy.Context{},
	}
	request.Context.Set("issuer.example.com:sub", "system:serviceaccount:shop:checkout")
	decision := policy.Evaluate(policy.Policies{Trust: &policy.Named{Name: "Checkout", Document: doc}}, request)
	policy.Explain(term.NewPrinter(os.Stdout, false), decision, policy.ExplainOptions{})
	// Output:
	// REFUSED  sts:AssumeRoleWithWebIdentity
	//   caller    a web identity of arn:aws:iam::111122223333:oidc-provider/issuer.example.com
	//   reason    no statement of the trust policy allows it
	//
	// Role trust policy "Checkout": does not allow
	//   Allow statement 1, line 3: does not apply
	//     ✓ Action        sts:AssumeRoleWithWebIdentity
	//     ✓ Principal     Federated: arn:aws:iam::111122223333:oidc-provider/issuer.example.com
	//     ✗ StringEquals  issuer.example.com:sub
	//                     wanted  "system:serviceaccount:shop:*"
	//                     got     "system:serviceaccount:shop:checkout"
	//                     → "system:serviceaccount:shop:*" holds a wildcard, but StringEquals compares letter by letter; StringLike would match: write it
}

func ExampleValidateTrust() {
	_, err := policy.ValidateTrust([]byte(`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"AWS":"*"},"Action":"*"}}`), policy.TrustOptions{})
	fmt.Println(err)
	// Output: MalformedPolicyDocument: AssumeRole policy may only specify STS AssumeRole actions.
}
