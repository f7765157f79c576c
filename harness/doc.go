// Package harness runs scenario files: steps that request tokens, assume roles and call
// AWS, each with the outcome that is expected.
//
// [Load] reads and checks scenarios, [Run] runs them, each in isolation from
// the others, and gives back a [Report]. A [Cluster] says where tokens come
// from and what else there is; a step that needs what the cluster lacks is
// skipped with the reason and never counted as passed. [Exec] runs one command
// as if it ran in a pod of a service account.
//
// The package speaks with an emulator over HTTP only, with unmodified AWS SDK
// clients for every AWS call. It is no configuration language: scenarios have
// no templates, loops or expressions.
package harness
