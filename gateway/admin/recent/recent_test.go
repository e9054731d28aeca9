package recent_test

import (
	"context"
	"errors"
	"math"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"github.com/venta-hq/venta/gateway/admin/recent"
)

// process counts as a gateway does.
type process struct {
	*prometheus.Registry
	requests *prometheus.HistogramVec
	cache    *prometheus.CounterVec
}

func newProcess() process {
	p := process{
		Registry: prometheus.NewRegistry(),
		requests: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Help: "A test.", Name: "http_server_request_duration_seconds", Buckets: []float64{0.1, 0.2, 0.4},
		}, []string{"http_request_method", "http_route", "http_response_status_code", "rpc_method"}),
		cache: prometheus.NewCounterVec(prometheus.CounterOpts{Help: "A test.", Name: "venta_cache_requests_total"},
			[]string{"rpc_method", "venta_cache_outcome"}),
	}
	p.MustRegister(p.requests, p.cache)
	return p
}

// start runs a history until the test ends, and lets it take its first sample.
func start(t *testing.T, o recent.Options) *recent.History {
	t.Helper()
	h, err := recent.New(o)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { h.Run(ctx) })
	t.Cleanup(func() { cancel(); running.Wait() })
	synctest.Wait()
	return h
}

// next waits for n samples more.
func next(n int) {
	time.Sleep(time.Duration(n) * recent.DefaultStep)
	synctest.Wait()
}

func TestRates(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newProcess()
		get := p.requests.WithLabelValues("GET", "/v1/orders/{id}", "200", "shop.v1.OrderService/Get")
		get.Observe(0.1) // before there was anybody to remember
		h := start(t, recent.Options{Gatherer: p, Steps: 4})
		for range 10 {
			get.Observe(0.15)
		}
		p.requests.WithLabelValues("GET", "/v1/orders/{id}", "503", "shop.v1.OrderService/Get").Observe(0.15)
		p.requests.WithLabelValues("GET", "", "404", "").Observe(0.15)
		p.requests.WithLabelValues("GET", "/own", "", "").Observe(0.15)
		p.cache.WithLabelValues("shop.v1.OrderService/Get", "hit").Add(5)
		next(1)
		get.Observe(0.15)
		next(1)
		if groups := h.Groups(); !slices.Equal(groups, []string{"GET /own", "shop.v1.OrderService/Get", recent.Unrouted}) {
			t.Errorf("%q", groups)
		}
		for group, want := range map[string]map[string][]float32{
			"shop.v1.OrderService/Get": {"status.2xx": {2, 0.2}, "status.5xx": {0.2, 0}, "cache.hit": {1, 0}},
			recent.Unrouted:            {"status.4xx": {0.2, 0}},
			"GET /own":                 {"status.aborted": {0.2, 0}},
			recent.All:                 {"status.2xx": {2, 0.2}, "status.5xx": {0.2, 0}, "status.4xx": {0.2, 0}, "status.aborted": {0.2, 0}, "cache.hit": {1, 0}},
			"unknown":                  {},
		} {
			w := h.Window(group, 10)
			if len(w.Rates) != len(want) || len(w.Times) != 2 {
				t.Errorf("%s: %v at %v", group, w.Rates, w.Times)
			}
			for event, rates := range want {
				if !slices.Equal(w.Rates[event], rates) {
					t.Errorf("%s: %s: %v, not %v", group, event, w.Rates[event], rates)
				}
			}
		}
		next(5) // and the first are forgotten
		w := h.Window("shop.v1.OrderService/Get", 10)
		if len(w.Times) != 4 || !slices.Equal(w.Rates["status.2xx"], []float32{0, 0, 0, 0}) || !slices.IsSortedFunc(w.Times, time.Time.Compare) {
			t.Errorf("%v at %v", w.Rates, w.Times)
		}
		if w := h.Window("shop.v1.OrderService/Get", 2); len(w.Times) != 2 || len(w.Rates["status.2xx"]) != 2 {
			t.Errorf("%v at %v", w.Rates, w.Times)
		}
	})
}

