// Package page serves the admin page: what a running gateway does, for people. It
// is made of files that browsers run as they are, and asks /api/ for the rest.
package page

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"io/fs"
	"mime"
	"net/http"
	"path"
)

//go:embed web
var files embed.FS

// policy lets the page run its own files and nothing else.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// file is one of the page's, with its validator.
type file struct {
	content   []byte
	mediaType string
	etag      string
}

// Handler serves "/" and "/assets/". Browsers ask again each time, and get 304 for
// what they have.
func Handler() http.Handler {
	mux := http.NewServeMux()
	entries, err := fs.ReadDir(files, "web")
	if err != nil {
		panic(err) // they are compiled in
	}
	for _, entry := range entries {
		content, err := files.ReadFile(path.Join("web", entry.Name()))
		if err != nil {
			panic(err)
		}
		pattern := "GET /assets/" + entry.Name()
		if entry.Name() == "index.html" {
			pattern = "GET /{$}"
		}
		mux.Handle(pattern, newFile(entry.Name(), content))
	}
	return mux
}

func newFile(name string, content []byte) file {
	sum := sha256.Sum256(content)
	return file{content, mime.TypeByExtension(path.Ext(name)), `"` + hex.EncodeToString(sum[:12]) + `"`}
}

// ServeHTTP implements http.Handler.
func (f file) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Security-Policy", policy)
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Cache-Control", "no-cache")
	h.Set("ETag", f.etag)
	if r.Header.Get("If-None-Match") == f.etag {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	h.Set("Content-Type", f.mediaType)
	_, _ = w.Write(f.content) // a client that left is no fault
}
