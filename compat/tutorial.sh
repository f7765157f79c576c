# The tutorial's own commands, sections 1 to 3, with its placeholders filled in. Sourced by the suites after lib.sh.
export AWS_REGION=us-west-2 AWS_DEFAULT_REGION=us-west-2
issuer=https://oidc.eks.us-west-2.amazonaws.com/id/EXAMPLED539D4633E53DE1B71EXAMPLE
role=arn:aws:iam::111122223333:role/EKSServiceAccountRole

section1() {
  equal "$(aws eks describe-cluster --name your-cluster-name --query "cluster.identity.oidc.issuer" --output text)" "$issuer"
}
# The tutorial calls eksctl here, or "use AWS CLI": this is what eksctl does.
section2() {
  aws iam create-open-id-connect-provider --url "$issuer" --client-id-list sts.amazonaws.com --thumbprint-list 9e99a48a9960b14926bb7f3b02e22da2b0ab7280 &&
    contains "$(aws iam list-open-id-connect-providers)" oidc-provider/oidc.eks.us-west-2.amazonaws.com/id/EXAMPLED539D4633E53DE1B71EXAMPLE
}
policy_documents() {
  cat >secrets-manager-policy.json <<'JSON'
{
  "Version": "2012-10-17",
  "Statement": [
    {
      "Effect": "Allow",
      "Action": [
        "secretsmanager:GetSecretValue"
      ],
      "Resource": "arn:aws:secretsmanager:us-west-2:111122223333:secret:your-secret-name"
    }
  ]
}
JSON
  cat >trust-policy.json <<'JSON'
{
  "Version": "2012-10-17",
  "Statement": [
    {
      "Effect": "Allow",
      "Principal": {
        "Federated": "arn:aws:iam::111122223333:oidc-provider/oidc.eks.us-west-2.amazonaws.com/id/EXAMPLED539D4633E53DE1B71EXAMPLE"
      },
      "Action": "sts:AssumeRoleWithWebIdentity",
      "Condition": {
        "StringEquals": {
          "oidc.eks.us-west-2.amazonaws.com/id/EXAMPLED539D4633E53DE1B71EXAMPLE:sub": "system:serviceaccount:your-namespace:your-service-account"
        }
      }
    }
  ]
}
JSON
}
section3_policy() {
  aws iam create-policy \
    --policy-name SecretsManagerAccess \
    --policy-document file://secrets-manager-policy.json
}
section3_role() {
  aws iam create-role \
    --role-name EKSServiceAccountRole \
    --assume-role-policy-document file://trust-policy.json
}
section3_attach() {
  aws iam attach-role-policy \
    --role-name EKSServiceAccountRole \
    --policy-arn arn:aws:iam::111122223333:policy/SecretsManagerAccess
}
in_pod() { "$emu" exec --service-account your-namespace/your-service-account --role "$role" -- "$@"; }
made="--given $root/compat/tutorial-state.yaml --given $root/compat/tutorial-roles.yaml --region us-west-2"
