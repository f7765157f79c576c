package iam_test

import (
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/iam"

	"github.com/irsa-emu/irsa-emu/api"
)

// The texts' form is that of users' reports: aws/aws-cdk#27067 (role),
// aws-samples/rancher-on-aws-workshop#28 (user), galaxyproject/cloudlaunch#205
// (policy), terraform-aws-modules/terraform-aws-eks#2517 (explicit deny).
func TestAccess(t *testing.T) {
	w := newWorld(t)
	w.must("CreateUser", "UserName", "alice")
	w.must("PutUserPolicy", "UserName", "alice", "PolicyName", "p", "PolicyDocument", `{"Version":"2012-10-17","Statement":[
		{"Effect":"Allow","Action":["iam:GetRole","iam:CreateRole"],"Resource":"arn:aws:iam::*:role/team/*"},
		{"Effect":"Allow","Action":"iam:TagRole","Resource":"*","Condition":{"StringEquals":{"aws:RequestTag/team":"payments"}}},
		{"Effect":"Deny","Action":"iam:DeleteRole","Resource":"*"},
		{"Effect":"Allow","Action":"iam:AttachRolePolicy","Resource":"*","Condition":{"ArnEquals":{"iam:PolicyARN":"arn:aws:iam::aws:policy/ReadOnlyAccess"}}}]}`)
	w.must("CreateRole", "RoleName", "inside", "Path", "/team/", "AssumeRolePolicyDocument", trust)
	w.must("CreateRole", "RoleName", "outside", "AssumeRolePolicyDocument", trust)
	alice := w.userPrincipal("alice")
	const who = "User: arn:aws:iam::" + account + ":user/alice is not authorized to perform: "
	ok := func(action string, pairs ...string) {
		t.Helper()
		if status, body := w.do(alice, action, pairs...); status != 200 {
			t.Errorf("%s %v: %d %s", action, pairs, status, body)
		}
	}
	ok("GetRole", "RoleName", "inside")
	ok("CreateRole", "RoleName", "made", "Path", "/team/", "AssumeRolePolicyDocument", trust,
		"Tags.member.1.Key", "team", "Tags.member.1.Value", "payments")
	ok("AttachRolePolicy", "RoleName", "inside", "PolicyArn", "arn:aws:iam::aws:policy/ReadOnlyAccess")
	tests := []struct {
		tail   string
		action string
		pairs  []string
	}{
		{"iam:GetRole on resource: role outside because no identity-based policy allows the iam:GetRole action",
			"GetRole", []string{"RoleName", "outside"}},
		{"iam:CreateRole on resource: arn:aws:iam::" + account + ":role/other because no identity-based policy allows the iam:CreateRole action",
			"CreateRole", []string{"RoleName", "other", "AssumeRolePolicyDocument", trust}},
		{"iam:TagRole on resource: arn:aws:iam::" + account + ":role/team/other because no identity-based policy allows the iam:TagRole action",
			"CreateRole", []string{"RoleName", "other", "Path", "/team/", "AssumeRolePolicyDocument", trust, "Tags.member.1.Key", "team", "Tags.member.1.Value", "else"}},
		{"iam:DeleteRole on resource: role inside with an explicit deny in an identity-based policy",
			"DeleteRole", []string{"RoleName", "inside"}},
		{"iam:AttachRolePolicy on resource: role inside because no identity-based policy allows the iam:AttachRolePolicy action",
			"AttachRolePolicy", []string{"RoleName", "inside", "PolicyArn", "arn:aws:iam::aws:policy/AdministratorAccess"}},
		{"iam:CreatePolicy on resource: policy p because no identity-based policy allows the iam:CreatePolicy action",
			"CreatePolicy", []string{"PolicyName", "p", "PolicyDocument", read}},
		{"iam:ListRoles on resource: arn:aws:iam::" + account + ":role/ because no identity-based policy allows the iam:ListRoles action",
			"ListRoles", nil},
		{"iam:GetUser on resource: user bob because no identity-based policy allows the iam:GetUser action",
			"GetUser", []string{"UserName", "bob"}},
		{"iam:GetUser on resource: user alice because no identity-based policy allows the iam:GetUser action", "GetUser", nil},
	}
	for _, test := range tests {
		w.refusedTo(alice, 403, "AccessDenied", who+test.tail, test.action, test.pairs...)
		if len(w.last.Checks) == 0 {
			t.Errorf("%s: no check in the decision", test.action)
		}
	}
}

