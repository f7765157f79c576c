# What both versions of the aws CLI are held to. Sourced when the emulator runs and `aws` is the one to try.
cd "$work"
export HOME=$work # the CLI keeps what it assumed in ~/.aws/cli/cache
policy_documents

check "section 1: the cluster's issuer" section1
check "section 2: the OIDC provider" section2
check "section 3: create-policy" section3_policy
check "section 3: create-role" section3_role
check "section 3: attach-role-policy" section3_attach
identity() { contains "$(in_pod aws sts get-caller-identity --output text --query Arn)" arn:aws:sts::111122223333:assumed-role/EKSServiceAccountRole/; }
check "section 6: the pod is the role" identity
secret() { equal "$(in_pod aws secretsmanager get-secret-value --secret-id your-secret-name --query SecretString --output text)" '{"username":"admin","password":"s3cr3t"}'; }
check "section 6: the pod reads the secret" secret

check "another action is denied with Secrets Manager's text" denied \
  "AccessDeniedException" in_pod aws secretsmanager delete-secret --secret-id your-secret-name
check "another service account is refused" denied \
  "An error occurred (AccessDenied) when calling the AssumeRoleWithWebIdentity operation: Not authorized to perform sts:AssumeRoleWithWebIdentity" \
  "$emu" exec --service-account your-namespace/another --role "$role" -- aws sts get-caller-identity
explained() { contains "$("$emu" explain)" "system:serviceaccount:your-namespace:another"; }
check "explain names the sub that was refused" explained
by_hand() {
  local token
  token=$("$emu" token --service-account your-namespace/your-service-account) &&
    contains "$(aws sts assume-role-with-web-identity --role-arn "$role" --role-session-name by-hand --web-identity-token "$token" --output text --query AssumedRoleUser.Arn)" \
      assumed-role/EKSServiceAccountRole/by-hand
}
check "assume-role-with-web-identity by hand" by_hand
bad_signature() {
  local out
  out=$(AWS_SECRET_ACCESS_KEY=wrong aws sts get-caller-identity 2>&1) && return 1
  contains "$out" "(SignatureDoesNotMatch)"
}
check "a wrong secret key is refused" bad_signature
other_account() { equal "$(AWS_ACCESS_KEY_ID=444455556666 aws sts get-caller-identity --query Account --output text)" 444455556666; }
check "another account's administrator" other_account
profiles() {
  local token=$work/token
  "$emu" token --service-account your-namespace/your-service-account >"$token" || return 1
  printf '[profile pod]\nrole_arn = %s\nweb_identity_token_file = %s\nregion = us-west-2\n[profile chained]\nrole_arn = arn:aws:iam::444455556666:role/Chained\nsource_profile = pod\nregion = us-west-2\n' \
    "$role" "$token" >"$work/config"
  AWS_ACCESS_KEY_ID=444455556666 aws iam create-role --role-name Chained --assume-role-policy-document \
    '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:role/EKSServiceAccountRole"},"Action":"sts:AssumeRole"}]}' >/dev/null || return 1
  aws iam put-role-policy --role-name EKSServiceAccountRole --policy-name chain --policy-document \
    '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"sts:AssumeRole","Resource":"arn:aws:iam::444455556666:role/Chained"}]}' || return 1
  contains "$(env -u AWS_ACCESS_KEY_ID -u AWS_SECRET_ACCESS_KEY AWS_CONFIG_FILE="$work/config" aws --profile chained sts get-caller-identity --query Arn --output text)" \
    arn:aws:sts::444455556666:assumed-role/Chained/
}
check "a profile with web_identity_token_file, and one chained to a second account" profiles
s3() {
  aws s3 mb s3://reports && echo hello >a.txt && aws s3 cp a.txt s3://reports/2026/a.txt && aws s3 cp s3://reports/2026/a.txt b.txt && cmp a.txt b.txt &&
    contains "$(aws s3 ls s3://reports/2026/)" a.txt && aws s3 rm s3://reports/2026/a.txt && aws s3 rb s3://reports
}
check "s3 mb, cp, ls, rm, rb" s3
