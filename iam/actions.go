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
var unsupported = map[string]bool{
	"AcceptDelegationRequest":                       true,
	"AcquireRole":                                   true,
	"AssociateDelegationRequest":                    true,
	"ChangePassword":                                true,
	"CreateDelegationRequest":                       true,
	"CreateLoginProfile":                            true,
	"CreateSAMLProvider":                            true,
	"CreateServiceSpecificCredential":               true,
	"CreateVirtualMFADevice":                        true,
	"DeactivateMFADevice":                           true,
	"DeleteSAMLProvider":                            true,
	"DeleteSSHPublicKey":                            true,
	"DeleteServerCertificate":                       true,
	"DeleteServiceSpecificCredential":               true,
	"DeleteSigningCertificate":                      true,
	"DeleteVirtualMFADevice":                        true,
	"DisableOrganizationsRootCredentialsManagement": true,
	"DisableOrganizationsRootSessions":              true,
	"EnableMFADevice":                               true,
	"EnableOrganizationsRootCredentialsManagement":  true,
	"EnableOrganizationsRootSessions":               true,
	"GenerateCredentialReport":                      true,
	"GenerateOrganizationsAccessReport":             true,
	"GenerateServiceLastAccessedDetails":            true,
	"GetAccountProperties":                          true,
	"GetCredentialReport":                           true,
	"GetDelegationRequest":                          true,
	"GetHumanReadableSummary":                       true,
	"GetMFADevice":                                  true,
	"GetOrganizationsAccessReport":                  true,
	"GetRoleTemplateVersion":                        true,
	"GetSAMLProvider":                               true,
	"GetSSHPublicKey":                               true,
	"GetServerCertificate":                          true,
	"GetServiceLastAccessedDetails":                 true,
	"GetServiceLastAccessedDetailsWithEntities":     true,
	"ListDelegationRequests":                        true,
	"ListMFADeviceTags":                             true,
	"ListOrganizationsFeatures":                     true,
	"ListPoliciesGrantingServiceAccess":             true,
	"ListSAMLProviderTags":                          true,
	"ListServerCertificateTags":                     true,
	"PutAccountProperties":                          true,
	"RejectDelegationRequest":                       true,
	"ResetServiceSpecificCredential":                true,
	"ResyncMFADevice":                               true,
	"SendDelegationToken":                           true,
	"SetSecurityTokenServicePreferences":            true,
	"TagMFADevice":                                  true,
	"TagSAMLProvider":                               true,
	"TagServerCertificate":                          true,
	"UntagMFADevice":                                true,
	"UntagSAMLProvider":                             true,
	"UntagServerCertificate":                        true,
	"UpdateAccountPasswordPolicy":                   true,
	"UpdateDelegationRequest":                       true,
	"UpdateLoginProfile":                            true,
	"UpdateSAMLProvider":                            true,
	"UpdateSSHPublicKey":                            true,
	"UpdateServerCertificate":                       true,
	"UpdateServiceSpecificCredential":               true,
	"UpdateSigningCertificate":                      true,
	"UploadSSHPublicKey":                            true,
	"UploadServerCertificate":                       true,
	"UploadSigningCertificate":                      true,
}
