package oidc

// CachedIssuers counts what a Remote remembers.
func CachedIssuers(r *Remote) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.cache)
}
