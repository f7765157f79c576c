//go:build linux

package main

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"runtime"
	"runtime/debug"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// result is what was seen of one load on one server.
type result struct {
	calls     int
	elapsed   time.Duration
	latencies []time.Duration // sorted
	cpu       time.Duration   // the server's, a call
	clients   time.Duration   // CPU of the clients, a call
	objects   float64         // allocated by the server, a call
	bytes     float64
	resident  int64 // of the server afterwards, in bytes
}

func (r *result) rate() float64 { return float64(r.calls) / r.elapsed.Seconds() }

// undisturbed is the rate that two cores which did nothing else would reach:
// other load on the machine changes it little.
func (r *result) undisturbed() float64 {
	return float64(runtime.NumCPU()) / (r.cpu + r.clients).Seconds()
}

func (r *result) percentile(p float64) time.Duration {
	return r.latencies[min(int(p/100*float64(len(r.latencies))), len(r.latencies)-1)]
}

// measure runs a load and reads from the server's process what it cost. The clients
// collect no garbage meanwhile: they work on the server's cores, and what they held up
// would count as the server's.
func measure(s *server, load func() ([]time.Duration, error)) (*result, error) {
	before, err := s.usage()
	if err != nil {
		return nil, err
	}
	runtime.GC()
	defer debug.SetGCPercent(debug.SetGCPercent(-1))
	clients := ownCPU()
	started := time.Now()
	latencies, err := load()
	elapsed := time.Since(started)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", s.name, err)
	}
	clients = ownCPU() - clients
	if len(latencies) == 0 {
		return nil, fmt.Errorf("%s: no call was made", s.name)
	}
	after, err := s.usage()
	if err != nil {
		return nil, err
	}
	slices.Sort(latencies)
	calls := float64(len(latencies))
	return &result{
		calls: len(latencies), elapsed: elapsed, latencies: latencies, resident: after.resident,
		cpu: time.Duration(float64(after.cpu-before.cpu) / calls), clients: time.Duration(float64(clients) / calls),
		objects: (after.objects - before.objects) / calls, bytes: (after.bytes - before.bytes) / calls,
	}, nil
}

// ownCPU is the time that this process used so far.
func ownCPU() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err) // it cannot fail for oneself
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// closed is a load of clients that each ask again as soon as they were
// answered, until the time is over or, if calls is not 0, so many were made.
func closed(s *server, clients int, length time.Duration, calls int, next func(i int) call) (*result, error) {
	return measure(s, func() ([]time.Duration, error) {
		var issued atomic.Int64
		end := time.Now().Add(length)
		return gather(clients, func(record func(time.Duration)) error {
			c := &client{address: s.address}
			defer c.close()
			for {
				i := int(issued.Add(1) - 1)
				started := time.Now()
				if calls > 0 && i >= calls || calls == 0 && started.After(end) {
					return nil
				}
				if err := c.do(next(i)); err != nil {
					return err
				}
				record(time.Since(started))
			}
		})
	})
}

// open is a load that does not wait for answers: calls arrive at random times,
// so many a second in the mean (a Poisson process), whatever the server does.
// Latency counts from when a call was due, so that no stall hides the ones
// behind it. With nodes, each call comes on a connection of its own from one of
// so many addresses; otherwise connections are kept and used again. No more
// than mostOpen are open at once: a process has only so many descriptors, and
// so have two. A call that waits for one was due all the same. Requests are made
// before the first is due: the server works on the same cores.
func open(s *server, rate float64, calls, nodes int, next func(i int) call) (*result, error) {
	ready := make([]call, calls)
	for i := range ready {
		ready[i] = next(i)
	}
	return measure(s, func() ([]time.Duration, error) {
		latencies := make([]time.Duration, calls)
		failures := make(chan error, 1)
		arrivals := make(chan arrival)
		var workers sync.WaitGroup
		work := func(first arrival) {
			c := &client{address: s.address}
			defer c.close()
			for a, more := first, true; more; a, more = <-arrivals {
				if nodes > 0 {
					c.from = net.IPv4(127, 1, byte(a.call%nodes/250), byte(1+a.call%nodes%250))
				}
				if err := c.do(ready[a.call]); err != nil {
					select {
					case failures <- err:
					default:
					}
				}
				latencies[a.call] = time.Since(a.due)
				if nodes > 0 {
					c.close()
				}
			}
		}
		due := time.Now()
		for i, open := 0, 0; i < calls; i++ {
			due = due.Add(time.Duration(rand.ExpFloat64() / rate * float64(time.Second)))
			pause(time.Until(due))
			select {
			case arrivals <- arrival{i, due}: // to a worker that is idle
				continue
			default:
			}
			if open < mostOpen {
				open++
				workers.Go(func() { work(arrival{i, due}) })
			} else {
				arrivals <- arrival{i, due}
			}
		}
		close(arrivals)
		workers.Wait()
		select {
		case err := <-failures:
			return nil, err
		default:
			return latencies, nil
		}
	})
}

// arrival is a call and when it should have been made.
type arrival struct {
	call int
	due  time.Time
}

const mostOpen = 4096

// pause sleeps more exactly than time.Sleep, which an idle Go program rounds up
// to a millisecond.
func pause(d time.Duration) {
	if d > 0 {
		t := syscall.NsecToTimespec(int64(d))
		_ = syscall.Nanosleep(&t, nil) // interrupted: the call comes early, and its latency counts from when it was due
	}
}

// gather runs workers side by side and puts together what they record.
func gather(workers int, work func(record func(time.Duration)) error) ([]time.Duration, error) {
	lists, errs := make([][]time.Duration, workers), make([]error, workers)
	var running sync.WaitGroup
	for w := range workers {
		running.Go(func() {
			errs[w] = work(func(d time.Duration) { lists[w] = append(lists[w], d) })
		})
	}
	running.Wait()
	return slices.Concat(lists...), errors.Join(errs...)
}
