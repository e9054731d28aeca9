package cache_test

import (
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/venta-hq/venta/gateway/cache"
	"github.com/venta-hq/venta/gateway/policy"
)

// TestEveryWayOfServingSaysWhatCachesMayDo holds that a stale response, one that somebody
// else has fetched and one that passes the cache by say what a hit says.
func TestEveryWayOfServingSaysWhatCachesMayDo(t *testing.T) {
	for _, test := range []struct {
		name    string
		caller  string // "": the audience is public
		handler string // what the handler says
		want    map[string]string
	}{
		{"public", "", "", map[string]string{
			"leader": "public, max-age=60", "follower": "public, max-age=60", "hit": "public, max-age=60",
			"stale": "public, max-age=60", "bypass": "no-cache", "error": "no-cache",
		}},
		{"private", "ada", "", map[string]string{
			"leader": "private, no-cache", "follower": "private, no-cache", "hit": "private, no-cache",
			"stale": "private, no-cache", "bypass": "private, no-store", "error": "private, no-store",
		}},
		{"private, and the handler says public", "ada", "public, max-age=60", map[string]string{
			"leader": "private, max-age=60", "follower": "private, max-age=60", "hit": "private, max-age=60",
			"stale": "private, max-age=60", "bypass": "private, max-age=60", "error": "private, no-store",
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				failing := false
				next := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					time.Sleep(time.Second)
					if failing {
						w.WriteHeader(http.StatusServiceUnavailable)
						return
					}
					if test.handler != "" {
						w.Header().Set("Cache-Control", test.handler)
					}
					_, _ = w.Write([]byte("body"))
				})
				rule := cache.Rule{
					Policy: policy.Cache{TTL: time.Minute, StaleIfError: time.Hour}, Name: "a.B.C", Declare: true,
					Key:     func(r *http.Request) (string, bool, error) { return r.URL.Path, true, nil },
					OnError: func(w http.ResponseWriter, _ *http.Request, _ error) { w.WriteHeader(http.StatusInternalServerError) },
				}
				if test.caller != "" {
					rule.Policy.Audience = policy.AudiencePrincipal
					rule.Principal = func(*http.Request) string { return test.caller }
				}
				h := declaring(t, rule, next)
				said := map[string]string{}
				say := func(way string, header http.Header) {
					said[way] = strings.Join(header["Cache-Control"], "|")
				}
				var waiting sync.WaitGroup
				waiting.Go(func() { say("leader", get(h, "/a").Header()) })
				synctest.Wait()
				follower := get(h, "/a")
				waiting.Wait()
				say("follower", follower.Header())
				say("hit", get(h, "/a").Header())
				say("bypass", get(h, "/a", "Range", "bytes=0-").Header())
				failing = true
				say("error", get(h, "/b").Header())
				time.Sleep(2 * time.Minute)
				say("stale", get(h, "/a").Header())
				for way, want := range test.want {
					if said[way] != want {
						t.Errorf("%s says %q, want %q", way, said[way], want)
					}
				}
			})
		})
	}
}

func declaring(t *testing.T, rule cache.Rule, next http.Handler) http.Handler {
	t.Helper()
	store, err := cache.NewStore(cache.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(store.Close)
	step, err := store.Middleware(rule)
	if err != nil {
		t.Fatal(err)
	}
	return step(next)
}
