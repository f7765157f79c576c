//go:build linux

package main

import (
	"cmp"
	"crypto/x509"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/irsa-emu/irsa-emu/oidc"
)

// size is how long a run takes.
type size struct {
	rounds      int           // of the comparison
	length      time.Duration // of one load
	tokens      int           // distinct ones of one issuer
	stormTokens int           // distinct ones of a thousand issuers
}

var (
	quick = size{rounds: 5, length: 2 * time.Second, tokens: 4096, stormTokens: 20_000}
	long  = size{rounds: 9, length: 5 * time.Second, tokens: 4096, stormTokens: stormPods}
)

const (
	clients = 32 // of the comparison
	// steadyRounds are so many more: the p99 of two seconds scatters by a factor of three, the bare handler's too.
	steadyRounds = 3
	million      = 1_000_000
	stormNodes   = 5_000
	stormPods    = 100_000
	stormTime    = time.Minute
	// The targets that the last table holds the figures against.
	wantOfBare, wantOfMoto, wantOfSmall = 0.75, 20, 0.90
	wantP99OfBare                       = 1.15
	wantResident                        = 64 << 20
	wantOf20000, wantOf100000           = 120 << 20, 400 << 20
)

type bench struct {
	size
	dir, emulator, self, moto string
	only                      string     // one load; "" all
	mu                        sync.Mutex // held while a server is started
	running                   []*server

	small, large                       world // few roles of one issuer; 100,000 of a thousand issuers
	smallTokens, largeTokens           []string
	bareServer, smallServer, bigServer *server
	targets                            [][]string
}

func (b *bench) all() error {
	if err := b.prepare(); err != nil {
		return err
	}
	done := 0
	for _, load := range []struct {
		name string
		run  func() error
	}{
		{"compare", b.compare}, {"kinds", b.kinds}, {"connections", b.connections}, {"states", b.states},
		{"steady", b.steady}, {"sessions", b.sessions}, {"storm", b.storm},
	} {
		if b.only != "" && b.only != load.name {
			continue
		}
		if err := load.run(); err != nil {
			return fmt.Errorf("%s: %w", load.name, err)
		}
		done++
	}
	if done == 0 {
		return fmt.Errorf("-only %s: there is no such load", b.only)
	}
	table("Targets", []string{"target", "measured", ""}, b.targets)
	fmt.Printf("\nOther load on the machine at the end: %s (this program's own included).\n", busy())
	return nil
}

func (b *bench) target(what, measured string, met bool) {
	b.targets = append(b.targets, []string{what, measured, map[bool]string{true: "met", false: "**missed**"}[met]})
}

// start runs a server until the end of the run.
func (b *bench) start(name string, metrics bool, command func(address string) []string) (*server, error) {
	say("starting %s", name)
	b.mu.Lock()
	defer b.mu.Unlock()
	s, err := start(b.dir, name, metrics, command)
	if err == nil {
		b.running = append(b.running, s)
	}
	return s, err
}

func (b *bench) startEmulator(name string, w world) (*server, error) {
	file := filepath.Join(b.dir, name+".json")
	if err := w.write(file); err != nil {
		return nil, err
	}
	return b.start(name, true, func(address string) []string {
		return []string{b.emulator, "serve", "--listen", address, "--given", file}
	})
}

func (b *bench) prepare() error {
	key, err := oidc.GenerateKey("RS256", nil)
	if err != nil {
		return err
	}
	b.small, b.large = world{teams, 1, key}, world{100_000, 1_000, key}
	say("signing %d tokens", b.tokens+b.stormTokens)
	if b.smallTokens, err = b.small.tokens(b.tokens, audience, time.Hour); err != nil {
		return err
	}
	if b.largeTokens, err = b.large.tokens(b.stormTokens, audience, time.Hour); err != nil {
		return err
	}
	if b.smallServer, err = b.startEmulator("irsa-emu", b.small); err != nil {
		return err
	}
	if b.bigServer, err = b.startEmulator("irsa-emu-large", b.large); err != nil {
		return err
	}
	der, err := x509.MarshalPKIXPublicKey(key.Private.Public())
	if err != nil {
		return err
	}
	c := &client{address: b.smallServer.address}
	defer c.close()
	if err := c.do(b.small.assume(b.smallTokens, 0)); err != nil {
		return err
	}
	keyFile, answerFile := filepath.Join(b.dir, "key.der"), filepath.Join(b.dir, "answer.xml")
	if err := os.WriteFile(keyFile, der, 0o600); err != nil {
		return err
	}
	if err := os.WriteFile(answerFile, c.body.Bytes(), 0o600); err != nil {
		return err
	}
	b.bareServer, err = b.start("bare", true, func(address string) []string {
		return []string{b.self, "bare", address, keyFile, answerFile}
	})
	return err
}

