//go:build unix

package fleet

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/venta-hq/venta/gateway/policy"
	"github.com/venta-hq/venta/gateway/ratelimit"
	"github.com/venta-hq/venta/gateway/ratelimit/redislimit"
	"github.com/venta-hq/venta/gateway/redis/redistest"
)

// client is the header field that limits count by.
const client = "X-Client"

// perMinute and burst are such that no client is refused, and that those who send
// all the time are not forgotten meanwhile.
const (
	perMinute = 1000
	burst     = 1e9
)

// localLimits have a count of each process's own.
func localLimits(t testing.TB) []contest {
	limit := byClient(perMinute, burst, time.Minute)
	entrants := []entrant{
		{"x/time/rate by hand", tokenMap(nothing), isOK},
		{"venta", limited(t, ratelimit.Options{}, limit), isOK},
		{"venta, no fields", limited(t, ratelimit.Options{Fields: func() ratelimit.FieldStyle { return ratelimit.FieldsNone }}, limit), isOK},
	}
	return []contest{
		{load: "local limit: one key", clients: 1, requests: from(clients(1)), entrants: entrants},
		{load: "local limit: 100k keys", clients: 1, warm: 100_000, requests: from(clients(100_000)), entrants: entrants},
	}
}

// sharedLimits are counted in Redis.
func sharedLimits(t testing.TB) []contest {
	server := redistest.Start(t)
	store := redislimit.New(server.Open(t))
	library := openLibrary(t, server.Addr, false)
	shared := func(scope string, requests, burst, lease int64, interval time.Duration) http.Handler {
		limit := byClient(requests, burst, interval)
		limit.Shared, limit.OnStoreFailure, limit.Lease = true, policy.FailureDeny, lease
		return limited(t, ratelimit.Options{Store: store, Scope: scope}, limit)
	}
	admitting := []entrant{
		{"INCR, EXPIRE by hand", counting(library, "window:", burst, nothing), isOK},
		{"token bucket in Lua by hand", bucket(library, nothing), isOK},
		{"venta", shared("venta", perMinute, burst, 0, time.Minute), isOK},
		{"venta, leases of 50", shared("leased", perMinute, burst, 50, time.Minute), isOK},
	}
	refusing := []entrant{
		{"INCR, EXPIRE by hand", counting(library, "refused:", 0, nothing), isRefused},
		{"venta", shared("refused", 1, 1, 0, 24*time.Hour), isRefused},
	}
	many, one := from(clients(1024)), from(clients(1))
	return []contest{
		{load: "shared limit: one client a core", clients: 1, requests: many, entrants: admitting},
		{load: "shared limit: 32 clients a core", clients: 32, requests: many, entrants: admitting},
		{load: "shared limit: refused", clients: 32, requests: one, entrants: refusing},
	}
}

func byClient(requests, burst int64, interval time.Duration) policy.RateLimit {
	return policy.RateLimit{
		Name: "client", Requests: requests, Burst: burst, Interval: interval,
		Key: policy.RateLimitKey{Source: policy.KeyHeader, Header: client}, Cost: policy.RateLimitCost{Units: 1},
	}
}

func limited(t testing.TB, o ratelimit.Options, limit policy.RateLimit) http.Handler {
	t.Helper()
	o.Key = func(r *http.Request, k policy.RateLimitKey) (string, error) { return r.Header.Get(k.Header), nil }
	o.OnError = func(w http.ResponseWriter, _ *http.Request, _ error) { w.WriteHeader(http.StatusTooManyRequests) }
	o.OnStoreFailure = func(_ context.Context, _ string, err error) { t.Errorf("the store: %v", err) }
	l, err := ratelimit.New([]policy.RateLimit{limit}, o)
	if err != nil {
		t.Fatal(err)
	}
	return l.Middleware(nothing)
}

// nothing is the handler behind the limits.
var nothing = http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})

func clients(n int) []string {
	names := make([]string, n)
	for i := range names {
		names[i] = fmt.Sprintf("198.%d.%d.%d", i>>16, i>>8&0xff, i&0xff)
	}
	return names
}

// from returns requests of the clients in turn. One client's are one request that
// changes its name, so that many keys cost memory in the limiter alone.
func from(clients []string) requests {
	return func() func(int) *http.Request {
		r := httptest.NewRequest(http.MethodGet, "/", http.NoBody)
		name := []string{""}
		r.Header[client] = name
		return func(i int) *http.Request {
			name[0] = clients[i%len(clients)]
			return r
		}
	}
}
