package health_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/venta-hq/venta/gateway/health"
)

// flag is a dependency that a test breaks.
type flag struct{ err atomic.Pointer[error] }

func (f *flag) set(err error)               { f.err.Store(&err) }
func (f *flag) check(context.Context) error { return *f.err.Load() }

func newFlag(err error) *flag {
	f := &flag{}
	f.set(err)
	return f
}

func upstream(name string, check health.Check) health.Dependency {
	return health.Dependency{Name: name, Kind: health.KindUpstream, Check: check}
}

func critical(d health.Dependency) health.Dependency {
	d.Critical = true
	return d
}

func newHealth(t *testing.T, o health.Options) *health.Health {
	t.Helper()
	h, err := health.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// watched runs the checks within a bubble of virtual time.
func watched(t *testing.T, o health.Options) *health.Health {
	t.Helper()
	h := newHealth(t, o)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { defer close(ended); h.Run(ctx) }()
	t.Cleanup(func() { cancel(); <-ended })
	synctest.Wait()
	return h
}

func get(t *testing.T, handler http.Handler, path string, fields ...string) *httptest.ResponseRecorder {
	t.Helper()
	w := httptest.NewRecorder()
	r := httptest.NewRequest(http.MethodGet, path, nil)
	for i := 0; i < len(fields); i += 2 {
		r.Header.Set(fields[i], fields[i+1])
	}
	handler.ServeHTTP(w, r)
	return w
}

func codes(t *testing.T, h *health.Health) map[string]int {
	t.Helper()
	found := map[string]int{}
	for _, path := range []string{"/livez", "/startupz", "/readyz"} {
		found[path] = get(t, h.Handler(), path).Code
	}
	return found
}

func TestLifeOfAProcess(t *testing.T) {
	h := newHealth(t, health.Options{})
	want := func(when string, startup, ready int) {
		t.Helper()
		if diff := cmp.Diff(map[string]int{"/livez": 200, "/startupz": startup, "/readyz": ready}, codes(t, h)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", when, diff)
		}
	}
	want("at first", 503, 503)
	h.SetReady(true)
	want("serving", 200, 200)
	h.SetReady(false)
	want("draining", 200, 503)
	if got := get(t, h.Handler(), "/health"); got.Code != http.StatusServiceUnavailable || !strings.Contains(got.Body.String(), "the process ends") {
		t.Errorf("%d %s", got.Code, got.Body)
	}
}

var errDown = errors.New("dial tcp 10.1.2.3:9001: secret reason")

func TestDegradableDependencies(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		orders := newFlag(nil)
		h := watched(t, health.Options{Dependencies: []health.Dependency{upstream("orders", orders.check), upstream("users", newFlag(nil).check)}})
		h.SetReady(true)
		want := func(status string, services map[string]string) {
			t.Helper()
			w := get(t, h.PublicHandler(), "/health")
			var doc struct {
				Status    string
				Timestamp time.Time
				Services  map[string]string
			}
			if err := json.Unmarshal(w.Body.Bytes(), &doc); err != nil {
				t.Fatal(err)
			}
			if w.Code != http.StatusOK || doc.Status != status || doc.Timestamp.IsZero() || !cmp.Equal(services, doc.Services) {
				t.Errorf("%d %s, want %s %v", w.Code, w.Body, status, services)
			}
			if !h.Ready() {
				t.Error("it is not ready")
			}
		}
		well := map[string]string{"orders": "ok", "users": "ok"}
		want("ok", well)
		orders.set(errDown)
		time.Sleep(12 * time.Second) // the next check, and the one soon after it
		synctest.Wait()
		want("degraded", map[string]string{"orders": "unavailable", "users": "ok"})
		orders.set(nil)
		time.Sleep(12 * time.Second)
		synctest.Wait()
		want("ok", well)
	})
}

// One question that is lost says nothing; a server that says no is believed.
func TestOneLostCheckIsNone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, test := range []struct {
			err  error
			want health.Status
		}{{errDown, health.StatusOK}, {health.ErrNotServing, health.StatusUnavailable}} {
			changed := make(chan struct{}, 1)
			orders := newFlag(nil)
			d := upstream("orders", orders.check)
			d.Changed = changed
			h := watched(t, health.Options{Dependencies: []health.Dependency{d}})
			orders.set(test.err)
			changed <- struct{}{}
			time.Sleep(1500 * time.Millisecond)
			orders.set(nil)
			if got := h.States()[0]; got.Status != test.want || got.Err == nil {
				t.Errorf("%v: %s %v", test.err, got.Status, got.Err)
			}
		}
	})
}

