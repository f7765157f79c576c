package decision

import (
	"fmt"
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
		l.Add(&Decision{RequestID: fmt.Sprint(i), Outcome: outcome}, 0)
	}
	all := l.Newest(0, "")
	if len(all) != 100 || all[0].RequestID != "249" || all[99].RequestID != "150" {
		t.Errorf("%d decisions, from %s to %s", len(all), all[0].RequestID, all[len(all)-1].RequestID)
	}
	if refused := l.Newest(3, Refused); len(refused) != 3 || refused[2].RequestID != "220" {
		t.Errorf("refused: %v", refused)
	}
	for id, kept := range map[string]bool{"149": false, "150": true, "249": true} {
		if _, ok := l.Get(id); ok != kept {
			t.Errorf("decision %s: kept %v", id, ok)
		}
	}
	l.Clear()
	l.Add(&Decision{RequestID: "new"}, 0)
	if got := l.Newest(0, ""); len(got) != 1 {
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
			for i := range 300 {
				one := d
				one.RequestID = fmt.Sprint(i)
				l.Add(&one, 0)
			}
			if l.count > MaxLogBytes/large || l.bytes > MaxLogBytes {
				t.Errorf("%d decisions of a megabyte are kept, %d bytes", l.count, l.bytes)
			}
			if _, ok := l.Get("299"); !ok {
				t.Error("the newest is not kept")
			}
		})
	}
	t.Run("larger than the log", func(t *testing.T) {
		l := NewLog(10)
		l.Add(&Decision{RequestID: "a"}, 0)
		l.Add(&Decision{RequestID: "b"}, 2*MaxLogBytes)
		l.Add(&Decision{RequestID: "c"}, 0)
		if got := l.Newest(0, ""); len(got) != 1 || got[0].RequestID != "c" || l.bytes > 4096 {
			t.Errorf("%d decisions, %d bytes", len(got), l.bytes)
		}
	})
}
