package boltstore

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
)

// bbolt's file format, version 2, as far as it must be known to walk it: two meta pages, of which the one with the higher
// transaction id is in force, and B+trees of branch and leaf pages. A page begins with id (8 bytes), flags (2), count (2)
// and overflow (4: how many pages it continues into); count elements of 16 bytes follow, then their keys and values. All
// numbers are in the byte order of the machine that wrote them.
const (
	pageHeader  = 16
	elementSize = 16
	metaSize    = 64 // without the page's header

	branchPage = 0x01
	leafPage   = 0x02
	metaPage   = 0x04

	bucketElement = 0x01

	boltMagic   = 0xED0CDAED
	boltVersion = 2
	noFreelist  = ^uint64(0)

	maxDepth = 64 // of branches; a B+tree of 2^32 pages has less than ten
)

var native = binary.NativeEndian

var errNotBolt = errors.New("it is not a state file of irsa-emu, or its first page is damaged")

// walker reads every page that is in use and checks what bbolt takes for granted. It never reads outside of a page.
type walker struct {
	file     io.ReaderAt
	pageSize uint64
	end      uint64 // the first page id that is not in use yet
	root     uint64
	seen     map[uint64]bool
	// leaf is called for every key that is not a bucket, with the names of the buckets that it is in.
	leaf func(buckets []string, key, value []byte)
}

// boltMeta is the part of a meta page that matters here.
type boltMeta struct{ pageSize, root, freelist, end, txid uint64 }

func walk(file io.ReaderAt, size int64, leaf func(buckets []string, key, value []byte)) error {
	first, err := readMeta(file, 0, 0)
	if err != nil {
		return err
	}
	second, err := readMeta(file, 1, first.pageSize)
	if err != nil {
		// bbolt would go on with the other meta page, and so without the last transaction. A meta page is less than a disk's
		// sector, which is written whole or not at all: this is damage, not a crash.
		return err
	}
	meta := first
	if second.txid > first.txid {
		meta = second
	}
	switch {
	case first.pageSize != second.pageSize:
		return errors.New("its two meta pages disagree")
	case meta.end > uint64(size)/meta.pageSize:
		return fmt.Errorf("it has %d bytes where %d pages of %d are in use: it was cut off", size, meta.end, meta.pageSize)
	case meta.freelist != noFreelist:
		return errors.New("it has a list of free pages, which irsa-emu does not write: another program has changed it")
	}
	w := &walker{file: file, pageSize: meta.pageSize, end: meta.end, root: meta.root, seen: map[uint64]bool{}, leaf: leaf}
	return w.tree(meta.root, nil, nil, nil, 0)
}

func readMeta(file io.ReaderAt, id, pageSize uint64) (boltMeta, error) {
	page := make([]byte, pageHeader+metaSize)
	if _, err := file.ReadAt(page, int64(id*pageSize)); err != nil {
		if errors.Is(err, io.EOF) {
			return boltMeta{}, fmt.Errorf("it ends within its meta page %d", id)
		}
		return boltMeta{}, fmt.Errorf("reading meta page %d: %w", id, err)
	}
	meta := page[pageHeader:]
	if id == 0 && native.Uint32(meta) != boltMagic {
		return boltMeta{}, errNotBolt
	}
	sum := fnv.New64a()
	sum.Write(meta[:metaSize-8])
	m := boltMeta{
		pageSize: uint64(native.Uint32(meta[8:])),
		root:     native.Uint64(meta[16:]),
		freelist: native.Uint64(meta[32:]),
		end:      native.Uint64(meta[40:]),
		txid:     native.Uint64(meta[48:]),
	}
	switch {
	case native.Uint32(meta) != boltMagic, native.Uint32(meta[4:]) != boltVersion, native.Uint64(meta[56:]) != sum.Sum64(),
		native.Uint64(page) != id, native.Uint16(page[8:]) != metaPage:
		return boltMeta{}, fmt.Errorf("its meta page %d is damaged", id)
	case m.pageSize < 512 || m.pageSize > 1<<16 || m.pageSize&(m.pageSize-1) != 0:
		return boltMeta{}, fmt.Errorf("its meta page %d is damaged: a page size of %d", id, m.pageSize)
	}
	return m, nil
}

// tree walks the pages below id. Keys must be at least low and less than high, where those are not nil.
func (w *walker) tree(id uint64, buckets []string, low, high []byte, depth int) error {
	if depth > maxDepth {
		return fmt.Errorf("page %d: the tree is deeper than any can be", id)
	}
	page, err := w.page(id)
	if err != nil {
		return err
	}
	switch flags := native.Uint16(page[8:]); flags {
	case leafPage:
		return w.leaves(id, page, buckets, low, high)
	case branchPage:
		return w.branches(id, page, buckets, low, high, depth)
	default:
		return fmt.Errorf("page %d: of an unexpected type %#x", id, flags)
	}
}

