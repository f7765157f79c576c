// Command app reads an object of S3 by one of the clients that programs in Go
// have, with what a pod's variables say and nothing else:
//
//	app CLIENT BUCKET KEY
//
// CLIENT is minio (minio-go, which calls AWS's dual-stack hosts), sdk1 or sdk2
// (AWS's SDKs, on an HTTP client of the program's own, as many programs give them
// one for their metrics). It says too how many of the image's own authorities it
// trusts.
package main

import (
	"context"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	aws1 "github.com/aws/aws-sdk-go/aws"
	"github.com/aws/aws-sdk-go/aws/session"
	s3v1 "github.com/aws/aws-sdk-go/service/s3"
	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
)

func main() {
	log.SetFlags(0)
	clients := map[string]func(context.Context, string, string) (io.ReadCloser, error){"minio": byMinio, "sdk1": bySDK1, "sdk2": bySDK2}
	if len(os.Args) != 4 || clients[os.Args[1]] == nil {
		log.Fatal("usage: app minio|sdk1|sdk2 BUCKET KEY")
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	body, err := clients[os.Args[1]](ctx, os.Args[2], os.Args[3])
	if err != nil {
		log.Fatal(err)
	}
	defer body.Close()
	content, err := io.ReadAll(body)
	if err != nil {
		log.Fatal(err)
	}
	trusted, all, err := authorities("/etc/ssl/certs/ca-certificates.crt")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%s\ntrusts the image's own authorities: %t\n", content, all > 0 && trusted == all)
}

// own is a transport that the SDKs do not know.
type own struct{ http.RoundTripper }

func client() *http.Client { return &http.Client{Transport: own{http.DefaultTransport}} }

func bySDK1(ctx context.Context, bucket, key string) (io.ReadCloser, error) {
	made, err := session.NewSessionWithOptions(session.Options{Config: aws1.Config{HTTPClient: client()}, SharedConfigState: session.SharedConfigEnable})
	if err != nil {
		return nil, err
	}
	got, err := s3v1.New(made).GetObjectWithContext(ctx, &s3v1.GetObjectInput{Bucket: &bucket, Key: &key})
	if err != nil {
		return nil, err
	}
	return got.Body, nil
}

func bySDK2(ctx context.Context, bucket, key string) (io.ReadCloser, error) {
	loaded, err := config.LoadDefaultConfig(ctx, config.WithHTTPClient(client()))
	if err != nil {
		return nil, err
	}
	got, err := s3.NewFromConfig(loaded).GetObject(ctx, &s3.GetObjectInput{Bucket: &bucket, Key: &key})
	if err != nil {
		return nil, err
	}
	return got.Body, nil
}

func byMinio(ctx context.Context, bucket, key string) (io.ReadCloser, error) {
	host := "s3." + os.Getenv("AWS_REGION") + ".amazonaws.com"
	if strings.HasPrefix(os.Getenv("AWS_REGION"), "cn-") {
		host += ".cn"
	}
	made, err := minio.New(host, &minio.Options{Creds: credentials.NewIAM(""), Secure: true})
	if err != nil {
		return nil, err
	}
	return made.GetObject(ctx, bucket, key, minio.GetObjectOptions{})
}

// authorities counts those of a bundle, and how many of them the system's trust.
func authorities(bundle string) (trusted, all int, err error) {
	rest, err := os.ReadFile(bundle)
	if err != nil {
		return 0, 0, err
	}
	for {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			return trusted, all, nil
		}
		certificate, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return 0, 0, err
		}
		all++
		if _, err := certificate.Verify(x509.VerifyOptions{CurrentTime: certificate.NotBefore, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny}}); err == nil {
			trusted++
		}
	}
}
