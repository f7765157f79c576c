//go:build linux

// Command load puts a real `irsa-emu serve` under load over loopback, beside two
// baselines in the same run, and prints tables for docs/benchmarks.md. It fails
// when an answer is not the right one or a load made no call; how fast it was is
// for people to judge.
//
//	make load             about five minutes
//	LOAD=full make load   longer rounds, and a token of its own for every pod of the storm
//
// It needs Linux: what a server used is read from /proc.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "load:", err)
		os.Exit(1)
	}
}

func run() error {
	emulator := flag.String("emulator", "bin/irsa-emu", "the binary under load")
	full := flag.Bool("full", false, "longer")
	only := flag.String("only", "", "one load: compare, kinds, connections, states, steady, sessions or storm")
	questions := flag.Bool("proofs", false, "no server: how who, prove and diff grow with the number of roles")
	flag.Parse()
	if flag.Arg(0) == "bare" {
		return bare(flag.Arg(1), flag.Arg(2), flag.Arg(3))
	}
	dir, err := os.MkdirTemp("", "irsa-emu-load-")
	if err != nil {
		return err
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	if *questions {
		fmt.Println(heading())
		return errors.Join(proofs(dir, *emulator), os.RemoveAll(dir))
	}
	moto, err := exec.LookPath("moto_server")
	if err != nil {
		say("no moto_server here: its row is left out")
	}
	b := &bench{dir: dir, emulator: *emulator, self: self, moto: moto, only: *only, size: quick}
	if *full {
		b.size = long
	}
	fmt.Println(heading())
	ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer cancel()
	ended := make(chan error, 1)
	go func() { ended <- b.all() }()
	select {
	case err = <-ended:
	case <-ctx.Done(): // what goes on ends with the process, but servers must not outlive it
		err = errors.New("interrupted")
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, s := range b.running {
		err = errors.Join(err, s.stop())
	}
	return errors.Join(err, os.RemoveAll(dir))
}
