package emulator

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eks"
	ekstypes "github.com/aws/aws-sdk-go-v2/service/eks/types"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/irsa-emu/irsa-emu/hint"
)

var usWest2 = &s3types.CreateBucketConfiguration{LocationConstraint: s3types.BucketLocationConstraintUsWest2}

func pathStyle(o *s3.Options) { o.UsePathStyle, o.RetryMaxAttempts = true, 1 }

func object(content string) io.Reader { return strings.NewReader(content) }

// wantUnavailable makes a write of each service, which must be answered with
// 503 under the service's own code, and the cause in the reason's header.
func wantUnavailable(t *testing.T, emu *Running) {
	t.Helper()
	ctx, cfg := context.Background(), emu.AWSConfig()
	cfg.RetryMaxAttempts = 1
	for name, test := range map[string]struct {
		code  string
		write func() error
	}{
		"iam": {"ServiceUnavailable", func() error {
			_, err := iam.NewFromConfig(cfg).CreateUser(ctx, &iam.CreateUserInput{UserName: aws.String("u")})
			return err
		}},
		"secretsmanager": {"ServiceUnavailable", func() error {
			_, err := secretsmanager.NewFromConfig(cfg).CreateSecret(ctx, &secretsmanager.CreateSecretInput{Name: aws.String("s"), SecretString: aws.String("v")})
			return err
		}},
		"s3": {"ServiceUnavailable", func() error {
			_, err := s3.NewFromConfig(cfg, pathStyle).CreateBucket(ctx, &s3.CreateBucketInput{Bucket: aws.String("bucket"), CreateBucketConfiguration: usWest2})
			return err
		}},
		"eks": {"ServiceUnavailableException", func() error {
			_, err := eks.NewFromConfig(cfg).CreateCluster(ctx, &eks.CreateClusterInput{
				Name: aws.String("c"), RoleArn: aws.String(tutorialRole), ResourcesVpcConfig: &ekstypes.VpcConfigRequest{SubnetIds: []string{"subnet-1", "subnet-2"}},
			})
			return err
		}},
	} {
		err := test.write()
		var api smithy.APIError
		var answer *smithyhttp.ResponseError
		if !errors.As(err, &api) || !errors.As(err, &answer) || api.ErrorCode() != test.code || answer.HTTPStatusCode() != http.StatusServiceUnavailable {
			t.Errorf("%s: %v, want 503 %s", name, err, test.code)
			continue
		}
		if reason := answer.Response.Header.Get(hint.ReasonHeader); !strings.HasPrefix(reason, "unavailable: ") || !strings.Contains(reason, "tripped over the cable") {
			t.Errorf("%s: the reason is %q, want the cause in it", name, reason)
		}
	}
	if status := callControl(t, emu, http.MethodPost, "/_emu/clock", `{"advance": "1h"}`, nil); status != http.StatusServiceUnavailable {
		t.Errorf("the control API: status %d", status)
	}
}
