//go:build !linux

package agent

import (
	"errors"
	"runtime"
)

// Initialize works on Linux alone, as EKS Pod Identity does.
func Initialize([]string) (skipped []error, err error) {
	return nil, errors.New("the agent's addresses can be set up on Linux only, and this is " + runtime.GOOS)
}
