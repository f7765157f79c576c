package iam_test

import (
	"errors"
	"net/url"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/aws/smithy-go"
)

// TestSDK does with aws-sdk-go-v2 what Terraform does with a role: everything
// that goes in comes out again.
func TestSDK(t *testing.T) {
	w := newWorld(t)
	client, ctx := w.client(), t.Context()
	provider, err := client.CreateOpenIDConnectProvider(ctx, &sdk.CreateOpenIDConnectProviderInput{
		Url: aws.String("https://issuer.example.com"), ClientIDList: []string{"sts.amazonaws.com"},
	})
	if err != nil {
		t.Fatal(err)
	}
	got, err := client.GetOpenIDConnectProvider(ctx, &sdk.GetOpenIDConnectProviderInput{OpenIDConnectProviderArn: provider.OpenIDConnectProviderArn})
	if err != nil {
		t.Fatal(err)
	}
	if *got.Url != "issuer.example.com" || len(got.ThumbprintList) != 1 || !got.CreateDate.Equal(epoch) {
		t.Errorf("provider: %v %v %v", *got.Url, got.ThumbprintList, got.CreateDate)
	}
	if len(w.fetched) != 1 {
		t.Errorf("thumbprints fetched: %v", w.fetched)
	}

	if _, err := client.CreateRole(ctx, &sdk.CreateRoleInput{
		RoleName: aws.String("app"), AssumeRolePolicyDocument: aws.String(trust), Description: aws.String("an app"),
		MaxSessionDuration: aws.Int32(7200), Tags: []types.Tag{{Key: aws.String("team"), Value: aws.String("payments")}},
	}); err != nil {
		t.Fatal(err)
	}
	role, err := client.GetRole(ctx, &sdk.GetRoleInput{RoleName: aws.String("app")})
	if err != nil {
		t.Fatal(err)
	}
	document, err := url.QueryUnescape(*role.Role.AssumeRolePolicyDocument)
	if err != nil || document != trust {
		t.Errorf("trust policy: %s, %v", document, err)
	}
	if *role.Role.Description != "an app" || *role.Role.MaxSessionDuration != 7200 || *role.Role.Tags[0].Value != "payments" || role.Role.RoleLastUsed == nil {
		t.Errorf("role: %+v", role.Role)
	}

	inline := `{"Version":"2012-10-17","Statement":[{"Sid":"a","Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::b/%3A+ é/*"}]}`
	if _, err := client.PutRolePolicy(ctx, &sdk.PutRolePolicyInput{RoleName: aws.String("app"), PolicyName: aws.String("p"), PolicyDocument: &inline}); err != nil {
		t.Fatal(err)
	}
	policy, err := client.GetRolePolicy(ctx, &sdk.GetRolePolicyInput{RoleName: aws.String("app"), PolicyName: aws.String("p")})
	if err != nil {
		t.Fatal(err)
	}
	if back, err := url.QueryUnescape(*policy.PolicyDocument); err != nil || back != inline {
		t.Errorf("inline policy came back as %s, %v", back, err)
	}

	_, err = client.GetRole(ctx, &sdk.GetRoleInput{RoleName: aws.String("nobody")})
	var missing *types.NoSuchEntityException
	if !errors.As(err, &missing) || missing.ErrorMessage() != "The role with name nobody cannot be found." {
		t.Errorf("missing role: %v", err)
	}
	_, err = client.CreateRole(ctx, &sdk.CreateRoleInput{RoleName: aws.String("app"), AssumeRolePolicyDocument: aws.String(trust)})
	var exists *types.EntityAlreadyExistsException
	if !errors.As(err, &exists) {
		t.Errorf("existing role: %v", err)
	}
	_, err = client.CreateSAMLProvider(ctx, &sdk.CreateSAMLProviderInput{Name: aws.String("x"), SAMLMetadataDocument: aws.String(string(make([]byte, 1000)))})
	var api smithy.APIError
	if !errors.As(err, &api) || api.ErrorCode() != "NotImplemented" {
		t.Errorf("unsupported action: %v", err)
	}
	summary, err := client.GetAccountSummary(ctx, &sdk.GetAccountSummaryInput{})
	if err != nil || summary.SummaryMap["Roles"] != 1 || summary.SummaryMap["Providers"] != 1 {
		t.Errorf("summary: %v, %v", summary, err)
	}
	details, err := client.GetAccountAuthorizationDetails(ctx, &sdk.GetAccountAuthorizationDetailsInput{Filter: []types.EntityType{types.EntityTypeRole}})
	if err != nil || len(details.RoleDetailList) != 1 || *details.RoleDetailList[0].RolePolicyList[0].PolicyName != "p" {
		t.Errorf("details: %+v, %v", details, err)
	}
}

// TestPaginators reads lists page by page with the SDK's paginators.
func TestPaginators(t *testing.T) {
	w := newWorld(t)
	client, ctx := w.client(), t.Context()
	want := []string{"Alpha", "beta", "Gamma", "delta", "epsilon"}
	for _, name := range want {
		w.must("CreateRole", "RoleName", name, "Path", "/p/", "AssumeRolePolicyDocument", trust)
	}
	w.must("CreateRole", "RoleName", "elsewhere", "AssumeRolePolicyDocument", trust)
	var got []string
	pages := 0
	paginator := sdk.NewListRolesPaginator(client, &sdk.ListRolesInput{MaxItems: aws.Int32(2), PathPrefix: aws.String("/p/")})
	for paginator.HasMorePages() {
		page, err := paginator.NextPage(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if pages++; pages == 1 {
			w.must("DeleteRole", "RoleName", "Alpha") // moves no later page
		}
		for _, role := range page.Roles {
			got = append(got, *role.RoleName)
		}
	}
	if pages != 3 || len(got) != len(want) {
		t.Errorf("%d pages, roles %v", pages, got)
	}
	local := sdk.NewListPoliciesPaginator(client, &sdk.ListPoliciesInput{MaxItems: aws.Int32(500)})
	policies := map[string]bool{}
	for local.HasMorePages() {
		page, err := local.NextPage(ctx)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range page.Policies {
			if policies[*p.Arn] {
				t.Errorf("%s is listed twice", *p.Arn)
			}
			policies[*p.Arn] = true
		}
	}
	if !policies["arn:aws:iam::aws:policy/AdministratorAccess"] || len(policies) < 1000 {
		t.Errorf("%d AWS managed policies", len(policies))
	}
}
