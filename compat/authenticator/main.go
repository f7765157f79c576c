// Command authenticator is aws-iam-authenticator's own two halves: `get` makes
// a cluster's token as its client does, with the first Go SDK's default chain;
// `verify` decides on a token from standard input as its server does, by
// asking AWS's own host who signed it.
package main

import (
	"fmt"
	"io"
	"log"
	"os"
	"strings"

	"sigs.k8s.io/aws-iam-authenticator/pkg/token"
)

func main() {
	log.SetFlags(0)
	if len(os.Args) != 3 {
		log.Fatal("usage: authenticator get|verify CLUSTER")
	}
	var err error
	switch do, cluster := os.Args[1], os.Args[2]; do {
	case "get":
		err = get(cluster)
	case "verify":
		err = verify(cluster)
	default:
		err = fmt.Errorf("%s: write get or verify", do)
	}
	if err != nil {
		log.Fatal(err)
	}
}

func get(cluster string) error {
	generator, err := token.NewGenerator(false, false)
	if err != nil {
		return err
	}
	made, err := generator.Get(cluster)
	if err != nil {
		return err
	}
	fmt.Println(made.Token)
	return nil
}

func verify(cluster string) error {
	given, err := io.ReadAll(os.Stdin)
	if err != nil {
		return err
	}
	who, err := token.NewVerifier(cluster, "aws", "us-west-2").Verify(strings.TrimSpace(string(given)))
	if err != nil {
		return err
	}
	fmt.Println(who.CanonicalARN, who.AccountID, who.SessionName)
	return nil
}
