package cache_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/venta-hq/venta/gateway/cache"
)

// crowd calls a handler n times at once and returns the responses in no order.
// A request that panics, or ends its goroutine, has the code 0.
func crowd(h http.Handler, n int, next func(i int) *http.Request) []*httptest.ResponseRecorder {
	responses := make([]*httptest.ResponseRecorder, n)
	var done sync.WaitGroup
	for i := range n {
		done.Go(func() {
			w := httptest.NewRecorder()
			responses[i] = w
			returned := false
			defer func() {
				if !returned {
					_ = recover()
					w.Code = 0
				}
			}()
			h.ServeHTTP(w, next(i))
			returned = true
		})
	}
	done.Wait()
	return responses
}

// tally counts responses by body.
func tally(responses []*httptest.ResponseRecorder) map[string]int {
	counts := make(map[string]int)
	for _, w := range responses {
		counts[fmt.Sprint(w.Code, " ", w.Body)]++
	}
	return counts
}

func plain(int) *http.Request { return request(http.MethodGet, "/a") }

func TestOneFlightForAThousand(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var calls atomic.Int64
		h := wrap(t, newStore(t, cache.Options{}), baseRule(), counting(&calls, func(w http.ResponseWriter, r *http.Request) {
			time.Sleep(2 * time.Second) // virtual
			text("x")(w, r)
		}))
		responses := crowd(h, 1000, func(i int) *http.Request {
			if i%2 == 0 {
				return request(http.MethodHead, "/a")
			}
			return request(http.MethodGet, "/a")
		})
		if calls.Load() != 1 {
			t.Fatalf("%d calls for 1000 requests", calls.Load())
		}
		statuses := make(map[string]int)
		for i, w := range responses {
			if want := []string{"", "x"}[i%2]; w.Code != 200 || w.Body.String() != want {
				t.Fatalf("response %d: %d %q", i, w.Code, w.Body)
			}
			statuses[status(w)]++
		}
		if statuses[stored] != 1 || statuses[missed+"; collapsed"] != 999 {
			t.Errorf("statuses = %v", statuses)
		}
	})
}

// TestLeaderThatFails holds that followers go on at once and by themselves,
// in no more time than one more call.
func TestLeaderThatFails(t *testing.T) {
	const followers, callTime = 50, time.Second
	tests := []struct {
		name   string
		fail   http.HandlerFunc
		leader string
	}{
		{"panics", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, "0 "},
		{"panics within its response", func(w http.ResponseWriter, _ *http.Request) {
			text("half")(w, nil)
			panic("boom")
		}, "0 "},
		{"ends its goroutine", func(http.ResponseWriter, *http.Request) { runtime.Goexit() }, "0 "},
		{"fails", func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "no", 503) }, "503 no\n"},
		{"may not be stored", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Cache-Control", "no-store")
			text("mine")(w, nil)
		}, "200 mine"},
		{"says nothing", func(http.ResponseWriter, *http.Request) {}, "200 "},
		{"is too large", func(w http.ResponseWriter, _ *http.Request) { text(strings.Repeat("x", 2000))(w, nil) }, "200 " + strings.Repeat("x", 2000)},
		{"has header fields that are too large", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("X-Large", strings.Repeat("x", 2000))
			text("mine")(w, nil)
		}, "200 mine"},
		{"streams", func(w http.ResponseWriter, _ *http.Request) {
			text("first")(w, nil)
			w.(http.Flusher).Flush()
		}, "200 first"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var calls atomic.Int64
				h := wrap(t, newStore(t, cache.Options{MaxEntryBytes: 1500}), baseRule(), func(w http.ResponseWriter, r *http.Request) {
					call := calls.Add(1)
					time.Sleep(callTime) // virtual
					if call == 1 {
						test.fail(w, r)
						return
					}
					text("ok")(w, r)
				})
				start := time.Now()
				got := tally(crowd(h, followers+1, plain))
				if got[test.leader] != 1 || got["200 ok"] != followers {
					t.Errorf("responses = %v", got)
				}
				if took := time.Since(start); took != 2*callTime {
					t.Errorf("took %v, want %v", took, 2*callTime)
				}
			})
		})
	}
}

