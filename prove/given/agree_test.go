package given

import (
	"testing"

	"github.com/irsa-emu/irsa-emu/prove"
)

// EKS's call is of no account and of no principal with an ARN, as the STS's judge has
// it: conditions on these keep it out, and those that want them absent let it in.
func TestKeysOfEKS(t *testing.T) {
	role := func(name, condition string) string {
		return `      - {name: ` + name + `, trustPolicy: {Version: "2012-10-17", Statement: [{Effect: Allow, Principal: {Service: pods.eks.amazonaws.com}, Action: ["sts:AssumeRole", "sts:TagSession"], Condition: ` + condition + `}]}}
`
	}
	association := func(name string) string {
		return `      - {serviceAccount: payments/` + name + `, role: "arn:aws:iam::111122223333:role/` + name + `"}
`
	}
	conditions := map[string]struct {
		condition string
		opens     bool
	}{
		"account":  {`{StringEquals: {"aws:PrincipalAccount": "111122223333"}}`, false},
		"userid":   {`{StringLike: {"aws:userid": "*"}}`, false},
		"arn":      {`{ArnLike: {"aws:PrincipalArn": "arn:*:iam::*:role/*"}}`, false},
		"org":      {`{StringEquals: {"aws:PrincipalOrgID": "o-a1b2c3d4e5"}}`, false},
		"absent":   {`{"Null": {"aws:PrincipalAccount": "true", "aws:userid": "true", "aws:PrincipalArn": "true"}}`, true},
		"source":   {`{StringEquals: {"aws:SourceAccount": "111122223333"}, ArnLike: {"aws:SourceArn": "arn:aws:eks:eu-west-1:111122223333:cluster/c"}}`, true},
		"service":  {`{Bool: {"aws:PrincipalIsAWSService": "true"}}`, true},
		"name":     {`{StringLike: {"sts:RoleSessionName": "eks-c-*"}}`, true},
		"named":    {`{StringLike: {"sts:RoleSessionName": "s*"}}`, false},
		"untagged": {`{StringEquals: {"aws:ResourceTag/team": "x"}}`, false},
	}
	associations, roles := "", ""
	for name, c := range conditions {
		associations += association(name)
		roles += role(name, c.condition)
	}
	m := read(t, stateHead+"    podIdentityAssociations:\n"+associations+"accounts:\n  \"111122223333\":\n    roles:\n"+roles)
	for name, c := range conditions {
		want := ""
		if c.opens {
			want = "pod-identity " + name
		}
		check(t, name, held(t, m, of("payments/"+name), nil), want)
	}
}

// The tags of a resource that is named are known, and calls to S3 have no key of any.
func TestTagsOfResources(t *testing.T) {
	const tagged = `{Version: "2012-10-17", Statement: [{Effect: Allow, Action: ["secretsmanager:GetSecretValue", "s3:GetObject", "kms:DescribeKey"], Resource: "*", Condition: {StringEquals: {"aws:ResourceTag/team": payments}}}]}`
	m := read(t, stateHead+`
accounts:
  "111122223333":
`+provider+`
    roles: [{name: reader, trustPolicy: `+trusts("system:serviceaccount:a:reader")+`, inlinePolicies: {p: `+tagged+`}}]
    buckets: [{name: reports, tags: {team: payments}}]
    kmsKeys: [{id: k-1, region: eu-west-1, tags: {team: payments}}, {id: k-2, region: eu-west-1}]
    secrets:
      - {name: theirs, region: eu-west-1, value: x, tags: {team: shop}}
      - {name: own, region: eu-west-1, value: x, suffix: AbCdEf, tags: {Team: payments}}
`)
	for resource, want := range map[string]bool{
		"arn:aws:secretsmanager:eu-west-1:111122223333:secret:theirs-XyZzYx": false,
		"arn:aws:secretsmanager:eu-west-1:111122223333:secret:own-AbCdEf":    true,
		"arn:aws:secretsmanager:eu-west-1:111122223333:secret:*":             true,
		"arn:aws:s3:::reports/a":                     false,
		"arn:aws:kms:eu-west-1:111122223333:key/k-1": true,
		"arn:aws:kms:eu-west-1:111122223333:key/k-2": false,
	} {
		answer, err := m.Can(m.Roles[0], prove.Doing{Actions: []string{"secretsmanager:GetSecretValue", "s3:GetObject", "kms:DescribeKey"}, Resources: []string{resource}})
		if err != nil || (answer.Verdict == prove.Refuted) != want {
			t.Errorf("%s: %s, %v; want %v", resource, answer.Verdict, err, want)
		}
	}
}
