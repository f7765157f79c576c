package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/irsa-emu/irsa-emu/emulatortest"
)

func TestStateLoad(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state.yaml")
	document := "apiVersion: irsa-emu.dev/v1\nkind: State\naccounts: {\"111122223333\": {buckets: [{name: reports}]}}\n"
	if err := os.WriteFile(path, []byte(document), 0o600); err != nil {
		t.Fatal(err)
	}
	e := emulatortest.Start(t)
	env := func(name string) (string, bool) { return e.URL, name == "IRSA_EMU_URL" }
	var out, problem strings.Builder
	for range 2 { // the second time, it is all there
		out.Reset()
		if code := run(t.Context(), []string{"state", "load", path}, env, nil, &out, &problem); code != exitOK {
			t.Fatalf("exit code %d: %s", code, &problem)
		}
	}
	if want := "loaded " + path + " into the emulator at " + e.URL + "\n"; out.String() != want {
		t.Errorf("it says %q, want %q", &out, want)
	}
	state, err := e.Control().State(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if b := state.Accounts["111122223333"].Buckets; len(b) != 1 || b[0].Name != "reports" {
		t.Errorf("the emulator has %+v", b)
	}
	env = func(name string) (string, bool) { return "http://127.0.0.1:1", name == "IRSA_EMU_URL" }
	if code := run(t.Context(), []string{"state", "load", path}, env, nil, &out, &problem); code != exitFailed || !strings.Contains(problem.String(), "no emulator answers") {
		t.Errorf("exit code %d: %s", code, &problem)
	}
}
