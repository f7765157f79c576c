// Command vault is a real Vault server in memory, made of Vault's own packages:
// the AWS auth method and the key/value engine, and nothing else, because the
// whole vault command takes every plugin of HashiCorp's with it. It prints its
// address and its root token on one line and serves until its input ends.
//
// With the command line of a development server, vault server -dev
// -dev-listen-address=… -dev-root-token-id=…, it stands in for one in a pod,
// and serves until it is told to stop.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"os/signal"
	"slices"
	"syscall"

	"github.com/hashicorp/go-hclog"
	kv "github.com/hashicorp/vault-plugin-secrets-kv"
	aws "github.com/hashicorp/vault/builtin/credential/aws"
	"github.com/hashicorp/vault/helper/namespace"
	vaulthttp "github.com/hashicorp/vault/http"
	"github.com/hashicorp/vault/internalshared/configutil"
	"github.com/hashicorp/vault/sdk/helper/consts"
	"github.com/hashicorp/vault/sdk/logical"
	"github.com/hashicorp/vault/sdk/physical/inmem"
	"github.com/hashicorp/vault/vault"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	address, token := "127.0.0.1:0", ""
	if len(os.Args) > 1 && os.Args[1] == "version" {
		fmt.Println("Vault's packages")
		return
	}
	if len(os.Args) > 1 && os.Args[1] == "server" {
		flags := flag.NewFlagSet("server", flag.ExitOnError)
		flags.Bool("dev", true, "there is nothing else here")
		flags.StringVar(&address, "dev-listen-address", "127.0.0.1:8200", "")
		flags.StringVar(&token, "dev-root-token-id", "root", "")
		_ = flags.Parse(os.Args[2:]) // it exits
	}
	if err := serve(ctx, address, token); err != nil {
		log.Fatal(err)
	}
}

// serve runs until the context ends or, without a token of its own, the input.
func serve(ctx context.Context, address, token string) error {
	logger := hclog.New(&hclog.LoggerOptions{Name: "vault", Output: os.Stderr, Level: hclog.Warn})
	storage, err := inmem.NewInmem(nil, logger)
	if err != nil {
		return fmt.Errorf("opening the storage: %w", err)
	}
	core, err := vault.NewCore(&vault.CoreConfig{
		Physical:           storage,
		Logger:             logger,
		DisableMlock:       true,
		LogicalBackends:    map[string]logical.Factory{"kv": kv.Factory},
		CredentialBackends: map[string]logical.Factory{"aws": aws.Factory},
		BuiltinRegistry:    registry{consts.PluginTypeCredential: {"aws"}, consts.PluginTypeSecrets: {"kv"}},
	})
	if err != nil {
		return fmt.Errorf("making the core: %w", err)
	}
	made, err := core.Initialize(ctx, &vault.InitParams{BarrierConfig: &vault.SealConfig{SecretShares: 1, SecretThreshold: 1}, RecoveryConfig: &vault.SealConfig{}})
	if err != nil {
		return fmt.Errorf("initialising: %w", err)
	}
	if unsealed, err := core.Unseal(made.SecretShares[0]); err != nil || !unsealed {
		return fmt.Errorf("unsealing: %t, %w", unsealed, err)
	}
	root := made.RootToken
	if token != "" {
		answer, err := core.HandleRequest(namespace.RootContext(ctx), &logical.Request{
			Operation: logical.UpdateOperation, Path: "auth/token/create", ClientToken: root,
			Data: map[string]any{"id": token, "policies": []string{"root"}, "no_parent": true},
		})
		if err != nil || answer.IsError() {
			return fmt.Errorf("making the root token: %v, %w", answer, err)
		}
		root = token
	}
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return fmt.Errorf("listening: %w", err)
	}
	handler := vaulthttp.Handler.Handler(&vault.HandlerProperties{Core: core, ListenerConfig: &configutil.Listener{}})
	fmt.Printf("http://%s %s\n", listener.Addr(), root)
	ended := context.AfterFunc(ctx, func() { listener.Close() })
	defer ended()
	go func() {
		if token != "" {
			return // a pod has no input
		}
		io.Copy(io.Discard, os.Stdin)
		core.ShutdownWait()
		listener.Close()
	}()
	_ = http.Serve(listener, handler) // until the listener is closed, as above
	return nil
}

// registry names the plugins that are part of this binary, by type.
type registry map[consts.PluginType][]string

func (r registry) Contains(name string, kind consts.PluginType) bool {
	return slices.Contains(r[kind], name)
}

func (r registry) Get(name string, kind consts.PluginType) (func() (any, error), bool) {
	factories := map[string]logical.Factory{"aws": aws.Factory, "kv": kv.Factory}
	return func() (any, error) { return factories[name], nil }, r.Contains(name, kind)
}

func (r registry) Keys(kind consts.PluginType) []string { return r[kind] }

func (r registry) DeprecationStatus(name string, kind consts.PluginType) (consts.DeprecationStatus, bool) {
	return consts.Supported, r.Contains(name, kind)
}

func (registry) IsBuiltinEntPlugin(string, consts.PluginType) bool { return false }
