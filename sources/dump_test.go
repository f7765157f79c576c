package sources_test

import (
	"fmt"
	"github.com/irsa-emu/irsa-emu/sources"
	"github.com/irsa-emu/irsa-emu/statefile"
	"os"
	"testing"
)

func TestDump(t *testing.T) {
	p := os.Getenv("DUMP")
	if p == "" {
		t.Skip()
	}
	s, notes, err := sources.Load(p)
	for _, n := range notes {
		fmt.Println("NOTE", n)
	}
	if err != nil {
		fmt.Println("ERR", err)
		return
	}
	b, _ := statefile.Marshal(s)
	fmt.Println(string(b))
}
