// Package sourcestest makes sources for benchmarks and load tests.
package sourcestest

import (
	"fmt"
	"strings"

	"github.com/irsa-emu/irsa-emu/aws"
)

// Namespaces is how many namespaces each role of [Account] is for.
const Namespaces = 20

// Account is what aws iam get-account-authorization-details prints of an account
// with so many roles. Each trusts, of one EKS cluster, the subjects that subject
// gives for it and each of [Namespaces] namespaces, with StringLike, and may read and
// write a bucket of its own.
func Account(roles int, subject func(namespace, role int) string) string {
	const issuer = "oidc.eks.eu-west-1.amazonaws.com/id/E"
	arn := func(service, resource string) string {
		return aws.PartitionARN(aws.DefaultPartition, service, aws.DefaultAccount, resource)
	}
	var b strings.Builder
	b.WriteString(`{"UserDetailList":[],"GroupDetailList":[],"Policies":[],"RoleDetailList":[`)
	for i := range roles {
		if i > 0 {
			b.WriteByte(',')
		}
		var subjects []string
		for namespace := range Namespaces {
			subjects = append(subjects, fmt.Sprintf("%q", subject(namespace, i)))
		}
		fmt.Fprintf(&b, `{"RoleName":"role-%[1]d","Path":"/","RoleId":"AROA%016[1]d","Arn":%[2]q,"AssumeRolePolicyDocument":{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Federated":%[3]q},"Action":"sts:AssumeRoleWithWebIdentity","Condition":{"StringEquals":{"%[4]s:aud":"sts.amazonaws.com"},"StringLike":{"%[4]s:sub":[%[5]s]}}}]},"RolePolicyList":[{"PolicyName":"p","PolicyDocument":{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["s3:GetObject","s3:PutObject"],"Resource":%[6]q}]}}],"AttachedManagedPolicies":[],"Tags":[],"InstanceProfileList":[]}`,
			i, arn("iam", fmt.Sprintf("role/role-%d", i)), arn("iam", "oidc-provider/"+issuer), issuer, strings.Join(subjects, ","),
			aws.ARN{Partition: aws.DefaultPartition, Service: "s3", Resource: fmt.Sprintf("bucket-%d/*", i)})
	}
	b.WriteString(`]}`)
	return b.String()
}
