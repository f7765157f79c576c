// Package eksauth is Amazon EKS Auth, the data plane of EKS Pod Identity: it
// gives the agent of a node the credentials of a pod's association. It has one
// operation, AssumeRoleForPodIdentity (restJson 1.1, signing name eks-auth).
//
// Which associations there are is package eks's business, and how a role is
// assumed package sts's.
package eksauth

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/irsa-emu/irsa-emu/api"
	"github.com/irsa-emu/irsa-emu/aws"
	"github.com/irsa-emu/irsa-emu/decision"
	"github.com/irsa-emu/irsa-emu/oidc"
	"github.com/irsa-emu/irsa-emu/policy"
	"github.com/irsa-emu/irsa-emu/services"
	"github.com/irsa-emu/irsa-emu/services/eks"
	"github.com/irsa-emu/irsa-emu/sts"
	"github.com/irsa-emu/irsa-emu/term"
	"github.com/irsa-emu/irsa-emu/wire"
)

// Name is the signing name.
const Name = "eks-auth"

const action = "AssumeRoleForPodIdentity"

// Config is what a Service needs.
type Config struct {
	// STS assumes the roles.
	STS *sts.Service
	// Verifier verifies the tokens of clusters.
	Verifier *oidc.Verifier
}

// Service answers the calls of EKS Auth.
type Service struct {
	Config
	description *api.Description
}

// New makes a Service.
func New(c Config) *Service { return &Service{c, Description()} }

// Description is what the service says of itself.
func Description() *api.Description {
	return &api.Description{
		Name: Name, Title: "EKS Auth", Protocol: wire.RESTJSON{Action: actionOf}, Hosts: []string{Name, Name + "-fips"}, Regional: true,
		Paths: []string{"POST /clusters/{name}/assume-role-for-pod-identity"}, Actions: map[string]bool{action: true},
		// recorded 14: it counts as a read, and the answer is not recorded.
		Records:  &api.Records{Source: "eks-auth.amazonaws.com", Dates: time.RFC3339, ErrorCode: api.DeniedAsAccessDenied, Changes: []string{}},
		Internal: *wire.Errorf(http.StatusInternalServerError, "InternalServerException", "An internal error occurred."),
		// The name is EKS Auth's own.
		Unavailable: *wire.Errorf(http.StatusServiceUnavailable, "ServiceUnavailableException", "The request has failed due to a temporary failure of the server."),
	}
}

// Describe says what the service is.
func (s *Service) Describe() *api.Description { return s.description }

// actionOf names the operation that a request asks for, "" for none that EKS Auth has.
func actionOf(r *http.Request) string {
	if cluster, ok := clusterOf(r); ok && cluster != "" {
		return action
	}
	return ""
}

// clusterOf is the cluster in POST /clusters/NAME/assume-role-for-pod-identity.
func clusterOf(r *http.Request) (string, bool) {
	rest, ok := strings.CutPrefix(r.URL.Path, "/clusters/")
	name, ok2 := strings.CutSuffix(rest, "/assume-role-for-pod-identity")
	return name, ok && ok2 && r.Method == http.MethodPost && !strings.Contains(name, "/")
}

// Serve answers one call.
func (s *Service) Serve(w http.ResponseWriter, req *api.Request) error {
	result, err := s.answer(req)
	if err != nil {
		return err
	}
	wire.WriteRESTJSON(w, req.Call, http.StatusOK, result)
	return nil
}

func (s *Service) answer(req *api.Request) (any, error) {
	name, _ := clusterOf(req.HTTP)
	req.Input = object{"clusterName": name, "token": api.Hidden}
	cluster, err := s.cluster(req, name)
	if err != nil {
		return nil, err
	}
	var in struct{ Token string }
	if err := json.Unmarshal(req.Body, &in); err != nil {
		return nil, api.Fail(http.StatusBadRequest, "InvalidRequestException", "The request body is not valid.").Because("%v", term.JSON(err))
	}
	pod, err := s.pod(req, cluster, in.Token)
	if err != nil {
		return nil, err
	}
	association, ok := eks.AssociationFor(req.State, cluster, pod.Namespace, pod.ServiceAccount)
	if !ok {
		return nil, noAssociation(req.State, cluster, pod)
	}
	pod.RoleARN, pod.TargetRoleARN, pod.ExternalID = association.RoleARN, association.TargetRoleARN, association.ExternalID
	pod.DisableSessionTags, pod.Policy = association.DisableSessionTags, association.Policy
	session, refused := s.STS.AssumeRoleForPod(req, *pod)
	if refused != nil && refused.Cause != nil {
		return nil, refused
	}
	if refused != nil {
		f := Unauthorized()
		f.Reason = refused.Reason
		return nil, f
	}
	return answerOf(pod, association, session), nil
}

type object = map[string]any

func answerOf(pod *sts.Pod, a *eks.Association, session *sts.PodSession) object {
	return object{
		"subject":                object{"namespace": pod.Namespace, "serviceAccount": pod.ServiceAccount},
		"audience":               aws.PodIdentityService,
		"podIdentityAssociation": object{"associationArn": a.ARN(), "associationId": a.ID},
		"assumedRoleUser":        object{"arn": session.ARN, "assumeRoleId": session.RoleID},
		"credentials": object{
			"sessionToken": session.Credentials.SessionToken(), "secretAccessKey": session.Credentials.SecretAccessKey,
			"accessKeyId": session.Credentials.AccessKeyID, "expiration": wire.At(session.Credentials.Expiration),
		},
	}
}

