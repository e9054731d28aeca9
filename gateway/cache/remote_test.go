package cache_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/venta-hq/venta/gateway/cache"
)

// history says what had been acknowledged at any time.
type history struct {
	mu    sync.Mutex
	value int64
	at    []time.Time // by value
}

func (h *history) acknowledge(v int64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for h.value < v {
		h.value++
		h.at = append(h.at, time.Now())
	}
}

func (h *history) before(t time.Time) int64 {
	h.mu.Lock()
	defer h.mu.Unlock()
	var n int64
	for n < h.value && !h.at[n].After(t) {
		n++
	}
	return n
}

// TestFleetModel lets processes read and write through a level 2 whose
// every step takes a random time. Nobody reads less than what was acknowledged
// before it began or, where processes are cut off now and then, a bound before.
func TestFleetModel(t *testing.T) {
	for seed := range uint64(30) {
		for _, cuts := range []bool{false, true} {
			t.Run(fmt.Sprintf("seed %d cuts %v", seed, cuts), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) { runFleet(t, seed, cuts) })
			})
		}
	}
}

// modelProcesses read and write one number.
func modelProcesses(t *testing.T, h *hub, processes int, upstream *atomic.Int64) (reads, writes []http.Handler, remotes []*fakeRemote) {
	for range processes {
		s, f := newRemoteStore(t, h)
		remotes = append(remotes, f)
		rule := baseRule()
		rule.Tags = func(*http.Request) ([]string, error) { return []string{"v"}, nil }
		reads = append(reads, wrap(t, s, rule, func(w http.ResponseWriter, _ *http.Request) {
			h.pause()
			value := upstream.Load()
			h.pause()
			fmt.Fprint(w, value)
		}))
		invalidate, err := s.Invalidator(cache.InvalidateRule{Tags: rule.Tags, OnError: onError})
		if err != nil {
			t.Fatal(err)
		}
		writes = append(writes, invalidate(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, upstream.Add(1)) })))
	}
	return reads, writes, remotes
}

func runFleet(t *testing.T, seed uint64, cuts bool) {
	const processes, clients, rounds = 3, 6, 60
	h := newHub(seed)
	var upstream atomic.Int64
	var acknowledged history
	allowed := time.Duration(0)
	if cuts {
		allowed = fakeBound
	}
	reads, writes, remotes := modelProcesses(t, h, processes, &upstream)
	seen := map[string]int{}
	var mu sync.Mutex
	var done sync.WaitGroup
	for range clients {
		done.Go(func() {
			for range rounds {
				i := h.random.n(processes)
				switch {
				case cuts && h.random.n(20) == 0:
					remotes[i].cut()
					time.Sleep(time.Duration(h.random.n(150)) * time.Millisecond) // virtual
					remotes[i].heal()
				case h.random.n(6) == 0:
					acknowledged.acknowledge(number(do(writes[i], request(http.MethodPut, "/a"))))
				default:
					least := acknowledged.before(time.Now().Add(-allowed))
					w := get(reads[i], "/a")
					if got := number(w); got < least {
						t.Errorf("read %d after %d was acknowledged: %q", got, least, status(w))
					}
					mu.Lock()
					seen[strings.Split(status(w), "; ttl")[0]]++
					mu.Unlock()
				}
			}
		})
	}
	done.Wait()
	time.Sleep(time.Second) // virtual: what is put in the background
	if seen["venta; hit"] == 0 || seen["venta; hit; detail=level-2"] == 0 && !cuts {
		t.Errorf("nothing was tested: %v", seen)
	}
}

// TestPurgeInTheMiddle loads a response from level 2 when it is purged
// in memory and not there yet.
func TestPurgeInTheMiddle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHub(1)
		other, _ := newRemoteStore(t, h)
		s, remote := newRemoteStore(t, h)
		upstream := text("old")
		get(wrap(t, other, baseRule(), upstream), "/a", "X-Tags", "v")
		time.Sleep(time.Second) // virtual
		reads := wrap(t, s, baseRule(), func(w http.ResponseWriter, r *http.Request) { upstream(w, r) })
		remote.during = func() {
			if w := get(reads, "/a", "X-Tags", "v"); w.Body.String() != "old" {
				t.Errorf("in the middle: %q %q", w.Body, status(w))
			}
			remote.cut() // and is still trusted, but will not hear its own purge
		}
		upstream = text("new")
		s.Purge("v")
		if w := get(reads, "/a", "X-Tags", "v"); w.Body.String() != "new" {
			t.Errorf("after the purge: %q %q", w.Body, status(w))
		}
		time.Sleep(time.Second) // virtual
	})
}

