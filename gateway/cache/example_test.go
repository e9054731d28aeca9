package cache_test

import (
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"time"

	"github.com/venta-hq/venta/gateway/cache"
	"github.com/venta-hq/venta/gateway/policy"
)

// The cache stands before a plain reverse proxy, and honours what the origin and
// its clients say. Where the origin says nothing, a response is used for a second, for
// a minute more where the origin fails, and never stale otherwise.
func Example() {
	origin := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet {
			w.Header().Set("Cache-Control", "max-age=60")
			w.Header().Set("Etag", `"v1"`)
		}
		_, _ = io.WriteString(w, "hello")
	}))
	defer origin.Close()
	target, err := url.Parse(origin.URL)
	if err != nil {
		log.Fatal(err)
	}
	store, err := cache.NewStore(cache.Options{MaxBytes: 1 << 20})
	if err != nil {
		log.Fatal(err)
	}
	defer store.Close()
	caching, err := store.Middleware(cache.Rule{
		Name:   "everything",
		Proxy:  true,
		Policy: policy.Cache{TTL: time.Second, StaleWhileRevalidate: time.Minute, StaleIfError: time.Minute},
		Key:    func(r *http.Request) (string, bool, error) { return r.URL.RequestURI(), true, nil },
		OnError: func(w http.ResponseWriter, _ *http.Request, err error) {
			http.Error(w, err.Error(), http.StatusGatewayTimeout)
		},
	})
	if err != nil {
		log.Fatal(err)
	}
	proxy := httptest.NewServer(caching(httputil.NewSingleHostReverseProxy(target)))
	defer proxy.Close()

	fetch := func(method string, fields ...string) {
		request, err := http.NewRequest(method, proxy.URL+"/a", nil)
		if err != nil {
			log.Fatal(err)
		}
		for i := 0; i < len(fields); i += 2 {
			request.Header.Set(fields[i], fields[i+1])
		}
		response, err := proxy.Client().Do(request)
		if err != nil {
			log.Fatal(err)
		}
		_ = response.Body.Close()
		fmt.Println(method, response.StatusCode, response.Header.Get("Cache-Status"))
	}
	fetch("GET")
	fetch("GET")
	fetch("HEAD")
	fetch("GET", "If-None-Match", `"v1"`)
	fetch("GET", "Range", "bytes=0-1")
	fetch("GET", "Cache-Control", "no-cache")
	fetch("PUT")
	fetch("GET", "Cache-Control", "only-if-cached")
	// Output:
	// GET 200 venta; fwd=uri-miss; stored
	// GET 200 venta; hit; ttl=60
	// HEAD 200 venta; hit; ttl=60
	// GET 304 venta; hit; ttl=60
	// GET 200 venta; fwd=bypass; detail=range
	// GET 200 venta; fwd=request; stored
	// PUT 200 venta; fwd=method
	// GET 504 venta; detail=only-if-cached
}
