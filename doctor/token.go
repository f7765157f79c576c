package doctor

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"

	authenticationv1 "k8s.io/api/authentication/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/irsa-emu/irsa-emu/aws"
	"github.com/irsa-emu/irsa-emu/oidc"
)

// tokenClaims asks for a token as the kubelet does, bound to the pod if there
// is one, and reads it. It lives for ten minutes, the least that is granted.
func (x *examination) tokenClaims(ctx context.Context) Link {
	if x.ServiceAccount == "" {
		return unknown("not known without the service account")
	}
	life := int64(aws.ShortestTokenLife.Seconds())
	request := &authenticationv1.TokenRequest{
		TypeMeta: metav1.TypeMeta{APIVersion: "authentication.k8s.io/v1", Kind: "TokenRequest"},
		Spec:     authenticationv1.TokenRequestSpec{Audiences: []string{x.audience}, ExpirationSeconds: &life},
	}
	if x.podIdentity && x.pod == nil {
		x.findStand(ctx)
	}
	if pod := x.boundPod(); pod != nil && pod.DeletionTimestamp == nil {
		request.Spec.BoundObjectRef = &authenticationv1.BoundObjectReference{APIVersion: "v1", Kind: "Pod", Name: pod.Name, UID: pod.UID}
	}
	var granted authenticationv1.TokenRequest
	err := x.create(ctx, ref{namespace: x.Namespace, resource: "serviceaccounts", name: x.ServiceAccount, sub: "token"}, "", request, &granted)
	var denied *forbidden
	if errors.As(err, &denied) {
		return unknown(err.Error())
	}
	if err != nil {
		return broken("the API server gives no token: " + err.Error())
	}
	return x.read(granted.Status.Token)
}

func (x *examination) read(token string) Link {
	parsed, err := oidc.ParseUnverified(token)
	if err != nil {
		return tokenBroken(err)
	}
	claims := parsed.Claims()
	x.token, x.issuer = token, claims.Issuer
	if err := claims.Check(); err != nil {
		return tokenBroken(err)
	}
	x.claims = claims
	issuer, err := url.Parse(x.issuer)
	switch {
	case err != nil || issuer.Scheme != "https":
		return broken(fmt.Sprintf("its issuer is %q; IAM takes https:// only", x.issuer), note("give the API server --service-account-issuer=https://…"))
	}
	link := ok(fmt.Sprintf("sub %s, aud %s", x.claims.Subject, strings.Join(x.claims.OriginalAudience, ", ")), "iss "+x.issuer)
	if err := x.claims.CheckTimes(x.Now()); err != nil {
		link = link.warn("by this machine's clock, which may be the wrong one, this fresh token is refused: " + err.Error())
	}
	return link
}

// tokenBroken is a refused token as a link.
func tokenBroken(err error) Link {
	var refused *oidc.TokenError
	if !errors.As(err, &refused) {
		return broken(err.Error())
	}
	link := broken(cmp.Or(refused.Detail, refused.Message))
	if !refused.Hint.IsZero() {
		link.Fix = []string{note(refused.Hint.String())}
	}
	return link
}

func hintOf(err error) string {
	var refused *oidc.TokenError
	if errors.As(err, &refused) {
		return refused.Hint.String()
	}
	return ""
}

// issuerOf is the cluster's issuer, also where no token can be had.
func (x *examination) issuerOf(ctx context.Context) (string, error) {
	if x.issuer != "" {
		return x.issuer, nil
	}
	var discovery struct{ Issuer string }
	if err := x.get(ctx, ref{path: aws.DiscoveryPath}, &discovery); err != nil {
		return "", err
	}
	x.issuer = discovery.Issuer
	return x.issuer, nil
}