func TestBoundaryLimitsIAM(t *testing.T) {
	w := newWorld(t)
	w.must("CreateRole", "RoleName", "admin", "AssumeRolePolicyDocument", trust, "PermissionsBoundary", "arn:aws:iam::aws:policy/AmazonS3FullAccess")
	w.must("AttachRolePolicy", "RoleName", "admin", "PolicyArn", "arn:aws:iam::aws:policy/AdministratorAccess")
	w.refusedTo(w.sessionPrincipal("admin"), 403, "AccessDenied", "User: arn:aws:sts::"+account+":assumed-role/admin/session is not authorized to perform: "+
		"iam:ListUsers on resource: arn:aws:iam::"+account+":user/ because no permissions boundary allows the iam:ListUsers action", "ListUsers")
}

// TestForeignAccount: IAM acts in the caller's account only.
func TestForeignAccount(t *testing.T) {
	w := newWorld(t)
	arn := "arn:aws:iam::" + other + ":oidc-provider/issuer.example.com"
	w.refused(403, "AccessDenied", "User: arn:aws:iam::"+account+":root is not authorized to perform: iam:GetOpenIDConnectProvider on resource: "+arn,
		"GetOpenIDConnectProvider", "OpenIDConnectProviderArn", arn)
}

// TestTemporaryCredentials: those of GetSessionToken without MFA cannot call
// IAM, those of GetFederationToken never (IAM user guide).
func TestTemporaryCredentials(t *testing.T) {
	w := newWorld(t)
	w.must("CreateUser", "UserName", "alice")
	w.must("AttachUserPolicy", "UserName", "alice", "PolicyArn", "arn:aws:iam::aws:policy/AdministratorAccess")
	session := w.userPrincipal("alice")
	session.Temporary = true
	federated := *session
	federated.Type = api.FederatedUser
	for _, p := range []*api.Principal{session, &federated} {
		w.refusedTo(p, 403, "InvalidClientTokenId", "The security token included in the request is invalid.", "ListRoles")
	}
	if status, body := w.do(nil, "ListRoles"); status != 403 || !strings.Contains(body, "MissingAuthenticationToken") {
		t.Errorf("unsigned: %d %s", status, body)
	}
}

// TestAccountsAreSeparate: the same names live side by side.
func TestAccountsAreSeparate(t *testing.T) {
	w := newWorld(t)
	for _, a := range []string{account, other} {
		if status, body := w.do(root(a), "CreateRole", "RoleName", "app", "AssumeRolePolicyDocument", trust); status != 200 {
			t.Fatalf("%s: %d %s", a, status, body)
		}
	}
	_, body := w.do(root(other), "ListRoles")
	if strings.Contains(body, account) || strings.Count(body, "<RoleName>") != 1 {
		t.Errorf("roles of %s: %s", other, body)
	}
}

// TestWhoIsMeant: without a user's name the caller is meant, who must be a user.
func TestWhoIsMeant(t *testing.T) {
	w := newWorld(t)
	w.must("CreateRole", "RoleName", "app", "AssumeRolePolicyDocument", trust)
	w.must("CreateUser", "UserName", "alice")
	w.must("AttachUserPolicy", "UserName", "alice", "PolicyArn", "arn:aws:iam::aws:policy/IAMFullAccess")
	for _, action := range []string{"GetUser", "CreateAccessKey", "ListAccessKeys", "ListMFADevices"} {
		w.refusedTo(w.sessionPrincipal("app"), 400, "ValidationError", "Must specify userName when calling with non-User credentials", action)
	}
	alice := w.userPrincipal("alice")
	if _, body := w.do(alice, "GetUser"); element(body, "UserName") != "alice" {
		t.Errorf("GetUser: %s", body)
	}
	_, body := w.do(alice, "CreateAccessKey")
	if element(body, "UserName") != "alice" || len(element(body, "SecretAccessKey")) != 40 {
		t.Errorf("CreateAccessKey: %s", body)
	}
	if status, body := w.do(alice, "DeleteAccessKey", "AccessKeyId", element(body, "AccessKeyId")); status != 200 {
		t.Errorf("DeleteAccessKey: %s", body)
	}
}

