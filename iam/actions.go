package iam

import "maps"

// actions are the actions of the API. The table of each family stands at the
// top of its file.
var actions = merge(
	providerActions, roleActions, rolePolicyActions, policyActions, policyVersionActions,
	instanceProfileActions, userActions, userPolicyActions, accessKeyActions, groupActions, groupPolicyActions,
	accountActions, authorizationDetailsActions, serviceLinkedActions, simulateActions, outboundActions, absentActions,
)

func merge(tables ...map[string]action) map[string]action {
	all := map[string]action{}
	for _, t := range tables {
		maps.Copy(all, t)
	}
	return all
}

// unsupported are the actions that IAM has and this API has not.
var unsupported = []string{
	"AcceptDelegationRequest",
	"AcquireRole",
	"AssociateDelegationRequest",
	"ChangePassword",
	"CreateDelegationRequest",
	"CreateLoginProfile",
	"CreateSAMLProvider",
	"CreateServiceSpecificCredential",
	"CreateVirtualMFADevice",
	"DeactivateMFADevice",
	"DeleteSAMLProvider",
	"DeleteSSHPublicKey",
	"DeleteServerCertificate",
	"DeleteServiceSpecificCredential",
	"DeleteSigningCertificate",
	"DeleteVirtualMFADevice",
	"DisableOrganizationsRootCredentialsManagement",
	"DisableOrganizationsRootSessions",
	"EnableMFADevice",
	"EnableOrganizationsRootCredentialsManagement",
	"EnableOrganizationsRootSessions",
	"GenerateCredentialReport",
	"GenerateOrganizationsAccessReport",
	"GenerateServiceLastAccessedDetails",
	"GetAccountProperties",
	"GetCredentialReport",
	"GetDelegationRequest",
	"GetHumanReadableSummary",
	"GetMFADevice",
	"GetOrganizationsAccessReport",
	"GetRoleTemplateVersion",
	"GetSAMLProvider",
	"GetSSHPublicKey",
	"GetServerCertificate",
	"GetServiceLastAccessedDetails",
	"GetServiceLastAccessedDetailsWithEntities",
	"ListDelegationRequests",
	"ListMFADeviceTags",
	"ListOrganizationsFeatures",
	"ListPoliciesGrantingServiceAccess",
	"ListSAMLProviderTags",
	"ListServerCertificateTags",
	"PutAccountProperties",
	"RejectDelegationRequest",
	"ResetServiceSpecificCredential",
	"ResyncMFADevice",
	"SendDelegationToken",
	"SetSecurityTokenServicePreferences",
	"TagMFADevice",
	"TagSAMLProvider",
	"TagServerCertificate",
	"UntagMFADevice",
	"UntagSAMLProvider",
	"UntagServerCertificate",
	"UpdateAccountPasswordPolicy",
	"UpdateDelegationRequest",
	"UpdateLoginProfile",
	"UpdateSAMLProvider",
	"UpdateSSHPublicKey",
	"UpdateServerCertificate",
	"UpdateServiceSpecificCredential",
	"UpdateSigningCertificate",
	"UploadSSHPublicKey",
	"UploadServerCertificate",
	"UploadSigningCertificate",
}
