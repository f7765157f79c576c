package prove

import (
	"encoding/binary"
	mathbits "math/bits"
)

// bits is a set of small numbers below a size fixed at its making.
type bits []uint64

func newBits(n int) bits { return make(bits, (n+63)/64) }

func fullBits(n int) bits {
	b := newBits(n)
	for i := range n {
		b.set(i)
	}
	return b
}

func (b bits) set(i int)      { b[i/64] |= 1 << (i % 64) }
func (b bits) has(i int) bool { return b[i/64]&(1<<(i%64)) != 0 }

func (b bits) clone() bits { return append(bits(nil), b...) }

func (b bits) and(o bits) bits {
	out := make(bits, len(b))
	for i := range b {
		out[i] = b[i] & o[i]
	}
	return out
}

func (b bits) or(o bits) bits {
	out := make(bits, len(b))
	for i := range b {
		out[i] = b[i] | o[i]
	}
	return out
}

// minus is b without o.
func (b bits) minus(o bits) bits {
	out := make(bits, len(b))
	for i := range b {
		out[i] = b[i] &^ o[i]
	}
	return out
}

func (b bits) empty() bool {
	for _, w := range b {
		if w != 0 {
			return false
		}
	}
	return true
}

// first is the smallest member, or -1.
func (b bits) first() int {
	for i, w := range b {
		if w != 0 {
			return i*64 + mathbits.TrailingZeros64(w)
		}
	}
	return -1
}

func (b bits) key() string {
	out := make([]byte, 0, 8*len(b))
	for _, w := range b {
		out = binary.LittleEndian.AppendUint64(out, w)
	}
	return string(out)
}
