// Package audit joins what Kubernetes says with what IAM says: which pods run as
// which service account, which role that account is promised, by annotation
// (IRSA) or by an EKS Pod Identity association, and whether the role's trust
// policy lets it in.
//
// [Audit] gives the matrix of service accounts and roles and every broken or
// dangerous link in it, each with its place and what to write instead. It is
// pure: what it needs was read by package sources. What a pod gets is decided by
// the webhook's own mutation, and whether a role can be assumed by the same
// evaluation as the STS's.
//
// What is not known is unknown, never "gets": a chart that was not rendered, a
// value that is known after apply, a role that no source holds.
//
// It knows the files it was given and nothing else: service control policies,
// other admission webhooks, and what runs in a cluster beside them are not part
// of it.
package audit
