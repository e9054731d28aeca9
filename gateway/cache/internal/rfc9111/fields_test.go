package rfc9111

import (
	"net/http"
	"reflect"
	"strings"
	"testing"
)

// TestIsToken is RFC 9110, section 5.6.2.
func TestIsToken(t *testing.T) {
	for name, want := range map[string]bool{"Accept": true, "x-y_1": true, "": false, "a b": false, "a,b": false, "ä": false, "a:": false} {
		if IsToken(name) != want {
			t.Errorf("IsToken(%q) = %v", name, !want)
		}
	}
}

// TestIsStored is section 3.1, and what would lie about another request.
func TestIsStored(t *testing.T) {
	for name, want := range map[string]bool{
		"Content-Type": true, "Etag": true, "Cache-Control": true, "X-Own": true,
		"Connection": false, "Transfer-Encoding": false, "Proxy-Authenticate": false,
		"Set-Cookie": false, "Age": false, "Date": true, "Cache-Status": false, "X-Request-Id": false,
	} {
		if IsStored(name) != want {
			t.Errorf("IsStored(%q) = %v", name, !want)
		}
	}
}

// TestIsAboutBody is RFC 9110, section 15.4.5.
func TestIsAboutBody(t *testing.T) {
	for name, want := range map[string]bool{"Content-Type": true, "Content-Length": true, "Content-Location": false, "Etag": false} {
		if IsAboutBody(name) != want {
			t.Errorf("IsAboutBody(%q) = %v", name, !want)
		}
	}
}

func TestCanonical(t *testing.T) {
	raw := strings.ToLower("X-A") // written past http.Header's methods
	h := http.Header{"etag": {"1"}, "X-A": {"a"}, raw: {"a"}}
	got := Canonical(h)
	if want := (http.Header{"Etag": {"1"}, "X-A": {"a", "a"}}); !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	got["X-A"][0] = "b"
	if h["X-A"][0] != "a" || h[raw][0] != "a" {
		t.Errorf("the handler's header has changed: %v", h)
	}
}

func TestSetField(t *testing.T) {
	shared := make([]string, 1, 4)
	shared[0] = "outer"
	h := http.Header{"Vary": shared}
	SetField(h, "Vary", []string{"own"}, true)
	SetField(h, "X-A", []string{"own"}, true)
	if want := (http.Header{"Vary": {"outer", "own"}, "X-A": {"own"}}); !reflect.DeepEqual(h, want) {
		t.Errorf("got %v, want %v", h, want)
	}
	if shared[:2][1] != "" {
		t.Error("the room behind what is further out was written to")
	}
	SetField(h, "Vary", []string{"own"}, false)
	if want := []string{"own"}; !reflect.DeepEqual(h["Vary"], want) {
		t.Errorf("got %q, want %q", h["Vary"], want)
	}
}

// TestContentLength is RFC 9110, section 8.6.
func TestContentLength(t *testing.T) {
	for text, want := range map[string]int64{"0": 0, "17": 17, "": -1, "x": -1, "1.5": -1, "99999999999999999999": -1} {
		if got := ContentLength(http.Header{"Content-Length": {text}}); got != want {
			t.Errorf("%q: %d, want %d", text, got, want)
		}
	}
	if got := ContentLength(nil); got != -1 {
		t.Errorf("without the field: %d", got)
	}
}
