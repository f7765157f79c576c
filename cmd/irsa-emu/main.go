// Command irsa-emu is IRSA you can run on a plane: everything that stands
// between a Kubernetes service account and temporary AWS credentials, on one
// machine, with no AWS account.
package main

import (
	"context"
	"os"
	"os/signal"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), ending...)
	code := run(ctx, os.Args[1:], os.LookupEnv, os.Stdin, os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}
