package cache_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/venta-hq/venta/gateway/cache"
)

// TestBadInput holds that what is too large is served as without a cache, is
// not stored, and is counted.
func TestBadInput(t *testing.T) {
	big := strings.Repeat("x", 5000)
	many := strings.Repeat("v ", 65)
	tests := []struct {
		name     string
		target   string
		fields   []string
		response []string
		want     string // Cache-Status
		event    cache.Event
	}{
		{"a key", "/" + big, nil, nil, "venta; fwd=bypass; detail=key-size", cache.KeyTooLarge},
		{"a host", "http://" + big + "/", nil, nil, "venta; fwd=bypass; detail=key-size", cache.KeyTooLarge},
		{"a tag", "/a", []string{"X-Tags", big}, nil, "venta; fwd=bypass; detail=tags", cache.TagsTooLarge},
		{"many tags", "/a", []string{"X-Tags", many}, nil, "venta; fwd=bypass; detail=tags", cache.TagsTooLarge},
		{"a field that the response varies on", "/a", []string{"X-Big", big}, []string{"Vary", "X-Big"}, missed, cache.VaryTooLarge},
		{"a field of the response", "/a", nil, []string{"X-Big", big}, missed, cache.HeaderTooLarge},
		{"many fields of the response", "/a", nil, fields(500), missed, cache.HeaderTooLarge},
		{"a declared length", "/a", nil, []string{"Content-Length", "9999999"}, missed, cache.ResponseTooLarge},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var calls atomic.Int64
			var seen events
			s := newStore(t, cache.Options{MaxKeyBytes: 4000, MaxHeaderBytes: 4000})
			h := wrap(t, s, seen.in(baseRule()), counting(&calls, func(w http.ResponseWriter, _ *http.Request) {
				for i := 0; i < len(test.response); i += 2 {
					w.Header().Add(test.response[i], test.response[i+1])
				}
				_, _ = io.WriteString(w, "x")
			}))
			for range 2 {
				expect(t, get(h, test.target, test.fields...), 200, "x", test.want)
			}
			if calls.Load() != 2 {
				t.Errorf("%d calls", calls.Load())
			}
			seen.expect(t, map[cache.Event]int{test.event: 2})
		})
	}
}

func fields(n int) (pairs []string) {
	for i := range n {
		pairs = append(pairs, fmt.Sprint("X-Field-", i), "v")
	}
	return pairs
}

func TestAnswerThatGrows(t *testing.T) {
	var seen events
	h := wrap(t, newStore(t, cache.Options{MaxEntryBytes: 2000}), seen.in(baseRule()), func(w http.ResponseWriter, _ *http.Request) {
		for range 5 {
			_, _ = io.WriteString(w, strings.Repeat("x", 500))
		}
	})
	expect(t, get(h, "/a"), 200, strings.Repeat("x", 2500), missed)
	seen.expect(t, map[cache.Event]int{cache.ResponseTooLarge: 1})
}

// TestPurgeIsNotBounded holds that a write with more tags than a response may
// have purges all of them.
func TestPurgeIsNotBounded(t *testing.T) {
	s := newStore(t, cache.Options{MaxTags: 1})
	h := wrap(t, s, baseRule(), text("x"))
	get(h, "/a", "X-Tags", "last")
	s.Purge(append(strings.Fields(strings.Repeat("v ", 100)), "last")...)
	expect(t, get(h, "/a", "X-Tags", "last"), 200, "x", stored)
}

func TestOptionsThatCannotBeKept(t *testing.T) {
	for name, opts := range map[string]cache.Options{
		"a negative key":     {MaxKeyBytes: -1},
		"negative tags":      {MaxTags: -1},
		"negative refreshes": {MaxRefreshes: -1},
		"a negative time":    {RefreshTimeout: -1},
		"a negative jitter":  {Jitter: -0.1},
		"all of it":          {Jitter: 1},
	} {
		if _, err := cache.NewStore(opts); err == nil {
			t.Errorf("%s is accepted", name)
		}
	}
}

// TestKeyFromURL holds that a URL with a hit is read no more, that its spelling
// counts, and that the rule's own Bypass is called each time.
func TestKeyFromURL(t *testing.T) {
	var read atomic.Int64
	rule := baseRule()
	rule.KeyFromURL = true
	rule.Bypass = func(r *http.Request) bool { return len(r.Header["X-Metadata"]) > 0 }
	rule.Key = func(r *http.Request) (string, bool, error) {
		read.Add(1)
		return strings.ToLower(r.URL.EscapedPath()) + "?" + r.URL.Query().Encode(), r.URL.Path != "/never", nil
	}
	s := newStore(t, cache.Options{})
	h := wrap(t, s, rule, func(w http.ResponseWriter, r *http.Request) { text(r.URL.Path)(w, r) })
	other := wrap(t, s, rule, text("another route"))
	steps := []struct {
		h      http.Handler
		target string
		fields []string
		body   string
		want   string
		read   int64
	}{
		{h, "/a?x=1&y=2", nil, "/a", stored, 1},
		{h, "/a?x=1&y=2", nil, "/a", hit60, 2}, // remembered with the first hit
		{h, "/a?x=1&y=2", nil, "/a", hit60, 2},
		{h, "/a?y=2&x=1", nil, "/a", hit60, 3},
		{h, "/a?y=2&x=1", nil, "/a", hit60, 3},
		{h, "/A?x=1&y=2", nil, "/a", hit60, 4},
		{h, "/a?x=1&y=2", []string{"X-Metadata", "a"}, "/a", "venta; fwd=bypass; detail=rule", 4},
		{h, "/a%3Fx=1&y=2", nil, "/a?x=1&y=2", stored, 5},
		{h, "/a/x=1&y=2", nil, "/a/x=1&y=2", stored, 6},
		{other, "/a?x=1&y=2", nil, "/a", hit60, 7}, // its own routes are its own
		{h, "/never", nil, "/never", "venta; fwd=bypass; detail=key", 8},
		{h, "/never", nil, "/never", "venta; fwd=bypass; detail=key", 9},
		{h, "/p/q", nil, "/p/q", stored, 10},
		{h, "/p/q", nil, "/p/q", hit60, 11},
		{h, "/p%2Fq", nil, "/p/q", stored, 12}, // which handlers may read as another path
	}
	for i, step := range steps {
		expect(t, get(step.h, step.target, step.fields...), 200, step.body, step.want)
		if read.Load() != step.read {
			t.Errorf("step %d: read %d times, want %d", i, read.Load(), step.read)
		}
	}
}
