// Command gosdk checks aws-sdk-go-v2's default chain under IRSA variables: one
// line a case. The second article's program is its middle part.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"
)

func main() {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	os.Unsetenv("AWS_ROLE_SESSION_NAME") // as in a pod, where the SDK makes the name
	failed := false
	for _, c := range []struct {
		name string
		run  func(context.Context) error
	}{
		{"the default chain is the role", identity},
		{"the default chain reads the secret", secret},
		{"an action that is not allowed is denied", denied},
		{"explicit AssumeRoleWithWebIdentity, GetCallerIdentity, S3", article},
		{"IDPCommunicationError is retried", retries(object{"code": "IDPCommunicationError", "status": 400}, 1)},
		{"InvalidIdentityToken is retried, as Go's SDK does", retries(object{"code": "InvalidIdentityToken", "status": 400}, 1)},
		{"Throttling is retried", retries(object{"code": "Throttling", "status": 400, "message": "Rate exceeded"}, 1)},
		{"503 is retried twice", retries(object{"code": "ServiceUnavailable", "status": 503}, 2)},
		{"a dropped connection is retried", retries(object{"dropConnection": true}, 1)},
		{"AccessDenied is not retried", deniedAtOnce},
		{"credentials are refreshed when they expire", refreshes},
		{"credentials past their end are refused as expired", expired},
	} {
		if err := c.run(ctx); err != nil {
			failed = true
			fmt.Printf("not ok %s\n   # %v\n", c.name, err)
			continue
		}
		fmt.Println("ok", c.name)
	}
	if failed {
		os.Exit(1)
	}
}

func identity(ctx context.Context) error {
	cfg, err := config.LoadDefaultConfig(ctx)
	if err != nil {
		return err
	}
	out, err := sts.NewFromConfig(cfg).GetCallerIdentity(ctx, nil)
	if err != nil {
		return err
	}
	if !strings.HasPrefix(aws.ToString(out.Arn), "arn:aws:sts::111122223333:assumed-role/EKSServiceAccountRole/") {
		return fmt.Errorf("the caller is %s", aws.ToString(out.Arn))
	}
	return nil
}

func secret(ctx context.Context) error {
	cfg, err := config.LoadDefaultConfig(ctx)
	if err != nil {
		return err
	}
	out, err := secretsmanager.NewFromConfig(cfg).GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{SecretId: aws.String("your-secret-name")})
	if err != nil {
		return err
	}
	if got := aws.ToString(out.SecretString); got != `{"username":"admin","password":"s3cr3t"}` {
		return fmt.Errorf("the secret is %s", got)
	}
	return nil
}

func denied(ctx context.Context) error {
	cfg, err := config.LoadDefaultConfig(ctx)
	if err != nil {
		return err
	}
	_, err = secretsmanager.NewFromConfig(cfg).ListSecrets(ctx, nil)
	var api smithy.APIError
	if !errors.As(err, &api) || api.ErrorCode() != "AccessDeniedException" {
		return fmt.Errorf("wanted AccessDeniedException, got %v", err)
	}
	return nil
}

// article is what the second article's program does.
func article(ctx context.Context) error {
	cfg, err := config.LoadDefaultConfig(ctx)
	if err != nil {
		return err
	}
	token, err := os.ReadFile(os.Getenv("AWS_WEB_IDENTITY_TOKEN_FILE"))
	if err != nil {
		return err
	}
	assumed, err := sts.NewFromConfig(cfg).AssumeRoleWithWebIdentity(ctx, &sts.AssumeRoleWithWebIdentityInput{
		RoleArn: aws.String(os.Getenv("AWS_ROLE_ARN")), RoleSessionName: aws.String("my-session"),
		WebIdentityToken: aws.String(string(token)), DurationSeconds: aws.Int32(3600),
	})
	if err != nil {
		return err
	}
	own := cfg.Copy()
	own.Credentials = credentials.NewStaticCredentialsProvider(aws.ToString(assumed.Credentials.AccessKeyId),
		aws.ToString(assumed.Credentials.SecretAccessKey), aws.ToString(assumed.Credentials.SessionToken))
	out, err := sts.NewFromConfig(own).GetCallerIdentity(ctx, nil)
	if err != nil {
		return err
	}
	if aws.ToString(out.Arn) != "arn:aws:sts::111122223333:assumed-role/EKSServiceAccountRole/my-session" {
		return fmt.Errorf("the caller is %s", aws.ToString(out.Arn))
	}
	client := s3.NewFromConfig(own, func(o *s3.Options) { o.UsePathStyle = true })
	if _, err := client.PutObject(ctx, &s3.PutObjectInput{Bucket: aws.String("reports"), Key: aws.String("from/go"), Body: strings.NewReader("hello")}); err != nil {
		return err
	}
	object, err := client.GetObject(ctx, &s3.GetObjectInput{Bucket: aws.String("reports"), Key: aws.String("from/go")})
	if err != nil {
		return err
	}
	defer object.Body.Close()
	body, err := io.ReadAll(object.Body)
	if err != nil || string(body) != "hello" {
		return fmt.Errorf("the object holds %q, %v", body, err)
	}
	if _, err := client.ListBuckets(ctx, nil); err == nil {
		return errors.New("ListBuckets was allowed")
	}
	return nil
}
