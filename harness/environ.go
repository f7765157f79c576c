package harness

import (
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/irsa-emu/irsa-emu/aws"
)

// Dropped lists the names in an environment that a pod would not inherit and
// that would lead an SDK away from the service account or the emulator:
// credentials of every kind, profiles and their files, endpoints, regions.
// Other AWS_ variables, such as AWS_PAGER or AWS_RETRY_MODE, stay.
func Dropped(environ []string) []string {
	var names []string
	for _, entry := range environ {
		if name, _, _ := strings.Cut(entry, "="); drops(name) {
			names = append(names, name)
		}
	}
	return names
}

var droppedNames = []string{
	aws.EnvAccessKey, "AWS_ACCESS_KEY", aws.EnvSecretKey, "AWS_SECRET_KEY", aws.EnvSessionToken, "AWS_SECURITY_TOKEN",
	"AWS_CREDENTIAL_EXPIRATION", "AWS_CREDENTIAL_FILE", "AWS_ACCOUNT_ID", "AWS_ACCOUNT_ID_ENDPOINT_MODE",
	aws.EnvProfile, "AWS_DEFAULT_PROFILE", "AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE", "BOTO_CONFIG",
	aws.EnvRoleARN, "AWS_ROLE_SESSION_NAME", "AWS_IAM_ROLE_ARN", "AWS_IAM_ROLE_SESSION_NAME", aws.EnvTokenFile,
	aws.EnvRegion, aws.EnvDefaultRegion, aws.EnvRegionalSTS, "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS",
	aws.EnvUseFIPS, aws.EnvDualStack,
}

var droppedPrefixes = []string{
	aws.EnvEndpoint, "AWS_CONTAINER_", "AWS_EC2_METADATA_", "AWS_BEARER_TOKEN_", "AWS_SSO_",
}

func drops(name string) bool {
	return slices.Contains(droppedNames, name) ||
		slices.ContainsFunc(droppedPrefixes, func(p string) bool { return strings.HasPrefix(name, p) })
}

// endpoints are the services with an endpoint variable of their own; some
// clients read only these.
var endpoints = []string{"STS", "IAM", "EKS", "S3", "SECRETS_MANAGER"}

// Pointed is an environment without what leads astray, pointed at an emulator.
// The folder is where an AWS configuration is that says nothing: see [NoProfiles].
func Pointed(environ []string, emulator, region, nowhere string) []string {
	env := append(settled(environ, region, nowhere), aws.EnvEndpoint+"="+emulator)
	for _, service := range endpoints {
		env = append(env, aws.EnvEndpoint+"_"+service+"="+emulator)
	}
	return withoutProxy(env, emulator)
}

// settled is an environment without what leads astray: a region, and no
// configuration nor credentials but those that are given beside it.
func settled(environ []string, region, nowhere string) []string {
	env := slices.DeleteFunc(slices.Clone(environ), func(entry string) bool {
		name, _, _ := strings.Cut(entry, "=")
		return drops(name)
	})
	return append(env,
		aws.EnvRegion+"="+region, aws.EnvDefaultRegion+"="+region, aws.EnvRegionalSTS+"=regional", "AWS_EC2_METADATA_DISABLED=true",
		"AWS_CONFIG_FILE="+nowhere+"/config", "AWS_SHARED_CREDENTIALS_FILE="+nowhere+"/credentials",
	)
}

// NoProfiles writes the configuration files that [Pointed] names. They are empty,
// so that the user's own profiles are not read, and there, since some programs
// complain of files that are missing (GDAL: "does not exist or cannot be open").
func NoProfiles(dir string) error {
	for _, name := range []string{"config", "credentials"} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
			return fmt.Errorf("an empty AWS configuration: %w", err)
		}
	}
	return nil
}

// withoutProxy lets clients reach the emulator itself on a machine behind a
// proxy: many of them send even loopback there.
func withoutProxy(env []string, emulator string) []string {
	u, err := url.Parse(emulator)
	if err != nil {
		return env
	}
	for _, name := range []string{"NO_PROXY", "no_proxy"} {
		value := u.Hostname()
		for i, entry := range env {
			if old, ok := strings.CutPrefix(entry, name+"="); ok && old != "" {
				value = old + "," + u.Hostname()
				env = slices.Delete(env, i, i+1)
				break
			}
		}
		env = append(env, name+"="+value)
	}
	return env
}
