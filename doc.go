// Package irsaemu is the root of irsa-emu, IRSA you can run on a plane. It
// holds no code: package emulator is for Go programs and tests, package
// harness runs scenarios, and cmd/irsa-emu is the command.
package irsaemu
