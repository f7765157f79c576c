//go:build !linux

package intercept

import (
	"context"
	"errors"
)

// Enter needs Linux.
func Enter([]string) error { return errLinux }

var errLinux = errors.New("mount namespaces are Linux's")

func (s *starter) startByNames(context.Context, *Running, bool) error { return &unavailable{errLinux} }
