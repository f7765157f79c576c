package emulator

import "github.com/irsa-emu/irsa-emu/control"

// TokenRequest is short for what most tests write.
type TokenRequest = control.TokenRequest