// cluster finds the cluster, once the node may ask for its pods.
func (s *Service) cluster(req *api.Request, name string) (*eks.Cluster, error) {
	account := req.Principal.Account
	cluster, ok := eks.ClusterByName(req.State, account, req.Region, name)
	keys := policy.Context{}
	arn := eks.ClusterARN(account, req.Region, name)
	if ok {
		services.ResourceTagKeys(keys, cluster.Tags)
	}
	req.Decision.Resource = arn
	if d := req.Authorize(api.Access{Action: "eks-auth:" + action, Resource: arn, ResourceAccount: account, Keys: keys}); !d.Allowed {
		return nil, api.Denied(d, wire.Errorf(http.StatusBadRequest, "AccessDeniedException", "%s", api.DenialText(req.Principal, d, "eks-auth:"+action, arn)))
	}
	if !ok {
		return nil, eks.NoCluster(name)
	}
	return cluster, nil
}

// kubernetesClaims are what a projected token says of its pod.
type kubernetesClaims struct {
	Kubernetes struct {
		Namespace      string
		Pod            struct{ Name, UID string }
		ServiceAccount struct{ Name, UID string }
	} `json:"kubernetes.io"`
}

// pod verifies the token as the STS would: issuer, audience, key, signature and
// times; and that it is bound to a pod.
func (s *Service) pod(req *api.Request, cluster *eks.Cluster, token string) (*sts.Pod, error) {
	parsed, err := oidc.ParseUnverified(token)
	if err != nil {
		return nil, tokenRefused(err, req.Now, 0, nil)
	}
	unverified := parsed.Claims()
	req.Decision.Token = &decision.Token{KeyID: parsed.Header.KeyID, Algorithm: parsed.Header.Algorithm, Issuer: unverified.Issuer, Subject: unverified.Subject}
	if issuer := unverified.Issuer; issuer != cluster.Issuer {
		return nil, invalidToken(oidc.ReasonNoProvider, fmt.Sprintf("the token is of issuer %q, and cluster %s has %s", issuer, cluster.Name, cluster.Issuer),
			"the pod is of another cluster, or the agent was told another cluster's name")
	}
	claims, err := s.Verifier.Verify(req.HTTP.Context(), oidc.Provider{URL: cluster.Issuer, ClientIDs: []string{aws.PodIdentityService}}, unverified)
	if err != nil {
		return nil, tokenRefused(err, req.Now, unverified.Expires, unverified.OriginalAudience)
	}
	req.Decision.Token.Audience, req.Decision.Token.Claims = claims.OriginalAudience, claims.Map()
	var in kubernetesClaims
	if err := json.Unmarshal([]byte(claims.Raw), &in); err != nil {
		return nil, invalidToken(oidc.ReasonMalformedClaim, "the claim kubernetes.io: "+term.JSON(err).Error(), "")
	}
	k := in.Kubernetes
	if want := (aws.ServiceAccount{Namespace: k.Namespace, Name: k.ServiceAccount.Name}).Subject(); claims.Subject != want || k.Namespace == "" {
		return nil, invalidToken(oidc.ReasonMalformedClaim, fmt.Sprintf("the subject %q is not the service account of the claim kubernetes.io", claims.Subject), "")
	}
	if k.Pod.Name == "" {
		return nil, invalidToken(oidc.ReasonMissingClaim, "the token is not bound to a pod: it has no kubernetes.io/pod",
			"use the token that the webhook projects into the pod; kubectl create token makes one with --bound-object-kind Pod")
	}
	organization, path := req.OrganizationOf(req.State, cluster.Account)
	return &sts.Pod{
		Account: cluster.Account, Region: cluster.Region, Cluster: cluster.Name, ClusterARN: cluster.ARN(), OrganizationID: organization, OrganizationPath: path,
		Namespace: k.Namespace, ServiceAccount: k.ServiceAccount.Name, Name: k.Pod.Name, UID: k.Pod.UID,
	}, nil
}

// tokenRefused words what is wrong with a token. The text for an expired one is
// recorded 14, the others are not AWS's.
func tokenRefused(err error, now time.Time, expires int64, audience []string) error {
	var refused *oidc.TokenError
	if !errors.As(err, &refused) {
		return err
	}
	detail := refused.Detail
	if detail == "" {
		detail = refused.Message
	}
	if refused.Reason == oidc.ReasonExpired {
		f := api.Fail(http.StatusBadRequest, "ExpiredTokenException", "The token included in the request is expired: current date/time %s must be before the expiration date/time %s.",
			now.UTC().Format("2006-01-02T15:04:05.000000Z"), time.Unix(expires, 0).UTC().Format(time.RFC3339))
		f.Reason = decision.Reason{Kind: string(refused.Reason), Message: detail}
		f.Reason.Advise(refused.Hint)
		return f
	}
	advice := refused.Hint.String()
	if refused.Reason == oidc.ReasonAudience { // no IAM provider has a part in it
		detail = fmt.Sprintf("the token's aud is %q; EKS Pod Identity takes %q alone", strings.Join(audience, ", "), aws.PodIdentityService)
		advice = "use the token of AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE, which the webhook projects into pods of an association; that of AWS_WEB_IDENTITY_TOKEN_FILE is for IRSA"
	}
	return invalidToken(refused.Reason, detail, advice)
}

func invalidToken(reason oidc.Reason, message, hint string) error {
	f := api.Fail(http.StatusBadRequest, "InvalidTokenException", "The token included in the request is invalid.")
	f.Reason = decision.Reason{Kind: string(reason), Message: message, Hint: hint}
	return f
}
