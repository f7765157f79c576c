//go:build linux

package main

import (
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// bare is the baseline: a net/http server that reads the form, verifies the
// token's signature and writes an answer of the size of the emulator's. It is
// what AssumeRoleWithWebIdentity costs at least in Go.
func bare(address, keyFile, answerFile string) error {
	der, err := os.ReadFile(keyFile)
	if err != nil {
		return err
	}
	public, err := x509.ParsePKIXPublicKey(der)
	if err != nil {
		return err
	}
	key, ok := public.(*rsa.PublicKey)
	if !ok {
		return fmt.Errorf("%s: not an RSA key", keyFile)
	}
	answer, err := os.ReadFile(answerFile)
	if err != nil {
		return err
	}
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.Handler())
	mux.HandleFunc("POST /", func(w http.ResponseWriter, r *http.Request) {
		if err := verify(key, r.FormValue("WebIdentityToken")); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		w.Header().Set("Content-Type", "text/xml")
		w.Header().Set("Content-Length", strconv.Itoa(len(answer)))
		_, _ = w.Write(answer) // the client checks what it gets
	})
	// With the emulator's own limits on connections.
	server := &http.Server{Addr: address, Handler: mux, ReadHeaderTimeout: 10 * time.Second, ReadTimeout: 5 * time.Minute, IdleTimeout: 2 * time.Minute}
	return server.ListenAndServe()
}

func verify(key *rsa.PublicKey, token string) error {
	dot := strings.LastIndexByte(token, '.')
	if dot < 0 {
		return errors.New("no token")
	}
	signature, err := base64.RawURLEncoding.DecodeString(token[dot+1:])
	if err != nil {
		return err
	}
	sum := sha256.Sum256([]byte(token[:dot]))
	return rsa.VerifyPKCS1v15(key, crypto.SHA256, sum[:], signature)
}