func TestDurations(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newProcess()
		h := start(t, recent.Options{Gatherer: p})
		get := p.requests.WithLabelValues("GET", "/v1/orders/{id}", "200", "shop.v1.OrderService/Get")
		for range 90 {
			get.Observe(0.05)
		}
		for range 10 {
			p.requests.WithLabelValues("GET", "/v1/orders/{id}", "503", "shop.v1.OrderService/Get").Observe(0.3)
		}
		next(2)
		last := func(q recent.Percentile) float64 {
			column := h.Window("shop.v1.OrderService/Get", 1).Durations[q]
			if len(column) != 1 {
				t.Fatalf("%v", column)
			}
			return float64(column[0])
		}
		// As histogram_quantile: 90 within 0 to 0.1, 10 within 0.2 to 0.4.
		for q, want := range map[recent.Percentile]float64{50: 0.1 * 50 / 90, 95: 0.3, 99: 0.38} {
			if got := last(q); math.Abs(got-want) > 1e-6 {
				t.Errorf("P%d: %v, not %v", q, got, want)
			}
		}
		get.Observe(100)
		next(11) // a minute later the hundred have gone
		if got := last(50); math.Abs(got-0.4) > 1e-6 {
			t.Errorf("beyond the highest bound: %v", got)
		}
		next(12)
		if got := last(99); !math.IsNaN(got) {
			t.Errorf("nothing has taken %v", got)
		}
	})
}

// TestLateSamples holds that rates are those of the time that has passed.
func TestLateSamples(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newProcess()
		slow := prometheus.GathererFunc(func() ([]*dto.MetricFamily, error) {
			time.Sleep(2500 * time.Millisecond)
			return p.Gather()
		})
		h := start(t, recent.Options{Gatherer: slow, Step: time.Second})
		p.requests.WithLabelValues("GET", "", "404", "").Observe(0.1)
		time.Sleep(6 * time.Second)
		p.requests.WithLabelValues("GET", "", "404", "").Observe(0.1)
		time.Sleep(6 * time.Second)
		w := h.Window(recent.All, 10)
		sum := float32(0)
		for i, rate := range w.Rates["status.4xx"] {
			if i > 0 {
				sum += rate * float32(w.Times[i].Sub(w.Times[i-1]).Seconds())
			}
		}
		if math.Abs(float64(sum)-1) > 1e-3 { // the first is in the base
			t.Errorf("%v requests: %v at %v", sum, w.Rates, w.Times)
		}
	})
}

func TestLevelsAndBreakers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newProcess()
		active := prometheus.NewGaugeVec(prometheus.GaugeOpts{Help: "A test.", Name: "http_server_active_requests"}, []string{"http_request_method"})
		breaker := prometheus.NewGaugeVec(prometheus.GaugeOpts{Help: "A test.", Name: "venta_circuit_breaker_state"},
			[]string{"venta_circuit_breaker_name", "venta_circuit_breaker_state"})
		cpu := prometheus.NewCounter(prometheus.CounterOpts{Help: "A test.", Name: "process_cpu_seconds_total"})
		p.MustRegister(active, breaker, cpu)
		breaker.WithLabelValues("shop", "open").Set(1)
		breaker.WithLabelValues("shop", "closed").Set(0)
		h := start(t, recent.Options{Gatherer: p})
		active.WithLabelValues("GET").Set(3)
		active.WithLabelValues("POST").Set(4)
		cpu.Add(2.5)
		next(1)
		active.Reset()
		breaker.Reset()
		next(1)
		w := h.Window(recent.All, 10)
		if !slices.Equal(w.Levels["active"], []float32{7, 0}) || !slices.Equal(w.Rates["cpu"], []float32{0.5, 0}) {
			t.Errorf("%v, %v", w.Levels, w.Rates)
		}
		if len(h.Breakers()) != 0 {
			t.Errorf("%v", h.Breakers())
		}
		breaker.WithLabelValues("shop", "half_open").Set(1)
		next(1)
		if h.Breakers()["shop"] != "half_open" {
			t.Errorf("%v", h.Breakers())
		}
	})
}

func TestErrors(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newProcess()
		p.requests.WithLabelValues("GET", "", "404", "").Observe(0.1)
		var told []error
		fails := prometheus.GathererFunc(func() ([]*dto.MetricFamily, error) {
			families, err := p.Gather()
			return families, errors.Join(err, errors.New("one cannot be read"))
		})
		h := start(t, recent.Options{Gatherer: fails, OnError: func(err error) { told = append(told, err) }})
		next(1)
		if len(told) != 2 || len(h.Groups()) != 1 {
			t.Errorf("%v, %q", told, h.Groups())
		}
	})
	for _, o := range []recent.Options{
		{}, {Gatherer: newProcess(), Step: time.Millisecond}, {Gatherer: newProcess(), Step: time.Hour},
		{Gatherer: newProcess(), Steps: 1}, {Gatherer: newProcess(), Steps: 1001},
	} {
		if _, err := recent.New(o); err == nil {
			t.Errorf("%+v is taken", o)
		}
	}
}
