package iam

import (
	"github.com/irsa-emu/irsa-emu/api"
	"github.com/irsa-emu/irsa-emu/wire"
)

// absentActions ask for what this API never makes: passwords, MFA devices, SSH
// keys, certificates, SAML providers. There are none, and that is the answer.
// Clients ask before they delete a user (Terraform's force_destroy does).
var absentActions = map[string]action{
	"GetLoginProfile":                on((*call).noLoginProfile),
	"DeleteLoginProfile":             on((*call).noLoginProfile),
	"ListMFADevices":                 on((*call).listMFADevices),
	"ListVirtualMFADevices":          on((*call).listVirtualMFADevices),
	"ListSigningCertificates":        on((*call).listSigningCertificates),
	"ListSSHPublicKeys":              on((*call).listSSHPublicKeys),
	"ListServiceSpecificCredentials": on((*call).listServiceSpecificCredentials),
	"ListSAMLProviders":              on((*call).listSAMLProviders),
	"ListServerCertificates":         on((*call).listServerCertificates),
	"GetAccountPasswordPolicy":       on((*call).noPasswordPolicy),
	"DeleteAccountPasswordPolicy":    on((*call).noPasswordPolicyToDelete),
}

// nothing is an empty list of what is never made.
type nothing = wire.List[struct{}]

type listOfUserInput struct {
	optionalUserInput
	pageInput
}

// exists refuses a user that does not exist; without a name the caller is meant.
func (in *listOfUserInput) exists(c *call) error {
	if in.UserName == "" && c.Principal.Type != api.IAMUser {
		return nil
	}
	name, err := in.name(c)
	if err != nil {
		return err
	}
	_, err = c.user(c.State, name)
	return err
}

func (c *call) noLoginProfile(in *optionalUserInput) (any, error) {
	name, err := in.name(c)
	if err != nil {
		return nil, err
	}
	if _, err := c.user(c.State, name); err != nil {
		return nil, err
	}
	return nil, noSuchEntity("Login Profile for User %s cannot be found.", name)
}

type listMFADevicesOutput struct {
	MFADevices nothing
	pageOutput
}

func (c *call) listMFADevices(in *listOfUserInput) (any, error) {
	return &listMFADevicesOutput{}, in.exists(c)
}

type listSigningCertificatesOutput struct {
	Certificates nothing
	pageOutput
}

func (c *call) listSigningCertificates(in *listOfUserInput) (any, error) {
	return &listSigningCertificatesOutput{}, in.exists(c)
}

type listSSHPublicKeysOutput struct {
	SSHPublicKeys nothing
	pageOutput
}

func (c *call) listSSHPublicKeys(in *listOfUserInput) (any, error) {
	return &listSSHPublicKeysOutput{}, in.exists(c)
}

type listServiceSpecificCredentialsOutput struct {
	ServiceSpecificCredentials nothing
	pageOutput
}

func (c *call) listServiceSpecificCredentials(in *listOfUserInput) (any, error) {
	return &listServiceSpecificCredentialsOutput{}, in.exists(c)
}

type listVirtualMFADevicesOutput struct {
	VirtualMFADevices nothing
	pageOutput
}

func (c *call) listVirtualMFADevices(*anyInput) (any, error) {
	return &listVirtualMFADevicesOutput{}, nil
}

type listSAMLProvidersOutput struct{ SAMLProviderList nothing }

func (c *call) listSAMLProviders(*anyInput) (any, error) { return &listSAMLProvidersOutput{}, nil }

type listServerCertificatesOutput struct {
	ServerCertificateMetadataList nothing
	pageOutput
}

func (c *call) listServerCertificates(*anyInput) (any, error) {
	return &listServerCertificatesOutput{}, nil
}

func (c *call) noPasswordPolicy(*anyInput) (any, error) {
	return nil, noSuchEntity("The Password Policy with domain name %s cannot be found.", c.account)
}

// Recorded: the two texts differ.
func (c *call) noPasswordPolicyToDelete(*anyInput) (any, error) {
	return nil, noSuchEntity("The account policy with name PasswordPolicy cannot be found.")
}
