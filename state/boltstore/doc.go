// Package boltstore keeps the state in one embedded file: --store file:PATH.
//
// The file is bbolt's. A commit is one transaction that is on the disk (fdatasync) before it is acknowledged. Inside, the
// bucket "entities" has a bucket a kind, and that a record a key: a CRC-32C over all of it, the revision, the JSON. The
// bucket "meta" has the format version, the newest revision, and the number and sum of all checksums, so that a record that
// is altered, lost or resurrected by a damaged page is noticed.
//
// bbolt maps the file and trusts what it finds there: a damaged page makes it panic, fault or read something else. Opening
// therefore reads the whole file first (pages.go), with bounds checked, under the lock that also keeps other processes out;
// a file that is not in order is refused and left byte for byte as it is. bbolt's list of free pages is not kept on disk
// but found again at each start, so that it cannot be damaged.
//
// The package is not for sharing: one process at a time has the file.
package boltstore
