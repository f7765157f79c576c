package given

import (
	"strings"
	"testing"

	"github.com/irsa-emu/irsa-emu/prove"
)

// Policies of roles and of resources that are only known after the deployment could
// allow what is asked: nothing is proved of what they are about.
func TestUnreadPolicies(t *testing.T) {
	const template = `
AWSTemplateFormatVersion: "2010-09-09"
Resources:
  Inline:
    Type: AWS::IAM::Role
    Properties:
      RoleName: inline
      AssumeRolePolicyDocument: TRUST
      Policies:
        - PolicyName: p
          PolicyDocument: !GetAtt Made.Document
  Unnamed:
    Type: AWS::IAM::Role
    Properties:
      RoleName: unnamed
      AssumeRolePolicyDocument: TRUST
      Policies:
        - PolicyName: !GetAtt Made.Name
          PolicyDocument: {Version: "2012-10-17", Statement: []}
  Attached:
    Type: AWS::IAM::Role
    Properties: {RoleName: attached, AssumeRolePolicyDocument: TRUST}
  Policy:
    Type: AWS::IAM::Policy
    Properties: {PolicyName: q, Roles: [!Ref Attached], PolicyDocument: !GetAtt Made.Document}
  Plain:
    Type: AWS::IAM::Role
    Properties: {RoleName: plain, AssumeRolePolicyDocument: TRUST}
  Bucket:
    Type: AWS::S3::Bucket
    Properties: {BucketName: ours}
  BucketPolicy:
    Type: AWS::S3::BucketPolicy
    Properties: {Bucket: !Ref Bucket, PolicyDocument: !GetAtt Made.Document}
  Made:
    Type: Custom::Policy
    Properties: {ServiceToken: "arn:aws:lambda:eu-west-1:111122223333:function:f"}
`
	m := read(t, strings.ReplaceAll(template, "TRUST", trusts("system:serviceaccount:a:r")))
	const plan = `{"format_version":"1.2","terraform_version":"1.11.4","planned_values":{"root_module":{"resources":[
		{"address":"aws_iam_role.r","mode":"managed","type":"aws_iam_role","name":"r","values":{"name":"plain","assume_role_policy":"TRUST"}},
		{"address":"aws_kms_key.k","mode":"managed","type":"aws_kms_key","name":"k","values":{"arn":"arn:aws:kms:eu-west-1:111122223333:key/k","key_id":"k"}},
		{"address":"aws_secretsmanager_secret.s","mode":"managed","type":"aws_secretsmanager_secret","name":"s","values":{"name":"s","kms_key_id":"k"}}]}},
		"resource_changes":[{"address":"aws_kms_key.k","change":{"after_unknown":{"policy":true}}}],
		"configuration":{"root_module":{"resources":[
		{"address":"aws_kms_key.k","mode":"managed","type":"aws_kms_key","name":"k","expressions":{"policy":{"references":["other.thing.policy","other.thing"]}}}]}}}`
	keyed := read(t, strings.ReplaceAll(plan, "TRUST", strings.ReplaceAll(jsonTrust, `"`, `\"`)))
	for _, c := range []struct {
		m                      *Model
		role, action, resource string
		want                   prove.Verdict
	}{
		{m, "inline", "iam:CreateUser", "*", prove.Undecided},
		{m, "unnamed", "iam:CreateUser", "*", prove.Undecided},
		{m, "attached", "iam:CreateUser", "*", prove.Undecided},
		{m, "plain", "iam:CreateUser", "*", prove.Proved},
		{m, "plain", "s3:GetObject", "*", prove.Undecided},
		{m, "plain", "S3:*", "arn:aws:s3:::ours/a", prove.Undecided},
		{m, "plain", "s3:GetObject", "arn:aws:s3:::ours-x/a", prove.Proved},
		{m, "plain", "secretsmanager:GetSecretValue", "*", prove.Proved},
		{keyed, "plain", "kms:Decrypt", "arn:aws:kms:eu-west-1:111122223333:key/k", prove.Undecided},
		{keyed, "plain", "kms:Decrypt", "arn:aws:kms:eu-west-1:111122223333:key/other", prove.Proved},
	} {
		line := `{name: n, roles: [` + c.role + `], actions: ["` + c.action + `"], resources: ["` + c.resource + `"], nobody: true}`
		if got := verdict(t, c.m, line); got != c.want {
			t.Errorf("%s, %s on %s: %s, want %s", c.role, c.action, c.resource, got, c.want)
		}
	}
}

const jsonTrust = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Federated":"arn:aws:iam::111122223333:oidc-provider/oidc.eks.eu-west-1.amazonaws.com/id/E"},"Action":"sts:AssumeRoleWithWebIdentity","Condition":{"StringEquals":{"oidc.eks.eu-west-1.amazonaws.com/id/E:sub":"system:serviceaccount:a:b"}}}]}`
