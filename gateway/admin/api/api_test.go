package api_test

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/venta-hq/venta/gateway/admin/api"
	"github.com/venta-hq/venta/gateway/admin/objectives"
	"github.com/venta-hq/venta/gateway/admin/recent"
	"github.com/venta-hq/venta/gateway/policy"
)

const get = "shop.v1.OrderService/Get"

// told starts a process that has served a minute, and returns what its API says.
func told(t *testing.T) func(path string) (int, string) {
	t.Helper()
	registry := prometheus.NewRegistry()
	requests := prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Help: "A test.", Name: "http_server_request_duration_seconds", Buckets: []float64{0.1, 0.2},
	}, []string{"http_response_status_code", "rpc_method", "error_type"})
	cache := prometheus.NewCounterVec(prometheus.CounterOpts{Help: "A test.", Name: "venta_cache_requests_total"}, []string{"rpc_method", "venta_cache_outcome"})
	breaker := prometheus.NewGaugeVec(prometheus.GaugeOpts{Help: "A test.", Name: "venta_circuit_breaker_state"},
		[]string{"venta_circuit_breaker_name", "venta_circuit_breaker_state"})
	registry.MustRegister(requests, cache, breaker)
	breaker.WithLabelValues("shop.v1.OrderService", "half_open").Set(1)
	budgets := objectives.NewTracker(func() []objectives.Promise {
		return []objectives.Promise{
			{Method: get, Objective: policy.Objective{Latency: 100 * time.Millisecond, Percentile: 95, ErrorPercent: 10, Window: 7 * 24 * time.Hour}},
			{Method: "shop.v1.OtherService/List", Objective: policy.Objective{ErrorPercent: 0.1, Window: 30 * 24 * time.Hour, Shadow: true}},
		}
	})
	history, err := recent.New(recent.Options{Gatherer: registry, Step: 30 * time.Second, OnSample: budgets.Read})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { history.Run(ctx) })
	t.Cleanup(func() { cancel(); running.Wait() })
	synctest.Wait()
	for status, n := range map[string]int{"200": 54, "404": 3, "503": 2, "": 1} {
		for range n {
			failed := map[string]string{"503": "503", "": "aborted"}[status]
			requests.WithLabelValues(status, get, failed).Observe(0.05)
		}
	}
	cache.WithLabelValues(get, "hit").Add(45)
	cache.WithLabelValues(get, "miss").Add(15)
	time.Sleep(time.Minute)
	synctest.Wait()
	handler, err := api.New(api.Options{
		Process: api.Process{Name: "shop", Version: "v1", Started: time.Now().Add(-time.Minute).UTC()},
		Ready:   func() bool { return true },
		History: history,
		Methods: func() []api.Method {
			return []api.Method{
				{Name: get, Routes: []string{"GET /v1/orders/{id}"}, Policy: map[string]string{"timeout": "1s"}},
				{Name: "shop.v1.OtherService/List", Routes: []string{}, Deprecated: time.Unix(1, 0).UTC(), Overridden: true},
			}
		},
		Refused: refusedOnce, Objectives: budgets,
		Callers: func() ([]api.Caller, time.Time, int64) {
			return []api.Caller{
				{Method: "shop.v1.OtherService/List", Kind: "user_agent", Caller: "app/1", Requests: 2, First: time.Unix(1, 0).UTC(), Last: time.Unix(2, 0).UTC()},
				{Method: get, Kind: "unknown", Requests: 1, First: time.Unix(1, 0).UTC(), Last: time.Unix(1, 0).UTC()},
			}, time.Unix(0, 0), 3
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	return func(path string) (int, string) {
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
		var indented bytes.Buffer
		if err := json.Indent(&indented, w.Body.Bytes(), "", " "); err != nil {
			t.Fatalf("%s: %v in %s", path, err, w.Body)
		}
		return w.Code, indented.String()
	}
}

const (
	summary = `"requests": 1,
 "errors": 0.05,
 "client_errors": 0.05,
 "durations": {
  "p50": 0.05,
  "p95": 0.095,
  "p99": 0.099
 },
 "cache_hits": 0.75,
 "denied": 0,
 "shed": 0,
 `
	rates = `"rates": {
   "cache.hit": [
    1.5,
    0
   ],
   "cache.miss": [
    0.5,
    0
   ],
   "status.2xx": [
    1.8,
    0
   ],
   "status.4xx": [
    0.1,
    0
   ],
   "status.5xx": [
    0.06667,
    0
   ],
   "status.aborted": [
    0.03333,
    0
   ]
  },
  "durations": {
   "p50": [
    0.05,
    0.05
   ],
   "p95": [
    0.095,
    0.095
   ],
   "p99": [
    0.099,
    0.099
   ]
  }
 }
}
`
	times = `"columns": {
  "times": [
   946684830,
   946684860
  ],
  `
)

func TestAPI(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ask := told(t)
		for path, want := range map[string]struct {
			status int
			body   string
		}{
			"/api/overview": {http.StatusOK, `{
 "name": "shop",
 "version": "v1",
 "started": "2000-01-01T00:00:00Z",
 "at": "2000-01-01T00:01:00Z",
 "ready": true,
 "breakers": {
  "shop.v1.OrderService": "half_open"
 },
 ` + summary + times + rates},
			"/api/methods/" + get: {http.StatusOK, `{
 "method": "shop.v1.OrderService/Get",
 "routes": [
  "GET /v1/orders/{id}"
 ],
 ` + summary + `"breaker": "half_open",
 "recent": [
  2,
  0
 ],
 "at": "2000-01-01T00:01:00Z",
 "policy": {
  "timeout": "1s"
 },
 ` + times + rates},
			"/api/methods/shop.v1.Unknown/Get": {http.StatusNotFound, `{
 "error": "there is no method \"shop.v1.Unknown/Get\"; GET /api/methods lists them"
}
`},
		} {
			if status, body := ask(path); status != want.status || body != want.body {
				t.Errorf("%s: %d %s, not %d %s", path, status, body, want.status, want.body)
			}
		}
	})
}

// TestMethodsWithoutTraffic holds what is said of an RPC that nobody has called.
func TestMethodsWithoutTraffic(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, body := told(t)("/api/methods")
		var said struct{ Methods []json.RawMessage }
		if err := json.Unmarshal([]byte(body), &said); err != nil || len(said.Methods) != 2 {
			t.Fatalf("%v: %s", err, body)
		}
		var got bytes.Buffer
		if err := json.Compact(&got, said.Methods[1]); err != nil {
			t.Fatal(err)
		}
		const want = `{"method":"shop.v1.OtherService/List","routes":[],"deprecated":"1970-01-01T00:00:01Z","overridden":true,` +
			`"requests":0,"errors":null,"client_errors":null,"durations":{"p50":null,"p95":null,"p99":null},` +
			`"cache_hits":null,"denied":0,"shed":0,"recent":[0,0]}`
		if got.String() != want {
			t.Errorf("%s, not %s", got.String(), want)
		}
	})
}

func TestOptions(t *testing.T) {
	if _, err := api.New(api.Options{}); err == nil {
		t.Error("nothing is taken")
	}
}
