package kind

import (
	"debug/elf"
	"errors"
	"io/fs"
	"os"
	"slices"
	"testing"
)

// What is read of a file is what the standard library reads.
func TestReadELF(t *testing.T) {
	own, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{own, "/bin/sh", "/lib64/ld-linux-x86-64.so.2"} {
		want, err := elf.Open(path)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			t.Skipf("%s: %v", path, err) // no Linux
		}
		defer want.Close()
		f, err := os.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		machine, dynamic, err := readELF(f)
		asks := slices.ContainsFunc(want.Progs, func(p *elf.Prog) bool { return p.Type == elf.PT_INTERP })
		if err != nil || machine != uint16(want.Machine) || dynamic != asks {
			t.Errorf("%s: machine %d, dynamic %v, %v; want %d, %v", path, machine, dynamic, err, want.Machine, asks)
		}
	}
}
