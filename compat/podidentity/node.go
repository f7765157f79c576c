package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"
)

const (
	pods     = 1000
	cached   = 5000
	attempts = 3 * 20           // as SDKs do, and a container that has ended for want of credentials is started again
	pause    = time.Second      // between them
	idle     = 61 * time.Second // an agent gives memory back every minute
)

// measure prints figures, one a line: NAME: NUMBER UNIT.
func measure(ctx context.Context, emulator, agent, pid string) error {
	if err := resident(pid, "idle", "before any pod"); err != nil {
		return err
	}
	tokens := make([]string, pods)
	minting := errgroup.Group{}
	minting.SetLimit(16)
	for i := range tokens {
		minting.Go(func() (err error) {
			tokens[i], err = mint(ctx, emulator, fmt.Sprintf("api-%04d", i))
			return err
		})
	}
	if err := minting.Wait(); err != nil {
		return err
	}
	began := time.Now()
	starting := errgroup.Group{}
	for _, token := range tokens { // all at once, each on a connection of its own
		starting.Go(func() error { return pod(ctx, agent, token) })
	}
	if err := starting.Wait(); err != nil {
		return err
	}
	fmt.Printf("seconds: %.2f for %d pods\n", time.Since(began).Seconds(), pods)

	if err := measureCached(ctx, agent, tokens[0]); err != nil {
		return err
	}
	time.Sleep(idle)
	return resident(pid, "full", fmt.Sprintf("idle with the credentials of %d pods", pods))
}

// measureCached asks the agent and, in turn, a server that does nothing: how long
// that takes says how busy the machine is.
func measureCached(ctx context.Context, agent, token string) error {
	nothing := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, token) }))
	defer nothing.Close()
	client := &http.Client{}
	defer client.CloseIdleConnections()
	times := map[string][]time.Duration{}
	for range cached {
		first := time.Now()
		for _, url := range []string{agent, nothing.URL} {
			began := time.Now()
			status, text, err := ask(ctx, client, url, token)
			if err != nil || status != http.StatusOK {
				return fmt.Errorf("cached credentials: %d %s %w", status, text, err)
			}
			times[url] = append(times[url], time.Since(began))
		}
		time.Sleep(time.Until(first.Add(2 * time.Millisecond))) // below the agent's limit of 1,000 a second
	}
	ms := func(url string, percent int) float64 {
		slices.Sort(times[url])
		return float64(times[url][len(times[url])*percent/100]) / float64(time.Millisecond)
	}
	fmt.Printf("median: %.3f ms cached, over loopback\n", ms(agent, 50))
	fmt.Printf("p99: %.3f ms\n", ms(agent, 99))
	fmt.Printf("bare: %.3f ms, the median of a server that does nothing\n", ms(nothing.URL, 50))
	return nil
}

func mint(ctx context.Context, emulator, pod string) (string, error) {
	body := fmt.Sprintf(`{"issuer": "https://oidc.eks.us-west-2.amazonaws.com/id/PODS", "serviceAccount": "payments/api", "audience": ["pods.eks.amazonaws.com"], "pod": %q}`, pod)
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, emulator+"/_emu/tokens", strings.NewReader(body))
	if err != nil {
		return "", err
	}
	req.Header.Set("Content-Type", "application/json")
	answer, err := http.DefaultClient.Do(req)
	if err != nil {
		return "", err
	}
	defer answer.Body.Close()
	var out struct{ Token, Error string }
	if err := json.NewDecoder(answer.Body).Decode(&out); err != nil {
		return "", err
	}
	if out.Token == "" {
		return "", fmt.Errorf("no token: %s", out.Error)
	}
	return out.Token, nil
}

// pod asks as an SDK does, which tries again.
func pod(ctx context.Context, agent, token string) error {
	client := &http.Client{Transport: &http.Transport{}}
	defer client.CloseIdleConnections()
	var said string
	for i := range attempts {
		if i > 0 {
			time.Sleep(pause)
		}
		status, text, err := ask(ctx, client, agent, token)
		if err == nil && status == http.StatusOK {
			return nil
		}
		said = fmt.Sprintf("%d %s %v", status, text, err)
	}
	return fmt.Errorf("a pod got no credentials: %s", said)
}

func ask(ctx context.Context, client *http.Client, agent, token string) (int, string, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, agent, nil)
	if err != nil {
		return 0, "", err
	}
	req.Header.Set("Authorization", token)
	answer, err := client.Do(req)
	if err != nil {
		return 0, "", err
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	return answer.StatusCode, string(bytes.TrimSpace(body)), err
}

// resident prints a process's memory, all of it and what is not of a file.
func resident(pid, name, when string) error {
	status, err := os.ReadFile("/proc/" + pid + "/status")
	if err != nil {
		return err
	}
	mib := map[string]float64{}
	for line := range strings.Lines(string(status)) {
		for _, field := range []string{"VmRSS:", "RssAnon:"} {
			if rest, ok := strings.CutPrefix(line, field); ok {
				kib, err := strconv.Atoi(strings.Fields(rest)[0])
				if err != nil {
					return err
				}
				mib[field] = float64(kib) / 1024
			}
		}
	}
	_, err = fmt.Printf("%s: %.1f MiB resident %s, %.1f of it of its own\n", name, mib["VmRSS:"], when, mib["RssAnon:"])
	return err
}
