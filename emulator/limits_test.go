package emulator

import (
	"crypto/tls"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/irsa-emu/irsa-emu/control"
)

// Certificates are made for whatever name a client sends before it is known who
// it is: their number is bounded, and so is a name.
func TestCertificatesAreBounded(t *testing.T) {
	ca, err := createCA(t.TempDir(), time.Now)
	if err != nil {
		t.Fatal(err)
	}
	for i := range maxLeaves + 50 {
		name := fmt.Sprintf("host-%d.example.com", i)
		leaf, err := ca.certificate(&tls.ClientHelloInfo{ServerName: name})
		if err != nil {
			t.Fatal(err)
		}
		if err := leaf.Leaf.VerifyHostname(name); err != nil {
			t.Error(err)
		}
		if len(ca.leaves) > maxLeaves {
			t.Fatalf("%d certificates are kept after %d names", len(ca.leaves), i+1)
		}
	}
	if _, err := ca.certificate(&tls.ClientHelloInfo{ServerName: strings.Repeat("a", maxServerName+1)}); err == nil {
		t.Error("a certificate for a name that DNS does not have")
	}
}

func TestFaultsAreBounded(t *testing.T) {
	emu := Start(t, Config{})
	for range mostFaults {
		if _, err := emu.faults.add(control.FaultRequest{Fault: control.FaultSpec{Code: "Throttling"}}); err != nil {
			t.Fatal(err)
		}
	}
	var answer struct{ Error string }
	if status := callControl(t, emu, http.MethodPost, "/_emu/faults", `{"fault":{"code":"Throttling"}}`, &answer); status != http.StatusBadRequest || !strings.Contains(answer.Error, "DELETE /_emu/faults") {
		t.Errorf("one more: %d %s", status, answer.Error)
	}
	callControl(t, emu, http.MethodDelete, "/_emu/faults", "", nil)
	if status := callControl(t, emu, http.MethodPost, "/_emu/faults", `{"fault":{"code":"Throttling"}}`, nil); status != http.StatusOK {
		t.Errorf("after clearing: %d", status)
	}
}
