package main

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/spf13/cobra"

	"github.com/irsa-emu/irsa-emu/agent"
	"github.com/irsa-emu/irsa-emu/control"
	"github.com/irsa-emu/irsa-emu/deploy"
	"github.com/irsa-emu/irsa-emu/kube"
	"github.com/irsa-emu/irsa-emu/webhook/incluster"
)

type agentFlags struct {
	url, cluster, endpoint, region, metricsAddress, logFormat string
	inCluster                                                 bool
	namespace, emulator, controlToken, adminSecret            string
	bind                                                      []string
	port, probePort, metricsPort, cacheSize, qps              int
	retention                                                 time.Duration
}

func (p *program) agentCommand() *cobra.Command {
	var f agentFlags
	cmd := &cobra.Command{
		Use: "agent", Short: "Run the node's agent of EKS Pod Identity: pods ask it for credentials", Args: noArguments,
		Long: `agent answers the SDKs of a node's pods at http://169.254.170.23/v1/credentials:
it takes a pod's token to EKS Auth, and keeps the credentials of the pod's
association until they are due for renewal. The DaemonSet in deploy/ runs it on
every node; the addresses come from irsa-emu agent initialize.

It signs with the access key of its environment (AWS_ACCESS_KEY_ID); without one it
signs as the administrator of the cluster's account, whom the emulator names.`,
		Example: `  # On one machine, for a program that is given the two variables of a pod:
  irsa-emu agent --cluster-name my-cluster --bind 127.0.0.1 --port 8080`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if f.cluster == "" && !f.inCluster {
				return usageError("--cluster-name: missing; write the name of the EKS cluster whose associations count")
			}
			logger, err := newLogger(p.stderr, f.logFormat, slog.LevelInfo)
			if err != nil {
				return err
			}
			if err := p.agent(cmd.Context(), f, logger, cmd.Flags().Changed("bind")); err != nil {
				return &exitError{exitFailed, err}
			}
			return nil
		},
	}
	flags := cmd.Flags()
	flags.StringVarP(&f.cluster, "cluster-name", "c", "", "name of the EKS cluster that the node is in")
	flags.StringVar(&f.url, "url", control.DefaultURL, "where the emulator is (IRSA_EMU_URL)")
	flags.StringVar(&f.endpoint, "endpoint", "", "URL of EKS Auth (default: the emulator's)")
	flags.StringVar(&f.region, "region", "", "AWS region (default: the environment's, else the cluster's)")
	flags.StringSliceVarP(&f.bind, "bind", "b", []string{agent.IPv4, agent.IPv6}, "addresses to listen on for pods")
	flags.IntVarP(&f.port, "port", "p", agent.DefaultPort, "port for pods")
	flags.IntVar(&f.probePort, "probe-port", agent.DefaultProbePort, "port on localhost for /healthz and /readyz; -1 for none")
	flags.StringVar(&f.metricsAddress, "metrics-address", "0.0.0.0", "address for /metrics")
	flags.IntVar(&f.metricsPort, "metrics-port", agent.DefaultMetricsPort, "port for /metrics; -1 for none")
	flags.DurationVar(&f.retention, "max-credential-retention-before-renewal", agent.DefaultRetention, "how long credentials are kept before they are renewed; 0 keeps none")
	flags.IntVar(&f.cacheSize, "max-cache-size", agent.DefaultCacheSize, "how many pods' credentials are kept; 0 keeps none")
	flags.IntVar(&f.qps, "max-service-qps", agent.DefaultRenewalQPS, "renewals per second, at most")
	flags.BoolVar(&f.inCluster, "in-cluster", false, "run in a pod: each namespace's emulator is asked, for the cluster that has the token's issuer")
	flags.StringVar(&f.namespace, "namespace", deploy.Namespace, "with --in-cluster: the namespace of the default emulator")
	flags.StringVar(&f.emulator, "emulator", deploy.Name, "with --in-cluster: Service of the emulator for namespaces that name none")
	flags.StringVar(&f.controlToken, "control-token", "", "the emulator's control token, when it listens beyond loopback")
	flags.StringVar(&f.adminSecret, "admin-secret", "test", "the emulator's --admin-secret, of the administrators who ask for the node")
	flags.StringVar(&f.logFormat, "log-format", "text", "text or json")
	cmd.AddCommand(p.agentInitializeCommand())
	return cmd
}

func (p *program) agentInitializeCommand() *cobra.Command {
	var bind []string
	cmd := &cobra.Command{
		Use: "initialize", Short: "Give this node the addresses that the agent listens on (needs CAP_NET_ADMIN)", Args: noArguments,
		RunE: func(*cobra.Command, []string) error {
			skipped, err := agent.Initialize(bind)
			if err != nil {
				return &exitError{exitFailed, err}
			}
			for _, s := range skipped {
				if err := p.complain("irsa-emu: left out: %v", s); err != nil {
					return err
				}
			}
			return nil
		},
	}
	cmd.Flags().StringSliceVarP(&bind, "bind", "b", []string{agent.IPv4, agent.IPv6}, "the addresses")
	return cmd
}

func (p *program) agent(ctx context.Context, f agentFlags, logger *slog.Logger, chosen bool) error {
	source, err := p.agentSource(f, logger)
	if err != nil {
		return err
	}
	registry := prometheus.NewRegistry()
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	hosts := []string{agent.IPv4, agent.IPv6}
	for _, b := range f.bind {
		if b != agent.IPv4 && b != agent.IPv6 {
			hosts = append(hosts, b)
		}
	}
	a := agent.New(agent.Config{
		Source: source, Hosts: hosts, Retention: f.retention, CacheSize: f.cacheSize, RenewalQPS: f.qps, Logger: logger, Metrics: registry,
	})
	ctx, stop := context.WithCancel(ctx)
	var trimming sync.WaitGroup
	defer trimming.Wait()
	defer stop()
	return a.Serve(ctx, agent.ServeConfig{
		Bind: f.bind, SkipMissing: !chosen, Port: f.port, ProbePort: f.probePort, MetricsAddress: f.metricsAddress, MetricsPort: f.metricsPort, Gatherer: registry,
		Ready: func(addresses []string) {
			logger.Info("agent ready", "listen", strings.Join(addresses, " "), "cluster", f.cluster, "inCluster", f.inCluster)
			trimming.Go(func() { keepTrim(ctx) })
		},
	})
}

// trimEvery is how often an agent gives back what it touched meanwhile.
const trimEvery = time.Minute

// keepTrim trims when the agent has started, and from time to time after that.
func keepTrim(ctx context.Context) {
	ticker := time.NewTicker(trimEvery)
	defer ticker.Stop()
	for {
		trim()
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// agentSource is who is asked for credentials.
func (p *program) agentSource(f agentFlags, logger *slog.Logger) (agent.Source, error) {
	if !f.inCluster {
		return p.nodeSource(f)
	}
	client, err := kube.InCluster()
	if err != nil {
		return nil, fmt.Errorf("--in-cluster: %w", err)
	}
	routes := &incluster.Routes{Client: client, Namespace: f.namespace, Service: f.emulator}
	return &incluster.AgentSource{
		PodIdentity: &incluster.PodIdentity{Client: client, Routes: routes, ControlToken: f.controlToken}, AdminSecret: f.adminSecret, Logger: logger,
	}, nil
}