// TestConcurrentCreates: of many creations of one name one succeeds.
func TestConcurrentCreates(t *testing.T) {
	w := newWorld(t)
	client := w.client()
	var group sync.WaitGroup
	var made atomic.Int32
	for range 8 {
		group.Go(func() {
			_, err := client.CreateGroup(t.Context(), &sdk.CreateGroupInput{GroupName: aws.String("readers")})
			if err == nil {
				made.Add(1)
			} else if !strings.Contains(err.Error(), "EntityAlreadyExists") {
				t.Error(err)
			}
		})
	}
	group.Wait()
	if made.Load() != 1 {
		t.Errorf("%d of 8 succeeded", made.Load())
	}
}

// TestTagsAtCreation: tags need the permission to tag, beside that to make (AWS's
// refusals "not authorized to perform: iam:TagPolicy on resource: policy …" and
// "…iam:TagOpenIDConnectProvider…" in public reports).
func TestTagsAtCreation(t *testing.T) {
	w := newWorld(t)
	w.must("CreateUser", "UserName", "alice")
	w.must("PutUserPolicy", "UserName", "alice", "PolicyName", "p", "PolicyDocument", `{"Version":"2012-10-17","Statement":[
		{"Effect":"Allow","Action":"iam:Create*","Resource":"*"},
		{"Effect":"Allow","Action":"iam:Tag*","Resource":"*","Condition":{"StringEquals":{"aws:RequestTag/team":"payments"}}}]}`)
	alice := w.userPrincipal("alice")
	arn := "arn:aws:iam::" + account
	for _, c := range []struct {
		action, tag, shown string
		pairs              []string
	}{
		{"CreateRole", "TagRole", arn + ":role/made", []string{"RoleName", "made", "AssumeRolePolicyDocument", trust}},
		{"CreateUser", "TagUser", arn + ":user/made", []string{"UserName", "made"}},
		{"CreatePolicy", "TagPolicy", "policy made", []string{"PolicyName", "made", "PolicyDocument", read}},
		{"CreateInstanceProfile", "TagInstanceProfile", arn + ":instance-profile/made", []string{"InstanceProfileName", "made"}},
		{"CreateOpenIDConnectProvider", "TagOpenIDConnectProvider", arn + ":oidc-provider/issuer.example.com",
			[]string{"Url", "https://issuer.example.com", "ThumbprintList.member.1", strings.Repeat("a", 40)}},
	} {
		tagged := append([]string{"Tags.member.1.Key", "team", "Tags.member.1.Value", "other"}, c.pairs...)
		w.refusedTo(alice, 403, "AccessDenied", "User: "+arn+":user/alice is not authorized to perform: iam:"+c.tag+" on resource: "+c.shown+
			" because no identity-based policy allows the iam:"+c.tag+" action", c.action, tagged...)
		tagged[3] = "payments"
		if status, body := w.do(alice, c.action, tagged...); status != 200 {
			t.Errorf("%s: %d %s", c.action, status, body)
		}
	}
}

// TestForeignPolicy: managed policies of other accounts cannot be attached.
func TestForeignPolicy(t *testing.T) {
	w := newWorld(t)
	if status, body := w.do(root(other), "CreatePolicy", "PolicyName", "theirs", "PolicyDocument", read); status != 200 {
		t.Fatalf("%d %s", status, body)
	}
	theirs := "arn:aws:iam::" + other + ":policy/theirs"
	w.must("CreateRole", "RoleName", "app", "AssumeRolePolicyDocument", trust)
	w.must("CreateUser", "UserName", "alice")
	w.must("CreateGroup", "GroupName", "team")
	for action, pairs := range map[string][]string{"AttachRolePolicy": {"RoleName", "app"}, "AttachUserPolicy": {"UserName", "alice"}, "AttachGroupPolicy": {"GroupName", "team"}} {
		w.refused(403, "AccessDenied", "Policy is outside your own account.", action, append(pairs, "PolicyArn", theirs)...)
	}
}
