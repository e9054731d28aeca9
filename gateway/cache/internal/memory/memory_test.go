package memory

import (
	"cmp"
	"fmt"
	"net/http"
	"net/http/httptest"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
	"unsafe"

	"github.com/venta-hq/venta/gateway/cache/internal/rfc9111"
)

// newMemory returns a Memory with roomy bounds where o has none.
func newMemory(t testing.TB, o Options) (*Memory, *Generations) {
	t.Helper()
	o = Options{
		MaxBytes:      cmp.Or(o.MaxBytes, 1<<20),
		MaxEntryBytes: cmp.Or(o.MaxEntryBytes, 1<<20),
		MaxVariants:   cmp.Or(o.MaxVariants, 16),
	}
	tags := NewGenerations(1 << 10)
	m, err := New(o, tags)
	if err != nil {
		t.Fatal(err)
	}
	return m, tags
}

// TestMemoryBound fills a store with far more than it may hold.
func TestMemoryBound(t *testing.T) {
	const maxBytes, bodyBytes, keys = 4 << 20, 2000, 20_000
	m, tags := newMemory(t, Options{MaxBytes: maxBytes})
	before := heap()
	body := make([]byte, bodyBytes)
	for i := range keys {
		k := Key{Scope: "m", Request: strings.Repeat("k", i%300) + string(rune(i))}
		m.Put(Variant{Key: k}, NewResponse(http.Header{}, body, Terms{Freshness: rfc9111.Freshness{Born: time.Now(), Lifetime: time.Hour}}, k, tags.Stamp([]string{"a", "b"})), nil)
		if size := m.Bytes(); size > maxBytes {
			t.Fatalf("%d bytes are stored after %d responses", size, i)
		}
	}
	if m.Bytes() < maxBytes/2 {
		t.Errorf("only %d bytes are stored", m.Bytes())
	}
	if grown := heap() - before; grown > maxBytes*3/2 {
		t.Errorf("the heap has grown by %d bytes for %d that may be stored", grown, int64(maxBytes))
	}
	if _, ok := m.entries.GetIfPresent(Key{}); ok {
		t.Error("the empty key is stored")
	}
}

func TestVariantsAreBounded(t *testing.T) {
	m, _ := newMemory(t, Options{MaxVariants: 3})
	k := Key{Scope: "m"}
	for i := range 10 {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.Header.Set("A", string(rune('a'+i)))
		p := Terms{Selectors: rfc9111.Selectors(r.Header, []string{"A"}), Freshness: rfc9111.Freshness{Born: time.Now(), Lifetime: time.Hour}}
		m.Put(Variant{Key: k}, NewResponse(http.Header{}, []byte("x"), p, k, nil), r.Header)
	}
	resource, _ := m.entries.GetIfPresent(k)
	var kept []string
	for _, v := range resource.variants {
		kept = append(kept, v.Selectors[0].Lines[0])
	}
	if !slices.Equal(kept, []string{"j", "i", "h"}) {
		t.Errorf("kept %q, want the newest three", kept)
	}
}

func TestVariantsThatDoNotStay(t *testing.T) {
	m, tags := newMemory(t, Options{})
	k := Key{Scope: "m"}
	add := func(language, tag string, age time.Duration) {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.Header.Set("A", language)
		p := Terms{Selectors: rfc9111.Selectors(r.Header, []string{"A"}), Freshness: rfc9111.Freshness{Born: time.Now().Add(-age), Lifetime: time.Hour}}
		m.Put(Variant{Key: k}, NewResponse(http.Header{}, []byte("x"), p, k, tags.Stamp([]string{tag})), r.Header)
	}
	add("old", "kept", 2*time.Hour)
	add("purged", "purged", 0)
	add("twice", "kept", 0)
	tags.Purge(IDOf("purged"))
	add("twice", "kept", 0)
	resource, _ := m.entries.GetIfPresent(k)
	if len(resource.variants) != 1 || resource.weight != uint32(resource.variants[0].weight) {
		t.Errorf("%d variants that weigh %d", len(resource.variants), resource.weight)
	}
}

