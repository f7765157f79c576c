// Package scenarios holds the scenario files that the binary carries: one
// story a file, small enough to be read as documentation. They are what
// irsa-emu run plays when it is given no path. Those of the folder clients run
// programs that take seconds to start, such as the aws command line; they are
// played by irsa-emu run scenarios/clients.
package scenarios

import "embed"

// FS is the folder: scenarios, and the states and policies that they name.
//
//go:embed *.yaml policies/*.json states/*.yaml
var FS embed.FS
