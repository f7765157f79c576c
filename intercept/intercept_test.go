package intercept_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"

	"github.com/irsa-emu/irsa-emu/control"
	"github.com/irsa-emu/irsa-emu/emulator"
	"github.com/irsa-emu/irsa-emu/intercept"
)

// TestMain is the helper and the command, too: both are this program, started again.
func TestMain(m *testing.M) {
	switch os.Getenv("INTERCEPT_TEST") {
	case "":
		os.Exit(m.Run())
	default:
		if len(os.Args) > 1 && os.Args[1] == "enter" {
			fmt.Fprintln(os.Stderr, intercept.Enter(os.Args[2:]))
			os.Exit(1)
		}
		os.Exit(ask(os.Args[1:]))
	}
}

// ask is a program that knows hosts by their names, and prints what they say.
func ask(urls []string) int {
	for _, url := range urls {
		answer, err := http.Get(url)
		if err != nil {
			fmt.Println(url, err)
			return 3
		}
		body, err := io.ReadAll(io.LimitReader(answer.Body, 4<<10))
		answer.Body.Close()
		if err != nil {
			return 4
		}
		fmt.Println(url, answer.StatusCode, strings.ReplaceAll(string(body), "\n", " "))
	}
	return 0
}

// run runs this program's ask, and returns what it prints.
func run(t *testing.T, mode intercept.Mode, emulatorURL string, environ []string, urls ...string) (*intercept.Running, string) {
	t.Helper()
	authority, err := (&control.Client{URL: emulatorURL}).Authority(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	running, err := intercept.Start(t.Context(), intercept.Config{Served: served,
		Mode: mode, Emulator: emulatorURL, Authority: []byte(authority.Certificate), Dir: t.TempDir(),
		Environ: append([]string{"INTERCEPT_TEST=1", "PATH=" + os.Getenv("PATH")}, environ...), Helper: []string{os.Args[0], "enter"},
	}, func(environ []string) *exec.Cmd {
		cmd := exec.CommandContext(context.Background(), os.Args[0], urls...)
		cmd.Env, cmd.Stdout, cmd.Stderr = environ, &out, &out
		return cmd
	})
	if impossible := (*intercept.Impossible)(nil); errors.As(err, &impossible) && strings.Contains(impossible.Why, "not permitted") {
		t.Skip(impossible)
	}
	if err != nil {
		t.Fatal(err)
	}
	err = running.Cmd.Wait()
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		t.Error(err)
	}
	if err := running.Stop(); err != nil {
		t.Error(err)
	}
	return running, out.String()
}

const identity = "/?Action=GetCallerIdentity&Version=2011-06-15"

// In every mode a program reaches the emulator as AWS's hosts, by TLS and without,
// and other hosts and loopback as ever.
func TestModes(t *testing.T) {
	emu := emulator.Start(t, emulator.Config{Region: "us-west-2"})
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "another host ", r.Host) }))
	defer other.Close()
	for _, mode := range intercept.Modes {
		t.Run(string(mode), func(t *testing.T) {
			if mode != intercept.Proxy && runtime.GOOS != "linux" {
				t.Skip("host names of its own are Linux's")
			}
			running, out := run(t, mode, emu.URL, nil, "https://sts.us-west-2.amazonaws.com"+identity, "https://never-seen.s3.dualstack.us-west-2.amazonaws.com/k",
				"http://never-seen.s3.us-west-2.amazonaws.com/k", "https://dynamodb.us-west-2.amazonaws.com/", other.URL+"/", emu.URL+"/healthz")
			for _, want := range []string{
				identity + " 403 ", "MissingAuthenticationToken", "https://never-seen.s3.dualstack.us-west-2.amazonaws.com/k 404 ", "<BucketName>never-seen</BucketName>",
				"http://never-seen.s3.us-west-2.amazonaws.com/k 404 ", "https://dynamodb.us-west-2.amazonaws.com/ ", "another host 127.0.0.1:", "/healthz 200 ok",
			} {
				if !strings.Contains(out, want) {
					t.Errorf("no %q in\n%s", want, out)
				}
			}
			if mode != intercept.Auto && running.Mode != mode || running.Unasked() {
				t.Errorf("it ran by %s, unasked: %v", running.Mode, running.Unasked())
			}
		})
	}
}

