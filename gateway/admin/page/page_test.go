package page_test

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/venta-hq/venta/gateway/admin/page"
)

func get(path string, fields ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodGet, path, nil)
	for i := 0; i < len(fields); i += 2 {
		r.Header.Set(fields[i], fields[i+1])
	}
	w := httptest.NewRecorder()
	page.Handler().ServeHTTP(w, r)
	return w
}

// TestFiles holds that everything that the page names is there, in the form that
// browsers run under its policy.
func TestFiles(t *testing.T) {
	entries, err := os.ReadDir("web")
	if err != nil {
		t.Fatal(err)
	}
	mediaTypes := map[string]string{
		".html": "text/html; charset=utf-8", ".js": "text/javascript; charset=utf-8",
		".css": "text/css; charset=utf-8", ".svg": "image/svg+xml",
	}
	named := regexp.MustCompile(`(?:href|src)="(/assets/[^"]+)"|from '\./([^']+)'`)
	for _, entry := range entries {
		path := "/assets/" + entry.Name()
		if entry.Name() == "index.html" {
			path = "/"
		}
		w := get(path)
		if w.Code != http.StatusOK || w.Header().Get("Content-Type") != mediaTypes[filepath.Ext(entry.Name())] {
			t.Errorf("%s: %d %v", path, w.Code, w.Header())
		}
		if w := get(path, "If-None-Match", w.Header().Get("ETag")); w.Code != http.StatusNotModified || w.Body.Len() > 0 {
			t.Errorf("%s, again: %d", path, w.Code)
		}
		for _, match := range named.FindAllStringSubmatch(w.Body.String(), -1) {
			other := match[1]
			if match[2] != "" {
				other = "/assets/" + match[2]
			}
			if w := get(other); w.Code != http.StatusOK {
				t.Errorf("%s names %s: %d", path, other, w.Code)
			}
		}
		if filepath.Ext(entry.Name()) == ".js" && !strings.Contains(get("/").Body.String(), `"`+path+`"`) {
			t.Errorf("the page does not name %s: a browser finds it late", path)
		}
		if body := w.Body.String(); strings.Contains(body, "innerHTML") || strings.Contains(body, " style=") || strings.Contains(body, "//cdn") {
			t.Errorf("%s: what the policy of the page forbids", path)
		}
	}
}

func TestPolicyOfThePage(t *testing.T) {
	w := get("/")
	for field, want := range map[string]string{
		"Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
			"base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
		"Referrer-Policy": "no-referrer", "Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Resource-Policy": "same-origin",
		"Cache-Control": "no-cache",
	} {
		if got := w.Header().Get(field); got != want {
			t.Errorf("%s: %q", field, got)
		}
	}
	if w := get("/assets/unknown.js"); w.Code != http.StatusNotFound {
		t.Errorf("%d", w.Code)
	}
}
