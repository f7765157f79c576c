// Package sources reads what people have in place of a State document and
// makes one of it: IAM policies as JSON, `terraform show -json` of a plan or a
// state, a CloudFormation template, the output of the AWS CLI's
// get-account-authorization-details and its like. The kind of a file is found
// by its content.
//
// [Options.Load] gives the [statefile.State] that an emulator takes. [Options.Read]
// gives every policy as well, with the address it has in its source and the
// place of each of its characters, so that a finding in a plan's trust policy
// can be shown where it was written.
//
// Nothing is guessed. What a source does not say (a value that is known after
// apply, an import of another stack) is left out and becomes a [Note] with its
// address and place. Where a stand-in is harmless, such as the name of a role
// that CloudFormation has yet to choose, it is used and noted.
//
// The package does not run Terraform or CloudFormation, evaluates no HCL, and
// calls no AWS account.
//
// Formats: Terraform's "JSON Output Format" (format_version 1.x), the
// CloudFormation user guide's "Template anatomy" and "Intrinsic function
// reference", and the shapes of the IAM API.
package sources
