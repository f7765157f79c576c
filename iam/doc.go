// Package iam is the account model and the IAM Query API on it.
//
// The entities ([Role], [OIDCProvider], [Policy], …) live in the store of
// package state; [Kinds] declares them. [API] answers IAM's own actions.
// [PoliciesOf] gives the kernel, package api, the policies in force for a
// caller. [Apply] and [Export] move an account's IAM entities from and to
// State documents, through the same checks as the API.
//
// It issues no credentials and reads no tokens: that is package sts. It does
// not know passwords, MFA devices, SAML providers or certificates; the actions
// on those answer NotImplemented.
//
// It follows the IAM API reference (version 2010-05-08). Texts, codes and the
// fields that an answer has or omits are those recorded on AWS, where known.
package iam