func TestCriticalDependencies(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		orders := newFlag(errDown)
		h := watched(t, health.Options{CriticalAfter: 10 * time.Second, Dependencies: []health.Dependency{critical(upstream("orders", orders.check))}})
		h.SetReady(true)
		if h.Ready() {
			t.Error("ready before it was ever up")
		}
		after := func(wait time.Duration, want bool, when string) {
			t.Helper()
			time.Sleep(wait)
			synctest.Wait()
			if h.Ready() != want {
				t.Errorf("%s: ready %v", when, !want)
			}
		}
		orders.set(nil)
		after(12*time.Second, true, "once it is up")
		orders.set(errDown)
		after(13*time.Second, true, "down for less than critical_after")
		if got := get(t, h.Handler(), "/health"); got.Code != http.StatusOK || !strings.Contains(got.Body.String(), `"status":"degraded"`) {
			t.Errorf("%d %s", got.Code, got.Body)
		}
		after(12*time.Second, false, "down for longer")
		if got := get(t, h.Handler(), "/health"); got.Code != http.StatusServiceUnavailable || !strings.Contains(got.Body.String(), "orders is critical, and down") {
			t.Errorf("%d %s", got.Code, got.Body)
		}
		if got := codes(t, h); got["/livez"] != 200 || got["/startupz"] != 200 {
			t.Errorf("a dependency ends the process: %v", got)
		}
		orders.set(nil)
		after(12*time.Second, true, "up again")
	})
}

// A dependency that goes up and down does not have a fleet do the same.
func TestFlapping(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var n atomic.Int64
		changed := make(chan struct{}, 1)
		d := critical(upstream("orders", func(context.Context) error {
			if n.Add(1)%2 == 0 {
				return health.ErrNotServing
			}
			return nil
		}))
		d.Changed = changed
		h := watched(t, health.Options{CriticalAfter: 10 * time.Second, Dependencies: []health.Dependency{d}})
		h.SetReady(true)
		for range 600 {
			select {
			case changed <- struct{}{}:
			default:
			}
			time.Sleep(100 * time.Millisecond)
			if !h.Ready() {
				t.Fatal("readiness flaps, too")
			}
		}
		if got := n.Load(); got > 62 {
			t.Errorf("%d checks in a minute", got)
		}
	})
}

// A check that never ends keeps nobody waiting, and is not made a second time.
func TestHangingChecks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var calls atomic.Int64
		release := make(chan struct{})
		defer close(release)
		h := watched(t, health.Options{Dependencies: []health.Dependency{
			upstream("orders", func(context.Context) error { calls.Add(1); <-release; return nil }), upstream("users", newFlag(nil).check),
		}})
		h.SetReady(true)
		time.Sleep(time.Minute)
		began := time.Now()
		w := get(t, h.Handler(), "/health")
		if !h.Ready() || time.Since(began) != 0 {
			t.Errorf("it waited for %s", time.Since(began))
		}
		if calls.Load() != 1 || !strings.Contains(w.Body.String(), `"services":{"orders":"unavailable","users":"ok"}`) {
			t.Errorf("%d checks, %s", calls.Load(), w.Body)
		}
	})
}

func TestACheckThatPanicsFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := watched(t, health.Options{Dependencies: []health.Dependency{upstream("orders", func(context.Context) error { panic("oh") })}})
		if got := h.States()[0]; got.Status != health.StatusUnavailable || !strings.Contains(got.Err.Error(), "oh") {
			t.Errorf("%s %v", got.Status, got.Err)
		}
	})
}

// Strangers learn how the services are, and nothing of what they are.
func TestWhatStrangersLearn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := upstream("users", newFlag(nil).check)
		d.Endpoints = func() []health.Endpoint { return []health.Endpoint{{"10.1.2.3:9001", true}, {"10.1.2.4:9001", false}} }
		redis := health.Dependency{Name: "redis", Kind: health.KindRedis, Check: newFlag(errDown).check}
		h := watched(t, health.Options{Version: "v1.2.3", Dependencies: []health.Dependency{d, upstream("orders", newFlag(errDown).check), redis}})
		h.SetReady(true)
		told, whole := get(t, h.PublicHandler(), "/health").Body.String(), get(t, h.Handler(), "/health").Body.String()
		if !strings.Contains(told, `"services":{"orders":"unavailable","users":"degraded"}`) {
			t.Error(told)
		}
		for _, private := range []string{"10.1.2", "v1.2.3", "secret reason", "redis"} {
			if strings.Contains(told, private) || !strings.Contains(whole, private) {
				t.Errorf("%s:\n%s\n%s", private, told, whole)
			}
		}
		w := get(t, h.Handler(), "/health", "Accept", "application/json, application/health+json;q=0.9")
		if got := w.Header().Get("Content-Type"); got != "application/health+json" || !strings.Contains(w.Body.String(), `"status":"warn"`) ||
			!strings.Contains(w.Body.String(), `"services":{"orders":"fail","users":"warn"}`) {
			t.Errorf("%s %s", got, w.Body)
		}
	})
}

func TestWrongOptions(t *testing.T) {
	check := newFlag(nil).check
	for want, o := range map[string]health.Options{
		"CriticalAfter":    {CriticalAfter: -1},
		"required":         {Dependencies: []health.Dependency{{Name: "orders"}}},
		"two dependencies": {Dependencies: []health.Dependency{upstream("orders", check), upstream("orders", check)}},
	} {
		if _, err := health.New(o); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
}