// TestLeaderWhoseClientLeaves holds that the followers get its response all the same.
func TestLeaderWhoseClientLeaves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var calls atomic.Int64
		h := wrap(t, newStore(t, cache.Options{}), baseRule(), counting(&calls, func(w http.ResponseWriter, r *http.Request) {
			select {
			case <-time.After(10 * time.Second): // virtual
				text("x")(w, r)
			case <-r.Context().Done():
				http.Error(w, "cancelled", 499)
			}
		}))
		ctx, cancel := context.WithCancel(t.Context())
		var leader sync.WaitGroup
		leader.Go(func() { do(h, plain(0).WithContext(ctx)) })
		synctest.Wait()
		var followers []*httptest.ResponseRecorder
		leader.Go(func() { followers = crowd(h, 20, plain) })
		synctest.Wait()
		cancel()
		leader.Wait()
		if got := tally(followers); got["200 x"] != 20 || calls.Load() != 1 {
			t.Errorf("%d calls, responses = %v", calls.Load(), got)
		}
		expect(t, get(h, "/a"), 200, "x", "venta; hit; ttl=50")
	})
}

// TestNobodyWaits holds that the upstream is not called for nobody, whatever the
// order in which the clients leave.
func TestNobodyWaits(t *testing.T) {
	for _, leaderFirst := range []bool{true, false} {
		t.Run(fmt.Sprint("leader first ", leaderFirst), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var ended atomic.Bool
				gone := errors.New("gone")
				h := wrap(t, newStore(t, cache.Options{}), baseRule(), func(w http.ResponseWriter, r *http.Request) {
					<-r.Context().Done()
					ended.Store(errors.Is(context.Cause(r.Context()), gone))
					text("too late")(w, r)
				})
				leaderCtx, leaderLeaves := context.WithCancelCause(t.Context())
				followerCtx, followerLeaves := context.WithCancelCause(t.Context())
				var clients sync.WaitGroup
				clients.Go(func() { do(h, plain(0).WithContext(leaderCtx)) })
				synctest.Wait()
				clients.Go(func() { do(h, plain(0).WithContext(followerCtx)) })
				synctest.Wait()
				leave := []context.CancelCauseFunc{followerLeaves, leaderLeaves}
				if leaderFirst {
					leave[0], leave[1] = leave[1], leave[0]
				}
				leave[0](gone)
				synctest.Wait()
				if ended.Load() {
					t.Error("the handler ended while somebody waited")
				}
				leave[1](gone)
				clients.Wait()
				if !ended.Load() {
					t.Error("the handler was not told that its client has gone")
				}
				if w := get(h, "/a", "Cache-Control", "only-if-cached"); w.Code != http.StatusGatewayTimeout {
					t.Errorf("what a handler wrote after its end is stored: %s", w.Body)
				}
			})
		})
	}
}

// TestNobodyWaitsForAStream holds that a response which followers cannot share
// ends with its own client, though they did wait for it.
func TestNobodyWaitsForAStream(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var calls atomic.Int64
		h := wrap(t, newStore(t, cache.Options{}), baseRule(), func(w http.ResponseWriter, r *http.Request) {
			if calls.Add(1) > 1 {
				text("x")(w, r)
				return
			}
			time.Sleep(10 * time.Second) // virtual
			w.(http.Flusher).Flush()
			<-r.Context().Done()
		})
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		start := time.Now()
		var clients sync.WaitGroup
		clients.Go(func() { do(h, plain(0).WithContext(ctx)) })
		synctest.Wait()
		clients.Go(func() { crowd(h, 5, plain) })
		clients.Wait()
		if took := time.Since(start); took != 10*time.Second {
			t.Errorf("took %v", took)
		}
	})
}

