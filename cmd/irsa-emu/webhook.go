package main

import (
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/irsa-emu/irsa-emu/aws"
	"github.com/irsa-emu/irsa-emu/deploy"
	"github.com/irsa-emu/irsa-emu/kube"
	"github.com/irsa-emu/irsa-emu/webhook"
	"github.com/irsa-emu/irsa-emu/webhook/incluster"
)

type webhookFlags struct {
	listen, interceptListen, metricsListen, namespace, secret, service, configuration, emulator string
	identityFile, authority                                                                     string
	names                                                                                       webhook.ContainerCredentials
	prefix, audience, mountPath, region, certFile, keyFile, logFormat                           string
	expiration                                                                                  int64
	regionalSTS, watchConfigMap, endpoints                                                      bool
	grace, publishEvery                                                                         time.Duration
}

func (p *program) webhookCommand() *cobra.Command {
	var f webhookFlags
	cmd := &cobra.Command{
		Use: "webhook", Short: "Run the pod identity webhook; for a pod in a cluster", Args: noArguments,
		Long: `webhook runs in a cluster beside the emulator: it is the pod identity webhook, leads
AWS's host names to the emulator of the pod that calls them, and publishes the cluster's
public keys. The manifests in deploy/ start it.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			logger, err := newLogger(p.stderr, f.logFormat, slog.LevelInfo)
			if err != nil {
				return err
			}
			if err := p.webhook(cmd.Context(), f, logger); err != nil {
				return &exitError{exitFailed, err}
			}
			return nil
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&f.listen, "listen", ":9443", "address for HTTPS: /mutate and /healthz")
	flags.StringVar(&f.interceptListen, "intercept-listen", "", "address that connections for AWS's host names come to")
	flags.StringVar(&f.metricsListen, "metrics-listen", "", "address for /metrics, and /handshakes: the TLS handshakes that pods broke off")
	flags.StringVar(&f.namespace, "namespace", deploy.Namespace, "the namespace that this runs in")
	flags.StringVar(&f.secret, "secret", deploy.Name, "Secret with the certificate authority and the control token; made when it is missing")
	flags.StringVar(&f.service, "service-name", deploy.Webhook, "Service that the API server calls")
	flags.StringVar(&f.configuration, "configuration", deploy.Webhook, "MutatingWebhookConfiguration that gets the CA bundle")
	flags.StringVar(&f.emulator, "emulator", deploy.Name, "Service of the emulator for namespaces that name none")
	flags.StringVar(&f.prefix, "annotation-prefix", webhook.DefaultPrefix, "prefix of the annotations")
	flags.StringVar(&f.audience, "token-audience", aws.DefaultAudience, "audience of tokens whose service account names none")
	flags.StringVar(&f.mountPath, "token-mount-path", webhook.DefaultMountPath, "where tokens are mounted")
	flags.Int64Var(&f.expiration, "token-expiration", webhook.DefaultExpiration, "life of tokens in seconds")
	flags.StringVar(&f.region, "aws-default-region", aws.DefaultRegion, "AWS_REGION of pods whose namespace names none")
	flags.BoolVar(&f.regionalSTS, "sts-regional-endpoint", true, "set AWS_STS_REGIONAL_ENDPOINTS=regional, as EKS does")
	flags.BoolVar(&f.watchConfigMap, "watch-config-map", false, "take roles from ConfigMap pod-identity-webhook too")
	flags.BoolVar(&f.endpoints, "endpoints", false, "lead pods without a role to the emulator too; the annotation "+webhook.EndpointsAnnotation+" on a pod, service account or namespace says otherwise")
	flags.StringVar(&f.authority, "authority", strings.Join(webhook.DefaultAuthority, ","), "variables by which pods find the authority that signs for AWS's host names; the annotation "+webhook.AuthorityAnnotation+" on a pod, service account or namespace says otherwise")
	flags.StringVar(&f.identityFile, "watch-container-credentials-config", "", "file that lists service accounts with EKS Pod Identity, beside those with an association")
	flags.StringVar(&f.names.Audience, "container-credentials-audience", webhook.PodIdentityAudience, "audience of EKS Pod Identity's tokens")
	flags.StringVar(&f.names.MountPath, "container-credentials-mount-path", webhook.PodIdentityMountPath, "where EKS Pod Identity's tokens are mounted")
	flags.StringVar(&f.names.VolumeName, "container-credentials-volume-name", webhook.PodIdentityVolumeName, "volume of EKS Pod Identity's tokens")
	flags.StringVar(&f.names.TokenPath, "container-credentials-token-path", webhook.PodIdentityVolumeName, "file of EKS Pod Identity's tokens")
	flags.StringVar(&f.names.FullURI, "container-credentials-full-uri", webhook.PodIdentityURI, "where pods find the node's agent")
	flags.DurationVar(&f.grace, "service-account-lookup-grace-period", 100*time.Millisecond, "how long a service account may be missing when its pod comes")
	flags.DurationVar(&f.publishEvery, "publish-every", 5*time.Second, "how often to publish the cluster's keys to the emulators")
	flags.StringVar(&f.certFile, "tls-cert", "", "certificate, PEM; default: one of the Secret's authority")
	flags.StringVar(&f.keyFile, "tls-key", "", "key of --tls-cert, PEM")
	flags.StringVar(&f.logFormat, "log-format", "text", "text or json")
	return cmd
}

func (p *program) webhook(ctx context.Context, f webhookFlags, logger *slog.Logger) error {
	authority, err := webhook.ParseAuthority(f.authority)
	if err != nil {
		return fmt.Errorf("--authority: %w", err)
	}
	client, err := kube.InCluster()
	if err != nil {
		return fmt.Errorf("the webhook runs in a pod: %w", err)
	}
	bootstrap := incluster.Bootstrap{Client: client, Namespace: f.namespace, Secret: f.secret, Service: f.service, Webhook: f.configuration, Now: time.Now}
	secret, certificate, err := bootstrap.Wait(ctx, logger)
	if err != nil {
		return err
	}
	if f.certFile != "" {
		given, err := tls.LoadX509KeyPair(f.certFile, f.keyFile)
		if err != nil {
			return err
		}
		certificate = &given
	}
	config := webhook.Config{
		Prefix: f.prefix, Audience: f.audience, MountPath: f.mountPath, Expiration: f.expiration, Region: f.region, RegionalSTS: f.regionalSTS,
		ContainerCredentials: f.names,
	}
	routes := &incluster.Routes{Client: client, Namespace: f.namespace, Service: f.emulator, Config: config, CA: secret[incluster.SecretCA], Intercepts: f.interceptListen != "", LeadsAll: f.endpoints, Authority: authority}
	source := &incluster.Source{
		Client: client, Config: config, Grace: f.grace, Logger: logger,
		PodIdentity: &incluster.PodIdentity{Client: client, Routes: routes, ControlToken: string(secret[incluster.SecretControlToken])},
	}
	if f.identityFile != "" {
		source.IdentityFile = &incluster.IdentityFile{Path: f.identityFile, Logger: logger}
	}
	if f.watchConfigMap {
		source.ConfigMapNamespace = f.namespace
	}
	handshakes := &incluster.Handshakes{Logger: logger, Now: time.Now}
	group, ctx := errgroup.WithContext(lingering(ctx))
	group.Go(func() error {
		publisher := incluster.Publisher{
			Client: client, Namespace: f.namespace, Selector: deploy.ComponentLabel + "=emulator",
			ControlToken: string(secret[incluster.SecretControlToken]), Interval: f.publishEvery, Logger: logger,
		}
		publisher.Run(ctx)
		return nil
	})
	if f.interceptListen != "" {
		listener, err := new(net.ListenConfig).Listen(ctx, "tcp", f.interceptListen)
		if err != nil {
			return fmt.Errorf("--intercept-listen: %w", err)
		}
		intercept := incluster.Intercept{Client: client, Routes: routes, Logger: logger, Handshakes: handshakes}
		group.Go(func() error { return intercept.Serve(ctx, listener) })
	}
	pods := prometheus.NewCounterVec(prometheus.CounterOpts{Name: "irsa_emu_webhook_pods_total", Help: "Pods that the webhook was asked about, by what they got."}, []string{"got"})
	if f.metricsListen != "" {
		server := webhookServer(f.metricsListen, webhookMetrics(pods, handshakes), logger)
		group.Go(func() error { return listenUntil(ctx, "--metrics-listen", server, (*http.Server).ListenAndServe) })
	}
	mux := http.NewServeMux()
	mux.Handle("/mutate", &webhook.Handler{
		Source: source, ConfigFor: routes.ConfigFor, Leads: routes.Leads,
		Note: func(namespace, pod, serviceAccount string, got webhook.Got, detail string) {
			pods.WithLabelValues(string(got)).Inc()
			logger.Info("pod", "namespace", namespace, "pod", pod, "serviceAccount", serviceAccount, "outcome", detail)
		},
	})
	mux.HandleFunc("/healthz", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") })
	server := webhookServer(f.listen, mux, logger)
	server.TLSConfig = &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{*certificate}}
	logger.Info("webhook ready", "listen", f.listen)
	group.Go(func() error {
		return listenUntil(ctx, "--listen", server, func(s *http.Server) error { return s.ListenAndServeTLS("", "") })
	})
	return group.Wait()
}
