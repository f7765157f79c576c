package statefile_test

import (
	"fmt"

	"github.com/irsa-emu/irsa-emu/statefile"
)

// What is wrong with a document comes all at once, in the words of IAM where
// it is IAM that would refuse it.
func ExampleParse() {
	_, err := statefile.Parse("state.yaml", []byte(`apiVersion: irsa-emu.dev/v1
kind: State
accounts:
  "111122223333":
    oidcProviders:
      - {url: "http://issuer.example.com", clientIds: [sts.amazonaws.com]}
    roles:
      - name: app
        trustPolicy:
          Version: "2012-10-17"
          Statement: [{Effect: Allow, Action: "s3:GetObject", Principal: {Federated: "arn:aws:iam::111122223333:oidc-provider/issuer.example.com"}}]
`), nil)
	fmt.Println(err)
	// Output:
	// state.yaml:6:15: accounts.111122223333.oidcProviders[0].url: "http://issuer.example.com" does not begin with https://; AWS takes no other issuers
	// state.yaml:6:44: accounts.111122223333.oidcProviders[0]: unknown field "clientIds"; write clientIDs
	// state.yaml:11:47: accounts.111122223333.roles[0].trustPolicy: MalformedPolicyDocument: AssumeRole policy may only specify STS AssumeRole actions.; a trust policy allows sts:AssumeRole, sts:AssumeRoleWithWebIdentity, sts:AssumeRoleWithSAML, sts:TagSession, sts:SetSourceIdentity or sts:SetContext
}