// TestPurgedAgainAndAgain holds that a request waits for two flights at most.
func TestPurgedAgainAndAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStore(t, cache.Options{})
		h := wrap(t, s, baseRule(), func(w http.ResponseWriter, r *http.Request) {
			time.Sleep(time.Second) // virtual
			s.Purge("v")
			text("x")(w, r)
		})
		start := time.Now()
		crowd(h, 20, func(int) *http.Request { return request(http.MethodGet, "/a", "X-Tags", "v") })
		if took := time.Since(start); took != 3*time.Second {
			t.Errorf("took %v, want two flights and a call", took)
		}
	})
}

// TestAfterEverybodyHasLeft holds that a new request does not join a flight
// that was given up, even while its handler still runs.
func TestAfterEverybodyHasLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var calls atomic.Int64
		h := wrap(t, newStore(t, cache.Options{}), baseRule(), counting(&calls, func(w http.ResponseWriter, r *http.Request) {
			if calls.Load() == 1 {
				time.Sleep(time.Hour) // virtual: it does not listen
			}
			fmt.Fprint(w, calls.Load())
		}))
		ctx, cancel := context.WithCancel(t.Context())
		var first sync.WaitGroup
		first.Go(func() { do(h, plain(0).WithContext(ctx)) })
		synctest.Wait()
		cancel()
		synctest.Wait()
		expect(t, get(h, "/a"), 200, "2", stored)
		first.Wait()
	})
}

func TestFollowerWithADeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := wrap(t, newStore(t, cache.Options{}), baseRule(), func(w http.ResponseWriter, r *http.Request) {
			time.Sleep(time.Minute / 2) // virtual
			text("x")(w, r)
		})
		var clients sync.WaitGroup
		clients.Go(func() { expect(t, get(h, "/a"), 200, "x", stored) })
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		start := time.Now()
		w := do(h, plain(0).WithContext(ctx))
		if time.Since(start) != time.Second || w.Code != http.StatusTeapot ||
			!strings.Contains(w.Body.String(), "waiting for the same response: context deadline exceeded") {
			t.Errorf("after %v: %d %s", time.Since(start), w.Code, w.Body)
		}
		clients.Wait()
	})
}

// TestFollowersOfOtherVariants fetches ten languages on a cold key, where only
// the response tells that they differ: each is fetched once.
func TestFollowersOfOtherVariants(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const languages, each = 10, 20
		var calls atomic.Int64
		h := wrap(t, newStore(t, cache.Options{}), baseRule(), counting(&calls, func(w http.ResponseWriter, r *http.Request) {
			time.Sleep(time.Second) // virtual
			w.Header().Set("Vary", "Accept-Language")
			text(r.Header.Get("Accept-Language"))(w, r)
		}))
		start := time.Now()
		responses := crowd(h, languages*each, func(i int) *http.Request {
			return request(http.MethodGet, "/a", "Accept-Language", fmt.Sprint("l", i%languages))
		})
		for i, w := range responses {
			if want := fmt.Sprint("l", i%languages); w.Body.String() != want {
				t.Errorf("%s gets %s", want, w.Body)
			}
		}
		if calls.Load() != languages || time.Since(start) != 2*time.Second {
			t.Errorf("%d calls in %v, want %d in 2s", calls.Load(), time.Since(start), languages)
		}
	})
}

// slowWriter is a client that reads nothing until it is released.
type slowWriter struct {
	*httptest.ResponseRecorder
	release chan struct{}
}

func (w *slowWriter) Write(p []byte) (int, error) {
	<-w.release
	return w.ResponseRecorder.Write(p)
}

