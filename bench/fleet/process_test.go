//go:build unix

package fleet

import (
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/venta-hq/venta/gateway/cache"
	"github.com/venta-hq/venta/gateway/cache/rediscache"
	"github.com/venta-hq/venta/gateway/policy"
	"github.com/venta-hq/venta/gateway/redis/redistest"
)

// fleetGateway is what one process has of the cache.
type fleetGateway struct {
	http.Handler
	stored atomic.Int64 // entries in Redis
}

// startGateway returns once what is tagged is served from memory.
func startGateway(t testing.TB, server *redistest.Server, o cache.Options, upstream http.HandlerFunc) *fleetGateway {
	t.Helper()
	g := new(fleetGateway)
	level2, err := rediscache.New(rediscache.Options{Client: server.Open(t), OnEvent: func(e cache.Event) {
		if e == rediscache.EventPut {
			g.stored.Add(1)
		}
	}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(level2.Close)
	o.Remote = level2
	store, err := cache.NewStore(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(store.Close)
	middleware, err := store.Middleware(pageRule())
	if err != nil {
		t.Fatal(err)
	}
	g.Handler = middleware(upstream)
	redistest.Eventually(t, func() bool { return level2.Trusted(time.Now()) })
	return g
}

func pageRule() cache.Rule {
	return cache.Rule{
		Policy:        policy.Cache{TTL: time.Hour, Audience: policy.AudiencePublic},
		Name:          "venta.bench.v1.Pages.Get",
		Key:           func(r *http.Request) (string, bool, error) { return r.URL.Path, true, nil },
		Tags:          func(*http.Request) ([]string, error) { return []string{"pages"}, nil },
		IgnoreTargets: true,
		OnError:       func(w http.ResponseWriter, _ *http.Request, err error) { http.Error(w, err.Error(), 500) },
	}
}
