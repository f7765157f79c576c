package decision

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/irsa-emu/irsa-emu/policy"
)

func TestLogKeepsTheNewest(t *testing.T) {
	l := NewLog(100)
	for i := range 250 {
		outcome := Allowed
		if i%10 == 0 {
			outcome = Refused
		}
		l.Add(&Decision{RequestID: fmt.Sprint(i), Outcome: outcome})
	}
	all := slices.Collect(l.Newest(0, ""))
	if len(all) != 100 || all[0].RequestID != "249" || all[99].RequestID != "150" {
		t.Errorf("%d decisions, from %s to %s", len(all), all[0].RequestID, all[len(all)-1].RequestID)
	}
	if refused := slices.Collect(l.Newest(3, Refused)); len(refused) != 3 || refused[2].RequestID != "220" {
		t.Errorf("refused: %v", refused)
	}
	for id, kept := range map[string]bool{"149": false, "150": true, "249": true} {
		if _, ok := l.Get(id); ok != kept {
			t.Errorf("decision %s: kept %v", id, ok)
		}
	}
	l.Clear()
	l.Add(&Decision{RequestID: "new"})
	if got := slices.Collect(l.Newest(0, "")); len(got) != 1 {
		t.Errorf("after clearing: %d decisions", len(got))
	}
}

// A log of decisions that a client made as large as it could, in each place
// that takes a client's words.
func TestAttackLargeDecisions(t *testing.T) {
	const large = 1 << 20
	text := strings.Repeat("x", large)
	list := make([]any, large/32)
	members := map[string]any{}
	for i := range large / 64 {
		members[fmt.Sprint(i)] = nil
	}
	for name, d := range map[string]Decision{
		"resource":   {Resource: text},
		"message":    {Error: &Error{Message: text}},
		"reason":     {Reason: &Reason{Message: text}},
		"subject":    {Token: &Token{Subject: text}},
		"audiences":  {Token: &Token{Audience: []string{text}}},
		"claim":      {Token: &Token{Claims: map[string]any{"a": map[string]any{"b": text}}}},
		"list":       {Token: &Token{Claims: map[string]any{"a": list}}},
		"members":    {Token: &Token{Claims: members}},
		"got":        {Checks: []Check{{Decision: policy.Decision{Policies: []policy.PolicyResult{{Statements: []policy.StatementResult{{Conditions: []policy.ConditionResult{{Got: []string{text}}}}}}}}}}},
		"wanted":     {Checks: []Check{{Decision: policy.Decision{Policies: []policy.PolicyResult{{Statements: []policy.StatementResult{{Conditions: []policy.ConditionResult{{Want: []string{text}}}}}}}}}}},
		"statements": {Checks: []Check{{Decision: policy.Decision{Policies: []policy.PolicyResult{{Statements: make([]policy.StatementResult, large/100)}}}}}},
	} {
		t.Run(name, func(t *testing.T) {
			l := NewLog(10_000)
			l.most = 4 * large
			for i := range 30 {
				one := d
				one.RequestID = fmt.Sprint(i)
				l.Add(&one)
			}
			kept := 0
			for _, e := range l.ring {
				kept += cap(e.packed)
			}
			if l.bytes != kept || kept > l.most {
				t.Errorf("%d bytes are kept, at most %d wanted; %d are counted", kept, l.most, l.bytes)
			}
			if _, ok := l.Get("29"); !ok {
				t.Error("the newest is not kept")
			}
		})
	}
	t.Run("larger than the log", func(t *testing.T) {
		l := NewLog(10)
		l.most = large / 2
		l.Add(&Decision{RequestID: "a"})
		l.Add(&Decision{RequestID: "b", Resource: text})
		l.Add(&Decision{RequestID: "c"})
		if got := slices.Collect(l.Newest(0, "")); len(got) != 1 || got[0].RequestID != "c" || l.bytes > 4096 {
			t.Errorf("%d decisions, %d bytes", len(got), l.bytes)
		}
	})
}

// What is added while the decisions are read moves none of them: each is seen once.
func TestLogReadWhileItGrows(t *testing.T) {
	l := NewLog(10)
	add := func(i int) { l.Add(&Decision{RequestID: fmt.Sprint(i)}) }
	for i := range 10 {
		add(i)
	}
	var seen []string
	for d := range l.Newest(0, "") {
		seen = append(seen, d.RequestID)
		add(100 + len(seen))
	}
	if want := []string{"9", "8", "7", "6", "5"}; !slices.Equal(seen, want) {
		t.Errorf("%v, want %v: the others were dropped meanwhile", seen, want)
	}
}
