package harness

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"sync"

	"github.com/irsa-emu/irsa-emu/control"
	"github.com/irsa-emu/irsa-emu/intercept"
)

// Intercept leads AWS's host names to the emulator, for a command that knows
// nothing else of AWS: in place of the endpoint variables of [Exec].
type Intercept struct {
	// Mode is intercept.Auto when empty.
	Mode intercept.Mode
	// Served are the hosts that the emulator serves: see intercept.Config.
	Served *regexp.Regexp
	// Helper is the command line of a program that calls [intercept.Enter]; without
	// one there is a proxy and nothing else.
	Helper []string
	// Advise hears what the user should know of how it went; nil does not.
	Advise func(string)

	config intercept.Config
}

// lead gives the command the environment that leads it to the emulator.
func (c *ExecConfig) lead(ctx context.Context, api *control.Client, dir string) error {
	environ := c.Env
	if environ == nil {
		environ = os.Environ()
	}
	if c.Intercept == nil {
		c.Env = Pointed(environ, api.URL, c.Region, dir)
		return nil
	}
	authority, err := api.Authority(ctx)
	if err != nil {
		return fmt.Errorf("who signs for AWS's host names: %w", err)
	}
	own := *c.Intercept // who gave it may give it again
	c.Intercept = &own
	own.config = intercept.Config{Mode: own.Mode, Emulator: api.URL, Served: own.Served, Authority: []byte(authority.Certificate), Dir: dir, Helper: own.Helper}
	if own.config.Mode == "" {
		own.config.Mode = intercept.Auto
	}
	c.Env = withoutProxy(settled(environ, c.Region, dir), api.URL)
	return nil
}

// start starts the command with exactly c.Env, and what leads it to the emulator
// by AWS's host names, which ends with end.
func (c *ExecConfig) start(ctx context.Context) (cmd *exec.Cmd, end func(code int) error, err error) {
	make := func(environ []string) *exec.Cmd {
		cmd := exec.CommandContext(ctx, c.Command[0], c.Command[1:]...)
		cmd.Env, cmd.Dir, cmd.Stdin, cmd.Stdout, cmd.Stderr = environ, c.Dir, c.Stdin, c.Stdout, c.Stderr
		cmd.Cancel = func() error { return terminate(cmd.Process) }
		cmd.WaitDelay = grace
		return cmd
	}
	if c.Intercept == nil {
		cmd = make(c.Env)
		return cmd, func(int) error { return nil }, cmd.Start()
	}
	config := c.Intercept.config
	config.Environ, config.Distrusted = c.Env, c.distrusted()
	running, err := intercept.Start(ctx, config, make)
	if err != nil {
		return nil, nil, err
	}
	return running.Cmd, func(code int) error {
		if code != 0 && running.Unasked() && c.Intercept.Advise != nil {
			c.Intercept.Advise(c.Command[0] + " has asked the proxy for none of AWS's hosts; a program that reads no HTTPS_PROXY needs --intercept=hosts, on Linux")
		}
		return running.Stop()
	}, nil
}

// distrusted tells the user, once for each host, that the command did not take the
// emulator for it: what it says itself is of a certificate at AWS.
func (c *ExecConfig) distrusted() func(host, reason string) {
	var said sync.Map
	return func(host, reason string) {
		if _, before := said.LoadOrStore(host, true); !before && c.Intercept.Advise != nil {
			c.Intercept.Advise(c.Command[0] + " broke off TLS with " + host + " (" + reason + "): it reads its authorities from none of the variables that exec sets (docs/intercept.md); if it has an option for them, give it the file that SSL_CERT_FILE names")
		}
	}
}