// A proxy that the shell names still has what it had, but for AWS's hosts.
func TestBehindProxy(t *testing.T) {
	emu := emulator.Start(t, emulator.Config{})
	var asked []string
	before := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.Method+" "+r.Host)
		http.Error(w, "the company's proxy", http.StatusTeapot)
	}))
	defer before.Close()
	for _, mode := range []intercept.Mode{intercept.Proxy, intercept.Auto} {
		asked = nil
		_, out := run(t, mode, emu.URL, []string{"HTTPS_PROXY=" + before.URL, "http_proxy=" + before.URL, "NO_PROXY=.amazonaws.com"},
			"https://sts.amazonaws.com"+identity, "http://plain.example/", "https://secure.example/")
		if !strings.Contains(out, "MissingAuthenticationToken") || !strings.Contains(out, "http://plain.example/ 418 the company's proxy") || !strings.Contains(out, "secure.example") {
			t.Errorf("%s: %s", mode, out)
		}
		if want := []string{"GET plain.example", "CONNECT secure.example:443"}; strings.Join(asked, ",") != strings.Join(want, ",") {
			t.Errorf("%s: the company's proxy was asked %q", mode, asked)
		}
	}
}

// What cannot be run says so as without all this, whatever runs it.
func TestCannotRun(t *testing.T) {
	emu := emulator.Start(t, emulator.Config{})
	text := filepath.Join(t.TempDir(), "text")
	if err := os.WriteFile(text, []byte("no program"), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, mode := range intercept.Modes {
		for program, want := range map[string]error{"/no/such/program": os.ErrNotExist, t.TempDir(): os.ErrPermission} {
			_, err := intercept.Start(t.Context(), intercept.Config{Served: served, Mode: mode, Emulator: emu.URL, Environ: []string{"INTERCEPT_TEST=1"}, Dir: t.TempDir(), Helper: []string{os.Args[0], "enter"}},
				func(environ []string) *exec.Cmd {
					cmd := exec.Command(program)
					cmd.Env = environ
					return cmd
				})
			if !errors.Is(err, want) && !strings.Contains(fmt.Sprint(err), "--intercept=proxy") {
				t.Errorf("%s, %s: %v", mode, program, err)
			}
		}
	}
}

// A command that asks the proxy for nothing of AWS's is one that does not read HTTPS_PROXY, or has no need to.
func TestUnasked(t *testing.T) {
	emu := emulator.Start(t, emulator.Config{})
	if running, out := run(t, intercept.Proxy, emu.URL, nil, emu.URL+"/healthz"); !running.Unasked() {
		t.Errorf("the proxy was asked: %s", out)
	}
}

// A program that reads its authorities from elsewhere is told of.
func TestDistrusted(t *testing.T) {
	emu := emulator.Start(t, emulator.Config{})
	said := make(chan string, 8)
	running, err := intercept.Start(t.Context(), intercept.Config{Served: served,
		Mode: intercept.Proxy, Emulator: emu.URL, Environ: []string{"INTERCEPT_TEST=1"}, Dir: t.TempDir(), // without the emulator's authority
		Distrusted: func(host, reason string) { said <- host + ": " + reason },
	}, func(environ []string) *exec.Cmd {
		cmd := exec.Command(os.Args[0], "https://sts.us-west-2.amazonaws.com/")
		cmd.Env = environ
		return cmd
	})
	if err != nil {
		t.Fatal(err)
	}
	_ = running.Cmd.Wait() // it fails
	if err := running.Stop(); err != nil {
		t.Error(err)
	}
	select {
	case got := <-said:
		if !strings.HasPrefix(got, "sts.us-west-2.amazonaws.com: ") {
			t.Error(got)
		}
	default:
		t.Error("nothing is said")
	}
}

var served = regexp.MustCompile(emulator.HostPattern())

func TestIntercepts(t *testing.T) {
	for _, host := range []string{
		"sts.amazonaws.com", "STS.us-west-2.amazonaws.com.", "bucket.s3.amazonaws.com", "a.b.s3.dualstack.eu-west-1.amazonaws.com", "s3.cn-north-1.amazonaws.com.cn",
		"dynamodb.us-east-1.amazonaws.com", "route53.amazonaws.com", "api.ecr.us-east-1.amazonaws.com", "lambda.us-east-1.api.aws", "ec2.us-gov-west-1.amazonaws.com",
		"kms-fips.us-west-2.amazonaws.com", "eks-auth.us-west-2.api.aws",
	} {
		if !intercept.Intercepts(host, served) {
			t.Errorf("%s goes to AWS", host)
		}
	}
	for _, host := range []string{
		"", "example.com", "amazonaws.com", "aws.amazon.com", "sts.amazonaws.com.example.com", "checkip.amazonaws.com", "ip-ranges.amazonaws.com",
		"0123456789ABCDEF.gr7.us-west-2.eks.amazonaws.com", "123456789012.dkr.ecr.us-west-2.amazonaws.com", "db.abc.us-west-2.rds.amazonaws.com",
		"lb-1.us-east-1.elb.amazonaws.com", "ec2-1-2-3-4.compute-1.amazonaws.com", "127.0.0.1", "localhost",
	} {
		if intercept.Intercepts(host, served) {
			t.Errorf("%s goes to the emulator", host)
		}
	}
}
