// SPDX-License-Identifier: Apache-2.0

// Package irsaemu runs irsa-emu in a container, for tests with Testcontainers.
//
//	emu, err := irsaemu.Run(ctx, "irsa-emu", irsaemu.WithState("testdata/state.yaml"))
//	testcontainers.CleanupContainer(t, emu)
//	config, err := emu.PodConfig(ctx, "payments/api", "arn:aws:iam::111122223333:role/payments")
//
// In a test that can do without a container, package emulatortest of irsa-emu
// starts an emulator in the test's own process.
package irsaemu

import (
	"context"
	"crypto/rand"
	"fmt"
	"io/fs"
	"path"
	"path/filepath"
	"strings"

	"github.com/testcontainers/testcontainers-go"
	"github.com/testcontainers/testcontainers-go/wait"
)

const port = "4772/tcp"

// Container is a running irsa-emu.
type Container struct {
	testcontainers.Container
	// ControlToken opens the control API, which asks for one beyond loopback.
	ControlToken string
}

// Run starts irsa-emu from an image, such as the one that `docker build` makes
// in a checkout of irsa-emu. Its state is in memory. When an error is returned
// the container may be there too: give both to testcontainers.CleanupContainer.
func Run(ctx context.Context, image string, opts ...testcontainers.ContainerCustomizer) (*Container, error) {
	token := rand.Text()
	options := append([]testcontainers.ContainerCustomizer{
		testcontainers.WithExposedPorts(port),
		testcontainers.WithCmd("serve"),
		testcontainers.WithEnv(map[string]string{"IRSA_EMU_CONTROL_TOKEN": token}),
		testcontainers.WithWaitStrategy(wait.ForHTTP("/readyz").WithPort(port)),
	}, opts...)
	container, err := testcontainers.Run(ctx, image, options...)
	var c *Container
	if container != nil {
		c = &Container{Container: container, ControlToken: token}
	}
	if err != nil {
		return c, fmt.Errorf("starting irsa-emu from image %s: %w", image, err)
	}
	return c, nil
}

// WithState is state to start from: files or folders of whatever
// `irsa-emu serve --given` takes. A State document that names other files is
// given as the folder that holds them all.
func WithState(paths ...string) testcontainers.CustomizeRequestOption {
	return func(req *testcontainers.GenericContainerRequest) error {
		for _, p := range paths {
			absolute, err := filepath.Abs(p)
			if err != nil {
				return fmt.Errorf("state: %w", err)
			}
			parent := fmt.Sprintf("/given-%d", len(req.Files))
			err = filepath.WalkDir(absolute, func(file string, d fs.DirEntry, err error) error {
				if err != nil || d.IsDir() {
					return err
				}
				inside, err := filepath.Rel(filepath.Dir(absolute), file)
				// The emulator's user in the image owns none of these files.
				req.Files = append(req.Files, testcontainers.ContainerFile{HostFilePath: file, ContainerFilePath: path.Join(parent, filepath.ToSlash(inside)), FileMode: 0o444})
				return err
			})
			if err != nil {
				return fmt.Errorf("state: %w", err)
			}
			req.Cmd = append(req.Cmd, "--given", path.Join(parent, filepath.Base(absolute)))
		}
		return nil
	}
}

// WithArgs is further flags of `irsa-emu serve`, such as "--region", "eu-west-1".
func WithArgs(args ...string) testcontainers.CustomizeRequestOption {
	return testcontainers.WithCmdArgs(args...)
}

// URL is where the emulator is for programs on this machine.
func (c *Container) URL(ctx context.Context) (string, error) {
	return c.PortEndpoint(ctx, port, "http")
}

// tokenFile is where the pod identity webhook mounts a pod's token.
const tokenFile = "/var/run/secrets/eks.amazonaws.com/serviceaccount/token"

// Pod makes another container a pod of a service account, NAMESPACE/NAME, whose
// annotation names a role: a token for 24 hours, the variables that the pod
// identity webhook sets, and the emulator's address among the containers. Both
// must share a network; the default one of the engine does.
func (c *Container) Pod(ctx context.Context, serviceAccount, roleARN string) (testcontainers.CustomizeRequestOption, error) {
	if err := checkPod(serviceAccount, roleARN); err != nil {
		return nil, err
	}
	token, err := c.Token(ctx, serviceAccount)
	if err != nil {
		return nil, err
	}
	info, err := c.info(ctx)
	if err != nil {
		return nil, err
	}
	ip, err := c.ContainerIP(ctx)
	if err != nil {
		return nil, fmt.Errorf("asking for the address of irsa-emu's container: %w", err)
	}
	url := "http://" + ip + ":4772"
	return func(req *testcontainers.GenericContainerRequest) error {
		env := testcontainers.WithEnv(map[string]string{
			"AWS_ROLE_ARN": roleARN, "AWS_WEB_IDENTITY_TOKEN_FILE": tokenFile,
			"AWS_REGION": info.Region, "AWS_DEFAULT_REGION": info.Region, "AWS_STS_REGIONAL_ENDPOINTS": "regional",
			"AWS_ENDPOINT_URL": url, "AWS_ENDPOINT_URL_STS": url, "AWS_EC2_METADATA_DISABLED": "true",
		})
		if err := env.Customize(req); err != nil {
			return err
		}
		file := testcontainers.ContainerFile{Reader: strings.NewReader(token), ContainerFilePath: tokenFile, FileMode: 0o444}
		return testcontainers.WithFiles(file).Customize(req)
	}, nil
}
