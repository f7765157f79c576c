package s3

import (
	"fmt"
	"math"

	"github.com/irsa-emu/irsa-emu/state"
)

// The newest version of a key is an Object, so that a bucket without versions
// has nothing else, and a listing reads nothing else. Where a bucket has
// versions, a delete marker is an Object too, and older versions and markers are
// Versions, which are there only while there is a newest.

// Versioning of a bucket; "" is that of one where it was never enabled.
const (
	versioned = "Enabled"
	suspended = "Suspended"
)

// nullVersion is the id of versions that were written without one.
const nullVersion = "null"

// Version is an object that is no longer the newest of its key.
type Version struct{ Object }

// StateKey is BUCKET/KEY, NUL and what puts the versions of a key in order, the newest first.
func (v *Version) StateKey() string {
	return fmt.Sprintf("%s%016x", versionsKey(v.Bucket, v.Key), uint64(math.MaxInt64-v.Sequence))
}

func versionsKey(bucket, key string) string { return objectKey(bucket, key) + "\x00" }

// id is the object's version id as clients see it.
func (o *Object) id() string {
	if o.VersionID == "" {
		return nullVersion
	}
	return o.VersionID
}

// latest is the newest version of a key, a delete marker or not.
func latest(r state.Reader, bucket, key string) (*Object, bool) {
	return state.Get[*Object](r, objectKey(bucket, key))
}

// current is the object that a key has.
func current(r state.Reader, bucket, key string) (*Object, bool) {
	o, ok := latest(r, bucket, key)
	if !ok || o.Marker {
		return nil, false
	}
	return o, true
}

// version finds a version of a key by its id.
func version(r state.Reader, bucket, key, id string) (o *Object, newest, ok bool) {
	if o, ok := latest(r, bucket, key); !ok || o.id() == id {
		return o, true, ok
	}
	for v := range olderVersions(r, bucket, key) {
		if v.id() == id {
			return &v.Object, false, true
		}
	}
	return nil, false, false
}

func olderVersions(r state.Reader, bucket, key string) func(func(*Version) bool) {
	return func(yield func(*Version) bool) {
		for v := range state.All[*Version](r, versionsKey(bucket, key)) {
			if v.Key == key && !yield(v) { // a key that has NUL in it may begin with another
				return
			}
		}
	}
}

// putObject makes o the newest version of its key, as the bucket's versioning
// will have it, and gives it as it is kept. o has a version id to be used if it
// needs one.
func (k *contents) put(tx *state.Txn, b *Bucket, o *Object) *Object {
	kept := *o
	kept.Sequence = 1
	if b.Versioning != versioned {
		kept.VersionID = ""
	}
	if before, ok := latest(tx, o.Bucket, o.Key); ok {
		kept.Sequence = before.Sequence + 1
		switch {
		case b.Versioning == versioned, b.Versioning == suspended && before.VersionID != "":
			if b.Versioning == suspended {
				k.dropNull(tx, o.Bucket, o.Key)
			}
			tx.Put(&Version{*before})
		default:
			k.disown(tx, before.Content)
		}
	}
	tx.Put(&kept)
	return &kept
}

// dropNull removes the version of a key that has no id, if it is not the newest.
func (k *contents) dropNull(tx *state.Txn, bucket, key string) {
	for v := range olderVersions(tx, bucket, key) {
		if v.VersionID == "" {
			k.disown(tx, v.Content)
			tx.Delete(v)
		}
	}
}

// drop removes a version for good; the next newest takes the place of the newest.
func (k *contents) drop(tx *state.Txn, o *Object, newest bool) {
	k.disown(tx, o.Content)
	if !newest {
		tx.Delete(&Version{*o})
		return
	}
	for v := range olderVersions(tx, o.Bucket, o.Key) {
		promoted := v.Object
		tx.Delete(v)
		tx.Put(&promoted)
		return
	}
	tx.Delete(o)
}

// dropBucket removes all that is in a bucket, but not the bucket.
func (k *contents) dropBucket(tx *state.Txn, bucket string) {
	for o := range state.All[*Object](tx, objectKey(bucket, "")) {
		k.disown(tx, o.Content)
		tx.Delete(o)
	}
	for v := range state.All[*Version](tx, objectKey(bucket, "")) {
		k.disown(tx, v.Content)
		tx.Delete(v)
	}
	k.dropUploads(tx, bucket)
}

// dropUploads removes the uploads of a bucket that were begun.
func (k *contents) dropUploads(tx *state.Txn, bucket string) {
	for p := range state.All[*Part](tx, bucket+"/") {
		k.disown(tx, p.Content)
		tx.Delete(p)
	}
	state.DeleteAll[*Upload](tx, uploadKey(bucket, ""))
}
