package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/irsa-emu/irsa-emu/aws"
	"github.com/irsa-emu/irsa-emu/control"
	"github.com/irsa-emu/irsa-emu/emulator"
	"github.com/irsa-emu/irsa-emu/statefile"
	"github.com/irsa-emu/irsa-emu/sts"
)

type serveFlags struct {
	listen, tlsListen, dataDir, store, account, region, adminSecret, controlToken, readyFile, logFormat, issuerCA, cloudTrail, maxObjectSize string
	given                                                                                                                                    givenFlags
	allowIssuers, adminCredentials                                                                                                           []string
	decisions                                                                                                                                int
	parent                                                                                                                                   parentFlags
	verbose, dataEvents                                                                                                                      bool
	drainTimeout, drainLinger                                                                                                                time.Duration
}

func (p *program) serveCommand() *cobra.Command {
	var f serveFlags
	cmd := &cobra.Command{
		Use: "serve", Short: "Run the emulator on one address, in the foreground", Args: noArguments,
		Long: `serve prints one line on stdout when it is ready, and logs to stderr: calls that
were refused or failed, with -v all calls. On SIGINT or SIGTERM /readyz answers
503, calls in flight are finished, and the exit code is 0; a second signal stops
it at once. With --parent-death the end of the process that started it does the same.

` + storeHelp,
		Example: `  irsa-emu serve --given state.yaml
  eval "$(irsa-emu env)" && aws sts get-caller-identity
  irsa-emu serve --store 'etcd://etcd-1:2379,etcd-2:2379,etcd-3:2379/irsa-emu?cacert=ca.pem&cert=client.pem&key=client-key.pem'`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx := cmd.Context()
			p.work = func() error { return p.serve(ctx, f) }
			return nil
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&f.listen, "listen", control.DefaultAddress, "address to listen on; port 0 picks a free one")
	flags.StringVar(&f.tlsListen, "tls-listen", "", "address for HTTPS, with a local CA that is kept in --data-dir")
	flags.StringVar(&f.dataDir, "data-dir", "", "directory for the local CA (default: irsa-emu in the user's configuration directory)")
	f.given.add(cmd, "state to start from")
	flags.StringVar(&f.store, "store", "memory", "where the state is kept: memory, file:PATH or etcd://HOST:PORT[,…]/PREFIX")
	flags.StringVar(&f.account, "account", aws.DefaultAccount, "the default account: access key id \"test\" is its administrator")
	flags.StringVar(&f.region, "region", aws.DefaultRegion, "region of calls that do not name one")
	flags.StringVar(&f.adminSecret, "admin-secret", "test", "secret access key of every account's administrator")
	flags.StringArrayVar(&f.adminCredentials, "admin-credentials", nil, "a further access key of an administrator, KEY:SECRET or KEY:SECRET@ACCOUNT, such as testing:testing for a suite written for moto; a session token with it is not looked at (repeatable; several are separated by blanks)")
	flags.StringVar(&f.controlToken, "control-token", "", "bearer token for /_emu on listeners beyond loopback")
	flags.StringVar(&f.readyFile, "ready-file", "", "file to write when the emulator is ready: {\"url\", \"pid\"}")
	flags.StringVar(&f.logFormat, "log-format", "text", "text or json")
	flags.StringVar(&f.issuerCA, "issuer-ca", "", "PEM file of the authorities that sign remote issuers' certificates (default: the system's)")
	flags.StringArrayVar(&f.allowIssuers, "allow-issuer-network", nil, "private network that remote issuers' keys may be fetched from, such as 10.0.0.0/8 (repeatable)")
	flags.IntVar(&f.decisions, "decisions", 1_000, "how many decisions to keep for explain, about 2 KB each")
	flags.StringVar(&f.cloudTrail, "cloudtrail", "", "append a record of every call to this file, in the shape of AWS CloudTrail's, one JSON object per line; - is stdout, after the ready line")
	flags.BoolVar(&f.dataEvents, "cloudtrail-data-events", false, "with --cloudtrail: record data events too, such as calls on S3 objects, which AWS does only where it was asked to")
	flags.StringVar(&f.maxObjectSize, "max-object-size", "", "largest S3 object to accept (default 5GiB; 256MiB with --store etcd:, which keeps content in etcd)")
	flags.DurationVar(&f.drainTimeout, "drain-timeout", 10*time.Second, "how long calls in flight may take after SIGINT or SIGTERM")
	flags.DurationVar(&f.drainLinger, "drain-linger", 0, "keep accepting calls this long after SIGINT or SIGTERM while /readyz answers 503, so that load balancers notice")
	f.parent.add(flags)
	flags.BoolVarP(&f.verbose, "verbose", "v", false, "log all calls, not only those that were refused or failed")
	return cmd
}