func (b *bench) assumeSmall(i int) call { return b.small.assume(b.smallTokens, i) }
func (b *bench) assumeLarge(i int) call { return b.large.assume(b.largeTokens, i) }

// assumeLargeAlike differs from assumeSmall in the state alone, not in how many tokens there are.
func (b *bench) assumeLargeAlike(i int) call { return b.large.assume(b.largeTokens[:b.tokens], i) }

// assumeAnywhere is the same call for a server that knows no roles.
func (b *bench) assumeAnywhere(i int) call {
	c := b.assumeSmall(i)
	c.want = "<AssumedRoleUser>"
	return c
}

// turn is a server's in each round, and where its results go.
type turn struct {
	server *server
	next   func(int) call
	into   *[]*result
}

// inTurns loads servers one after the other, round by round. The first round warms up and is not counted.
func (b *bench) inTurns(turns []turn) error {
	for range b.rounds + 1 {
		for _, t := range turns {
			r, err := closed(t.server, clients, b.length, 0, t.next)
			if err != nil {
				return err
			}
			*t.into = append(*t.into, r)
		}
	}
	for _, t := range turns {
		*t.into = (*t.into)[1:]
	}
	return nil
}

// compare takes turns, so that what else happens on the machine meets all alike.
func (b *bench) compare() error {
	say("comparing, %d rounds", b.rounds)
	var motoServer *server
	if b.moto != "" {
		var err error
		if motoServer, err = b.start("moto", false, func(address string) []string {
			host, port := split(address)
			return []string{b.moto, "-H", host, "-p", port}
		}); err != nil {
			return err
		}
	}
	var bares, smalls, larges, motos []*result
	turns := []turn{{b.bareServer, b.assumeAnywhere, &bares}, {b.smallServer, b.assumeSmall, &smalls}, {b.bigServer, b.assumeLargeAlike, &larges}}
	if motoServer != nil {
		turns = append(turns, turn{motoServer, b.assumeAnywhere, &motos})
	}
	if err := b.inTurns(turns); err != nil {
		return err
	}
	seen, undisturbed := (*result).rate, (*result).undisturbed
	line := func(name string, of []*result) []string {
		return append(row(name, middle(of)), percent(ratio(of, bares, seen)), percent(ratio(of, bares, undisturbed)))
	}
	rows := [][]string{
		line("bare", bares), line("irsa-emu, 10 roles, 1 issuer", smalls), line("irsa-emu, 100,000 roles, 1,000 issuers", larges),
	}
	ofBare, ofSmall := ratio(smalls, bares, seen), ratio(larges, smalls, seen)
	b.target("at least 75 % of the bare handler's requests/s", percent(ofBare), ofBare >= wantOfBare)
	if motoServer != nil {
		rows = append(rows, line("moto", motos))
		times := ratio(smalls, motos, seen)
		b.target("at least 20 times moto's requests/s", fmt.Sprintf("%.0f times", times), times >= wantOfMoto)
	}
	b.target("within 10 % of that at 100,000 roles", percent(ofSmall), ofSmall >= wantOfSmall)
	table(fmt.Sprintf("AssumeRoleWithWebIdentity beside baselines (%d connections, %d rounds in turns of %s, medians)", clients, b.rounds, b.length),
		append(append([]string{"server"}, columns...), "of bare, requests/s", "of bare, requests by CPU time"), rows)
	return nil
}

