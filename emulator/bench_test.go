package emulator

import (
	"bytes"
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/irsa-emu/irsa-emu/oidc"
	"github.com/irsa-emu/irsa-emu/policy"
	"github.com/irsa-emu/irsa-emu/statefile"
)

const (
	benchIssuer  = "https://oidc.eks.us-west-2.amazonaws.com/id/EXAMPLED539D4633E53DE1B71EXAMPLE"
	benchAccount = "111122223333"
	benchTokens  = 2048
)

// benchState has that many roles, all like the tutorial's, and providers.
func benchState(roles, providers int) statefile.State {
	account := statefile.Account{OIDCProviders: []statefile.OIDCProvider{{URL: benchIssuer, ClientIDs: []string{"sts.amazonaws.com"}}}}
	for i := 1; i < providers; i++ {
		account.OIDCProviders = append(account.OIDCProviders, statefile.OIDCProvider{
			URL: fmt.Sprintf("https://oidc.eks.us-west-2.amazonaws.com/id/%032X", i), ClientIDs: []string{"sts.amazonaws.com"},
		})
	}
	for i := range roles {
		account.Roles = append(account.Roles, statefile.Role{Name: fmt.Sprintf("role-%d", i), TrustPolicy: statefile.NewDocument(benchTrust)})
	}
	return statefile.State{
		Clusters: map[string]statefile.Cluster{"bench": {Issuer: benchIssuer, Region: "us-west-2"}},
		Accounts: map[string]statefile.Account{benchAccount: account},
	}
}

