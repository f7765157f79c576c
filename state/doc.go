// Package state keeps everything the emulator remembers: small immutable entities, each of one kind and with one key, in
// memory for reading and in a Backend for keeping.
//
// Reads go to a [Snapshot], which is one pointer load, never waits for a writer and never changes. Writes go through
// [Store.Update]: the function given to it reads and writes a [Txn]; what it changed is encoded as JSON, committed to the
// Backend with compare-and-swap on everything it read, then swapped in as the next snapshot, and only then does Update
// return. So whatever was acknowledged is kept, what was not acknowledged is never half there, and the cost of a write is
// that of the entities it changed. Transactions are serialisable, those of other processes on the same Backend included.
//
// The package knows nothing of what is stored: kinds are given to [Open]. It is not a cache (all of the state is in memory)
// and not a query language (a key, a prefix, or the value of a declared index).
package state