// kinds are other calls than one with a token not seen for a while.
func (b *bench) kinds() error {
	refusals, err := b.small.refusals(b.smallTokens)
	if err != nil {
		return err
	}
	identity, secrets, err := b.small.sessions(b.smallServer, b.smallTokens, 64)
	if err != nil {
		return err
	}
	refused := func(i int) call { return refusals[i%len(refusals)] }
	var rows [][]string
	for _, kind := range []struct {
		name string
		next func(int) call
	}{
		{"AssumeRoleWithWebIdentity, " + number(float64(b.tokens)) + " distinct tokens", b.assumeSmall},
		{"the same token again and again", func(i int) call { return b.small.assume(b.smallTokens[:1], i) }},
		{"refused: sub, no such role, aud, expired, altered", refused},
		{"GetCallerIdentity", func(i int) call { return identity[i%len(identity)] }},
		{"GetSecretValue", func(i int) call { return secrets[i%len(secrets)] }},
		{"mixed: 4 assume, 2 GetCallerIdentity, 3 GetSecretValue, 1 refused", func(i int) call {
			switch n := i % 10; {
			case n < 4:
				return b.assumeSmall(i)
			case n < 6:
				return identity[i%len(identity)]
			case n < 9:
				return secrets[i%len(secrets)]
			}
			return refused(i / 10)
		}},
	} {
		say("%s", kind.name)
		r, err := closed(b.smallServer, clients, b.length, 0, kind.next)
		if err != nil {
			return fmt.Errorf("%s: %w", kind.name, err)
		}
		rows = append(rows, row(kind.name, r))
	}
	table(fmt.Sprintf("Kinds of calls (%d connections, %s each)", clients, b.length), append([]string{"call"}, columns...), rows)
	return nil
}

func (b *bench) connections() error {
	var rows [][]string
	for _, n := range []int{1, 4, 16, 64, 256} {
		say("%d connections", n)
		r, err := closed(b.smallServer, n, b.length, 0, b.assumeSmall)
		if err != nil {
			return err
		}
		rows = append(rows, row(number(float64(n)), r))
	}
	table(fmt.Sprintf("Connections (each asks again as soon as it is answered, %s)", b.length), append([]string{"connections"}, columns...), rows)
	return nil
}

// states also show what a role costs: what a server has used when it first answers,
// and what it holds after a load.
func (b *bench) states() error {
	var rows [][]string
	for _, w := range []world{b.small, {1_000, 1, b.small.key}, {1_000, 1_000, b.small.key}, {20_000, 1_000, b.small.key}, b.large} {
		s, tokens := b.smallServer, b.smallTokens
		if w.issuers > 1 {
			s, tokens = b.bigServer, b.largeTokens
		}
		if w != b.small && w != b.large {
			var err error
			if s, err = b.startEmulator(fmt.Sprintf("irsa-emu-%d-%d", w.roles, w.issuers), w); err != nil {
				return err
			}
		}
		r, err := closed(s, clients, b.length, 0, func(i int) call { return w.assume(tokens, i) })
		if err != nil {
			return err
		}
		if most := map[int]int64{20_000: wantOf20000, 100_000: wantOf100000}[w.roles]; most > 0 {
			b.target(fmt.Sprintf("under %.0f MiB resident with %s roles", float64(most)/(1<<20), number(float64(w.roles))), mib(s.began.resident), s.began.resident < most)
		}
		rows = append(rows, append(row(number(float64(w.roles)), r)[:1], append([]string{
			number(float64(w.issuers)), fmt.Sprintf("%.2f s", s.ready.Seconds()), fmt.Sprintf("%.2f s", s.began.cpu.Seconds()), mib(s.began.resident), mib(r.resident),
		}, r.columns()...)...))
	}
	table(fmt.Sprintf("Size of the state, loaded with --given (%d connections, %s each)", clients, b.length),
		append([]string{"roles", "issuers", "ready after", "CPU until then", "resident then", "resident after the load"}, columns...), rows)
	return nil
}

