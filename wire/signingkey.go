package wire

import (
	"crypto/hmac"
	"crypto/sha256"
	"sync"
)

// KeyCache remembers signing keys, which four HMACs derive from a secret for one
// day, region and service. It holds at most about size keys; the oldest half
// goes when it is full. It may be used from many goroutines.
type KeyCache struct {
	mu            sync.RWMutex
	young, old    map[keyID][]byte
	sizeOfOneHalf int
}

type keyID struct{ secret, date, region, service string }

// NewKeyCache makes a cache of at most size keys, 2 at least.
func NewKeyCache(size int) *KeyCache {
	return &KeyCache{young: map[keyID][]byte{}, sizeOfOneHalf: max(size/2, 1)}
}

// key gives the signing key of a scope. A nil cache derives it each time.
func (c *KeyCache) key(secret, date, region, service string) []byte {
	if c == nil {
		return signingKey(secret, date, region, service)
	}
	id := keyID{secret, date, region, service}
	c.mu.RLock()
	key, ok := c.young[id]
	if !ok {
		key, ok = c.old[id]
	}
	c.mu.RUnlock()
	if ok {
		return key
	}
	return signingKey(secret, date, region, service)
}

// remember keeps a key that has verified a signature: one that has not would
// let strangers fill the cache.
func (c *KeyCache) remember(secret, date, region, service string, key []byte) {
	if c == nil {
		return
	}
	id := keyID{secret, date, region, service}
	c.mu.RLock()
	_, ok := c.young[id]
	c.mu.RUnlock()
	if ok {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.young) >= c.sizeOfOneHalf {
		c.old, c.young = c.young, map[keyID][]byte{}
	}
	c.young[id] = key
}

// signingKey derives the key of a scope.
func signingKey(secret, date, region, service string) []byte {
	key := mac([]byte("AWS4"+secret), date)
	key = mac(key, region)
	key = mac(key, service)
	return mac(key, terminator)
}

func mac(key []byte, text string) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(text))
	return h.Sum(nil)
}
