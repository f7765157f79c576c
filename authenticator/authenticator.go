package authenticator

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"time"

	authenticationv1 "k8s.io/api/authentication/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/irsa-emu/irsa-emu/kube"
)

const (
	// DefaultListen is aws-iam-authenticator's own address, on the API server's node.
	DefaultListen = "127.0.0.1:21362"
	// Path is where TokenReviews come to.
	Path = "/authenticate"

	// maxReview bounds a TokenReview.
	maxReview = 64 << 10
	// askTimeout bounds one: the API server lets its caller wait that long.
	askTimeout = 10 * time.Second
)

// Cluster is what an API server's cluster is to EKS.
type Cluster struct {
	Name, Account, Region string
	// Emulator is the URL of its EKS and STS.
	Emulator string
}

// Authenticator answers TokenReviews.
type Authenticator struct {
	Client *kube.Client
	// Cluster finds the cluster; it is asked each time, for states change.
	Cluster func(context.Context) (Cluster, error)
	// AdminSecret is the secret key of the emulator's administrators.
	AdminSecret string
	HTTP        *http.Client
	Logger      *slog.Logger
}

// ServeHTTP answers a TokenReview of authentication.k8s.io/v1.
func (a *Authenticator) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var review authenticationv1.TokenReview
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxReview)).Decode(&review); err != nil {
		http.Error(w, fmt.Sprintf("a TokenReview is expected: %v", err), http.StatusBadRequest)
		return
	}
	if want := authenticationv1.SchemeGroupVersion.String(); review.Kind != "TokenReview" || review.APIVersion != want {
		http.Error(w, fmt.Sprintf("kind %q of %q; a TokenReview of %s is expected", review.Kind, review.APIVersion, want), http.StatusBadRequest)
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), askTimeout)
	defer cancel()
	answer := authenticationv1.TokenReview{TypeMeta: metav1.TypeMeta{Kind: review.Kind, APIVersion: review.APIVersion}, Status: a.review(ctx, review.Spec.Token)}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(answer) // the API server is gone if this fails
}

// review says who a token's bearer is. The API server asks about every token that
// it does not know: those that are none of AWS's are nobody's here.
func (a *Authenticator) review(ctx context.Context, token string) authenticationv1.TokenReviewStatus {
	if !strings.HasPrefix(token, tokenPrefix) {
		return authenticationv1.TokenReviewStatus{Error: "the token is none of AWS's"}
	}
	found, id, err := a.authenticate(ctx, token)
	if err != nil {
		a.Logger.Warn("access denied", "reason", err)
		return authenticationv1.TokenReviewStatus{Error: err.Error()}
	}
	a.Logger.Info("access granted", "arn", id.ARN, "username", found.name, "groups", found.groups)
	extra := map[string]authenticationv1.ExtraValue{}
	for key, value := range map[string]string{
		"arn": id.ARN, "canonicalArn": id.Canonical, "sessionName": id.Session, "accessKeyId": id.AccessKey, "principalId": id.ID,
	} {
		extra[key] = authenticationv1.ExtraValue{value}
	}
	return authenticationv1.TokenReviewStatus{Authenticated: true, User: authenticationv1.UserInfo{
		Username: found.name, UID: "aws-iam-authenticator:" + id.Account + ":" + id.ID, Groups: found.groups, Extra: extra,
	}}
}

func (a *Authenticator) authenticate(ctx context.Context, token string) (*user, *Identity, error) {
	request, err := parseToken(token)
	if err != nil {
		return nil, nil, fmt.Errorf("the token is not one of aws eks get-token: %w", err)
	}
	cluster, err := a.Cluster(ctx)
	if err != nil {
		return nil, nil, err
	}
	if cluster.Name == "" {
		return nil, nil, errors.New("the emulator has no EKS cluster with this cluster's issuer; irsa-emu up makes it known again")
	}
	id, err := request.ask(ctx, a.HTTP, cluster.Emulator, cluster.Name)
	if err != nil {
		return nil, nil, err
	}
	found, err := a.userOf(ctx, cluster, id)
	if err != nil {
		return nil, nil, err
	}
	groups, err := a.groups(ctx, found.policies)
	if err != nil {
		return nil, nil, err
	}
	// A group of that name that somebody wrote into an entry is no access policy.
	written := slices.DeleteFunc(slices.Clone(found.groups), func(g string) bool { return strings.HasPrefix(g, groupPrefix) })
	found.groups = append(written, groups...)
	return found, id, nil
}
