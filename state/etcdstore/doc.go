// Package etcdstore keeps the state in etcd, for many replicas: --store etcd://HOST:PORT[,…]/PREFIX.
//
// Below the prefix there is a key an entity. A commit is one etcd transaction that compares the revision of every entity it
// read or wrote; of a kind that was read by range or index, that nothing of it was written which this replica had not seen.
// Everybody else's commits arrive by a watch, which goes on where it was after an interruption; when etcd has compacted what
// comes next, everything is loaded again.
//
//	PREFIX/format                 the version of this layout
//	PREFIX/state/entity/KIND/KEY  an entity, as JSON
//	PREFIX/state/kind/KIND        put by every commit that writes to the kind
//	PREFIX/state/batch            there while a batch is under way
//	PREFIX/staged/ID/…            a batch's changes
//	PREFIX/writer/ID              a replica's last commit
//
// Two things need more than that. An answer that was lost leaves open whether a transaction was executed: so each also puts
// a token at the replica's own writer key, and compares that nothing was put there since; after a lost answer a transaction
// on that key tells which it was, and keeps a straggler from being executed later (outcome.go). And etcd limits a request to
// 128 operations and 1.5 MiB: what is more is staged first, put in force by one transaction, and then carried out, by
// whoever finds it if need be; others see it all at once (batch.go).
//
// When etcd is gone, reads go on from memory and commits answer state.ErrUnavailable. Every request is bounded by a timeout.
package etcdstore
