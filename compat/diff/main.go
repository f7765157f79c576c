// Command diff holds package policy against another implementation of the
// policy language. It makes pairs of policies and a request from a seed, asks
// both, and shrinks what they disagree on to the least that still differs. Each
// such disagreement must belong to a class of judged.json, which says who is
// right and by what source, with a case that pins both answers. It prints the
// lines of a suite of compat: ok NAME, not ok NAME.
package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
)

// judgement is one class of disagreements.
type judgement struct {
	Class     string `json:"class"`     // a name of classify
	Right     string `json:"right"`     // ours, theirs, or neither: nothing says
	Judgement string `json:"judgement"` // what AWS does
	Source    string `json:"source"`    // who says so
	Ours      string `json:"ours"`
	Theirs    string `json:"theirs"`
	Case      *pair  `json:"case"`
}

func main() {
	if err := run(); err != nil {
		fmt.Printf("not ok the comparison runs\n   # %v\n", err)
		os.Exit(1)
	}
}

func run() error {
	judged := flag.String("judged", "judged.json", "the judged classes")
	pairs := flag.Int("pairs", 25000, "how many pairs")
	seed := flag.Uint64("seed", 1, "of the generator")
	show := flag.Bool("show", false, "print a shrunk case of every class")
	flag.Parse()
	var classes []judgement
	src, err := os.ReadFile(*judged)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(src, &classes); err != nil {
		return fmt.Errorf("%s: %w", *judged, err)
	}
	them, err := startOther(flag.Args())
	if err != nil {
		return err
	}
	known := map[string]*judgement{}
	for i := range classes {
		j := &classes[i]
		known[j.Class] = j
		theirs, err := them.ask(j.Case)
		if err != nil {
			return err
		}
		switch ours := j.Case.ours(); {
		case ours != j.Ours:
			fmt.Printf("not ok %s: ours says %s now\n", j.Class, ours)
		case theirs != j.Theirs:
			fmt.Printf("not ok %s: the other says %s now\n", j.Class, theirs)
		case ours == theirs:
			fmt.Printf("not ok %s: both say %s; it is no disagreement\n", j.Class, ours)
		default:
			fmt.Printf("ok %s: right is %s\n", j.Class, j.Right)
		}
	}
	return errors.Join(compare(them, known, *pairs, *seed, *show), them.close())
}

// compare asks both engines about every pair.
func compare(them *engine, known map[string]*judgement, pairs int, seed uint64, show bool) error {
	g := generator{rand.New(rand.NewPCG(seed, 0))}
	agreed, answers, found := 0, map[string]int{}, map[string]int{}
	shown := map[string]bool{}
	var unknown []string
	for range pairs {
		p := g.pair()
		theirs, err := them.ask(p)
		if err != nil {
			return err
		}
		ours := p.ours()
		answers[ours]++
		if ours == theirs {
			agreed++
			continue
		}
		var failed error
		least := shrink(p, func(q *pair) bool {
			t, err := them.ask(q)
			if err != nil {
				failed = err
				return false
			}
			return q.ours() == ours && t == theirs
		})
		if failed != nil {
			return failed
		}
		class := classify(least)
		found[class]++
		if known[class] == nil || show && !shown[class] {
			b, err := json.Marshal(least)
			if err != nil {
				return err
			}
			if !shown[class] || class == unclassified && len(unknown) < 20 {
				unknown = append(unknown, fmt.Sprintf("   # %s: ours %s, theirs %s: %s", class, ours, theirs, b))
			}
			shown[class] = true
		}
	}
	for _, answer := range []string{allowed, implicit, explicit} {
		if answers[answer] < pairs/20 {
			fmt.Printf("not ok the pairs are worth asking: only %d of %d are %s\n", answers[answer], pairs, answer)
		}
	}
	fmt.Printf("ok %d of %d pairs of seed %d: both engines agree\n", agreed, pairs, seed)
	for _, name := range sorted(found) {
		if known[name] == nil {
			fmt.Printf("not ok %d disagreements that nobody has judged: %s\n", found[name], name)
			continue
		}
		fmt.Printf("ok %d disagreements are of the judged class %s\n", found[name], name)
	}
	for _, line := range unknown {
		fmt.Println(line)
	}
	return nil
}

// engine is the other implementation, a process that answers a line by a line.
type engine struct {
	cmd *exec.Cmd
	in  io.WriteCloser
	out *bufio.Reader
}

func startOther(command []string) (*engine, error) {
	if len(command) == 0 {
		return nil, fmt.Errorf("after the flags, write the command of the other engine")
	}
	e := &engine{cmd: exec.Command(command[0], command[1:]...)}
	e.cmd.Stderr = os.Stderr
	var err error
	if e.in, err = e.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := e.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	e.out = bufio.NewReader(out)
	return e, e.cmd.Start()
}

func (e *engine) ask(p *pair) (string, error) {
	request, err := p.theirs()
	if err != nil {
		return "", err
	}
	if _, err := e.in.Write(append(request, '\n')); err != nil {
		return "", fmt.Errorf("asking the other engine: %w", err)
	}
	line, err := e.out.ReadString('\n')
	if err != nil {
		return "", fmt.Errorf("the other engine's answer: %w", err)
	}
	return line[:len(line)-1], nil
}

func (e *engine) close() error { return errors.Join(e.in.Close(), e.cmd.Wait()) }
