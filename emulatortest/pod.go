package emulatortest

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials/stscreds"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	ours "github.com/irsa-emu/irsa-emu/aws"
	"github.com/irsa-emu/irsa-emu/control"
	"github.com/irsa-emu/irsa-emu/harness"
)

// expiryWindow is how long before their end config.LoadDefaultConfig gives up
// credentials. Source: aws-sdk-go-v2, config/resolve_credentials.go.
const expiryWindow = 5 * time.Minute

// PodConfig is what config.LoadDefaultConfig finds in a pod of a service
// account, NAMESPACE/NAME, whose annotation names a role: credentials that are
// assumed with a fresh token of that service account when they are first
// needed, and again when they have less than five minutes left. A trust policy that refuses the service
// account shows in the first call, as in a pod.
//
// The tokens are of [emulator.Running.Issuer]: the issuer of the state's one
// cluster, else the emulator's own.
func (e *Emulator) PodConfig(ctx context.Context, serviceAccount, roleARN string) aws.Config {
	e.t.Helper()
	e.checkPod(serviceAccount, roleARN)
	region := ours.RegionFor(roleARN, e.regionOf(""))
	anonymous := e.awsConfig(aws.AnonymousCredentials{}, region)
	provider := stscreds.NewWebIdentityRoleProvider(sts.NewFromConfig(anonymous), roleARN, podToken{ctx, e, serviceAccount})
	return e.awsConfig(aws.NewCredentialsCache(provider, func(o *aws.CredentialsCacheOptions) { o.ExpiryWindow = expiryWindow }), region)
}

// PodEnv is the environment that the pod identity webhook gives such a pod, and
// the emulator's endpoint, for code that reads its configuration itself:
//
//	for name, value := range emu.PodEnv(ctx, "your-namespace/your-service-account", role) {
//		t.Setenv(name, value)
//	}
//
// The token file lives as long as the test and its token for 24 hours.
func (e *Emulator) PodEnv(ctx context.Context, serviceAccount, roleARN string) map[string]string {
	e.t.Helper()
	e.checkPod(serviceAccount, roleARN)
	token, err := podToken{ctx, e, serviceAccount}.GetIdentityToken()
	if err != nil {
		e.t.Fatalf("requesting a token of service account %s: %v", serviceAccount, err)
	}
	folder := e.t.TempDir()
	file := filepath.Join(folder, "token")
	if err := os.WriteFile(file, token, 0o600); err != nil {
		e.t.Fatalf("writing the token of service account %s: %v", serviceAccount, err)
	}
	if err := harness.NoProfiles(folder); err != nil {
		e.t.Fatalf("%v", err)
	}
	environ := os.Environ()
	env := map[string]string{}
	for _, name := range harness.Dropped(environ) { // what this shell has of an account must not win
		env[name] = ""
	}
	for _, entry := range harness.Pointed(environ, e.URL, ours.RegionFor(roleARN, e.regionOf("")), folder) {
		if name, value, _ := strings.Cut(entry, "="); value != os.Getenv(name) {
			env[name] = value
		}
	}
	env[ours.EnvRoleARN], env[ours.EnvTokenFile] = roleARN, file
	return env
}

func (e *Emulator) checkPod(serviceAccount, roleARN string) {
	e.t.Helper()
	if _, ok := ours.ParseServiceAccount(serviceAccount); !ok {
		e.t.Fatalf("service account %q: write NAMESPACE/NAME", serviceAccount)
	}
	arn, err := ours.ParseARN(roleARN)
	if _, isRole := arn.Role(); err != nil || !isRole {
		e.t.Fatalf("role %q: write its ARN, such as arn:aws:iam::111122223333:role/app", roleARN)
	}
}

// podToken gives tokens as the kubelet keeps them fresh in a pod's token file.
type podToken struct {
	ctx            context.Context
	emulator       *Emulator
	serviceAccount string
}

// GetIdentityToken signs a token.
func (p podToken) GetIdentityToken() ([]byte, error) {
	token, err := p.emulator.Token(p.ctx, control.TokenRequest{ServiceAccount: p.serviceAccount})
	return []byte(token), err
}
