package api_test

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
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

// limited are RPCs whose limits differ, and are the same.
func limited() []api.Method {
	global := policy.RateLimit{Name: "all", Requests: 10, Burst: 20, Interval: time.Minute}
	shared := policy.RateLimit{Name: "plan", Requests: 5, Interval: time.Hour, Key: policy.RateLimitKey{Source: policy.KeyHeader, Header: "X-Plan"}, Shared: true, Shadow: true}
	grouped := policy.RateLimit{Name: "group", Requests: 1, Interval: time.Second, Group: "g"}
	bound := &policy.Concurrency{MaxInFlight: 9, Adaptive: true, PerService: true}
	methods := make([]api.Method, 0, 3)
	for _, name := range []string{"shop.v1.A/One", "shop.v1.A/Two", "shop.v1.B/One"} {
		methods = append(methods, api.Method{Name: name, Effective: policy.Method{
			RateLimits: []policy.RateLimit{global, grouped}, Concurrency: bound,
		}})
	}
	methods[2].Effective = policy.Method{
		RateLimits: []policy.RateLimit{shared, grouped}, Concurrency: &policy.Concurrency{MaxInFlight: 2, Shadow: true}, Cache: &policy.Cache{TTL: time.Minute},
	}
	return methods
}

// limitsTold returns what a process says that has served a minute.
func limitsTold(t *testing.T, path string) string {
	t.Helper()
	registry := prometheus.NewRegistry()
	counter := func(name string, labels ...string) *prometheus.CounterVec {
		c := prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: "A test."}, labels)
		registry.MustRegister(c)
		return c
	}
	gauge := func(name string, value float64, labels prometheus.Labels) {
		g := prometheus.NewGauge(prometheus.GaugeOpts{Name: name, Help: "A test.", ConstLabels: labels})
		registry.MustRegister(g)
		g.Set(value)
	}
	history, err := recent.New(recent.Options{Gatherer: registry, Step: 30 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { history.Run(ctx) })
	t.Cleanup(func() { cancel(); running.Wait() })
	synctest.Wait()
	decisions := counter("venta_rate_limit_decisions_total", "rpc_method", "venta_rate_limit_name", "venta_rate_limit_decision")
	decisions.WithLabelValues("shop.v1.A/One", "all", "allow").Add(60)
	decisions.WithLabelValues("shop.v1.A/Two", "all", "allow").Add(60)
	decisions.WithLabelValues("shop.v1.A/Two", "all", "deny").Add(30)
	counter("venta_concurrency_shed_total", "rpc_method", "venta_concurrency_criticality").WithLabelValues("shop.v1.A/Two", "default").Add(6)
	cache := counter("venta_cache_requests_total", "rpc_method", "venta_cache_outcome")
	cache.WithLabelValues("shop.v1.B/One", "hit").Add(90)
	cache.WithLabelValues("shop.v1.B/One", "miss").Add(30)
	gauge("venta_concurrency_in_flight", 4, prometheus.Labels{"venta_concurrency_name": "shop.v1.A"})
	gauge("venta_concurrency_limit", 8, prometheus.Labels{"venta_concurrency_name": "shop.v1.A"})
	gauge("venta_concurrency_queued", 1, prometheus.Labels{"venta_concurrency_name": "shop.v1.A"})
	gauge("venta_cache_entries", 7, nil)
	gauge("venta_stream_active", 3, prometheus.Labels{"rpc_method": "shop.v1.B/Watch"})
	counter("venta_stream_opened_total", "rpc_method").WithLabelValues("shop.v1.B/Watch").Add(6)
	messages := counter("venta_stream_messages_total", "rpc_method", "venta_stream_direction")
	messages.WithLabelValues("shop.v1.B/Watch", "sent").Add(120)
	messages.WithLabelValues("shop.v1.B/Watch", "received").Add(6)
	time.Sleep(time.Minute) // virtual
	synctest.Wait()
	handler, err := api.New(api.Options{
		Ready: func() bool { return true }, History: history, Methods: limited, Refused: refusedOnce,
		Objectives: objectives.NewTracker(func() []objectives.Promise { return nil }),
		Callers:    func() ([]api.Caller, time.Time, int64) { return nil, time.Time{}, 0 },
	})
	if err != nil {
		t.Fatal(err)
	}
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
	var text bytes.Buffer
	if err := json.Compact(&text, w.Body.Bytes()); err != nil {
		t.Fatalf("%v in %s", err, w.Body)
	}
	return strings.ReplaceAll(text.String(), `"`, "")
}

func TestLimits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const want = "limits:[" +
			"{name:all,group:null,methods:[shop.v1.A/One,shop.v1.A/Two],scope:local,mode:enforce,requests:10,burst:20,interval_seconds:60,key:global,allowed:2,denied:0.5,keys:null}," +
			"{name:group,group:g,methods:[shop.v1.A/One,shop.v1.A/Two],scope:local,mode:enforce,requests:1,burst:0,interval_seconds:1,key:global,allowed:0,denied:0,keys:null}," +
			"{name:plan,group:null,methods:[shop.v1.B/One],scope:shared,mode:shadow,requests:5,burst:0,interval_seconds:3600,key:header X-Plan,allowed:0,denied:0,keys:null}," +
			"{name:group,group:g,methods:[shop.v1.B/One],scope:local,mode:enforce,requests:1,burst:0,interval_seconds:1,key:global,allowed:0,denied:0,keys:null}]," +
			"concurrency:[" +
			"{method:shop.v1.A/*,mode:enforce,in_flight:4,limit:8,queued:1,shed:0.1,adaptive:true}," +
			"{method:shop.v1.B/One,mode:shadow,in_flight:null,limit:null,queued:null,shed:0,adaptive:false}]," +
			"cache:[{method:shop.v1.B/One,mode:enforce,ttl_seconds:60,hits:0.75,requests:2}],cache_entries:7,cache_bytes:null}"
		if got := limitsTold(t, "/api/limits"); !strings.HasSuffix(got, want) {
			t.Errorf("%s\nnot %s", got, want)
		}
	})
}

func TestStreams(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const want = "streams:[{method:shop.v1.B/Watch,open:3,opened:0.1,received:0.1,sent:2}]}"
		if got := limitsTold(t, "/api/streams"); !strings.HasSuffix(got, want) {
			t.Errorf("%s, not %s", got, want)
		}
	})
}