var benchTrust = fmt.Sprintf(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow",
"Principal":{"Federated":"arn:aws:iam::%[1]s:oidc-provider/%[2]s"},"Action":"sts:AssumeRoleWithWebIdentity",
"Condition":{"StringEquals":{"%[2]s:sub":"system:serviceaccount:ns:sa","%[2]s:aud":"sts.amazonaws.com"}}}]}`,
	benchAccount, strings.TrimPrefix(benchIssuer, "https://"))

// benchForms are calls with distinct tokens.
func benchForms(b *testing.B, emu *Running, role string) []string {
	b.Helper()
	forms := make([]string, benchTokens)
	for i := range forms {
		token, err := emu.Token(context.Background(), TokenRequest{Issuer: benchIssuer, ServiceAccount: "ns/sa"})
		if err != nil {
			b.Fatal(err)
		}
		forms[i] = url.Values{
			"Action": {"AssumeRoleWithWebIdentity"}, "Version": {"2011-06-15"}, "RoleArn": {role}, "RoleSessionName": {"bench"}, "WebIdentityToken": {token},
		}.Encode()
	}
	return forms
}

// post runs the calls in parallel over kept-alive connections.
func post(b *testing.B, target string, forms []string) {
	b.Helper()
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64, DialContext: (&net.Dialer{Timeout: time.Second}).DialContext}}
	defer client.CloseIdleConnections()
	var next atomic.Int64
	b.ReportAllocs()
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			form := forms[int(next.Add(1))%len(forms)]
			resp, err := client.Post(target+"/", "application/x-www-form-urlencoded; charset=utf-8", strings.NewReader(form))
			if err != nil {
				b.Error(err)
				return
			}
			body, err := io.ReadAll(resp.Body)
			resp.Body.Close()
			if err != nil || resp.StatusCode != http.StatusOK || !bytes.Contains(body, []byte("<AssumedRoleUser>")) {
				b.Errorf("%v %s %s", err, resp.Status, body)
				return
			}
		}
	})
	b.StopTimer()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "req/s")
}

// BenchmarkHTTP is AssumeRoleWithWebIdentity end to end over HTTP with
// distinct RS256 tokens, beside a bare handler that only verifies the same
// signatures and writes an answer of the same size, in one run.
func BenchmarkHTTP(b *testing.B) {
	small := Start(b, Config{Given: []statefile.State{benchState(10, 1)}})
	forms := benchForms(b, small, "arn:aws:iam::"+benchAccount+":role/role-7")
	b.Run("bare", func(b *testing.B) { benchBare(b, small, forms) })
	b.Run("roles=10", func(b *testing.B) { post(b, small.URL, forms) })

	large := Start(b, Config{Given: []statefile.State{benchState(10_000, 1_000)}})
	largeForms := benchForms(b, large, "arn:aws:iam::"+benchAccount+":role/role-7777")
	b.Run("roles=10000", func(b *testing.B) { post(b, large.URL, largeForms) })
}

func benchBare(b *testing.B, emu *Running, forms []string) {
	issuer, err := emu.issuers.ensure(context.Background(), benchIssuer)
	if err != nil {
		b.Fatal(err)
	}
	key := issuer.Keys[0].Private.Public().(*rsa.PublicKey)
	resp, err := http.Post(emu.URL, "application/x-www-form-urlencoded", strings.NewReader(forms[0]))
	if err != nil {
		b.Fatal(err)
	}
	answer, err := io.ReadAll(resp.Body)
	resp.Body.Close()
	if err != nil {
		b.Fatal(err)
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		token := r.FormValue("WebIdentityToken")
		dot := strings.LastIndexByte(token, '.')
		signature, err := base64.RawURLEncoding.DecodeString(token[dot+1:])
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		sum := sha256.Sum256([]byte(token[:dot]))
		if err := rsa.VerifyPKCS1v15(key, crypto.SHA256, sum[:], signature); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		w.Header().Set("Content-Type", "text/xml")
		_, _ = w.Write(answer)
	}))
	defer server.Close()
	post(b, server.URL, forms)
}

// BenchmarkPolicy is the policy engine alone on the same trust policy.
func BenchmarkPolicy(b *testing.B) {
	doc, err := policy.Parse([]byte(benchTrust))
	if err != nil {
		b.Fatal(err)
	}
	provider := strings.TrimPrefix(benchIssuer, "https://")
	ctx := policy.Context{}
	ctx.Set(provider+":sub", "system:serviceaccount:ns:sa")
	ctx.Set(provider+":aud", "sts.amazonaws.com")
	sets := policy.Policies{Trust: &policy.Named{Type: policy.TrustPolicy, Document: doc}, ResourceAccount: benchAccount}
	request := policy.Request{Action: "sts:AssumeRoleWithWebIdentity", Context: ctx, Principal: policy.Principal{
		Account: benchAccount, Federated: "arn:aws:iam::" + benchAccount + ":oidc-provider/" + provider,
	}}
	b.ReportAllocs()
	for b.Loop() {
		if !policy.Evaluate(sets, request).Allowed {
			b.Fatal("refused")
		}
	}
}

// BenchmarkSignature is what the verification of one RS256 signature costs at least.
func BenchmarkSignature(b *testing.B) {
	key, err := oidc.GenerateKey("RS256", rand.Reader)
	if err != nil {
		b.Fatal(err)
	}
	sum := sha256.Sum256([]byte("message"))
	signature, err := key.Private.Sign(rand.Reader, sum[:], crypto.SHA256)
	if err != nil {
		b.Fatal(err)
	}
	public := key.Private.Public().(*rsa.PublicKey)
	for b.Loop() {
		if err := rsa.VerifyPKCS1v15(public, crypto.SHA256, sum[:], signature); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkHandler is AssumeRoleWithWebIdentity without the network: what the
// emulator itself adds to a server.
func BenchmarkHandler(b *testing.B) {
	emu := Start(b, Config{Given: []statefile.State{benchState(10, 1)}})
	forms := benchForms(b, emu, "arn:aws:iam::"+benchAccount+":role/role-7")
	header := http.Header{"Content-Type": {"application/x-www-form-urlencoded; charset=utf-8"}}
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		form := forms[i%len(forms)]
		i++
		w := &discarded{header: http.Header{}}
		emu.Handler().ServeHTTP(w, &http.Request{
			Method: http.MethodPost, URL: &url.URL{Path: "/"}, Host: "sts.us-west-2.amazonaws.com", Header: header,
			Body: io.NopCloser(strings.NewReader(form)), ContentLength: int64(len(form)),
		})
		if w.status != http.StatusOK {
			b.Fatalf("answered %d", w.status)
		}
	}
}

// discarded is an answer that nobody reads.
type discarded struct {
	header http.Header
	status int
}

func (d *discarded) Header() http.Header         { return d.header }
func (d *discarded) WriteHeader(status int)      { d.status = status }
func (d *discarded) Write(b []byte) (int, error) { return len(b), nil }