// TestSlowClientOfTheLeader holds that followers need not wait for it to read.
func TestSlowClientOfTheLeader(t *testing.T) {
	for _, control := range []string{"", "no-store"} {
		synctest.Test(t, func(t *testing.T) {
			var calls atomic.Int64
			h := wrap(t, newStore(t, cache.Options{}), baseRule(), counting(&calls, func(w http.ResponseWriter, r *http.Request) {
				time.Sleep(time.Second) // virtual
				w.Header().Set("Cache-Control", control)
				text("x")(w, r)
			}))
			slow := &slowWriter{httptest.NewRecorder(), make(chan struct{})}
			var leader sync.WaitGroup
			leader.Go(func() { h.ServeHTTP(slow, plain(0)) })
			synctest.Wait()
			start := time.Now()
			if got := tally(crowd(h, 5, plain)); got["200 x"] != 5 {
				t.Errorf("responses = %v", got)
			}
			if took := time.Since(start); took > 2*time.Second {
				t.Errorf("followers took %v", took)
			}
			close(slow.release)
			leader.Wait()
		})
	}
}

// TestGoesAlone holds that a client which asks for a new response is not given one
// that was requested before, and that one which bounds its call binds nobody else.
func TestGoesAlone(t *testing.T) {
	for _, fields := range [][]string{
		{"Cache-Control", "no-cache"}, {"Cache-Control", "max-age=0"}, {"Authorization", "Bearer x"}, {"Grpc-Timeout", "1n"},
	} {
		synctest.Test(t, func(t *testing.T) {
			var calls atomic.Int64
			h := wrap(t, newStore(t, cache.Options{}), baseRule(), counting(&calls, func(w http.ResponseWriter, r *http.Request) {
				time.Sleep(time.Second) // virtual
				text("x")(w, r)
			}))
			crowd(h, 2, func(i int) *http.Request {
				if i == 0 {
					return plain(0)
				}
				return request(http.MethodGet, "/a", fields...)
			})
			if calls.Load() != 2 {
				t.Errorf("%v: %d calls", fields, calls.Load())
			}
		})
	}
}

// TestNobodyKeepsOthersFromOneFlight has one client that gets nothing others could
// use: for reasons of its own, which say nothing of what others get. They share one
// call as before.
func TestNobodyKeepsOthersFromOneFlight(t *testing.T) {
	spoilers := map[string]func(http.Handler){
		"it leaves": func(h http.Handler) {
			ctx, cancel := context.WithTimeout(context.Background(), time.Millisecond)
			defer cancel()
			do(h, plain(0).WithContext(ctx))
		},
		"its credentials":      func(h http.Handler) { get(h, "/a", "Authorization", "Bearer bad") },
		"its cookie":           func(h http.Handler) { get(h, "/a", "Cookie", "a=b") },
		"its quota":            func(h http.Handler) { get(h, "/a", "X-Status", "429", "Cache-Control", "no-cache") },
		"its header":           func(h http.Handler) { get(h, "/a", "X-Status", "431", "Cache-Control", "no-cache") },
		"refused by a gateway": func(h http.Handler) { get(h, "/a", "X-Status", "400", "Cache-Control", "no-cache") },
		"its variant":          func(h http.Handler) { get(h, "/a", "X-Tenant", "nobody", "X-Status", "200", "X-Upstream", "1") },
	}
	for name, spoil := range spoilers {
		synctest.Test(t, func(t *testing.T) {
			rule := baseRule()
			rule.Policy.VaryHeaders = []string{"X-Tenant"}
			var calls atomic.Int64
			h := wrap(t, newStore(t, cache.Options{CallsReported: true}), rule, counting(&calls, func(w http.ResponseWriter, r *http.Request) {
				select {
				case <-time.After(time.Second): // virtual
				case <-r.Context().Done():
					w.WriteHeader(499)
					return
				}
				if r.Header.Get("Authorization") != "" || r.Header.Get("X-Upstream") != "" {
					cache.FromUpstream(r.Context())
					w.Header().Set("Cache-Control", "no-store")
				}
				if code, err := strconv.Atoi(r.Header.Get("X-Status")); err == nil {
					w.WriteHeader(code)
					return
				}
				text("x")(w, r)
			}))
			spoil(h)
			synctest.Wait()
			calls.Store(0)
			if crowd(h, 20, plain); calls.Load() != 1 {
				t.Errorf("%s: %d calls", name, calls.Load())
			}
		})
	}
}
