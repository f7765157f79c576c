package etcdstore

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"
)

// Config says where the state is and how to get at it. Endpoints is required.
type Config struct {
	// Endpoints are the members of the etcd cluster, HOST:PORT each.
	Endpoints []string
	// Prefix is what every key begins with; a slash follows. The default is "irsa-emu". A user of etcd's authentication
	// needs to read and write what begins with it.
	Prefix string
	// TLS is how to connect; nil is without.
	TLS *tls.Config
	// Username and Password are those of etcd's authentication, empty without.
	Username, Password string
	// Timeout bounds each request. The default is 3 seconds.
	Timeout time.Duration
	// MaxRequestBytes and MaxTxnOps are etcd's flags of these names, here as there 1.5 MiB and 128 by default. More than the
	// servers were started with will not do; less is safe.
	MaxRequestBytes, MaxTxnOps int

	pace pace
}

// pace is how soon a Watch notices things.
type pace struct {
	// beat is how often etcd is asked whether it is there, and whether the watch has brought everything.
	beat time.Duration
	// silence is how long it may be without an answer, or the watch behind, until that is a fault.
	silence time.Duration
	// help is when a batch of another replica that is not finished is carried out from here.
	help time.Duration
}

func usualPace() pace {
	return pace{beat: time.Second, silence: 4 * time.Second, help: 3 * time.Second}
}

const (
	defaultPrefix          = "irsa-emu"
	defaultTimeout         = 3 * time.Second
	defaultMaxRequestBytes = 3 << 19
	defaultMaxTxnOps       = 128
)

// Parse reads an address such as etcd://10.0.0.1:2379,10.0.0.2:2379/irsa-emu?cacert=ca.pem. Of the options
//
//	cacert=FILE                 the authority of the servers' certificates; implies TLS
//	cert=FILE key=FILE          the client's certificate and key; imply TLS
//	tls=true                    TLS with the system's authorities
//	server-name=NAME            the name in the servers' certificates, where it is not the host's
//	username=NAME               of etcd's authentication
//	password-file=FILE          its password, without the line end; a password in an address would be seen by everybody
//	timeout=3s                  of each request
//	max-request-bytes=N         what the servers were started with
//	max-txn-ops=N               likewise
//
// the files are read now.
func Parse(address string) (Config, error) {
	config, err := parse(address)
	if err != nil {
		// Without the address, into which somebody may have written a password.
		return Config{}, fmt.Errorf("the address of an etcd store: %w", err)
	}
	return config, nil
}

func parse(address string) (Config, error) {
	rest, ok := strings.CutPrefix(address, "etcd://")
	if !ok {
		return Config{}, errors.New("an etcd store is written etcd://HOST:PORT[,HOST:PORT]/PREFIX")
	}
	rest, query, _ := strings.Cut(rest, "?")
	hosts, prefix, _ := strings.Cut(rest, "/")
	if strings.Contains(hosts, "@") {
		return Config{}, errors.New("name and password do not go here; use ?username=NAME&password-file=FILE")
	}
	config := Config{Prefix: strings.Trim(prefix, "/")}
	for host := range strings.SplitSeq(hosts, ",") {
		name, port, err := net.SplitHostPort(host)
		if err != nil || name == "" || port == "" {
			return Config{}, fmt.Errorf("%q is not HOST:PORT", host)
		}
		if _, err := strconv.ParseUint(port, 10, 16); err != nil {
			return Config{}, fmt.Errorf("the port of %s is not a number", name)
		}
		config.Endpoints = append(config.Endpoints, host)
	}
	options, err := url.ParseQuery(query)
	if err != nil {
		return Config{}, fmt.Errorf("its options: %w", err)
	}
	files := tlsFiles{}
	for name, values := range options {
		value := values[len(values)-1]
		var err error
		switch name {
		case "cacert":
			files.authority = value
		case "cert":
			files.certificate = value
		case "key":
			files.key = value
		case "server-name":
			files.serverName = value
		case "tls":
			files.system, err = strconv.ParseBool(value)
		case "username":
			config.Username = value
		case "password-file":
			var password []byte
			password, err = os.ReadFile(value)
			config.Password = strings.TrimRight(string(password), "\r\n")
		case "timeout":
			config.Timeout, err = time.ParseDuration(value)
		case "max-request-bytes":
			config.MaxRequestBytes, err = strconv.Atoi(value)
		case "max-txn-ops":
			config.MaxTxnOps, err = strconv.Atoi(value)
		default:
			err = errors.New("there is no such option")
		}
		if err != nil {
			return Config{}, fmt.Errorf("option %s: %w", name, err)
		}
	}
	if config.TLS, err = files.load(); err != nil {
		return Config{}, err
	}
	return config.complete()
}

type tlsFiles struct {
	authority, certificate, key, serverName string
	system                                  bool
}

func (f tlsFiles) load() (*tls.Config, error) {
	if f.authority == "" && f.certificate == "" && f.key == "" && !f.system {
		if f.serverName != "" {
			return nil, errors.New("option server-name: it is of no use without TLS")
		}
		return nil, nil
	}
	config := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: f.serverName}
	if f.authority != "" {
		pem, err := os.ReadFile(f.authority)
		if err != nil {
			return nil, fmt.Errorf("option cacert: %w", err)
		}
		config.RootCAs = x509.NewCertPool()
		if !config.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("option cacert: there is no certificate in %s", f.authority)
		}
	}
	if f.certificate != "" || f.key != "" {
		if f.certificate == "" || f.key == "" {
			return nil, errors.New("options cert and key go together")
		}
		pair, err := tls.LoadX509KeyPair(f.certificate, f.key)
		if err != nil {
			return nil, fmt.Errorf("options cert and key: %w", err)
		}
		config.Certificates = []tls.Certificate{pair}
	}
	return config, nil
}

// complete fills in defaults and refuses what cannot be.
func (c Config) complete() (Config, error) {
	if c.Prefix == "" {
		c.Prefix = defaultPrefix
	}
	if c.Timeout == 0 {
		c.Timeout = defaultTimeout
	}
	if c.MaxRequestBytes == 0 {
		c.MaxRequestBytes = defaultMaxRequestBytes
	}
	if c.MaxTxnOps == 0 {
		c.MaxTxnOps = defaultMaxTxnOps
	}
	if c.pace == (pace{}) {
		c.pace = usualPace()
	}
	switch {
	case len(c.Endpoints) == 0:
		return c, errors.New("no HOST:PORT is given")
	case c.Timeout < 0:
		return c, fmt.Errorf("a timeout of %v", c.Timeout)
	case c.MaxRequestBytes < 4*slack:
		return c, fmt.Errorf("max-request-bytes is %d, less than %d", c.MaxRequestBytes, 4*slack)
	case c.MaxTxnOps < 16:
		return c, fmt.Errorf("max-txn-ops is %d, less than 16", c.MaxTxnOps)
	case c.Username == "" && c.Password != "":
		return c, errors.New("a password without a username")
	}
	return c, nil
}
