// Package authenticator tells an API server whom of AWS a bearer token is: the
// part of EKS's control plane that makes `aws eks get-token` work. The API server
// sends it TokenReviews. A token is a presigned GetCallerIdentity; the STS says
// who signed it, and the cluster's access entries and its ConfigMap aws-auth who
// that is in Kubernetes.
//
// It is asked at https://github.com/kubernetes-sigs/aws-iam-authenticator's own
// address, and answers in its shape.
package authenticator
