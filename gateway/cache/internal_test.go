package cache

import (
	"net/http"
	"net/http/httptest"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
	"unsafe"

	"pgregory.net/rapid"
)

func TestParseDirectives(t *testing.T) {
	with := func(change func(*directives)) directives {
		d := noDirectives()
		change(&d)
		return d
	}
	tests := []struct {
		lines []string
		want  directives
	}{
		{nil, with(func(*directives) {})},
		{[]string{""}, with(func(*directives) {})},
		{[]string{"No-Store"}, with(func(d *directives) { d.noStore = true })},
		{[]string{" public , MAX-AGE=5"}, with(func(d *directives) { d.public, d.maxAge = true, 5*time.Second })},
		{[]string{"max-age=5", "s-maxage=7, must-revalidate"}, with(func(d *directives) {
			d.maxAge, d.sharedMaxAge, d.mustRevalidate = 5*time.Second, 7*time.Second, true
		})},
		{[]string{`private="set-cookie, x", no-cache="y"`}, with(func(d *directives) { d.private, d.noCache = true, true })},
		{[]string{`x="no-store, \" private", public`}, with(func(d *directives) { d.public = true })},
		{[]string{"proxy-revalidate, stale-if-error=60, stale-if-error=30"}, with(func(d *directives) {
			d.proxyRevalidate, d.staleIfError = true, 30*time.Second
		})},
		{[]string{`x="unclosed, no-store`}, with(func(*directives) {})},
		{[]string{`max-age="5"`}, with(func(d *directives) { d.maxAge = 5 * time.Second })},
		{[]string{"max-age=9, max-age=3, max-age=4"}, with(func(d *directives) { d.maxAge = 3 * time.Second })},
		{[]string{"max-age=-1"}, with(func(d *directives) { d.maxAge = 0 })},
		{[]string{"max-age=1.5, max-age"}, with(func(d *directives) { d.maxAge = 0 })},
		{[]string{"max-age=99999999999999999999999"}, with(func(d *directives) { d.maxAge = maxDelta * time.Second })},
		{[]string{"min-fresh=3, only-if-cached, max-stale=9"}, with(func(d *directives) {
			d.minFresh, d.onlyIfCached, d.maxStale = 3*time.Second, true, 9*time.Second
		})},
		{[]string{"max-stale, stale-while-revalidate=5"}, with(func(d *directives) {
			d.maxStale, d.staleRefresh = maxDelta*time.Second, 5*time.Second
		})},
	}
	for _, test := range tests {
		if got := parseDirectives(http.Header{"Cache-Control": test.lines}); got != test.want {
			t.Errorf("%q: %+v, want %+v", test.lines, got, test.want)
		}
	}
}

