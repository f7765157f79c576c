package sources_test

import (
	"fmt"
	"strings"

	"github.com/irsa-emu/irsa-emu/sources"
)

// A template is read as CloudFormation would fill it in; what only the
// deployment knows is named.
func Example() {
	template := `
Resources:
  ApiRole:
    Type: AWS::IAM::Role
    Properties:
      RoleName: api
      PermissionsBoundary: !ImportValue boundary
      AssumeRolePolicyDocument:
        Version: 2012-10-17
        Statement:
          - Effect: Allow
            Action: sts:AssumeRoleWithWebIdentity
            Principal: {Federated: !Sub "arn:aws:iam::${AWS::AccountId}:oidc-provider/issuer.example.com"}
`
	state, notes, err := sources.Options{Account: "222233334444", Stdin: strings.NewReader(template)}.Load("-")
	if err != nil {
		fmt.Println(err)
		return
	}
	role := state.Accounts["222233334444"].Roles[0]
	fmt.Println(role.Name, role.TrustPolicy.Text())
	for _, n := range notes {
		fmt.Println(n)
	}
	// Output:
	// api {"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"sts:AssumeRoleWithWebIdentity","Principal":{"Federated":"arn:aws:iam::222233334444:oidc-provider/issuer.example.com"}}]}
	// stdin:7:28: Resources.ApiRole.Properties.PermissionsBoundary: an import from another stack, boundary (--parameter boundary=VALUE gives it); left out
}
