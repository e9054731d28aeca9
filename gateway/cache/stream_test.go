package cache_test

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/venta-hq/venta/gateway/cache"
)

// serve runs a handler behind the cache in a real server.
func serve(t *testing.T, opts cache.Options, next http.HandlerFunc) *httptest.Server {
	t.Helper()
	server := httptest.NewServer(wrap(t, newStore(t, opts), baseRule(), next))
	t.Cleanup(server.Close)
	t.Cleanup(http.DefaultClient.CloseIdleConnections)
	return server
}

func fetch(t *testing.T, method, url string) *http.Response {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = response.Body.Close() })
	return response
}

func readAll(t *testing.T, response *http.Response) string {
	t.Helper()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

// TestStream reads each part before the handler writes the next one.
func TestStream(t *testing.T) {
	read := make(chan struct{})
	server := serve(t, cache.Options{}, func(w http.ResponseWriter, _ *http.Request) {
		for i := range 3 {
			fmt.Fprintf(w, "part %d\n", i)
			if err := http.NewResponseController(w).Flush(); err != nil {
				t.Error(err)
			}
			<-read
		}
	})
	for range 2 {
		response := fetch(t, http.MethodGet, server.URL)
		lines := bufio.NewScanner(response.Body)
		for i := range 3 {
			if !lines.Scan() || lines.Text() != fmt.Sprint("part ", i) {
				t.Fatalf("line %d: %q %v", i, lines.Text(), lines.Err())
			}
			read <- struct{}{}
		}
		if got := response.Header.Get("Cache-Status"); got != missed {
			t.Errorf("Cache-Status = %s", got)
		}
	}
}

// TestOverflow writes more than an entry may hold, in parts: what was held back
// must come first and nothing be lost.
func TestOverflow(t *testing.T) {
	const part, parts = 1000, 50
	server := serve(t, cache.Options{MaxEntryBytes: 10_000}, func(w http.ResponseWriter, _ *http.Request) {
		for i := range parts {
			if n, err := io.WriteString(w, strings.Repeat(string(rune('a'+i%26)), part)); n != part || err != nil {
				t.Errorf("part %d: %d %v", i, n, err)
			}
		}
	})
	var want strings.Builder
	for i := range parts {
		want.WriteString(strings.Repeat(string(rune('a'+i%26)), part))
	}
	for range 2 {
		response := fetch(t, http.MethodGet, server.URL)
		if readAll(t, response) != want.String() || response.Header.Get("Cache-Status") != missed {
			t.Errorf("the body differs, %v", response.Header)
		}
		head := fetch(t, http.MethodHead, server.URL)
		if readAll(t, head) != "" || head.StatusCode != 200 {
			t.Errorf("HEAD: %v", head)
		}
	}
}

// TestDeclaredOverflow is not held back until the bound is reached.
func TestDeclaredOverflow(t *testing.T) {
	w := httptest.NewRecorder()
	h := wrap(t, newStore(t, cache.Options{}), baseRule(), func(inner http.ResponseWriter, _ *http.Request) {
		inner.Header().Set("Content-Length", "9999999")
		text("first")(inner, nil)
		if w.Body.String() != "first" {
			t.Errorf("%q has left", w.Body)
		}
	})
	h.ServeHTTP(w, request(http.MethodGet, "/a"))
}

func TestHeadOverTheWire(t *testing.T) {
	server := serve(t, cache.Options{}, text("hello"))
	for _, want := range []string{stored, hit60} {
		head := fetch(t, http.MethodHead, server.URL)
		if readAll(t, head) != "" || head.ContentLength != 5 || head.Header.Get("Cache-Status") != want {
			t.Errorf("%d bytes, %v", head.ContentLength, head.Header)
		}
	}
	response := fetch(t, http.MethodGet, server.URL)
	if readAll(t, response) != "hello" || len(response.Header.Values("Date")) != 1 {
		t.Errorf("%v", response.Header)
	}
}

func TestTrailers(t *testing.T) {
	tests := map[string]http.HandlerFunc{
		"declared": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Trailer", "X-End")
			text("x")(w, nil)
			w.Header().Set("X-End", "end")
		},
		"late": func(w http.ResponseWriter, _ *http.Request) {
			text("x")(w, nil)
			w.Header().Set(http.TrailerPrefix+"X-End", "end")
		},
	}
	for name, next := range tests {
		t.Run(name, func(t *testing.T) {
			server := serve(t, cache.Options{}, next)
			for range 2 {
				response := fetch(t, http.MethodGet, server.URL)
				body := readAll(t, response)
				if body != "x" || response.Trailer.Get("X-End") != "end" || response.Header.Get("Cache-Status") != missed {
					t.Errorf("%q %v %v", body, response.Header, response.Trailer)
				}
			}
		})
	}
}

func TestInformationalAnswersAreDropped(t *testing.T) {
	h := wrap(t, newStore(t, cache.Options{}), baseRule(), func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Link", "</x>")
		w.WriteHeader(http.StatusEarlyHints)
		text("x")(w, nil)
		w.WriteHeader(http.StatusTeapot) // superfluous
	})
	expect(t, get(h, "/a"), 200, "x", stored)
	expect(t, get(h, "/a"), 200, "x", hit60)
}

// TestHeaderAfterTheStatus is too late, as without a cache.
func TestHeaderAfterTheStatus(t *testing.T) {
	h := wrap(t, newStore(t, cache.Options{}), baseRule(), func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X-A", "early")
		text("x")(w, nil)
		w.Header().Set("X-A", "late")
		w.Header().Set("X-B", "late")
	})
	for range 2 {
		got := get(h, "/a").Header()
		if got.Get("X-A") != "early" || got.Get("X-B") != "" {
			t.Errorf("%v", got)
		}
	}
}

func TestHijack(t *testing.T) {
	server := serve(t, cache.Options{}, func(w http.ResponseWriter, _ *http.Request) {
		text("held")(w, nil)
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nConnection: close\r\n\r\nraw")
		_ = conn.Close()
	})
	for range 2 {
		if got := readAll(t, fetch(t, http.MethodGet, server.URL)); got != "raw" {
			t.Errorf("got %q", got)
		}
	}
}

func TestHijackOfAWritePurgesFirst(t *testing.T) {
	s := newStore(t, cache.Options{})
	reads := wrap(t, s, baseRule(), text("x"))
	get(reads, "/a", "X-Tags", "v")
	invalidate, err := s.Invalidator(cache.InvalidateRule{
		Tags:    func(*http.Request) ([]string, error) { return []string{"v"}, nil },
		OnError: onError,
	})
	if err != nil {
		t.Fatal(err)
	}
	do(invalidate(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if _, _, err := http.NewResponseController(w).Hijack(); err == nil {
			t.Error("a recorder was hijacked")
		}
		if get(reads, "/a", "Cache-Control", "only-if-cached").Code == http.StatusOK {
			t.Error("still stored")
		}
	})), request(http.MethodPut, "/a"))
}
