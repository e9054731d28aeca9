//go:build unix

package fleet

import (
	"fmt"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/redis/rueidis"
	"golang.org/x/time/rate"
)

// openLibrary opens Redis without anything of ours.
func openLibrary(t testing.TB, addr string, clientSide bool) rueidis.Client {
	t.Helper()
	c, err := rueidis.NewClient(rueidis.ClientOption{InitAddress: []string{addr}, DisableCache: !clientSide, ForceSingleClient: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// idle is how long a client is remembered by hand.
const idle = time.Minute

type visitor struct {
	limiter *rate.Limiter
	seen    time.Time
}

// tokenMap is the middleware that tutorials show: a token bucket for each client
// in a map behind a lock, from which those who are idle are swept.
func tokenMap(next http.Handler) http.Handler {
	var mu sync.Mutex
	visitors := make(map[string]*visitor)
	swept := time.Now()
	take := func(client string, now time.Time) bool {
		mu.Lock()
		defer mu.Unlock()
		if now.Sub(swept) > idle {
			for name, v := range visitors {
				if now.Sub(v.seen) > idle {
					delete(visitors, name)
				}
			}
			swept = now
		}
		v := visitors[client]
		if v == nil {
			v = &visitor{limiter: rate.NewLimiter(perMinute/60.0, burst)}
			visitors[client] = v
		}
		v.seen = now
		return v.limiter.AllowN(now, 1)
	}
	return admit(func(r *http.Request) (bool, error) { return take(r.Header.Get(client), time.Now()), nil }, next)
}

// counting counts in windows of a minute: one round trip, and at its edges twice
// the limit.
func counting(c rueidis.Client, prefix string, most int64, next http.Handler) http.Handler {
	return admit(func(r *http.Request) (bool, error) {
		key := prefix + r.Header.Get(client)
		replies := c.DoMulti(r.Context(), c.B().Incr().Key(key).Build(), c.B().Expire().Key(key).Seconds(60).Nx().Build())
		n, err := replies[0].AsInt64()
		return n <= most, err
	}, next)
}

// takeToken is a token bucket of KEYS[1]: ARGV is tokens a second and the burst.
var takeToken = rueidis.NewLuaScript(`
local clock = redis.call('TIME')
local now = clock[1] + clock[2] / 1e6
local had = redis.call('HMGET', KEYS[1], 'tokens', 'at')
local tokens = math.min(tonumber(ARGV[2]), (had[1] or ARGV[2]) + (now - (had[2] or now)) * ARGV[1])
local ok = tokens >= 1 and 1 or 0
redis.call('HSET', KEYS[1], 'tokens', tokens - ok, 'at', now)
redis.call('EXPIRE', KEYS[1], 3600)
return ok`)

// bucket keeps token buckets in Redis, as floating point numbers.
func bucket(c rueidis.Client, next http.Handler) http.Handler {
	rate := []string{fmt.Sprint(perMinute / 60.0), fmt.Sprint(int64(burst))}
	return admit(func(r *http.Request) (bool, error) {
		ok, err := takeToken.Exec(r.Context(), c, []string{"bucket:" + r.Header.Get(client)}, rate).AsInt64()
		return ok == 1, err
	}, next)
}

func admit(admitted func(*http.Request) (bool, error), next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ok, err := admitted(r)
		switch {
		case err != nil:
			w.WriteHeader(http.StatusServiceUnavailable)
		case !ok:
			w.Header().Set("Retry-After", "60")
			w.WriteHeader(http.StatusTooManyRequests)
		default:
			next.ServeHTTP(w, r)
		}
	})
}
