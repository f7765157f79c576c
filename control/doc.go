// Package control is the control API of irsa-emu, everything below /_emu: the
// types of its requests and answers, the table of its endpoints, and the one
// client of it.
//
// The server in package emulator reads requests with [ReadQuery] and [ReadBody]
// and registers its handlers by [Endpoints], so that the reference
// docs/control-api.md, which is made from the same table and types, cannot
// drift from what is served. [Client] is what commands, the harness, the doctor
// and the pod identity webhook call it with.
//
// The package answers nothing itself and holds no state.
package control
