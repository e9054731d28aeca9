package cache_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/venta-hq/venta/gateway/cache"
)

func TestPurge(t *testing.T) {
	s := newStore(t, cache.Options{})
	h := wrap(t, s, baseRule(), text("x"))
	get(h, "/a", "X-Tags", "vendor:1 list")
	get(h, "/b", "X-Tags", "vendor:2 list")
	get(h, "/c")
	check := func(want ...bool) {
		t.Helper()
		for i, target := range []string{"/a", "/b", "/c"} {
			w := get(h, target, "Cache-Control", "only-if-cached")
			if got := w.Code == http.StatusOK; got != want[i] {
				t.Errorf("%s stored = %v", target, got)
			}
		}
	}
	check(true, true, true)
	s.Purge("vendor:3")
	s.Purge()
	check(true, true, true)
	s.Purge("vendor:1")
	check(false, true, true)
	expect(t, get(h, "/a", "X-Tags", "vendor:1 list"), 200, "x", stored)
	s.Purge("list", "none")
	check(false, false, true)
}

// TestPurgeRacesAFetch purges while the upstream is responding: what it sends
// was read before the write and must not be served to anybody after it.
func TestPurgeRacesAFetch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStore(t, cache.Options{})
		var value, calls atomic.Int64
		h := wrap(t, s, baseRule(), counting(&calls, func(w http.ResponseWriter, _ *http.Request) {
			read := value.Load()
			time.Sleep(time.Second) // virtual
			fmt.Fprint(w, read)
		}))
		fetch := func(int) *http.Request { return request(http.MethodGet, "/a", "X-Tags", "v") }
		var before, after []*httptest.ResponseRecorder
		var clients sync.WaitGroup
		clients.Go(func() { before = crowd(h, 5, fetch) })
		time.Sleep(time.Second / 2) // virtual
		value.Store(1)
		s.Purge("v")
		purged := time.Now()
		clients.Go(func() {
			after = crowd(h, 5, fetch)
			if took := time.Since(purged); took != time.Second {
				t.Errorf("requests after the purge took %v: they waited for what was requested before", took)
			}
		})
		clients.Wait()
		for _, w := range after {
			if w.Body.String() != "1" {
				t.Errorf("a request after the purge got %s (%s)", w.Body, status(w))
			}
		}
		if got := tally(before); got["200 0"] != 1 || got["200 1"] != 4 {
			t.Errorf("requests before the purge got %v, want only the leader to get 0", got)
		}
		if w := do(h, fetch(0)); w.Body.String() != "1" || calls.Load() > 3 {
			t.Errorf("then %s after %d calls", w.Body, calls.Load())
		}
	})
}

// TestReadYourWrites lets writers and readers of a few values race for real:
// no reader may see less than what was acknowledged before it began.
func TestReadYourWrites(t *testing.T) {
	const values, workers, rounds = 3, 8, 300
	s := newStore(t, cache.Options{})
	var backend [values]atomic.Int64
	value := func(r *http.Request) *atomic.Int64 { return &backend[r.URL.Path[1]-'0'] }
	tags := func(r *http.Request) ([]string, error) { return []string{"value:" + r.URL.Path}, nil }
	rule := baseRule()
	rule.Tags = tags
	reads := wrap(t, s, rule, func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, value(r).Load()) })
	invalidate, err := s.Invalidator(cache.InvalidateRule{Tags: tags, OnError: onError})
	if err != nil {
		t.Fatal(err)
	}
	writes := invalidate(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, value(r).Add(1)) }))
	var acknowledged [values]atomic.Int64
	var done sync.WaitGroup
	for range workers {
		done.Go(func() {
			for range rounds {
				i := rand.IntN(values)
				target := fmt.Sprint("/", i)
				if rand.IntN(4) == 0 {
					raise(&acknowledged[i], number(do(writes, request(http.MethodPut, target))))
					continue
				}
				least := acknowledged[i].Load()
				if got := number(get(reads, target)); got < least {
					t.Errorf("read %d after %d was acknowledged", got, least)
				}
			}
		})
	}
	done.Wait()
}

