// Command podidentity is a pod of EKS Pod Identity, or a whole node of them.
//
//	podidentity chain                     the Go SDK's default chain: who am I, and the secret
//	podidentity node EMULATOR AGENT PID   1,000 pods ask a node's agent; then one of them again and again
package main

import (
	"context"
	"fmt"
	"os"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/sts"
)

func main() {
	var err error
	switch {
	case len(os.Args) == 2 && os.Args[1] == "chain":
		err = chain(context.Background())
	case len(os.Args) == 5 && os.Args[1] == "node":
		err = measure(context.Background(), os.Args[2], os.Args[3], os.Args[4])
	default:
		err = fmt.Errorf("write chain, or node EMULATOR AGENT PID")
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func chain(ctx context.Context) error {
	c, err := config.LoadDefaultConfig(ctx)
	if err != nil {
		return err
	}
	who, err := sts.NewFromConfig(c).GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
	if err != nil {
		return err
	}
	secret, err := secretsmanager.NewFromConfig(c).GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{SecretId: aws.String("payments/db")})
	if err != nil {
		return err
	}
	fmt.Println(*who.Arn)
	fmt.Println(*secret.SecretString)
	return nil
}
