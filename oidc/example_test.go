package oidc_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/irsa-emu/irsa-emu/oidc"
)

// A service account's token from issue to verification.
func Example() {
	key, err := oidc.GenerateKey("RS256", nil)
	if err != nil {
		panic(err)
	}
	cluster := &oidc.Issuer{URL: "https://oidc.eks.us-west-2.amazonaws.com/id/EXAMPLE", Keys: []*oidc.SigningKey{key}}
	claims, err := oidc.KubernetesClaims(oidc.KubernetesToken{
		Issuer: cluster.URL, Namespace: "your-namespace", ServiceAccount: "your-service-account", IssuedAt: time.Now(),
	})
	if err != nil {
		panic(err)
	}
	raw, err := cluster.Sign(claims, oidc.SignOptions{})
	if err != nil {
		panic(err)
	}

	token, err := oidc.ParseUnverified(raw)
	if err != nil {
		panic(err)
	}
	verifier := &oidc.Verifier{
		Keys: oidc.KeysFunc(func(url string) (*oidc.KeySet, bool) { return cluster.KeySet(), url == cluster.URL }),
		Now:  time.Now,
	}
	claimed := token.Claims() // nobody has verified them yet
	provider := oidc.Provider{URL: claimed.Issuer, ClientIDs: []string{"sts.amazonaws.com"}}
	verified, err := verifier.Verify(context.Background(), provider, claimed)
	if err != nil {
		panic(err)
	}
	fmt.Println(verified.Subject, "for", verified.Audience)
	// Output: system:serviceaccount:your-namespace:your-service-account for sts.amazonaws.com
}

// A refusal has AWS's words, and what AWS leaves unsaid.
func ExampleTokenError() {
	claims, err := oidc.ReadClaims([]byte(`{"iss": "kubernetes/serviceaccount", "sub": "system:serviceaccount:ns:sa"}`))
	if err != nil {
		panic(err)
	}
	var refused *oidc.TokenError
	if errors.As(claims.Check(), &refused) {
		fmt.Println(refused.Code, refused.Status)
		fmt.Println(refused.Message)
		fmt.Println(refused.Reason)
	}
	// Output:
	// InvalidIdentityToken 400
	// Missing a required claim: aud
	// missing-claim
}
