package harness

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"time"

	"github.com/irsa-emu/irsa-emu/aws"
	"github.com/irsa-emu/irsa-emu/control"
)

// ExecConfig says what [Exec] runs, and as whom.
type ExecConfig struct {
	// URL is the emulator; ControlToken is its control token, if it wants one.
	URL, ControlToken string
	// ServiceAccount is NAMESPACE/NAME; Role the ARN in its annotation.
	ServiceAccount, Role string
	// PodIdentity, in place of Role, gives the command what EKS Pod Identity gives
	// the service account's pods; nil for a role by its annotation.
	PodIdentity *PodIdentity
	// Issuer is whose token; the emulator's choice when empty.
	Issuer string
	// Pod is the name of the pod that the token is bound to; none when empty.
	Pod string
	// Audience is sts.amazonaws.com when empty.
	Audience []string
	// ExpiresIn is the life of each token; 24 hours when zero, as on EKS.
	ExpiresIn time.Duration
	// Region is what AWS_REGION says; the emulator's when empty.
	Region string
	// Command is the program and its arguments.
	Command []string
	// Env is the environment to start from. As with os/exec, nil is this
	// process's. See [Dropped] for what the command does not get of it.
	Env []string
	// Dir is where the command runs; here when empty.
	Dir string
	// Standard streams; nil is the null device.
	Stdin          io.Reader
	Stdout, Stderr io.Writer
	// ForwardSignals passes this process's signals on to the command for as
	// long as it runs. Cancelling the context ends the command at any rate.
	ForwardSignals bool
	// Intercept leads AWS's host names to the emulator; nil sets the endpoint
	// variables, which newer programs read.
	Intercept *Intercept
	// Complain hears of tokens that could not be refreshed; nil does not.
	Complain func(error)

	token func(context.Context) (string, error) // another source of tokens
	more  []string                              // variables put over those of the webhook
}

// Exit codes of a command that could not be run, as shells give them.
const (
	exitNotExecutable = 126
	exitNotFound      = 127
	exitSignalled     = 128 // and the signal's number
)

// lookForChanges is how often exec looks whether the emulator's clock or keys
// have made its token useless.
const lookForChanges = time.Second

// Exec runs a command as if it ran in a pod of a service account that the pod
// identity webhook has seen: with the token file, which is replaced before the
// token expires, and the variables of the webhook, pointed at the emulator. It
// returns the command's own exit code; with an error, the command did not run
// and the code is 1, 126 or 127.
func Exec(ctx context.Context, c ExecConfig) (int, error) {
	if len(c.Command) == 0 {
		return 1, errors.New("no command; write it after --")
	}
	api := newControl(c.URL, c.ControlToken)
	defer api.HTTP.CloseIdleConnections()
	var cluster control.PodIdentity
	if c.PodIdentity != nil {
		var err error
		if cluster, err = c.placed(ctx, api); err != nil {
			return 1, err
		}
	}
	if c.Region == "" {
		var err error
		if c.Region, err = c.regionOf(ctx, api); err != nil {
			return 1, err
		}
	}
	keeper := TokenKeeper{Failed: func(err error, due bool) {
		if due && c.Complain != nil {
			c.Complain(err)
		}
	}}
	if c.token == nil {
		keeper.Look = lookForChanges
		c.token = func(ctx context.Context) (string, error) {
			return signToken(ctx, api, control.TokenRequest{
				Issuer: c.Issuer, ServiceAccount: c.ServiceAccount, Pod: c.Pod, Audience: c.Audience,
				ExpiresInSeconds: int64(c.ExpiresIn / time.Second),
			})
		}
	}
	token, err := c.token(ctx)
	if err != nil {
		return 1, err
	}
	dir, err := execFolder()
	if err != nil {
		return 1, err
	}
	defer os.RemoveAll(dir) // private to this run; nothing is lost if it stays
	name := "token"
	if c.PodIdentity != nil {
		name = aws.PodIdentityTokenFile
	}
	file, err := newTokenFile(filepath.Join(dir, "serviceaccount"), name, token)
	if err != nil {
		return 1, err
	}
	keeper.Request, keeper.Write = c.token, file.write
	refreshing, stop := context.WithCancel(ctx)
	var done sync.WaitGroup
	done.Go(func() { keeper.Keep(refreshing, token) })
	defer done.Wait()
	defer stop()
	if err := c.lead(ctx, api, dir); err != nil {
		return 1, err
	}
	if c.PodIdentity == nil {
		c.Env = append(c.Env, aws.EnvRoleARN+"="+c.Role, aws.EnvTokenFile+"="+file.Path(), "AWS_ROLE_SESSION_NAME="+sessionName())
		c.Env = append(c.Env, c.more...)
		return c.run(ctx)
	}
	node, err := c.startNode(ctx, api, cluster)
	if err != nil {
		return 1, err
	}
	defer node.stop()
	if err := node.first(ctx, token); err != nil {
		return 1, err
	}
	c.Env = withoutProxy(append(c.Env, aws.EnvAgentURI+"="+node.url, aws.EnvAgentTokenFile+"="+file.Path()), node.url)
	c.Env = append(c.Env, c.more...)
	return c.run(ctx)
}

// regionOf is the emulator's region, or one of the partition of the role's account.
func (c *ExecConfig) regionOf(ctx context.Context, api *control.Client) (string, error) {
	where, err := api.Info(ctx)
	if err != nil {
		return "", err
	}
	return aws.RegionFor(c.Role, where.Region), nil
}

func execFolder() (string, error) {
	dir, err := os.MkdirTemp("", "irsa-emu-exec-")
	if err != nil {
		return "", fmt.Errorf("folder for the token: %w", err)
	}
	if err := NoProfiles(dir); err != nil {
		return "", errors.Join(err, os.RemoveAll(dir))
	}
	return dir, nil
}

// sessionName is another one each time. The webhook sets none; but the aws
// command line keeps a role's credentials in ~/.aws/cli/cache, under a name made
// from role and given session name alone (botocore,
// BaseAssumeRoleCredentialFetcher._create_cache_key). A pod has a home of its
// own. Here, without a name, those of an emulator that is gone would be used, or of AWS,
// and those of this emulator later on AWS.
func sessionName() string { return "irsa-emu-exec-" + rand.Text()[:12] }

// grace is how long a command may take to end after it was asked to.
const grace = 10 * time.Second

// run starts the command with exactly c.Env.
func (c *ExecConfig) run(ctx context.Context) (int, error) {
	pass := func(*os.Process) (stop func()) { return func() {} }
	if c.ForwardSignals {
		pass = catchSignals() // before there is a command that could outlive us
	}
	cmd, end, err := c.start(ctx)
	if err != nil {
		pass(nil)()
		return codeOf(err), err
	}
	defer pass(cmd.Process)()
	err = cmd.Wait()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		return 1, errors.Join(fmt.Errorf("running %s: %w", c.Command[0], err), end(1))
	}
	code := cmd.ProcessState.ExitCode()
	if n := signalOf(cmd.ProcessState); n > 0 {
		code = exitSignalled + n
	}
	return code, end(code)
}

// codeOf is the exit code of a command that could not be started.
func codeOf(err error) int {
	var path *fs.PathError
	switch {
	case errors.Is(err, exec.ErrNotFound), errors.Is(err, fs.ErrNotExist):
		return exitNotFound
	case errors.As(err, &path):
		return exitNotExecutable
	}
	return 1
}
