package harness

import (
	"context"
	"fmt"
	"strings"

	"github.com/irsa-emu/irsa-emu/control"
)

// newControl speaks with the control API of an emulator, on connections of its own.
func newControl(url, token string) *control.Client {
	return &control.Client{URL: strings.TrimSuffix(url, "/"), Token: token, HTTP: control.HTTP()}
}

// signToken requests a token.
func signToken(ctx context.Context, c *control.Client, request control.TokenRequest) (string, error) {
	token, err := c.SignToken(ctx, request)
	if err != nil {
		return "", fmt.Errorf("requesting a token: %w", err)
	}
	return token, nil
}
