package wire

import (
	"bytes"
	"strconv"
	"testing"
)

func TestKeyCacheIsBounded(t *testing.T) {
	cache := NewKeyCache(10)
	for i := range 1000 {
		secret := strconv.Itoa(i)
		key := cache.key(secret, "20240101", "us-east-1", "sts")
		if !bytes.Equal(key, signingKey(secret, "20240101", "us-east-1", "sts")) {
			t.Fatal("another key")
		}
		if n := len(cache.young) + len(cache.old); n > 10 {
			t.Fatalf("%d keys", n)
		}
		cache.remember(secret, "20240101", "us-east-1", "sts", key)
	}
	if n := len(cache.young) + len(cache.old); n == 0 {
		t.Error("nothing remembered")
	}
}
