package emulator

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/irsa-emu/irsa-emu/aws"
	"github.com/irsa-emu/irsa-emu/oidc"
	"github.com/irsa-emu/irsa-emu/state"
)

// serve answers discovery and keys for an issuer of the emulator's own, and for
// one whose keys were published here, such as a cluster's, to which its URL leads
// its pods. It is found by its host and path, or by the ID of an EKS-shaped URL.
// It reports whether the path was one of an issuer.
func (s *issuers) serve(w http.ResponseWriter, r *http.Request) bool {
	path, isDiscovery := strings.CutSuffix(r.URL.Path, oidc.DiscoveryPath)
	if !isDiscovery {
		var isKeys bool
		if path, isKeys = strings.CutSuffix(r.URL.Path, oidc.KeysPath); !isKeys {
			return false
		}
	}
	found := s.at(r.Host, path)
	if found == nil && s.store.CatchUp(r.Context()) == nil {
		found = s.at(r.Host, path) // another replica may have made it just now
	}
	if found == nil {
		if !strings.HasPrefix(path, "/id/") {
			return false
		}
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusNotFound)
		fmt.Fprintln(w, `{"message":"Not Found"}`)
		return true
	}
	document := strings.TrimPrefix(r.URL.Path, path)
	page, ok := oidc.PublishedPage(found.URL, found.JWKS, document)
	if found.Own() {
		issuer, err := s.ensure(r.Context(), found.URL)
		if err != nil {
			writeControlError(w, err)
			return true
		}
		page, ok = issuer.issuer().Page(document)
	}
	if !ok {
		return false
	}
	if _, _, ofEKS := aws.EKSIssuerParts(found.URL); ofEKS {
		page.CacheControl = "max-age=604800" // recorded 15
		if r.Method == http.MethodHead {
			w.WriteHeader(http.StatusForbidden)
			return true
		}
	}
	w.Header().Set("Content-Type", page.ContentType)
	if page.CacheControl != "" {
		w.Header().Set("Cache-Control", page.CacheControl)
	}
	_, _ = w.Write(page.Body) // the client is gone if this fails
	return true
}

func (s *issuers) at(host, path string) *Issuer {
	snapshot := s.store.Snapshot()
	if i, ok := state.Get[*Issuer](snapshot, "https://"+host+path); ok {
		return i
	}
	if !strings.HasPrefix(path, "/id/") {
		return nil
	}
	for i := range state.All[*Issuer](snapshot, "") {
		if u, err := url.Parse(i.URL); err == nil && u.Path == path {
			return i
		}
	}
	if def := s.defaultURL(); strings.HasSuffix(def, path) {
		return &Issuer{URL: def}
	}
	return nil
}
