package boltstore_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/irsa-emu/irsa-emu/state"
	"github.com/irsa-emu/irsa-emu/state/boltstore"
	"github.com/irsa-emu/irsa-emu/state/storetest"
)

// The variables by which the test binary, run again, becomes the process that is killed, and by which more kills are asked
// for than plain `go test` has time for.
const (
	victimVariable = "IRSA_EMU_TEST_VICTIM"
	killsVariable  = "IRSA_EMU_KILLS"
)

func TestMain(m *testing.M) {
	if path := os.Getenv(victimVariable); path != "" {
		victim(path)
		return
	}
	os.Exit(m.Run())
}

const victimWriters, kept = 4, 5

// victim writes from several goroutines until it is killed, and says on stdout what was acknowledged. Update n of writer w
// sets two items and a common total, adds an entry to the writer's log and removes the one before the last five: half of an
// update cannot look like a whole one.
func victim(path string) {
	backend, err := boltstore.Open(path)
	if err != nil {
		fmt.Println("failed", err)
		return
	}
	s, err := state.Open(context.Background(), backend, storetest.Kinds()...)
	if err != nil {
		fmt.Println("failed", err)
		return
	}
	for w := range victimWriters {
		go func() {
			for {
				n := 0
				err := s.Update(context.Background(), func(tx *state.Txn) error {
					n = number(tx, fmt.Sprintf("%d/a", w)) + 1
					tx.Put(&storetest.Item{Key: fmt.Sprintf("%d/a", w), N: n})
					tx.Put(&storetest.Note{Key: fmt.Sprintf("%d/b", w), Text: strconv.Itoa(n)})
					tx.Put(&storetest.Item{Key: "total", N: number(tx, "total") + 1})
					tx.Put(entry(w, n))
					tx.Delete(entry(w, n-kept))
					return nil
				})
				if err != nil {
					fmt.Println("failed", err)
					os.Exit(1)
				}
				fmt.Println("kept", w, n) // one write(2) a line
			}
		}()
	}
	select {}
}

// entry is an entry of a log; some of them fill several pages.
func entry(w, n int) *storetest.Item {
	return &storetest.Item{Key: fmt.Sprintf("%d/log/%08d", w, n), N: n, Text: strings.Repeat(strconv.Itoa(n), n%7*n%7*500)}
}

func number(r state.Reader, key string) int {
	if item, ok := state.Get[*storetest.Item](r, key); ok {
		return item.N
	}
	return 0
}

// TestKilled kills a writing process at random points and checks that the file has every update that was acknowledged, and
// of the others all or nothing. IRSA_EMU_KILLS asks for more kills.
func TestKilled(t *testing.T) {
	kills := 20
	if more := os.Getenv(killsVariable); more != "" {
		var err error
		if kills, err = strconv.Atoi(more); err != nil {
			t.Fatalf("%s: %v", killsVariable, err)
		}
	}
	path := filepath.Join(t.TempDir(), "state.db")
	var acknowledged [victimWriters]int
	updates, before := 0, 0
	for kill := range kills {
		if kill%10 == 0 { // a new file is a moment to be killed in, too
			os.Remove(path)
			acknowledged, before = [victimWriters]int{}, 0
		}
		lines := runAndKill(t, path, kill%7 == 0)
		for line := range strings.Lines(lines) {
			var w, n int
			if !strings.HasSuffix(line, "\n") {
				continue // killed within the line
			}
			if _, err := fmt.Sscanf(line, "kept %d %d", &w, &n); err != nil {
				t.Fatalf("kill %d: the process said %q", kill, line)
			}
			acknowledged[w] = n
		}
		after := checkAfterKill(t, path, kill, &acknowledged)
		updates += after - before
		before = after
		if t.Failed() {
			return
		}
	}
	t.Logf("%d kills during %d updates: every acknowledged one was there, of the others all or nothing", kills, updates)
	if updates < kills/2 { // there is one at least wherever the process was let write
		t.Errorf("only %d updates were made between %d kills, too few to prove anything", updates, kills)
	}
}

// runAndKill kills the process while it writes, or while it starts.
func runAndKill(t *testing.T, path string, starting bool) (said string) {
	t.Helper()
	process := exec.Command(os.Args[0])
	process.Env = append(os.Environ(), victimVariable+"="+path)
	stdout, err := process.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	process.Stderr = os.Stderr
	if err := process.Start(); err != nil {
		t.Fatal(err)
	}
	reader := bufio.NewReader(stdout)
	first := ""
	if !starting {
		if first, err = reader.ReadString('\n'); err != nil {
			t.Fatalf("the process ended by itself: %v", err)
		}
		time.Sleep(rand.N(30 * time.Millisecond))
	} else {
		time.Sleep(rand.N(40 * time.Millisecond))
	}
	if err := process.Process.Kill(); err != nil {
		t.Fatalf("killing the process: %v", err)
	}
	rest, err := io.ReadAll(reader)
	if err != nil {
		t.Fatalf("reading what the process said: %v", err)
	}
	process.Wait() // killed, as it should be
	return first + string(rest)
}

// checkAfterKill compares the file with what was acknowledged, and gives the number of updates it has. What it finds is what
// the next process goes on from, and counts as acknowledged from then on.
func checkAfterKill(t *testing.T, path string, kill int, acknowledged *[victimWriters]int) int {
	t.Helper()
	backend, err := boltstore.Open(path)
	if err != nil {
		t.Fatalf("kill %d: %v", kill, err)
	}
	s, err := state.Open(context.Background(), backend, storetest.Kinds()...)
	if err != nil {
		t.Fatalf("kill %d: %v", kill, err)
	}
	defer s.Close()
	now, total := s.Snapshot(), 0
	for w, n := range acknowledged {
		there := number(now, fmt.Sprintf("%d/a", w))
		if there < n || there > n+1 {
			t.Errorf("kill %d: writer %d is at %d, acknowledged were %d (and one more may be kept)", kill, w, there, n)
		}
		acknowledged[w] = there
		total += there
		note, _ := state.Get[*storetest.Note](now, fmt.Sprintf("%d/b", w))
		if there > 0 && (note == nil || note.Text != strconv.Itoa(there)) {
			t.Errorf("kill %d: writer %d is at %d, and half of it says %+v", kill, w, there, note)
		}
		next := max(1, there-kept+1)
		for item := range state.All[*storetest.Item](now, fmt.Sprintf("%d/log/", w)) {
			if want := entry(w, next); item.Key != want.Key || item.Text != want.Text {
				t.Errorf("kill %d: writer %d at %d has log entry %s of %d bytes, want %s of %d", kill, w, there, item.Key, len(item.Text), want.Key, len(want.Text))
			}
			next++
		}
		if next != there+1 {
			t.Errorf("kill %d: writer %d at %d has log entries up to %d", kill, w, there, next-1)
		}
	}
	if got := number(now, "total"); got != total {
		t.Errorf("kill %d: the common total is %d, the writers' sum %d", kill, got, total)
	}
	return total
}