func (p *program) serve(ctx context.Context, f serveFlags) error {
	p.collectWhileLoading()
	log := newQueue(p.stderr)
	defer log.close()
	config, err := p.serveConfig(ctx, f, log)
	if err != nil {
		return err
	}
	ctx, stop, err := withParent(ctx, f.parent, config.Logger)
	if err != nil {
		return errors.Join(err, config.Backend.Close())
	}
	defer stop()
	config.LogLinesLost = log.lost.Load
	records, err := p.openTrail(f.cloudTrail)
	if err != nil {
		return errors.Join(err, config.Backend.Close())
	}
	config.CloudTrail, config.CloudTrailData = records.writer(), f.dataEvents
	e, err := emulator.New(ctx, config)
	if err != nil {
		return &exitError{exitFailed, errors.Join(err, records.close())}
	}
	config.Given = nil // the emulator has it
	p.collectWhileServing(ctx)
	hurry, forget := secondSignal(ctx)
	defer forget()
	err = e.Serve(ctx, emulator.ServeConfig{
		Listen: f.listen, TLSListen: f.tlsListen, DataDir: f.dataDir,
		Linger: f.drainLinger, Drain: f.drainTimeout, Hurry: hurry,
		Ready: func(url, tlsURL string) error {
			defer records.begin()
			return p.ready(f, config.Logger, log, url, tlsURL)
		},
	})
	records.begin()
	if f.readyFile != "" {
		if removeErr := os.Remove(f.readyFile); removeErr != nil && !errors.Is(removeErr, os.ErrNotExist) {
			err = errors.Join(err, removeErr)
		}
	}
	if errors.Is(err, syscall.EADDRINUSE) {
		err = fmt.Errorf("%w; another process listens there: end it, or write another --listen (127.0.0.1:0 picks a free port)", err)
	}
	if err = errors.Join(err, e.Close(), records.close()); err != nil {
		return &exitError{exitFailed, err}
	}
	return nil
}

func (p *program) serveConfig(ctx context.Context, f serveFlags, log io.Writer) (_ emulator.Config, err error) {
	config := emulator.Config{
		Account: f.account, Region: f.region, AdminSecret: f.adminSecret, ControlToken: f.controlToken, Decisions: f.decisions,
	}
	level := slog.LevelInfo
	if f.verbose {
		level = slog.LevelDebug
	}
	if config.Logger, err = newLogger(log, f.logFormat, level); err != nil {
		return config, err
	}
	if !aws.IsAccount(f.account) {
		return config, noAccount(f.account)
	}
	if err := errors.Join(checkRegion(f.region), checkListen("--listen", f.listen), checkListen("--tls-listen", f.tlsListen), f.parent.check()); err != nil {
		return config, err
	}
	if f.decisions < 1 {
		return config, usageError("--decisions %d: keep at least one", f.decisions)
	}
	if f.drainTimeout <= 0 {
		return config, usageError("--drain-timeout %s: write a time above 0, such as 10s", f.drainTimeout)
	}
	if f.drainLinger < 0 {
		return config, usageError("--drain-linger %s: it is negative", f.drainLinger)
	}
	if config.MaxObjectSize, err = f.objectSize(); err != nil {
		return config, usageError("--max-object-size: %w", err)
	}
	if config.Administrators, err = f.administrators(); err != nil {
		return config, err
	}
	for _, network := range f.allowIssuers {
		prefix, err := netip.ParsePrefix(network)
		if err != nil {
			return config, usageError("--allow-issuer-network %s: write a network such as 10.0.0.0/8", network)
		}
		config.AllowPrivateIssuers = append(config.AllowPrivateIssuers, prefix)
	}
	if f.issuerCA != "" {
		roots, err := readRoots("--issuer-ca", f.issuerCA)
		if err != nil {
			return config, &exitError{exitUsage, err}
		}
		config.IssuerRoots = roots
	}
	if len(f.given.paths) > 0 {
		given, err := f.given.load(p, f.account, f.region)
		if err != nil {
			return config, err
		}
		config.Given = []statefile.State{given}
	}
	backend, err := openStore(ctx, f.store)
	config.Backend = backend
	return config, err
}

// administrators are the keys of --admin-credentials.
func (f *serveFlags) administrators() ([]sts.Administrator, error) {
	var all []sts.Administrator
	for _, value := range f.adminCredentials {
		words := strings.Fields(value)
		if len(words) == 0 {
			return nil, usageError("--admin-credentials: empty; write KEY:SECRET or KEY:SECRET@ACCOUNT, such as testing:testing")
		}
		for _, word := range words {
			a, err := sts.ParseAdministrator(word)
			if err != nil {
				return nil, usageError("--admin-credentials: %w", err)
			}
			if slices.ContainsFunc(all, func(b sts.Administrator) bool { return a.AccessKeyID == b.AccessKeyID }) {
				return nil, usageError("--admin-credentials: %s is there twice; write each access key id once", a.AccessKeyID)
			}
			all = append(all, a)
		}
	}
	return all, nil
}

// objectSize is the largest object that is kept. etcd is not made for more than
// some GiB in all, and takes no writes at all once it is full.
func (f *serveFlags) objectSize() (int64, error) {
	switch {
	case f.maxObjectSize != "":
		return parseSize(f.maxObjectSize)
	case strings.HasPrefix(f.store, "etcd:"):
		return 256 << 20, nil
	}
	return 0, nil
}

// ready prints the one line that says where the emulator is, and writes the
// ready file so that a reader never sees half of it.
func (p *program) ready(f serveFlags, logger *slog.Logger, lines *queue, url, tlsURL string) error {
	if tlsURL != "" {
		logger.Info("HTTPS", "url", tlsURL, "ca", filepath.Join(f.dataDir, emulator.CAFile))
	}
	for _, address := range []string{f.listen, f.tlsListen} {
		if address != "" && emulator.BeyondLoopback(address) {
			logger.Warn("other machines can reach this emulator; it holds no real credentials, but anyone can use it", "listen", address,
				"control", map[bool]string{true: "open to the control token", false: "refused: no --control-token"}[f.controlToken != ""])
		}
	}
	if f.readyFile != "" {
		content, err := json.Marshal(struct {
			URL string `json:"url"`
			PID int    `json:"pid"`
		}{url, os.Getpid()})
		if err != nil {
			return err
		}
		if err := writeByRename(f.readyFile, append(content, '\n'), 0o644); err != nil {
			return fmt.Errorf("the ready file: %w", err)
		}
	}
	lines.flush() // who waits for the ready line has the warnings before it
	return p.say("irsa-emu ready on %s", url)
}
