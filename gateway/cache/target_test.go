package cache_test

import (
	"net/http"
	"sync/atomic"
	"testing"

	"github.com/venta-hq/venta/gateway/cache"
)

// TestWritesInvalidateTheirTargets is RFC 9111, section 4.4.
func TestWritesInvalidateTheirTargets(t *testing.T) {
	tests := []struct {
		name     string
		method   string
		target   string
		status   int
		response []string
		gone     bool // http://example.com/a?q
	}{
		{"PUT", http.MethodPut, "/a?q", 204, nil, true},
		{"DELETE", http.MethodDelete, "/a?q", 200, nil, true},
		{"PATCH to another query", http.MethodPatch, "/a", 200, nil, true},
		{"another spelling", http.MethodPost, "http://EXAMPLE.com/%61?q", 200, nil, true},
		{"a method that nobody knows", "FROB", "/a?q", 200, nil, true},
		{"a redirect", http.MethodPost, "/a?q", 303, nil, true},
		{"an error of the client", http.MethodPut, "/a?q", 409, nil, false},
		{"an error of the server, behind which it may be done", http.MethodPut, "/a?q", 502, nil, true},
		{"OPTIONS", http.MethodOptions, "/a?q", 200, nil, false},
		{"TRACE", http.MethodTrace, "/a?q", 200, nil, false},
		{"elsewhere", http.MethodPost, "/b", 200, nil, false},
		{"another host", http.MethodPost, "http://other.example/a?q", 200, nil, false},
		{"Location", http.MethodPost, "/b", 201, []string{"Location", "/a"}, true},
		{"Location in full", http.MethodPost, "/b", 201, []string{"Location", "https://example.com/a?x"}, true},
		{"a relative Location", http.MethodPost, "/b/c", 201, []string{"Location", "../a"}, true},
		{"Content-Location", http.MethodPost, "/b", 200, []string{"Content-Location", "/a"}, true},
		{"the Location of another host", http.MethodPost, "/b", 201, []string{"Location", "http://other.example/a"}, false},
		{"a Location that is none", http.MethodPost, "/b", 201, []string{"Location", "http://[/a"}, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			for _, apart := range []bool{false, true} {
				s := newStore(t, cache.Options{})
				next := func(w http.ResponseWriter, r *http.Request) {
					if r.Method == http.MethodGet {
						text("x")(w, r)
						return
					}
					for i := 0; i < len(test.response); i += 2 {
						w.Header().Add(test.response[i], test.response[i+1])
					}
					r.URL.Path = "/mangled"
					w.WriteHeader(test.status)
				}
				h := wrap(t, s, baseRule(), next)
				write := h
				if apart {
					write = s.InvalidateTargets(http.HandlerFunc(next))
				}
				get(h, "http://example.com/a?q")
				do(write, request(test.method, test.target))
				got := status(get(h, "http://example.com/a?q"))
				if want := map[bool]string{true: stored, false: hit60}[test.gone]; got != want {
					t.Errorf("apart %v: %s, want %s", apart, got, want)
				}
			}
		})
	}
}

// TestWritesSpareOtherHosts holds that the response of one host cannot purge what
// is stored of another.
func TestWritesSpareOtherHosts(t *testing.T) {
	h := wrap(t, newStore(t, cache.Options{}), baseRule(), func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Location", "http://other.example/a")
		text("x")(w, r)
	})
	get(h, "http://other.example/a")
	do(h, request(http.MethodPost, "http://example.com/b"))
	expect(t, get(h, "http://other.example/a"), 200, "x", hit60)
}

// TestWriteIsReadAtOnce holds that the target is gone before the write's response
// begins, also where the handler panics.
func TestWriteIsReadAtOnce(t *testing.T) {
	s := newStore(t, cache.Options{})
	h := wrap(t, s, baseRule(), func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPut {
			panic("halfway")
		}
		text("x")(w, r)
	})
	get(h, "/a")
	func() {
		defer func() { _ = recover() }()
		do(h, request(http.MethodPut, "/a"))
	}()
	expect(t, get(h, "/a"), 200, "x", stored)
}

func TestIgnoreTargets(t *testing.T) {
	var calls atomic.Int64
	rule := baseRule()
	rule.IgnoreTargets = true
	h := wrap(t, newStore(t, cache.Options{}), rule, counting(&calls, text("x")))
	get(h, "/a")
	do(h, request(http.MethodPut, "/a"))
	expect(t, get(h, "/a"), 200, "x", hit60)
}
