package given

import (
	"fmt"
	"strings"
	"testing"

	"github.com/irsa-emu/irsa-emu/sources"
)

// account is what the AWS CLI prints of an account with so many roles, each for
// an app in twenty namespaces.
func account(roles int) string {
	const issuer = "oidc.eks.eu-west-1.amazonaws.com/id/E"
	var b strings.Builder
	b.WriteString(`{"UserDetailList":[],"GroupDetailList":[],"Policies":[],"RoleDetailList":[`)
	for i := range roles {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `{"RoleName":"role-%d","Path":"/","RoleId":"AROA%016d","Arn":"arn:aws:iam::111122223333:role/role-%d","AssumeRolePolicyDocument":{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Federated":"arn:aws:iam::111122223333:oidc-provider/%s"},"Action":"sts:AssumeRoleWithWebIdentity","Condition":{"StringEquals":{"%s:aud":"sts.amazonaws.com"},"StringLike":{"%s:sub":[`, i, i, i, issuer, issuer, issuer)
		for k := range 20 {
			if k > 0 {
				b.WriteByte(',')
			}
			fmt.Fprintf(&b, `"system:serviceaccount:ns%d:app-%d*"`, k, i)
		}
		fmt.Fprintf(&b, `]}}}]},"RolePolicyList":[{"PolicyName":"p","PolicyDocument":{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["s3:GetObject","s3:PutObject"],"Resource":"arn:aws:s3:::bucket-%d/*"}]}}],"AttachedManagedPolicies":[],"Tags":[],"InstanceProfileList":[]}`, i)
	}
	b.WriteString(`]}`)
	return b.String()
}

// BenchmarkWho is who about a thousand roles of twenty namespaces, from the bytes
// of the source to the answer.
func BenchmarkWho(b *testing.B) {
	src := account(1000)
	b.ReportAllocs()
	for b.Loop() {
		found, err := sources.Options{Stdin: strings.NewReader(src)}.Read("-")
		if err != nil {
			b.Fatal(err)
		}
		if err := found.Validate(); err != nil {
			b.Fatal(err)
		}
		m, err := Read(found, Options{})
		if err != nil {
			b.Fatal(err)
		}
		access, err := m.Who(b.Context(), "")
		if err != nil || len(access) != 1000 {
			b.Fatal(len(access), err)
		}
	}
}
