package main

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"

	"github.com/spf13/cobra"

	"github.com/irsa-emu/irsa-emu/authenticator"
	"github.com/irsa-emu/irsa-emu/control"
	"github.com/irsa-emu/irsa-emu/deploy"
	"github.com/irsa-emu/irsa-emu/kube"
	"github.com/irsa-emu/irsa-emu/webhook/incluster"
)

type authenticatorFlags struct {
	listen, namespace, emulator, controlToken, adminSecret, logFormat string
}

func (p *program) authenticatorCommand() *cobra.Command {
	var f authenticatorFlags
	cmd := &cobra.Command{
		Use: "authenticator", Short: "Run the API server's authenticator of AWS principals; for a pod in a cluster", Args: noArguments,
		Long: `authenticator runs beside the API server of a cluster that irsa-emu up made, and
answers its TokenReviews as EKS's control plane does: it asks the emulator's STS who
signed a token of aws eks get-token, and EKS's access entries and the ConfigMap
aws-auth who that is in Kubernetes. irsa-emu up starts it.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			logger, err := newLogger(p.stderr, f.logFormat, slog.LevelInfo)
			if err != nil {
				return err
			}
			if err := p.authenticator(cmd.Context(), f, logger); err != nil {
				return &exitError{exitFailed, err}
			}
			return nil
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&f.listen, "listen", authenticator.DefaultListen, "address that the API server asks at "+authenticator.Path+"; /healthz is there too")
	flags.StringVar(&f.namespace, "namespace", deploy.Namespace, "the namespace of the emulator")
	flags.StringVar(&f.emulator, "emulator", deploy.Name, "Service of the emulator")
	flags.StringVar(&f.controlToken, "control-token", "", "the emulator's control token")
	flags.StringVar(&f.adminSecret, "admin-secret", "test", "secret key of the emulator's administrators, who read the access entries")
	flags.StringVar(&f.logFormat, "log-format", "text", "text or json")
	return cmd
}

func (p *program) authenticator(ctx context.Context, f authenticatorFlags, logger *slog.Logger) error {
	client, err := kube.InCluster()
	if err != nil {
		return fmt.Errorf("the authenticator runs in a pod: %w", err)
	}
	known := &incluster.PodIdentity{
		Client: client, Routes: &incluster.Routes{Client: client, Namespace: f.namespace, Service: f.emulator}, ControlToken: f.controlToken,
	}
	mux := http.NewServeMux()
	mux.Handle("POST "+authenticator.Path, &authenticator.Authenticator{
		Client: client, AdminSecret: f.adminSecret, HTTP: control.HTTP(), Logger: logger,
		Cluster: func(ctx context.Context) (authenticator.Cluster, error) {
			c, emulator, err := known.Cluster(ctx)
			return authenticator.Cluster{Name: c.Cluster, Account: c.Account, Region: c.Region, Emulator: emulator}, err
		},
	})
	mux.HandleFunc("/healthz", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") })
	logger.Info("authenticator ready", "listen", f.listen)
	return listenUntil(ctx, "--listen", webhookServer(f.listen, mux, logger), (*http.Server).ListenAndServe)
}