func TestNotModified(t *testing.T) {
	const (
		monday  = "Mon, 02 Nov 2026 10:00:00 GMT"
		tuesday = "Tue, 03 Nov 2026 10:00:00 GMT"
	)
	modified, err := http.ParseTime(monday)
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name     string
		match    []string
		since    string
		etag     string
		modified time.Time
		want     bool
	}{
		{"no condition", nil, "", `"a"`, modified, false},
		{"the same", []string{`"a"`}, "", `"a"`, time.Time{}, true},
		{"another", []string{`"b"`}, "", `"a"`, time.Time{}, false},
		{"weak against strong", []string{`W/"a"`}, "", `"a"`, time.Time{}, true},
		{"strong against weak", []string{`"a"`}, "", `W/"a"`, time.Time{}, true},
		{"any", []string{" *"}, "", `"a"`, time.Time{}, true},
		{"any of nothing", []string{"*"}, "", "", time.Time{}, false},
		{"in a list", []string{`"x", W/"y" ,"a"`}, "", `"a"`, time.Time{}, true},
		{"in a second line", []string{`"x"`, `"a"`}, "", `"a"`, time.Time{}, true},
		{"a comma inside", []string{`"a,b"`}, "", `"a,b"`, time.Time{}, true},
		{"a part of one", []string{`"a,b"`}, "", `"a`, time.Time{}, false},
		{"no quotes", []string{`a`}, "", `"a"`, time.Time{}, false},
		{"unclosed", []string{`"a`}, "", `"a"`, time.Time{}, false},
		{"only a quote", []string{`"`}, "", `""`, time.Time{}, false},
		{"empty tag", []string{`""`}, "", `""`, time.Time{}, true},
		{"empty field", []string{``}, "", `"a"`, modified, false},
		{"not since", nil, monday, "", modified, true},
		{"not since later", nil, tuesday, "", modified, true},
		{"since", nil, "Sun, 01 Nov 2026 10:00:00 GMT", "", modified, false},
		{"no date", nil, "yesterday", "", modified, false},
		{"nothing to compare with", nil, monday, "", time.Time{}, false},
		{"If-None-Match goes first", []string{`"b"`}, tuesday, `"a"`, modified, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			r := &http.Request{Header: http.Header{}}
			if test.match != nil {
				r.Header["If-None-Match"] = test.match
			}
			if test.since != "" {
				r.Header.Set("If-Modified-Since", test.since)
			}
			if got := notModified(r, test.etag, test.modified); got != test.want {
				t.Errorf("notModified = %v, want %v", got, test.want)
			}
		})
	}
}

func FuzzNotModified(f *testing.F) {
	f.Add(`W/"a", "b"`, `"b"`)
	f.Add(`"`, `"`)
	f.Fuzz(func(t *testing.T, line, tag string) {
		r := &http.Request{Header: http.Header{"If-None-Match": {line}}}
		if notModified(r, tag, time.Time{}) && !strings.Contains(line, strings.TrimPrefix(tag, "W/")) && !strings.Contains(line, "*") {
			t.Errorf("%q matches %q", line, tag)
		}
	})
}

// TestVaryKeyTellsRequestsApart draws lines from the characters that the key
// itself is written with.
func TestVaryKeyTellsRequestsApart(t *testing.T) {
	names := []string{"A", "B"}
	line := rapid.StringMatching(`[:;0-3x]{0,4}`)
	header := rapid.Custom(func(t *rapid.T) http.Header {
		return http.Header{
			"A": rapid.SliceOfN(line, 0, 3).Draw(t, "a"),
			"B": rapid.SliceOfN(line, 0, 3).Draw(t, "b"),
		}
	})
	rapid.Check(t, func(t *rapid.T) {
		one, two := &http.Request{Header: header.Draw(t, "one")}, &http.Request{Header: header.Draw(t, "two")}
		same := slices.Equal(one.Header["A"], two.Header["A"]) && slices.Equal(one.Header["B"], two.Header["B"])
		if got := varyKey(one, names) == varyKey(two, names); got != same {
			t.Fatalf("keys equal: %v, requests equal: %v", got, same)
		}
		if got := selected(two, selectors(one, names)); got != same {
			t.Fatalf("selected: %v, requests equal: %v", got, same)
		}
	})
}

func TestIsToken(t *testing.T) {
	for name, want := range map[string]bool{"Accept": true, "x-y_1": true, "": false, "a b": false, "a,b": false, "ä": false, "a:": false} {
		if isToken(name) != want {
			t.Errorf("isToken(%q) = %v", name, !want)
		}
	}
}

