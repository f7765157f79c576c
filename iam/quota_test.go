package iam_test

import (
	"fmt"
	"strings"
	"testing"
)

func TestQuotas(t *testing.T) {
	w := newWorld(t)
	w.must("CreateRole", "RoleName", "app", "AssumeRolePolicyDocument", trust)
	for i := range 21 {
		w.must("CreatePolicy", "PolicyName", fmt.Sprintf("p%d", i), "PolicyDocument", read)
		arn := fmt.Sprintf("arn:aws:iam::%s:policy/p%d", account, i)
		if i == 20 {
			w.refused(409, "LimitExceeded", "Cannot exceed quota for PoliciesPerRole: 20", "AttachRolePolicy", "RoleName", "app", "PolicyArn", arn)
			break
		}
		w.must("AttachRolePolicy", "RoleName", "app", "PolicyArn", arn)
	}
	for i := 2; i <= 6; i++ {
		pairs := []string{"PolicyArn", "arn:aws:iam::" + account + ":policy/p0", "PolicyDocument", read}
		if i == 6 {
			w.refused(409, "LimitExceeded", "A managed policy can have up to 5 versions. Before you create a new version, you must delete an existing version.", "CreatePolicyVersion", pairs...)
			break
		}
		w.must("CreatePolicyVersion", pairs...)
	}
	// Numbers are not used again (recorded): after v5 comes v6.
	w.must("DeletePolicyVersion", "PolicyArn", "arn:aws:iam::"+account+":policy/p0", "VersionId", "v5")
	if got := element(w.must("CreatePolicyVersion", "PolicyArn", "arn:aws:iam::"+account+":policy/p0", "PolicyDocument", read), "VersionId"); got != "v6" {
		t.Errorf("the version after v5 is %s", got)
	}

	large := func(size int) string {
		frame := strings.Replace(read, `"Resource":"*"`, `"Resource":"arn:aws:s3:::b/X"`, 1)
		return strings.Replace(frame, "X", strings.Repeat("x", size-len(frame)+1), 1)
	}
	w.must("CreatePolicy", "PolicyName", "full", "PolicyDocument", large(6144)+strings.Repeat(" ", 1000))
	w.refused(409, "LimitExceeded", "Cannot exceed quota for PolicySize: 6144", "CreatePolicy", "PolicyName", "fuller", "PolicyDocument", large(6145))
	w.must("PutRolePolicy", "RoleName", "app", "PolicyName", "a", "PolicyDocument", large(10000))
	w.refused(409, "LimitExceeded", "Maximum policy size of 10240 bytes exceeded for role app", "PutRolePolicy", "RoleName", "app", "PolicyName", "b", "PolicyDocument", large(241))
	w.must("PutRolePolicy", "RoleName", "app", "PolicyName", "b", "PolicyDocument", large(240))
	w.refused(409, "LimitExceeded", "Cannot exceed quota for ACLSizePerRole: 2048", "CreateRole", "RoleName", "long", "AssumeRolePolicyDocument",
		strings.Replace(trust, `"Effect"`, `"Sid":"`+strings.Repeat("s", 2048)+`","Effect"`, 1))
}

func TestProviderQuotas(t *testing.T) {
	w := newWorld(t)
	pairs := []string{"Url", "https://issuer.example.com", "ThumbprintList.member.1", strings.Repeat("a", 40)}
	for i := range 101 {
		pairs = append(pairs, fmt.Sprintf("ClientIDList.member.%d", i+1), fmt.Sprintf("client-%d", i))
	}
	w.refused(409, "LimitExceeded", "Cannot exceed quota for ClientIdsPerOpenIdConnectProvider: 100", "CreateOpenIDConnectProvider", pairs...)
	w.must("CreateOpenIDConnectProvider", pairs[:len(pairs)-2]...)
	arn := "arn:aws:iam::" + account + ":oidc-provider/issuer.example.com"
	w.refused(409, "LimitExceeded", "Cannot exceed quota for ClientIdsPerOpenIdConnectProvider: 100", "AddClientIDToOpenIDConnectProvider",
		"OpenIDConnectProviderArn", arn, "ClientID", "one-more")
	w.must("AddClientIDToOpenIDConnectProvider", "OpenIDConnectProviderArn", arn, "ClientID", "client-7") // there already

	tags := []string{"OpenIDConnectProviderArn", arn}
	for i := range 50 {
		tags = append(tags, fmt.Sprintf("Tags.member.%d.Key", i+1), fmt.Sprintf("k%d", i), fmt.Sprintf("Tags.member.%d.Value", i+1), "v")
	}
	w.must("TagOpenIDConnectProvider", tags...)
	w.refused(409, "LimitExceeded", "The number of tags has reached the maximum limit.", "TagOpenIDConnectProvider",
		"OpenIDConnectProviderArn", arn, "Tags.member.1.Key", "one-more", "Tags.member.1.Value", "v")
	// The pages of tags.
	first := w.must("ListOpenIDConnectProviderTags", "OpenIDConnectProviderArn", arn, "MaxItems", "48")
	if element(first, "IsTruncated") != "true" {
		t.Errorf("first page: %s", first)
	}
	second := w.must("ListOpenIDConnectProviderTags", "OpenIDConnectProviderArn", arn, "Marker", element(first, "Marker"))
	if strings.Count(second, "<Key>") != 2 || element(second, "IsTruncated") != "false" {
		t.Errorf("second page: %s", second)
	}

	for i := range 99 {
		w.must("CreateOpenIDConnectProvider", "Url", fmt.Sprintf("https://issuer-%d.example.com", i), "ThumbprintList.member.1", strings.Repeat("a", 40))
	}
	w.refused(409, "LimitExceeded", "Cannot exceed quota for OpenIdConnectProvidersPerAccount: 100", "CreateOpenIDConnectProvider",
		"Url", "https://issuer-100.example.com", "ThumbprintList.member.1", strings.Repeat("a", 40))
}
