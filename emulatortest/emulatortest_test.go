package emulatortest_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"go.uber.org/goleak"

	"github.com/irsa-emu/irsa-emu/control"
	"github.com/irsa-emu/irsa-emu/emulator"
	"github.com/irsa-emu/irsa-emu/emulatortest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// fakeT is a test as Start sees it: examples have none, and tests of failures
// must not fail.
type fakeT struct {
	testing.TB
	failed   bool
	log      strings.Builder
	cleanups []func()
}

func newT() *fakeT { return &fakeT{} }

func (t *fakeT) Helper()          {}
func (t *fakeT) Failed() bool     { return t.failed }
func (t *fakeT) Cleanup(f func()) { t.cleanups = append(t.cleanups, f) }
func (t *fakeT) Logf(format string, args ...any) {
	fmt.Fprintf(&t.log, format+"\n", args...)
}
func (t *fakeT) Errorf(format string, args ...any) {
	t.failed = true
	t.Logf(format, args...)
}

func (t *fakeT) Fatalf(format string, args ...any) {
	t.Errorf(format, args...)
	panic(t)
}

func (t *fakeT) end() {
	for i := len(t.cleanups) - 1; i >= 0; i-- {
		t.cleanups[i]()
	}
}

// failing is what a test says that ends itself.
func failing(do func(t *fakeT)) (says string) {
	t := newT()
	defer func() {
		if p := recover(); p != nil && p != any(t) {
			panic(p)
		}
		t.end()
		says = t.log.String()
	}()
	do(t)
	return ""
}

// The configuration that a program loads itself is the pod's, too.
func TestPodEnv(t *testing.T) {
	emu := emulatortest.Start(t, emulatortest.State("testdata"), emulatortest.Region("us-west-2"))
	for name, value := range emu.PodEnv(t.Context(), "your-namespace/your-service-account", role) {
		t.Setenv(name, value)
	}
	t.Setenv("AWS_CA_BUNDLE", "") // it wants a client of the SDK's own
	loaded, err := config.LoadDefaultConfig(t.Context(), config.WithHTTPClient(control.HTTP()))
	if err != nil {
		t.Fatal(err)
	}
	out, err := sts.NewFromConfig(loaded).GetCallerIdentity(t.Context(), &sts.GetCallerIdentityInput{})
	if err != nil {
		t.Fatal(err)
	}
	if arn := aws.ToString(out.Arn); !strings.HasPrefix(arn, "arn:aws:sts::111122223333:assumed-role/app/") {
		t.Error(arn)
	}
	if loaded.Region != "us-west-2" {
		t.Error(loaded.Region)
	}
	loaded.HTTPClient.(interface{ CloseIdleConnections() }).CloseIdleConnections()
}

func TestAccountConfig(t *testing.T) {
	emu := emulatortest.Start(t, emulatortest.Config(func(c *emulator.Config) { c.AdminSecret = "s3cr3t" }))
	for _, c := range []struct {
		config aws.Config
		want   string
	}{{emu.AWSConfig(), "111122223333"}, {emu.AccountConfig("444455556666"), "444455556666"}} {
		out, err := sts.NewFromConfig(c.config).GetCallerIdentity(t.Context(), &sts.GetCallerIdentityInput{})
		if err != nil || aws.ToString(out.Account) != c.want {
			t.Errorf("%v %v, want %s", out, err, c.want)
		}
	}
}

// The region is one of the account's partition, and a pod's of its role's.
func TestRegionOfThePartition(t *testing.T) {
	emu := emulatortest.Start(t, emulatortest.Region("us-west-2"), emulatortest.Document(`
apiVersion: irsa-emu.dev/v1
kind: State
accounts:
  "111122223333": {partition: aws-us-gov}
  "222233334444": {partition: aws-cn}
  "333344445555": {partition: aws}
`))
	pod := func(role string) string { return emu.PodConfig(t.Context(), "ns/app", role).Region }
	for what, c := range map[string]struct{ got, want string }{
		"the default account":       {emu.AWSConfig().Region, "us-gov-west-1"},
		"an account in China":       {emu.AccountConfig("222233334444").Region, "cn-north-1"},
		"a pod of that":             {pod("arn:aws-cn:iam::222233334444:role/app"), "cn-north-1"},
		"its environment":           {emu.PodEnv(t.Context(), "ns/app", "arn:aws-cn:iam::222233334444:role/app")["AWS_REGION"], "cn-north-1"},
		"an account of the region":  {emu.AccountConfig("333344445555").Region, "us-west-2"},
		"a pod of the other region": {pod("arn:aws-us-gov:iam::111122223333:role/app"), "us-gov-west-1"},
	} {
		if c.got != c.want {
			t.Errorf("%s: %s, want %s", what, c.got, c.want)
		}
	}
}

// A failed test's log says why calls were refused.
func TestRefusalsAreExplained(t *testing.T) {
	says := failing(func(t *fakeT) {
		emu := emulatortest.Start(t, emulatortest.State("testdata/state.yaml"))
		_, err := emu.PodConfig(context.Background(), "other/app", role).Credentials.Retrieve(context.Background())
		if err != nil {
			t.Errorf("%v", err)
		}
	})
	for _, want := range []string{"irsa-emu refused a call", "system:serviceaccount:other:app", "system:serviceaccount:your-namespace:your-service-account"} {
		if !strings.Contains(says, want) {
			t.Errorf("it does not say %q:\n%s", want, says)
		}
	}
}

func TestMistakesEndTheTest(t *testing.T) {
	at := emulatortest.At(time.Now())
	for want, do := range map[string]func(t *fakeT){
		`testdata/missing.yaml`: func(t *fakeT) { emulatortest.Start(t, at, emulatortest.State("testdata/missing.yaml")) },
		`state:1:1: apiVersion`: func(t *fakeT) { emulatortest.Start(t, emulatortest.Document("kind: State")) },
		`option 2 is nil`:       func(t *fakeT) { emulatortest.Start(t, at, nil) },
		`region "nowhere!"`:     func(t *fakeT) { emulatortest.Start(t, emulatortest.Region("nowhere!")) },
		`propagation delay -1s`: func(t *fakeT) {
			emulatortest.Start(t, emulatortest.Config(func(c *emulator.Config) { c.PropagationDelay = -time.Second }))
		},
		`max object size -1`: func(t *fakeT) {
			emulatortest.Start(t, emulatortest.Config(func(c *emulator.Config) { c.MaxObjectSize = -1 }))
		},
		`fault: nothing to do`: func(t *fakeT) { emulatortest.Start(t, emulatortest.Fault(control.FaultRequest{})) },
		`service account "app": write NAMESPACE/NAME`: func(t *fakeT) {
			emulatortest.Start(t).PodConfig(context.Background(), "app", role)
		},
		`role "app": write its ARN`: func(t *fakeT) { emulatortest.Start(t).PodConfig(context.Background(), "a/b", "app") },
	} {
		if says := failing(do); !strings.Contains(says, want) {
			t.Errorf("it says %q, not %q", says, want)
		}
	}
}