// page reads a page with all it continues into, and checks that nothing else uses it.
func (w *walker) page(id uint64) ([]byte, error) {
	if id < 2 || id >= w.end {
		return nil, fmt.Errorf("page %d: outside of the pages in use (2 to %d)", id, w.end)
	}
	header := make([]byte, pageHeader)
	if _, err := w.file.ReadAt(header, int64(id*w.pageSize)); err != nil {
		return nil, fmt.Errorf("page %d: %w", id, err)
	}
	if got := native.Uint64(header); got != id {
		return nil, fmt.Errorf("page %d: it says that it is page %d", id, got)
	}
	last := id + uint64(native.Uint32(header[12:]))
	if last >= w.end {
		return nil, fmt.Errorf("page %d: it goes on to page %d, beyond the pages in use", id, last)
	}
	for p := id; p <= last; p++ {
		if w.seen[p] {
			return nil, fmt.Errorf("page %d: used in two places", p)
		}
		w.seen[p] = true
	}
	page := make([]byte, (last-id+1)*w.pageSize)
	if _, err := w.file.ReadAt(page, int64(id*w.pageSize)); err != nil {
		return nil, fmt.Errorf("page %d: %w", id, err)
	}
	return page, nil
}

func (w *walker) branches(id uint64, page []byte, buckets []string, low, high []byte, depth int) error {
	count := int(native.Uint16(page[10:]))
	if count == 0 {
		return fmt.Errorf("page %d: a branch to nowhere", id)
	}
	keys, children := make([][]byte, count+1), make([]uint64, count)
	for i := range count {
		at := uint64(pageHeader + i*elementSize)
		if at+elementSize > uint64(len(page)) {
			return fmt.Errorf("page %d: more elements than fit", id)
		}
		element := page[at:]
		key, ok := cut(page, at+uint64(native.Uint32(element)), uint64(native.Uint32(element[4:])))
		if !ok {
			return fmt.Errorf("page %d: key %d lies outside of the page", id, i)
		}
		if err := inOrder(id, i, key, low, high); err != nil {
			return err
		}
		keys[i], children[i] = key, native.Uint64(element[8:])
		low = key
	}
	keys[count] = high
	for i, child := range children {
		if err := w.tree(child, buckets, keys[i], keys[i+1], depth+1); err != nil {
			return err
		}
	}
	return nil
}

func (w *walker) leaves(id uint64, page []byte, buckets []string, low, high []byte) error {
	for i := range int(native.Uint16(page[10:])) {
		at := uint64(pageHeader + i*elementSize)
		if at+elementSize > uint64(len(page)) {
			return fmt.Errorf("page %d: more elements than fit", id)
		}
		element := page[at:]
		flags, start := native.Uint32(element), at+uint64(native.Uint32(element[4:]))
		keySize, valueSize := uint64(native.Uint32(element[8:])), uint64(native.Uint32(element[12:]))
		key, ok := cut(page, start, keySize)
		value, ok2 := cut(page, start+keySize, valueSize)
		if !ok || !ok2 {
			return fmt.Errorf("page %d: element %d lies outside of the page", id, i)
		}
		if err := inOrder(id, i, key, low, high); err != nil {
			return err
		}
		low = key
		var err error
		switch flags {
		case 0:
			w.leaf(buckets, key, value)
		case bucketElement:
			err = w.bucket(id, value, append(buckets[:len(buckets):len(buckets)], string(key)))
		default:
			err = fmt.Errorf("page %d: element %d is of an unexpected type %#x", id, i, flags)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// bucket walks a bucket: its root page (8 bytes) and sequence (8), or, when the root is 0, a leaf page in place.
func (w *walker) bucket(id uint64, value []byte, buckets []string) error {
	if len(buckets) > 2 {
		return fmt.Errorf("page %d: a bucket %q, which irsa-emu does not write", id, buckets)
	}
	if len(value) < 16 {
		return fmt.Errorf("page %d: a bucket of %d bytes", id, len(value))
	}
	if root := native.Uint64(value); root != 0 {
		return w.tree(root, buckets, nil, nil, 0)
	}
	inline := value[16:]
	if len(inline) < pageHeader || native.Uint16(inline[8:]) != leafPage || native.Uint32(inline[12:]) != 0 {
		return fmt.Errorf("page %d: a bucket in place that is not a leaf page", id)
	}
	return w.leaves(id, inline, buckets, nil, nil)
}

func cut(page []byte, from, size uint64) ([]byte, bool) {
	if from > uint64(len(page)) || size > uint64(len(page))-from {
		return nil, false
	}
	return page[from : from+size], true
}

// inOrder checks the i-th key of a page. The first may be equal to low, the key in the branch that led here; of the others
// low is the one before.
func inOrder(id uint64, i int, key, low, high []byte) error {
	compared := bytes.Compare(key, low)
	if low != nil && (compared < 0 || compared == 0 && i > 0) || high != nil && bytes.Compare(key, high) >= 0 {
		return fmt.Errorf("page %d: key %d is out of order", id, i)
	}
	return nil
}