// steady asks at half of the rate that the server reached, and in turns the bare
// handler at the same and at half of its own, which shows what of the latency is
// the machine's.
func (b *bench) steady() error {
	rounds := steadyRounds * b.rounds
	say("half of the maximum, %d rounds", rounds)
	most, mostBare, err := b.maxima()
	if err != nil {
		return err
	}
	loads := []*struct {
		name   string
		server *server
		rate   float64
		next   func(int) call
		rounds []*result
	}{
		{name: "irsa-emu", server: b.smallServer, rate: most / 2, next: b.assumeSmall},
		{name: "bare, as many requests", server: b.bareServer, rate: most / 2, next: b.assumeAnywhere},
		{name: "bare, at half of its own maximum", server: b.bareServer, rate: mostBare / 2, next: b.assumeAnywhere},
	}
	for range rounds {
		for _, l := range loads {
			r, err := open(l.server, l.rate, int(l.rate*b.length.Seconds()), 0, l.next)
			if err != nil {
				return err
			}
			l.rounds = append(l.rounds, r)
		}
	}
	var ratios []float64 // of a round's p99 to that of the bare handler at half of its own maximum
	for i := range rounds {
		ratios = append(ratios, float64(loads[0].rounds[i].percentile(99))/float64(loads[2].rounds[i].percentile(99)))
	}
	slices.Sort(ratios)
	p99 := ratios[rounds/2]
	b.target("p99 at half of the maximum at most 1.15 of the bare handler's", fmt.Sprintf("%.2f", p99), p99 <= wantP99OfBare)
	var rows [][]string
	for _, l := range loads {
		slices.SortFunc(l.rounds, func(a, b *result) int { return cmp.Compare(a.percentile(99), b.percentile(99)) })
		rows = append(rows, row(l.name, l.rounds[len(l.rounds)/2]))
	}
	table(fmt.Sprintf("At half of the maximum, at random times (%d rounds in turns of %s, each row that of the median p99)", rounds, b.length),
		append([]string{"server"}, columns...), rows)
	return nil
}

// maxima are the rates that the emulator and the bare handler reach, each the median of some rounds.
func (b *bench) maxima() (emulator, bare float64, err error) {
	var emulators, bares []*result
	if err := b.inTurns([]turn{{b.smallServer, b.assumeSmall, &emulators}, {b.bareServer, b.assumeAnywhere, &bares}}); err != nil {
		return 0, 0, err
	}
	return middle(emulators).rate(), middle(bares).rate(), nil
}

// sessions issues a million to a server of its own.
func (b *bench) sessions() error {
	s, err := b.startEmulator("irsa-emu-million", b.small)
	if err != nil {
		return err
	}
	idle, err := s.usage()
	if err != nil {
		return err
	}
	rows := [][]string{{"0", mib(idle.resident), "", ""}}
	var first, last int64
	most := int64(math.MinInt64)
	for done := 0; done < million; {
		const part = million / 5
		say("%d of a million sessions", done)
		from := done
		r, err := closed(s, clients, 0, part, func(i int) call { return b.assumeSmall(from + i) })
		if err != nil {
			return err
		}
		done += r.calls
		if first == 0 {
			first = r.resident
		}
		last, most = r.resident, max(most, r.resident)
		rows = append(rows, []string{number(float64(done)), mib(r.resident), number(r.rate()), ms(r.percentile(99))})
	}
	table("A million sessions of one server", []string{"issued so far", "resident", "requests/s", "p99"}, rows)
	b.target("under 64 MiB resident after a million sessions", mib(last), last < wantResident)
	b.target("flat: the fifth 200,000 sessions add under 10 % to the first", percent(float64(last-first)/float64(first)), float64(last) < 1.1*float64(first))
	return nil
}

// storm is a cluster that starts again: every pod asks once, on a connection of
// its own, from its node's address.
func (b *bench) storm() error {
	say("the storm: %d pods within %s", stormPods, stormTime)
	r, err := open(b.bigServer, stormPods/stormTime.Seconds(), stormPods, stormNodes, b.assumeLarge)
	if err != nil {
		return err
	}
	table(fmt.Sprintf("Restart storm: %s pods on %s nodes ask within a minute, each on a new connection (100,000 roles, 1,000 issuers, %s distinct tokens)",
		number(stormPods), number(stormNodes), number(float64(len(b.largeTokens)))),
		append([]string{"answered right", "in"}, columns...),
		[][]string{append([]string{number(float64(r.calls)), r.elapsed.Round(100 * time.Millisecond).String()}, r.columns()...)})
	return nil
}
