//go:build replicas

package main

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"
)

// etcdCluster is a real etcd of three members, each a process on a host of its own, with TLS, client certificates and
// authentication.
type etcdCluster struct {
	folder  string
	binary  string
	members []*etcdMember
	admin   *clientv3.Client
}

type etcdMember struct {
	*host
	cluster *etcdCluster
	cmd     *exec.Cmd
	log     *lockedBuffer
}

const etcdPassword = "a password"

func newEtcd(t *testing.T) *etcdCluster {
	t.Helper()
	c := &etcdCluster{folder: t.TempDir(), binary: os.Getenv("ETCD_BINARY")}
	for i := range 3 {
		c.members = append(c.members, &etcdMember{host: newHost(t, fmt.Sprint("etcd", i+1), 11+i, false), cluster: c, log: &lockedBuffer{}})
	}
	c.certificates(t)
	if err := os.WriteFile(c.file("password"), []byte(etcdPassword+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, m := range c.members {
		m.start(t)
	}
	c.admin = c.client(t, "", "")
	c.authentication(t)
	c.admin.Close()
	c.admin = c.client(t, "root", etcdPassword)
	t.Cleanup(func() { c.admin.Close() })
	return c
}

func (c *etcdCluster) file(name string) string { return filepath.Join(c.folder, name) }

// store is the address for --store.
func (c *etcdCluster) store() string {
	return "etcd://" + strings.Join(c.endpoints(), ",") + "/irsa-emu?cacert=" + c.file("ca.pem") + "&cert=" + c.file("client.pem") +
		"&key=" + c.file("client-key.pem") + "&username=irsa-emu&password-file=" + c.file("password")
}

func (c *etcdCluster) endpoints() (list []string) {
	for _, m := range c.members {
		list = append(list, m.address+":2379")
	}
	return list
}

func (m *etcdMember) start(t *testing.T) {
	t.Helper()
	var initial []string
	for _, other := range m.cluster.members {
		initial = append(initial, other.name+"=http://"+other.address+":2380")
	}
	file := m.cluster.file
	line := append(m.prefix(), m.cluster.binary, "--name", m.name, "--data-dir", file(m.name), "--log-level", "error",
		"--listen-client-urls", "https://"+m.address+":2379", "--advertise-client-urls", "https://"+m.address+":2379",
		"--listen-peer-urls", "http://"+m.address+":2380", "--initial-advertise-peer-urls", "http://"+m.address+":2380",
		"--initial-cluster", strings.Join(initial, ","), "--cert-file", file("server.pem"), "--key-file", file("server-key.pem"),
		"--trusted-ca-file", file("ca.pem"), "--client-cert-auth", "--enable-grpc-gateway=false")
	m.cmd = exec.Command(line[0], line[1:]...)
	m.cmd.Stdout, m.cmd.Stderr = m.log, m.log
	if err := m.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.kill)
}

// kill is SIGKILL; killing twice does nothing.
func (m *etcdMember) kill() {
	if m.cmd.ProcessState == nil {
		_ = m.cmd.Process.Kill()
		_ = m.cmd.Wait() // "signal: killed" is what is wanted
	}
}

func (c *etcdCluster) tls(t *testing.T) *tls.Config {
	t.Helper()
	authority, err := os.ReadFile(c.file("ca.pem"))
	if err != nil {
		t.Fatal(err)
	}
	pair, err := tls.LoadX509KeyPair(c.file("client.pem"), c.file("client-key.pem"))
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(authority)
	return &tls.Config{RootCAs: roots, Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12}
}

func (c *etcdCluster) client(t *testing.T, user, password string) *clientv3.Client {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(200 * time.Millisecond) {
		client, err := clientv3.New(clientv3.Config{
			Endpoints: c.endpoints(), TLS: c.tls(t), Username: user, Password: password, DialTimeout: 5 * time.Second, Logger: zap.NewNop(),
		})
		if err == nil {
			ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
			_, err = client.Get(ctx, "irsa-emu")
			cancel()
			if err == nil {
				return client
			}
			client.Close()
		}
		if time.Now().After(deadline) {
			t.Fatalf("etcd does not answer: %v\n%s", err, c.members[0].log)
		}
	}
}

// authentication makes a user that may do what irsa-emu needs, and no more.
func (c *etcdCluster) authentication(t *testing.T) {
	t.Helper()
	ctx, admin := t.Context(), c.admin
	steps := []func() error{
		func() error { _, err := admin.UserAdd(ctx, "root", etcdPassword); return err },
		func() error { _, err := admin.UserGrantRole(ctx, "root", "root"); return err },
		func() error { _, err := admin.RoleAdd(ctx, "irsa-emu"); return err },
		func() error {
			_, err := admin.RoleGrantPermission(ctx, "irsa-emu", "irsa-emu", clientv3.GetPrefixRangeEnd("irsa-emu"), clientv3.PermissionType(clientv3.PermReadWrite))
			return err
		},
		func() error { _, err := admin.UserAdd(ctx, "irsa-emu", etcdPassword); return err },
		func() error { _, err := admin.UserGrantRole(ctx, "irsa-emu", "irsa-emu"); return err },
		func() error { _, err := admin.AuthEnable(ctx); return err },
	}
	for i, step := range steps {
		if err := step(); err != nil {
			t.Fatalf("etcd's authentication, step %d: %v", i+1, err)
		}
	}
}

// leader is the member that leads.
func (c *etcdCluster) leader(t *testing.T) *etcdMember {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(100 * time.Millisecond) {
		for _, m := range c.members {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			status, err := c.admin.Status(ctx, m.address+":2379")
			cancel()
			if err == nil && status.Leader != 0 && status.Leader == status.Header.MemberId {
				return m
			}
		}
	}
	t.Fatal("etcd has no leader")
	return nil
}

// certificates are an authority, one for the servers and one for clients.
func (c *etcdCluster) certificates(t *testing.T) {
	t.Helper()
	ca := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test authority"}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}
	caKey := c.certificate(t, "ca", ca, ca, nil)
	usages := []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}
	server := &x509.Certificate{SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "etcd"}, ExtKeyUsage: usages}
	for _, m := range c.members {
		server.IPAddresses = append(server.IPAddresses, net.ParseIP(m.address))
	}
	c.certificate(t, "server", server, ca, caKey)
	c.certificate(t, "client", &x509.Certificate{SerialNumber: big.NewInt(3), Subject: pkix.Name{CommonName: "client"}, ExtKeyUsage: usages}, ca, caKey)
}

func (c *etcdCluster) certificate(t *testing.T, name string, template, parent *x509.Certificate, parentKey *ecdsa.PrivateKey) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	if parentKey == nil {
		parentKey = key
	}
	template.NotBefore, template.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), parentKey)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for suffix, block := range map[string]*pem.Block{".pem": {Type: "CERTIFICATE", Bytes: der}, "-key.pem": {Type: "PRIVATE KEY", Bytes: private}} {
		var content bytes.Buffer
		if err := pem.Encode(&content, block); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(c.file(name+suffix), content.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return key
}