func TestStoredKeyDoesNotKeepTheRequestAlive(t *testing.T) {
	m, _ := newMemory(t, Options{})
	buffer := strings.Repeat("x", 1<<10)
	k := Key{Scope: "m", Host: buffer[:3], Principal: buffer[3:6], Request: buffer[6:9], Forwarded: buffer[9:12]}
	m.Put(Variant{Key: k}, NewResponse(http.Header{}, nil, Terms{Freshness: rfc9111.Freshness{Born: time.Now(), Lifetime: time.Hour}}, k, nil), nil)
	for kept := range m.entries.Keys() {
		for i, part := range [][2]string{{kept.Host, k.Host}, {kept.Principal, k.Principal}, {kept.Request, k.Request}, {kept.Forwarded, k.Forwarded}} {
			if unsafe.StringData(part[0]) == unsafe.StringData(part[1]) {
				t.Errorf("part %d of the key is a part of the request's buffer", i)
			}
		}
	}
	if _, ok := m.entries.GetIfPresent(k); !ok {
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
	v := NewResponse(http.Header{}, body, Terms{}, Key{}, nil)
	if cap(v.Body) > 64 || len(v.Body) != 10 {
		t.Errorf("a body of 10 bytes takes %d", cap(v.Body))
	}
}

// TestWeights floods a store with responses, each with an encoding, and adds up
// what they weigh.
func TestWeights(t *testing.T) {
	const maxBytes, keys = 4 << 20, 10_000
	m, _ := newMemory(t, Options{MaxBytes: maxBytes})
	terms := Terms{Freshness: rfc9111.Freshness{Born: time.Now(), Lifetime: time.Hour}}
	for i := range keys {
		k := Key{Scope: "m", Request: fmt.Sprint("/", i, strings.Repeat("k", i%300))}
		r := NewResponse(http.Header{}, make([]byte, 1000), terms, k, nil)
		m.Put(Variant{Key: k}, r, nil)
		m.Attach(k, r, Encoding{"half", Representation{Fields: r.Fields, Body: make([]byte, 500)}})
		if m.Bytes() > maxBytes {
			t.Fatalf("%d bytes are stored after %d responses", m.Bytes(), i)
		}
	}
	encoded := 0
	for resource := range m.entries.Values() {
		var weight int64
		for _, v := range resource.variants {
			encoded += len(v.encodings)
			weight += v.weight
			if without := v.weigh(Key{}); without >= v.weight || without < 1500 {
				t.Fatalf("%d bytes weigh %d", without, v.weight)
			}
		}
		if weight != int64(resource.weight) {
			t.Fatalf("an entry of %d weighs %d", weight, resource.weight)
		}
	}
	if encoded == 0 {
		t.Error("no encoding is stored")
	}
}

// TestAttach holds that an encoding which an entry has no room for is none, and
// that it is not looked for again.
func TestAttach(t *testing.T) {
	m, _ := newMemory(t, Options{MaxEntryBytes: 2800})
	k := Key{Scope: "m"}
	terms := Terms{Freshness: rfc9111.Freshness{Born: time.Now(), Lifetime: time.Hour}}
	r := NewResponse(http.Header{}, make([]byte, 1200), terms, k, nil)
	m.Put(Variant{Key: k}, r, nil)
	small := m.Attach(k, r, Encoding{"small", Representation{Fields: r.Fields, Body: make([]byte, 10)}})
	large := m.Attach(k, r, Encoding{"large", Representation{Fields: r.Fields, Body: make([]byte, 600)}})
	if small.None() || !large.None() {
		t.Errorf("small has none: %v, large has none: %v", small.None(), large.None())
	}
	stored := m.Stored(k, r)
	for coding, want := range map[string]int{"small": 10, "large": 1200} {
		if p, ok := stored.Encoded(coding); !ok || len(p.Body) != want {
			t.Errorf("%s: %d bytes, %v, want %d", coding, len(p.Body), ok, want)
		}
	}
	if _, ok := stored.Encoded("other"); ok {
		t.Error("an encoding is there that nobody has made")
	}
	if m.Supersede(Variant{Key: k}, nil, time.Now()); m.Stored(k, r) != nil || m.Variants(k) != nil || m.Bytes() != 0 {
		t.Errorf("%d bytes are stored after the response was superseded", m.Bytes())
	}
}

// TestURLs holds that what is remembered is bounded, and keeps nothing of a
// request's memory.
func TestURLs(t *testing.T) {
	const maxBytes = 64 << 10
	urls, err := NewURLs(maxBytes)
	if err != nil {
		t.Fatal(err)
	}
	buffer := strings.Repeat("x", 1<<10)
	u := URL{Route: 1, Path: buffer[:3], Raw: buffer[3:5], Query: buffer[5:9]}
	urls.Remember(u, "key")
	for kept := range urls.keys.Keys() {
		if unsafe.StringData(kept.Path) == unsafe.StringData(u.Path) || unsafe.StringData(kept.Query) == unsafe.StringData(u.Query) {
			t.Error("the URL is a part of the request's buffer")
		}
	}
	if key, ok := urls.Key(u); !ok || key != "key" {
		t.Errorf("key %q, %v", key, ok)
	}
	for _, other := range []URL{{Route: 2, Path: "xxx", Raw: "xx", Query: "xxxx"}, {Route: 1, Path: "xxx", Raw: "xxx", Query: "xxx"}} {
		if key, ok := urls.Key(other); ok {
			t.Errorf("%+v has the key %q of another", other, key)
		}
	}
	for i := range 10_000 {
		urls.Remember(URL{Route: 1, Path: fmt.Sprint("/", i)}, "key")
		if urls.Bytes() > maxBytes {
			t.Fatalf("%d bytes are remembered after %d URLs", urls.Bytes(), i)
		}
	}
}

// TestGenerations holds which purges end which stamps.
func TestGenerations(t *testing.T) {
	g := NewGenerations(1 << 16)
	purges := map[string]func(){
		"a tag":             func() { g.Purge(IDOf("a")) },
		"another tag":       func() { g.Purge(IDOf("b")) },
		"everything tagged": g.PurgeTagged,
		"everything":        g.PurgeAll,
	}
	for name, ends := range map[string]struct{ tagged, untagged bool }{
		"a tag": {true, false}, "another tag": {false, false}, "everything tagged": {true, false}, "everything": {true, true},
	} {
		tagged, untagged := g.Stamp([]string{"a", "c"}), g.Stamp(nil)
		if !IsTagged(tagged) || IsTagged(untagged) {
			t.Errorf("tagged %v, %v", IsTagged(tagged), IsTagged(untagged))
		}
		purges[name]()
		if g.Current(tagged) == ends.tagged || g.Current(untagged) == ends.untagged {
			t.Errorf("%s: current %v, untagged %v", name, g.Current(tagged), g.Current(untagged))
		}
	}
}