// TestUntrustedFlights has a process cut off while a slow response is under way:
// who comes later than the bound does not wait for it.
func TestUntrustedFlights(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, remote := newRemoteStore(t, newHub(1))
		var value atomic.Int64
		reads := wrap(t, s, baseRule(), func(w http.ResponseWriter, _ *http.Request) {
			read := value.Load()
			time.Sleep(10 * fakeBound) // virtual
			fmt.Fprint(w, read)
		})
		var clients sync.WaitGroup
		fetch := func(want int64) {
			clients.Go(func() {
				if w := get(reads, "/a", "X-Tags", "v"); number(w) != want {
					t.Errorf("%q %q, want %d", w.Body, status(w), want)
				}
			})
		}
		fetch(0)
		time.Sleep(fakeBound) // virtual
		remote.cut()
		value.Store(1)            // and is purged where nobody here hears of it
		time.Sleep(2 * fakeBound) // virtual
		fetch(1)
		time.Sleep(fakeBound / 2) // virtual
		fetch(1)
		clients.Wait()
	})
}

// TestUntagged is served though the contact is lost.
func TestUntagged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, remote := newRemoteStore(t, newHub(1))
		rule := baseRule()
		rule.IgnoreTargets = true
		reads := wrap(t, s, rule, text("x"))
		for _, fields := range [][]string{{}, {"X-Tags", "v"}} {
			get(reads, fmt.Sprint("/", len(fields)), fields...)
		}
		remote.cut()
		time.Sleep(2 * fakeBound) // virtual
		if w := get(reads, "/0"); !strings.HasPrefix(status(w), "venta; hit; ttl=") {
			t.Errorf("untagged: %q", status(w))
		}
		if w := get(reads, "/2", "X-Tags", "v"); strings.HasPrefix(status(w), "venta; hit") {
			t.Errorf("tagged: %q", status(w))
		}
	})
}

// TestStaleOfTheSecondLevel stands in for a failure in a process that has never
// had it, until the upstream withdraws it.
func TestStaleOfTheSecondLevel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHub(1)
		rule := baseRule()
		rule.Policy.StaleIfError = time.Hour
		first, _ := newRemoteStore(t, h)
		get(wrap(t, first, rule, text("x")), "/a")
		time.Sleep(2 * time.Minute) // virtual
		failing := func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) }
		fetch := func(next http.HandlerFunc) *httptest.ResponseRecorder {
			s, _ := newRemoteStore(t, h)
			defer time.Sleep(time.Second) // virtual
			return get(wrap(t, s, rule, next), "/a")
		}
		if w := fetch(failing); w.Code != http.StatusOK || w.Body.String() != "x" {
			t.Errorf("%d %q %q", w.Code, w.Body, status(w))
		}
		fetch(http.NotFound)
		if w := fetch(failing); w.Code != http.StatusServiceUnavailable {
			t.Errorf("withdrawn: %d %q %q", w.Code, w.Body, status(w))
		}
	})
}

// TestErrorTakesThePlaceInTheFleet has a response that each process writes anew, so
// that it is not shared: what it takes the place of is no longer served by anybody who
// asks level 2, nor here when it has ended.
func TestErrorTakesThePlaceInTheFleet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHub(1)
		rule := baseRule()
		rule.Policy.TTL, rule.Policy.NegativeTTL = time.Hour, time.Second
		serve := text("older")
		process := func() http.Handler {
			s, _ := newRemoteStore(t, h)
			return wrap(t, s, rule, func(w http.ResponseWriter, r *http.Request) { serve(w, r) })
		}
		first := process()
		get(first, "/a")
		time.Sleep(time.Second) // virtual
		serve = func(w http.ResponseWriter, r *http.Request) {
			cache.RememberError(r.Context(), errors.New("gone"))
			w.WriteHeader(http.StatusNotFound)
		}
		get(first, "/a", "Cache-Control", "no-cache")
		time.Sleep(2 * time.Second) // virtual
		for i, h := range []http.Handler{first, process()} {
			if w := get(h, "/a"); w.Code != http.StatusNotFound {
				t.Errorf("process %d: %d %q %q", i, w.Code, w.Body, status(w))
			}
		}
		time.Sleep(time.Second) // virtual: what level 2 is told arrives
	})
}

// TestRefreshOfTheFleet refreshes a response once, for all processes.
func TestRefreshOfTheFleet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHub(1)
		rule := baseRule()
		rule.Policy.StaleWhileRevalidate = time.Hour
		var calls atomic.Int64
		var reads []http.Handler
		for range 4 {
			s, _ := newRemoteStore(t, h)
			reads = append(reads, wrap(t, s, rule, counting(&calls, func(w http.ResponseWriter, _ *http.Request) {
				time.Sleep(100 * time.Millisecond) // virtual
				fmt.Fprint(w, calls.Load())
			})))
		}
		round := func() (bodies []string) {
			for _, each := range reads {
				bodies = append(bodies, get(each, "/a").Body.String())
			}
			time.Sleep(time.Second) // virtual
			return bodies
		}
		round()
		time.Sleep(2 * time.Minute) // virtual
		if got := round(); strings.Join(got, "") != "1111" {
			t.Errorf("while it is refreshed: %v", got)
		}
		if got := round(); strings.Join(got, "") != "2222" || calls.Load() != 2 {
			t.Errorf("then %v after %d calls", got, calls.Load())
		}
	})
}
