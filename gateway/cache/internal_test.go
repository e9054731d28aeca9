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

	"github.com/venta-hq/venta/gateway/cache/internal/rfc9111"
)

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
		s.put(k, newVariant(http.Header{}, body, plan{Freshness: rfc9111.Freshness{Born: time.Now(), Lifetime: time.Hour}}, k, s.tags.stamp([]string{"a", "b"})))
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
		p := plan{selectors: rfc9111.Selectors(r.Header, []string{"A"}), Freshness: rfc9111.Freshness{Born: time.Now(), Lifetime: time.Hour}}
		s.put(k, newVariant(http.Header{}, []byte("x"), p, k, nil))
	}
	resource, _ := s.entries.GetIfPresent(k)
	var kept []string
	for _, v := range resource.variants {
		kept = append(kept, v.selectors[0].Lines[0])
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
		p := plan{selectors: rfc9111.Selectors(r.Header, []string{"A"}), Freshness: rfc9111.Freshness{Born: time.Now().Add(-age), Lifetime: time.Hour}}
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
	s.put(k, newVariant(http.Header{}, nil, plan{Freshness: rfc9111.Freshness{Born: time.Now(), Lifetime: time.Hour}}, k, nil))
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
