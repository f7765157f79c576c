//go:build linux

package main

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"time"
)

// heading is what the figures depend on.
func heading() string {
	cpu := "unknown CPU"
	if info, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		if _, after, ok := strings.Cut(string(info), "model name"); ok {
			line, _, _ := strings.Cut(after, "\n")
			cpu = strings.TrimSpace(strings.TrimLeft(line, "\t :"))
		}
	}
	commit := ""
	if out, err := exec.Command("git", "rev-parse", "--short", "HEAD").Output(); err == nil {
		commit = ", commit " + strings.TrimSpace(string(out))
	}
	return fmt.Sprintf("%s, %d cores shared by server and clients, %s, %s%s; other load on the machine at the start: %s.",
		cpu, runtime.NumCPU(), runtime.Version(), time.Now().UTC().Format("2006-01-02"), commit, busy())
}

// busy is the load average of the last minute.
func busy() string {
	text, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return "unknown"
	}
	first, _, _ := strings.Cut(string(text), " ")
	return first
}

// table prints a Markdown table.
func table(title string, header []string, rows [][]string) {
	fmt.Printf("\n### %s\n\n| %s |\n|%s\n", title, strings.Join(header, " | "), strings.Repeat("---|", len(header)))
	for _, row := range rows {
		fmt.Printf("| %s |\n", strings.Join(row, " | "))
	}
}

// columns are those of a load.
var columns = []string{"requests/s", "p50", "p95", "p99", "max", "CPU a request: server, client", "allocated a request"}

func (r *result) columns() []string {
	allocated := "–"
	if r.objects > 0 {
		allocated = fmt.Sprintf("%.0f, %.1f KB", r.objects, r.bytes/1e3)
	}
	return []string{
		number(r.rate()), ms(r.percentile(50)), ms(r.percentile(95)), ms(r.percentile(99)), ms(r.latencies[len(r.latencies)-1]),
		fmt.Sprintf("%d, %d µs", r.cpu.Microseconds(), r.clients.Microseconds()), allocated,
	}
}

func row(name string, r *result) []string { return append([]string{name}, r.columns()...) }

// middle is the result of the middle rate of several rounds.
func middle(rounds []*result) *result {
	sorted := slices.Clone(rounds)
	slices.SortFunc(sorted, func(a, b *result) int { return int(a.rate() - b.rate()) })
	return sorted[len(sorted)/2]
}

// ratio is the median of the ratios of each round, of one rate or the other.
func ratio(of, to []*result, rate func(*result) float64) float64 {
	var ratios []float64
	for i := range of {
		ratios = append(ratios, rate(of[i])/rate(to[i]))
	}
	slices.Sort(ratios)
	return ratios[len(ratios)/2]
}

func ms(d time.Duration) string { return fmt.Sprintf("%.2f ms", float64(d)/float64(time.Millisecond)) }

func mib(bytes int64) string { return fmt.Sprintf("%.1f MiB", float64(bytes)/(1<<20)) }

func percent(share float64) string { return fmt.Sprintf("%.0f %%", 100*share) }

// number has a comma between thousands.
func number(f float64) string {
	text := fmt.Sprintf("%.0f", f)
	for i := len(text) - 3; i > 0; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}

// say tells on stderr what happens now; stdout has nothing but the tables.
func say(format string, args ...any) { fmt.Fprintf(os.Stderr, "load: "+format+"\n", args...) }

// The clients' own garbage is collected seldom: they share the server's cores. During a
// load it is not collected at all, up to two GiB (see measure).
func init() {
	debug.SetGCPercent(400)
	debug.SetMemoryLimit(2 << 30)
}
