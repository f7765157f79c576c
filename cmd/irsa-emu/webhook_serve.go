package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/irsa-emu/irsa-emu/webhook/incluster"
)

// linger is how long the webhook goes on after SIGTERM: the API server and the
// nodes learn of its end, and of its successor, some moments later, and pods that
// come meanwhile would be left alone (failurePolicy Ignore).
const linger = 2 * time.Second

// lingering is a context that ends a while after another.
func lingering(ctx context.Context) context.Context {
	out, end := context.WithCancelCause(context.WithoutCancel(ctx))
	context.AfterFunc(ctx, func() { time.AfterFunc(linger, func() { end(context.Cause(ctx)) }) })
	return out
}

func webhookServer(address string, handler http.Handler, logger *slog.Logger) *http.Server {
	return &http.Server{
		Addr: address, Handler: handler, ReadHeaderTimeout: 10 * time.Second, ReadTimeout: 30 * time.Second, WriteTimeout: time.Minute, IdleTimeout: 2 * time.Minute,
		ErrorLog: slog.NewLogLogger(logger.Handler(), slog.LevelDebug),
	}
}

// webhookMetrics is what the webhook says of itself.
func webhookMetrics(pods prometheus.Collector, handshakes *incluster.Handshakes) http.Handler {
	registry := prometheus.NewRegistry()
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}), pods)
	handshakes.Register(registry)
	mux := http.NewServeMux()
	mux.Handle("/metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{}))
	mux.Handle("/handshakes", handshakes)
	return mux
}

// listenUntil serves until the context ends, and then answers what it has begun.
func listenUntil(ctx context.Context, flag string, server *http.Server, listen func(*http.Server) error) error {
	ended := make(chan error, 1)
	go func() { ended <- listen(server) }()
	select {
	case err := <-ended:
		return fmt.Errorf("%s: %w", flag, err)
	case <-ctx.Done():
	}
	drain, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	err := server.Shutdown(drain)
	if errors.Is(err, context.DeadlineExceeded) {
		err = server.Close() // what has not ended by now is cut off, such as a connection that was opened for nothing
	}
	if ended := <-ended; !errors.Is(ended, http.ErrServerClosed) {
		err = errors.Join(err, ended)
	}
	return err
}
