//go:build unix

package fleet

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"

	"github.com/redis/rueidis"

	"github.com/venta-hq/venta/gateway/cache"
	"github.com/venta-hq/venta/gateway/redis/redistest"
)

// manyPages are more than fit into level 1 of the gateway that measures level 2.
const manyPages = 4096

var page = []byte(strings.Repeat("x", 1400))

func servePage(w http.ResponseWriter, _ *http.Request) { write(w, page) }

func write(w http.ResponseWriter, body []byte) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	_, _ = w.Write(body) // to memory
}

// hits are responses of level 1 and of level 2 of a cache.
func hits(t testing.TB) []contest {
	server := redistest.Start(t)
	plain, tracking := openLibrary(t, server.Addr, false), openLibrary(t, server.Addr, true)
	for i := range manyPages {
		if err := plain.Do(t.Context(), plain.B().Set().Key(path(i)).Value(string(page)).Build()).Error(); err != nil {
			t.Fatal(err)
		}
	}
	largeMemory := startGateway(t, server, cache.Options{}, servePage)
	smallMemory := startGateway(t, server, cache.Options{MaxBytes: 16 << 10, MaxEntryBytes: 8 << 10}, servePage)
	fill(t, smallMemory)
	inMemory := []entrant{
		{"sync.Map by hand", syncMap(), isPage},
		{"otter by hand", otterMap(t), isPage},
		{"client-side caching by hand", clientSide(tracking), isPage},
		{"venta", largeMemory, isHit},
	}
	return []contest{
		{load: "hit: level 1", clients: 1, requests: pages(1), entrants: inMemory},
		{load: "hit: level 2, one client a core", clients: 1, requests: pages(manyPages), entrants: remote(plain, smallMemory)},
		{load: "hit: level 2, 16 clients a core", clients: 16, requests: pages(manyPages), entrants: remote(plain, smallMemory)},
	}
}

func remote(c rueidis.Client, gateway http.Handler) []entrant {
	return []entrant{{"GET by hand", getPage(c), isPage}, {"venta", gateway, isRemoteHit}}
}

// fill requests all pages and waits until Redis has them.
func fill(t testing.TB, g *fleetGateway) {
	t.Helper()
	next := pages(manyPages)()
	for i := range manyPages {
		g.ServeHTTP(&discard{header: make(http.Header)}, next(i))
	}
	redistest.Eventually(t, func() bool { return g.stored.Load() >= manyPages })
}

func path(i int) string { return fmt.Sprint("/page/", i) }

// pages returns requests for n pages in turn, which all clients share.
func pages(n int) requests {
	all := make([]*http.Request, n)
	for i := range all {
		all[i] = httptest.NewRequest(http.MethodGet, path(i), http.NoBody)
	}
	return func() func(int) *http.Request { return func(i int) *http.Request { return all[i%n] } }
}

func isPage(w *httptest.ResponseRecorder) bool { return w.Body.Len() == len(page) }

// isHit and isRemoteHit tell by RFC 9211 which level of the cache a response is of.
func isHit(w *httptest.ResponseRecorder) bool {
	return strings.HasPrefix(w.Header().Get("Cache-Status"), "venta; hit") && !isRemoteHit(w)
}

func isRemoteHit(w *httptest.ResponseRecorder) bool {
	return strings.HasPrefix(w.Header().Get("Cache-Status"), "venta; hit; detail=level-2")
}
