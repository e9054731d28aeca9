package cache_test

import (
	"errors"
	"fmt"
	"net/http"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/venta-hq/venta/gateway/cache"
	"github.com/venta-hq/venta/gateway/policy"
)

// negativeRule caches for a minute, and what is not there for ten seconds.
func negativeRule() cache.Rule {
	rule := baseRule()
	rule.Policy.NegativeTTL = 10 * time.Second
	return rule
}

// missing responds with a status, header fields and how often it was called.
func missing(calls *atomic.Int64, status int, fields ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		for i := 0; i < len(fields); i += 2 {
			w.Header().Add(fields[i], fields[i+1])
		}
		w.WriteHeader(status)
		_, _ = fmt.Fprint(w, calls.Add(1))
	}
}

func TestNegative(t *testing.T) {
	const hit = "venta; hit; ttl=5"
	tests := []struct {
		name     string
		status   int
		response []string
		fields   []string
		want     string // of the second request, after five seconds
	}{
		{"404", 404, nil, nil, hit},
		{"410", 410, nil, nil, hit},
		{"400", 400, nil, nil, missed},
		{"401", 401, nil, nil, missed},
		{"403", 403, nil, nil, missed},
		{"405", 405, nil, nil, missed},
		{"501", 501, nil, nil, missed},
		{"no-store", 404, []string{"Cache-Control", "no-store"}, nil, missed},
		{"private", 404, []string{"Cache-Control", "private"}, nil, missed},
		{"a lifetime of its own", 404, []string{"Cache-Control", "max-age=20"}, nil, "venta; hit; ttl=15"},
		{"a shorter one", 404, []string{"Cache-Control", "max-age=4"}, nil, "venta; fwd=stale; stored"},
		{"for one client", 404, []string{"Set-Cookie", "a=b"}, nil, missed},
		{"a caller without an audience", 404, nil, []string{"Authorization", "Bearer x"}, missed},
		{"a condition that does not apply", 404, []string{"Etag", `"a"`}, []string{"If-None-Match", `"a"`}, hit},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var calls atomic.Int64
				h := wrap(t, newStore(t, cache.Options{}), negativeRule(), missing(&calls, test.status, test.response...))
				if got := get(h, "/a", test.fields...); got.Code != test.status || got.Body.String() != "1" {
					t.Errorf("first: %d %s", got.Code, got.Body)
				}
				time.Sleep(5 * time.Second)
				got := get(h, "/a", test.fields...)
				expect(t, got, test.status, fmt.Sprint(calls.Load()), test.want)
				if age := got.Header().Get("Age"); calls.Load() == 1 && age != "5" {
					t.Errorf("Age = %q", age)
				}
			})
		})
	}
}

func TestNoNegativeWithoutPolicy(t *testing.T) {
	var calls atomic.Int64
	h := wrap(t, newStore(t, cache.Options{}), baseRule(), missing(&calls, 404, "Cache-Control", "max-age=60"))
	get(h, "/a")
	expect(t, get(h, "/a"), 404, "2", missed)
}

// TestNegativeIsPurged holds that what is created is found at once.
func TestNegativeIsPurged(t *testing.T) {
	var calls atomic.Int64
	s := newStore(t, cache.Options{})
	h := wrap(t, s, negativeRule(), missing(&calls, 404))
	get(h, "/a", "X-Tags", "v")
	s.Purge("v")
	expect(t, get(h, "/a", "X-Tags", "v"), 404, "2", stored)
}

func TestNegativeNeverCrossesPrincipals(t *testing.T) {
	rule := negativeRule()
	rule.Policy.Audience = policy.AudiencePrincipal
	var calls atomic.Int64
	h := wrap(t, newStore(t, cache.Options{}), rule, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("X-Principal") == "ann" {
			missing(&calls, 404)(w, r)
			return
		}
		text("bob's")(w, r)
	})
	get(h, "/a", "X-Principal", "ann")
	expect(t, get(h, "/a", "X-Principal", "bob"), 200, "bob's", stored)
	expect(t, get(h, "/a", "X-Principal", "ann"), 404, "1", "venta; hit; ttl=10")
}

// TestNegativeIsNeverStale holds that nothing is served of it after its time: it
// stands in for no failure and is not refreshed.
func TestNegativeIsNeverStale(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rule := negativeRule()
		rule.Policy.StaleIfError, rule.Policy.StaleWhileRevalidate = time.Hour, time.Hour
		var calls, failing atomic.Int64
		h := wrap(t, newStore(t, cache.Options{}), rule, func(w http.ResponseWriter, r *http.Request) {
			if failing.Load() == 0 {
				missing(&calls, 404)(w, r)
				return
			}
			flaky(&failing)(w, r)
		})
		get(h, "/a")
		time.Sleep(10 * time.Second)
		failing.Store(503)
		expect(t, get(h, "/a", "Cache-Control", "max-stale"), 503, "failed", "venta; fwd=stale")
	})
}

