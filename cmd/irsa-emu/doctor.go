package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/irsa-emu/irsa-emu/control"
	"github.com/irsa-emu/irsa-emu/doctor"
	"github.com/irsa-emu/irsa-emu/kube"
	"github.com/irsa-emu/irsa-emu/term"
)

type doctorFlags struct {
	client
	kubeconfig, context, namespace, pod, serviceAccount, output string
	aws                                                         bool
}

const doctorLong = `doctor walks the chain by which a pod gets AWS credentials, link by link: the service
account's annotation, the webhook, the pod's variables and token, the role, the OIDC
provider, the keys, the trust policy, the credentials. It names the first broken link
and the fix. Nothing in the cluster is changed: new pods are dry runs, the token that
it asks for lives ten minutes.

doctor asks the emulator in the cluster about IAM, or the one at --url. On a cluster without
one, such as EKS, it reports what the cluster shows and which commands show the rest; --aws
sends the token to AWS's own STS.

It exits with 0 when no link is broken, 1 when one is, 2 when the command line or the
kubeconfig is wrong. -o json prints {"whole", "firstBroken", "session", "links":
[{name, status: ok|warning|broken|unknown, detail, more, fix, findOut}]}.`

func (p *program) doctorCommand() *cobra.Command {
	var f doctorFlags
	cmd := &cobra.Command{
		Use: "doctor", Short: "Find out why a pod has no AWS credentials, or the wrong ones", Args: noArguments, Long: doctorLong,
		Example: `  irsa-emu doctor --namespace your-namespace --pod python-app-6d5f7c9b8-x2x7k
  irsa-emu doctor --namespace your-namespace --service-account your-service-account`,
		RunE: func(cmd *cobra.Command, _ []string) error { return p.doctor(cmd.Context(), f) },
	}
	flags := cmd.Flags()
	flags.StringVar(&f.kubeconfig, "kubeconfig", "", "kubeconfig file (default: kubectl's)")
	flags.StringVar(&f.context, "context", "", "context of the kubeconfig (default: the current one)")
	flags.StringVarP(&f.namespace, "namespace", "n", "", "namespace (default: the context's)")
	flags.StringVar(&f.pod, "pod", "", "name of the pod")
	flags.StringVar(&f.serviceAccount, "service-account", "", "name of the service account, without a pod (default: default)")
	flags.StringVar(&f.URL, "url", "", "where the emulator is (IRSA_EMU_URL; default: the one in the cluster)")
	flags.StringVar(&f.Token, "control-token", "", "the control token of the emulator at --url")
	flags.BoolVar(&f.aws, "aws", false, "send the service account's token to AWS's own STS")
	flags.StringVarP(&f.output, "output", "o", "text", "text or json")
	return cmd
}

func (p *program) doctor(ctx context.Context, f doctorFlags) error {
	switch {
	case f.output != "text" && f.output != "json":
		return usageError("-o %s: write text or json", f.output)
	case f.pod != "" && f.serviceAccount != "":
		return usageError("--pod and --service-account: write one of them; a pod has its own service account")
	case f.aws && f.URL != "":
		return usageError("--aws and --url: write one of them (IRSA_EMU_URL counts as --url)")
	}
	if strings.Contains(f.serviceAccount, "/") { // as other commands take it
		account, err := readServiceAccount(f.serviceAccount)
		if err != nil {
			return err
		}
		if f.namespace != "" && f.namespace != account.Namespace {
			return usageError("--service-account %s is not in --namespace %s", f.serviceAccount, f.namespace)
		}
		f.namespace, f.serviceAccount = account.Namespace, account.Name
	}
	cluster, where, err := kube.Open(f.kubeconfig, f.context)
	if err != nil {
		return &exitError{exitUsage, err}
	}
	if f.namespace == "" {
		f.namespace = where.Namespace
	}
	if f.pod == "" && f.serviceAccount == "" {
		f.serviceAccount = "default"
	}
	ctx, end := context.WithCancel(ctx) // of port-forwards
	defer end()
	config := doctor.Config{
		API: cluster, Cluster: where.Name, Kubectl: f.kubectl(), Namespace: f.namespace, Pod: f.pod, ServiceAccount: f.serviceAccount, AWS: f.aws,
		HTTP: &http.Client{Timeout: 30 * time.Second},
		Forward: func(_ context.Context, namespace, pod string, port int) (string, error) {
			forwarding, cancel := context.WithCancelCause(ctx)
			late := time.AfterFunc(10*time.Second, func() { cancel(errors.New("it took longer than 10 s")) })
			defer late.Stop()
			address, err := cluster.Forward(forwarding, namespace, pod, port)
			return "http://" + address, err
		},
	}
	if f.URL != "" {
		config.Emulator = &control.Client{URL: f.URL, Token: f.Token}
	}
	return p.examine(ctx, config, f.output)
}

// kubectl is how to call it for the same cluster.
func (f *doctorFlags) kubectl() string {
	command := "kubectl"
	if f.kubeconfig != "" {
		command += " --kubeconfig " + shellQuote(f.kubeconfig)
	}
	if f.context != "" {
		command += " --context " + shellQuote(f.context)
	}
	return command
}

func (p *program) examine(ctx context.Context, config doctor.Config, output string) error {
	text := doctor.NewText(p.stdout, p.coloured(p.stdout))
	progress := &looking{w: p.stderr, terminal: term.IsTerminal(p.stderr)}
	stop := progress.every(ctx, 2*time.Second)
	config.BeforeLink = progress.at
	config.AfterLink = func(l doctor.Link) {
		progress.at("")
		if output == "text" {
			text.Link(l)
		}
	}
	report, err := doctor.Examine(ctx, config)
	stop()
	progress.at("")
	if err != nil {
		return &exitError{exitFailed, err}
	}
	if output == "json" {
		err = term.WriteJSON(p.stdout, report)
	} else {
		err = text.Verdict(report)
	}
	if err == nil && !report.Whole {
		return &exitError{code: exitFailed}
	}
	return err
}

// looking says what is looked at when that takes long.
type looking struct {
	w        io.Writer
	terminal bool

	mu    sync.Mutex
	name  string
	since time.Time
	said  bool
}

// at is the link that is looked at from now on; "" for none. What a terminal
// showed of the one before makes way.
func (l *looking) at(name string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.said && l.terminal {
		fmt.Fprint(l.w, term.ClearLine)
	}
	l.name, l.since, l.said = name, time.Now(), false
}

func (l *looking) say() {
	l.said = true
	line := fmt.Sprintf("looking at %s … %.0f s", l.name, time.Since(l.since).Seconds())
	if l.terminal {
		fmt.Fprint(l.w, term.ClearLine+line)
		return
	}
	fmt.Fprintln(l.w, line)
}

func (l *looking) every(ctx context.Context, interval time.Duration) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	var ended sync.WaitGroup
	ended.Go(func() {
		tick := time.NewTicker(interval)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
			l.mu.Lock()
			if l.name != "" {
				l.say()
			}
			l.mu.Unlock()
		}
	})
	return func() { cancel(); ended.Wait() }
}
