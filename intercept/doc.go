// Package intercept leads a command's connections to AWS's hosts to an emulator,
// for programs that know AWS by nothing but its host names, and lets them trust
// the authority that signs for those names there.
//
// There are two ways. A proxy on loopback, which the command is told of by
// HTTPS_PROXY, works everywhere, for programs that ask it. Names of its own, in a
// mount namespace that the command alone is in, work on Linux, for all programs:
// AWS's host names are then an address of loopback, where HTTPS is served.
//
// Either way the bytes of TLS go to the emulator as they are: it holds the
// certificates, and answers as AWS's hosts to who asks it by CONNECT. Hosts that
// are not AWS's are reached as without all this.
package intercept