// TestNegativeReplacesWhatWas holds that a 404 takes the place of a stale response.
func TestNegativeReplacesWhatWas(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rule := negativeRule()
		rule.Policy.StaleWhileRevalidate = time.Hour
		var calls atomic.Int64
		h := wrap(t, newStore(t, cache.Options{}), rule, func(w http.ResponseWriter, r *http.Request) {
			if calls.Add(1) > 1 {
				w.WriteHeader(404)
				return
			}
			text("x")(w, r)
		})
		get(h, "/a")
		time.Sleep(2 * time.Minute)
		expect(t, get(h, "/a"), 200, "x", revalidating)
		synctest.Wait()
		expect(t, get(h, "/a"), 404, "", "venta; hit; ttl=10")
	})
}

// TestRememberError holds that an error is written anew for each who shares it.
func TestRememberError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rule := negativeRule()
		rule.OnError = func(w http.ResponseWriter, r *http.Request, err error) {
			w.Header().Set("X-Request-Id", r.Header.Get("X-Request-Id"))
			w.WriteHeader(http.StatusNotFound)
			_, _ = fmt.Fprint(w, r.Header.Get("X-Request-Id"), ": ", err)
		}
		var calls atomic.Int64
		h := wrap(t, newStore(t, cache.Options{}), rule, counting(&calls, func(w http.ResponseWriter, r *http.Request) {
			time.Sleep(time.Second)
			err := errors.New("no vendor 7")
			cache.RememberError(r.Context(), err)
			rule.OnError(w, r, err)
		}))
		for round := range 2 {
			responses := crowd(h, 10, func(i int) *http.Request {
				return request(http.MethodGet, "/a", "X-Request-Id", fmt.Sprint(round, i))
			})
			for i, w := range responses {
				if want := fmt.Sprint(round, i, ": no vendor 7"); w.Code != 404 || w.Body.String() != want {
					t.Errorf("%d %q, want %q", w.Code, w.Body, want)
				}
			}
		}
		if calls.Load() != 1 {
			t.Errorf("%d calls", calls.Load())
		}
	})
}

// TestRememberedErrorOfASuccess holds that an error which the handler got over
// is not what a 200 gets.
func TestRememberedErrorOfASuccess(t *testing.T) {
	h := wrap(t, newStore(t, cache.Options{}), negativeRule(), func(w http.ResponseWriter, r *http.Request) {
		cache.RememberError(r.Context(), errors.New("first attempt"))
		text("x")(w, r)
	})
	get(h, "/a")
	expect(t, get(h, "/a"), 200, "x", hit60)
	cache.RememberError(t.Context(), errors.New("of nobody")) // and does not panic
}

func TestJitter(t *testing.T) {
	tests := []struct {
		random   float64
		response []string
		want     string
	}{
		{0, nil, hit60},
		{0.5, nil, "venta; hit; ttl=57"},
		{0.999, nil, "venta; hit; ttl=54"},
		{0.5, []string{"Cache-Control", "max-age=600"}, "venta; hit; ttl=570"},
		{0.5, []string{"Cache-Control", "max-age=600", "Age", "200"}, "venta; hit; ttl=380"},
		{0.999, []string{"Cache-Control", "max-age=600", "Age", "599"}, "venta; hit; ttl=0"},
	}
	for _, test := range tests {
		synctest.Test(t, func(t *testing.T) {
			s := newStore(t, cache.Options{Jitter: 0.1, Random: func() float64 { return test.random }})
			h := wrap(t, s, baseRule(), func(w http.ResponseWriter, r *http.Request) {
				for i := 0; i < len(test.response); i += 2 {
					w.Header().Add(test.response[i], test.response[i+1])
				}
				text("x")(w, r)
			})
			get(h, "/a")
			expect(t, get(h, "/a"), 200, "x", test.want)
		})
	}
}

// TestJitterSpreadsExpiry holds that what is stored together does not all expire
// together, never late, and all in the end.
func TestJitterSpreadsExpiry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var calls atomic.Int64
		h := wrap(t, newStore(t, cache.Options{Jitter: cache.DefaultJitter}), baseRule(), counting(&calls, text("x")))
		const keys = 300
		cached := func() (n int) {
			for i := range keys {
				if get(h, fmt.Sprint("/", i), "Cache-Control", "only-if-cached").Code == 200 {
					n++
				}
			}
			return n
		}
		for i := range keys {
			get(h, fmt.Sprint("/", i))
		}
		time.Sleep(57 * time.Second)
		early := cached()
		time.Sleep(1500 * time.Millisecond)
		middle := cached()
		time.Sleep(1500 * time.Millisecond)
		if late := cached(); early != keys || middle == 0 || middle == keys || late != 0 {
			t.Errorf("of %d there are %d after 57s, %d after 58.5s, %d after 60s", keys, early, middle, late)
		}
	})
}
