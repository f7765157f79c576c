// Command app is a microservice that authenticates to AWS step by step, as
// programs do that were written before the SDK's default chain could: it reads
// its service account's token, calls AssumeRoleWithWebIdentity itself, says who
// it is, and tries its role's permissions on S3.
//
// With the arguments BUCKET and KEY it prints that object too.
//
// With the argument chain it uses the SDK's default chain instead: it says who it
// is and after how long it had credentials, and with a secret's name what is in it.
// With watch it does so every second, with new credentials each time.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/sts"
)

func main() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	args := os.Args[1:]
	var err error
	switch {
	case len(args) > 0 && args[0] == "chain":
		err = chain(ctx, args[1:])
	case len(args) > 0 && args[0] == "watch":
		watch()
	default:
		err = run(ctx, args)
	}
	if err != nil {
		log.Fatal(err)
	}
}

var started = time.Now()

func chain(ctx context.Context, args []string) error {
	config, err := config.LoadDefaultConfig(ctx)
	if err != nil {
		return err
	}
	got, err := config.Credentials.Retrieve(ctx)
	if err != nil {
		return err
	}
	after := time.Since(started)
	who, err := sts.NewFromConfig(config).GetCallerIdentity(ctx, nil)
	if err != nil {
		return err
	}
	fmt.Println(aws.ToString(who.Arn), "by", got.Source)
	fmt.Println("within a second:", after < time.Second)
	for _, name := range args {
		secret, err := secretsmanager.NewFromConfig(config).GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{SecretId: &name})
		if err != nil {
			return err
		}
		fmt.Println(aws.ToString(secret.SecretString))
	}
	return nil
}

// watch never ends: whether there are credentials just now is for its log to say.
func watch() {
	for {
		ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
		config, err := config.LoadDefaultConfig(ctx, config.WithRetryMaxAttempts(1))
		if err == nil {
			_, err = config.Credentials.Retrieve(ctx)
		}
		cancel()
		if err != nil {
			fmt.Println("none:", err)
		} else {
			fmt.Println("credentials")
		}
		time.Sleep(time.Second)
	}
}

func run(ctx context.Context, args []string) error {
	file, role := os.Getenv("AWS_WEB_IDENTITY_TOKEN_FILE"), os.Getenv("AWS_ROLE_ARN")
	if file == "" || role == "" {
		return errors.New("AWS_WEB_IDENTITY_TOKEN_FILE or AWS_ROLE_ARN is not set: the webhook did not mutate this pod")
	}
	token, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	// The call that gets credentials needs none.
	base, err := config.LoadDefaultConfig(ctx, config.WithCredentialsProvider(aws.AnonymousCredentials{}))
	if err != nil {
		return err
	}
	assumed, err := sts.NewFromConfig(base).AssumeRoleWithWebIdentity(ctx, &sts.AssumeRoleWithWebIdentityInput{
		RoleArn: &role, RoleSessionName: aws.String("my-app-session"), WebIdentityToken: aws.String(string(token)), DurationSeconds: aws.Int32(900),
	})
	if err != nil {
		return err
	}
	fmt.Println("assumed", aws.ToString(assumed.AssumedRoleUser.Arn), "as", aws.ToString(assumed.SubjectFromWebIdentityToken))

	session := base.Copy()
	session.Credentials = credentials.NewStaticCredentialsProvider(
		aws.ToString(assumed.Credentials.AccessKeyId), aws.ToString(assumed.Credentials.SecretAccessKey), aws.ToString(assumed.Credentials.SessionToken))
	who, err := sts.NewFromConfig(session).GetCallerIdentity(ctx, nil)
	if err != nil {
		return err
	}
	fmt.Println("account", aws.ToString(who.Account), "arn", aws.ToString(who.Arn))
	return readS3(ctx, s3.NewFromConfig(session), args)
}

func readS3(ctx context.Context, client *s3.Client, args []string) error {
	buckets, err := client.ListBuckets(ctx, nil)
	if err != nil {
		return err
	}
	for _, b := range buckets.Buckets {
		fmt.Println("bucket", aws.ToString(b.Name))
	}
	if len(args) != 2 {
		return nil
	}
	object, err := client.GetObject(ctx, &s3.GetObjectInput{Bucket: &args[0], Key: &args[1]})
	if err != nil {
		return err
	}
	defer object.Body.Close()
	content, err := io.ReadAll(object.Body)
	if err != nil {
		return err
	}
	fmt.Printf("object %s\n", content)
	return nil
}
