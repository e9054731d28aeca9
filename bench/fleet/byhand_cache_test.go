//go:build unix

package fleet

import (
	"context"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/maypok86/otter/v2"
	"github.com/redis/rueidis"
)

// syncMap is a map of bytes: without freshness, conditions, variants, purges or
// bounds.
func syncMap() http.Handler {
	var entries sync.Map
	entries.Store(path(0), page)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, ok := entries.Load(r.URL.Path)
		if !ok {
			http.NotFound(w, r)
			return
		}
		write(w, body.([]byte))
	})
}

// otterMap has bounds and expiry, too.
func otterMap(t testing.TB) http.Handler {
	entries, err := otter.New(&otter.Options[string, []byte]{
		MaximumWeight: 64 << 20, Weigher: func(_ string, body []byte) uint32 { return uint32(len(body)) },
		ExpiryCalculator: otter.ExpiryWriting[string, []byte](time.Hour),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { entries.StopAllGoroutines() })
	entries.Set(path(0), page)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, ok := entries.GetIfPresent(r.URL.Path)
		if !ok {
			http.NotFound(w, r)
			return
		}
		write(w, body)
	})
}

// getPage is the least that can be done: one GET, and what is stored are the
// bytes of the body.
func getPage(c rueidis.Client) http.Handler {
	return fetched(func(ctx context.Context, key string) rueidis.RedisResult {
		return c.Do(ctx, c.B().Get().Key(key).Build())
	})
}

// clientSide has its hits in memory, where Redis invalidates them.
func clientSide(c rueidis.Client) http.Handler {
	return fetched(func(ctx context.Context, key string) rueidis.RedisResult {
		return c.DoCache(ctx, c.B().Get().Key(key).Cache(), time.Hour)
	})
}

func fetched(fetch func(ctx context.Context, key string) rueidis.RedisResult) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := fetch(r.Context(), r.URL.Path).AsBytes()
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadGateway)
			return
		}
		write(w, body)
	})
}