// TestMemoryBound fills a store with far more than it may hold.
func TestMemoryBound(t *testing.T) {
	const maxBytes, bodyBytes, keys = 4 << 20, 2000, 20_000
	s, err := NewStore(Options{MaxBytes: maxBytes})
	if err != nil {
		t.Fatal(err)
	}
	before := heap()
	body := make([]byte, bodyBytes)
	for i := range keys {
		k := key{scope: "m", request: strings.Repeat("k", i%300) + string(rune(i))}
		s.put(k, newVariant(http.Header{}, body, plan{born: time.Now(), lifetime: time.Hour}, k, s.tags.stamp([]string{"a", "b"})))
		if size := s.entries.WeightedSize(); size > maxBytes {
			t.Fatalf("%d bytes are stored after %d answers", size, i)
		}
	}
	if s.entries.WeightedSize() < maxBytes/2 {
		t.Errorf("only %d bytes are stored", s.entries.WeightedSize())
	}
	if grown := heap() - before; grown > maxBytes*3/2 {
		t.Errorf("the heap has grown by %d bytes for %d that may be stored", grown, int64(maxBytes))
	}
	if _, ok := s.entries.GetIfPresent(key{}); ok {
		t.Error("the empty key is stored")
	}
}

func TestVariantsAreBounded(t *testing.T) {
	s, err := NewStore(Options{MaxVariants: 3})
	if err != nil {
		t.Fatal(err)
	}
	k := key{scope: "m"}
	for i := range 10 {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.Header.Set("A", string(rune('a'+i)))
		p := plan{selectors: selectors(r, []string{"A"}), born: time.Now(), lifetime: time.Hour}
		s.put(k, newVariant(http.Header{}, []byte("x"), p, k, nil))
	}
	resource, _ := s.entries.GetIfPresent(k)
	var kept []string
	for _, v := range resource.variants {
		kept = append(kept, v.selectors[0].lines[0])
	}
	if !slices.Equal(kept, []string{"j", "i", "h"}) {
		t.Errorf("kept %q, want the newest three", kept)
	}
}

func TestVariantsThatDoNotStay(t *testing.T) {
	s, err := NewStore(Options{})
	if err != nil {
		t.Fatal(err)
	}
	k := key{scope: "m"}
	add := func(language, tag string, age time.Duration) {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.Header.Set("A", language)
		p := plan{selectors: selectors(r, []string{"A"}), born: time.Now().Add(-age), lifetime: time.Hour}
		s.put(k, newVariant(http.Header{}, []byte("x"), p, k, s.tags.stamp([]string{tag})))
	}
	add("old", "kept", 2*time.Hour)
	add("purged", "purged", 0)
	add("twice", "kept", 0)
	s.Purge("purged")
	add("twice", "kept", 0)
	resource, _ := s.entries.GetIfPresent(k)
	if len(resource.variants) != 1 || resource.weight != uint32(resource.variants[0].weight) {
		t.Errorf("%d variants that weigh %d", len(resource.variants), resource.weight)
	}
}

func TestStoredKeyDoesNotKeepTheRequestAlive(t *testing.T) {
	s, err := NewStore(Options{})
	if err != nil {
		t.Fatal(err)
	}
	buffer := strings.Repeat("x", 1<<10)
	k := key{scope: "m", host: buffer[:3], principal: buffer[3:6], request: buffer[6:9]}
	s.put(k, newVariant(http.Header{}, nil, plan{born: time.Now(), lifetime: time.Hour}, k, nil))
	for kept := range s.entries.Keys() {
		for i, part := range [][2]string{{kept.host, k.host}, {kept.principal, k.principal}, {kept.request, k.request}} {
			if unsafe.StringData(part[0]) == unsafe.StringData(part[1]) {
				t.Errorf("part %d of the key is a part of the request's buffer", i)
			}
		}
	}
	if _, ok := s.entries.GetIfPresent(k); !ok {
		t.Error("the key is not found")
	}
}

// heap returns the bytes that live on the heap.
func heap() int64 {
	runtime.GC()
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return int64(stats.HeapAlloc)
}

func TestStoredBodyHasNoSpareRoom(t *testing.T) {
	body := make([]byte, 10, 1<<20)
	v := newVariant(http.Header{}, body, plan{}, key{}, nil)
	if cap(v.body) > 64 || len(v.body) != 10 {
		t.Errorf("a body of 10 bytes takes %d", cap(v.body))
	}
}