func number(w *httptest.ResponseRecorder) (n int64) {
	_, _ = fmt.Sscan(w.Body.String(), &n)
	return n
}

// raise sets v to n unless it is larger.
func raise(v *atomic.Int64, n int64) {
	for {
		old := v.Load()
		if old >= n || v.CompareAndSwap(old, n) {
			return
		}
	}
}

// firstByte is told of the first byte that leaves.
type firstByte struct {
	http.ResponseWriter
	leaves func()
}

func (w firstByte) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func (w firstByte) FlushError() error {
	w.leaves()
	return nil
}

func (w firstByte) WriteHeader(code int) {
	if code >= 200 {
		w.leaves()
	}
	w.ResponseWriter.WriteHeader(code)
}

func (w firstByte) Write(p []byte) (int, error) {
	w.leaves()
	return w.ResponseWriter.Write(p)
}

func TestInvalidator(t *testing.T) {
	code := func(code int) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code) }
	}
	tests := []struct {
		name   string
		write  http.HandlerFunc
		purges bool
	}{
		{"ok", code(200), true},
		{"created", code(201), true},
		{"no content", code(204), true},
		{"a redirect after the write", code(303), true},
		{"a body without a status", text("done"), true},
		{"nothing at all", func(http.ResponseWriter, *http.Request) {}, true},
		{"a flush first", func(w http.ResponseWriter, _ *http.Request) { w.(http.Flusher).Flush() }, true},
		{"early hints, then a refusal", func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(103)
			w.WriteHeader(404)
		}, false},
		{"bad request", code(400), false},
		{"not found", code(404), false},
		{"a conflict", code(409), false},
		{"too many requests", code(429), false},
		{"the client's time is over", code(408), true},
		{"the client has left", code(499), true},
		{"an error", code(500), true},
		{"no response in time", code(504), true},
		{"a panic", func(http.ResponseWriter, *http.Request) { panic("boom") }, true},
		{"a panic after a refusal", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(400); panic("boom") }, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := newStore(t, cache.Options{})
			reads := wrap(t, s, baseRule(), text("x"))
			isStored := func() bool { return get(reads, "/a", "Cache-Control", "only-if-cached").Code == http.StatusOK }
			get(reads, "/a", "X-Tags", "v")
			invalidate, err := s.Invalidator(cache.InvalidateRule{
				Tags:    func(*http.Request) ([]string, error) { return []string{"v"}, nil },
				OnError: onError,
			})
			if err != nil {
				t.Fatal(err)
			}
			func() {
				defer func() { _ = recover() }()
				invalidate(test.write).ServeHTTP(firstByte{httptest.NewRecorder(), func() {
					if isStored() == test.purges {
						t.Errorf("when the first byte leaves, stored = %v", isStored())
					}
				}}, request(http.MethodPut, "/a"))
			}()
			if isStored() == test.purges {
				t.Errorf("afterwards, stored = %v", isStored())
			}
		})
	}
}

func TestInvalidatorRefusesBeforeTheWrite(t *testing.T) {
	s := newStore(t, cache.Options{})
	invalidate, err := s.Invalidator(cache.InvalidateRule{
		Tags:    func(*http.Request) ([]string, error) { return nil, errors.New("no tags") },
		OnError: onError,
	})
	if err != nil {
		t.Fatal(err)
	}
	w := do(invalidate(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("written") })), request(http.MethodPut, "/a"))
	if w.Code != http.StatusInternalServerError || !strings.Contains(w.Body.String(), "no tags") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if _, err := s.Invalidator(cache.InvalidateRule{}); err == nil ||
		!strings.Contains(err.Error(), "no Tags") || !strings.Contains(err.Error(), "no OnError") {
		t.Errorf("an empty rule: %v", err)
	}
}

// TestTagsThatMeet purges too much and never too little.
func TestTagsThatMeet(t *testing.T) {
	s := newStore(t, cache.Options{TagCounters: 1})
	h := wrap(t, s, baseRule(), text("x"))
	get(h, "/a", "X-Tags", "one")
	s.Purge("two")
	expect(t, get(h, "/a", "X-Tags", "one"), 200, "x", stored)
}
