package telemetry_test

import (
	"context"
	"crypto/tls"
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/metric/noop"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"google.golang.org/grpc"

	"github.com/venta-hq/venta/gateway/telemetry"
)

// measured is a Metrics whose values can be read.
type measured struct {
	*telemetry.Metrics
	reader *sdkmetric.ManualReader
}

func newMeasured(t *testing.T) measured {
	t.Helper()
	reader := sdkmetric.NewManualReader()
	m, err := telemetry.NewMetrics(sdkmetric.NewMeterProvider(sdkmetric.WithReader(reader)))
	if err != nil {
		t.Fatal(err)
	}
	return measured{m, reader}
}

// read returns an instrument's series, as "key=value ..." in order: sums and
// gauges by value, histograms by count.
func (m measured) read(t *testing.T, name string) map[string]int64 {
	t.Helper()
	found := map[string]int64{}
	add := func(set attribute.Set, value int64) {
		text := set.Encoded(attribute.DefaultEncoder())
		if _, twice := found[text]; twice {
			t.Errorf("%s reports %s twice", name, text)
		}
		found[text] = value
	}
	switch data := m.instrument(t, name).Data.(type) {
	case metricdata.Sum[int64]:
		for _, point := range data.DataPoints {
			add(point.Attributes, point.Value)
		}
	case metricdata.Gauge[int64]:
		for _, point := range data.DataPoints {
			add(point.Attributes, point.Value)
		}
	case metricdata.Histogram[float64]:
		for _, point := range data.DataPoints {
			add(point.Attributes, int64(point.Count))
		}
	}
	return found
}

func (m measured) instrument(t *testing.T, name string) metricdata.Metrics {
	t.Helper()
	var all metricdata.ResourceMetrics
	if err := m.reader.Collect(context.Background(), &all); err != nil {
		t.Fatal(err)
	}
	for _, scope := range all.ScopeMetrics {
		for _, instrument := range scope.Metrics {
			if instrument.Name == name {
				return instrument
			}
		}
	}
	return metricdata.Metrics{}
}

func (m measured) expect(t *testing.T, name string, want map[string]int64) {
	t.Helper()
	if diff := cmp.Diff(want, m.read(t, name)); diff != "" {
		t.Errorf("%s (-want +got):\n%s", name, diff)
	}
}

func TestRequestDuration(t *testing.T) {
	m := newMeasured(t)
	vendors := telemetry.NewRoute("/v2/vendors/{id}", method)
	response := func(verb string, route *telemetry.Route, secure bool, status int) {
		h := telemetry.Middleware(telemetry.Options{Metrics: m.Metrics})(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if route != nil {
				telemetry.FromContext(r.Context()).SetRoute(route)
			}
			if status == 0 {
				panic(http.ErrAbortHandler)
			}
			w.WriteHeader(status)
		}))
		r := httptest.NewRequest(verb, "/v2/vendors/17", nil)
		if secure {
			r.TLS = &tls.ConnectionState{}
		}
		defer func() { _ = recover() }()
		h.ServeHTTP(httptest.NewRecorder(), r)
	}
	response("GET", vendors, false, 200)
	response("GET", vendors, false, 200)
	response("GET", vendors, true, 200)
	response("HEAD", vendors, false, 304)
	response("GET", vendors, false, 503)
	response("GET", vendors, false, 0)
	response("GET", nil, false, 404)
	response("BREW", nil, false, 404)
	response("get", nil, false, 404) // methods are case-sensitive
	response("POST", vendors, false, 999)
	const get, route = "http.request.method=GET", ",http.route=/v2/vendors/{id},rpc.method=venta.vendor.v2.VendorService/GetVendor"
	m.expect(t, "http.server.request.duration", map[string]int64{
		get + ",http.response.status_code=200" + route + ",url.scheme=http":                                  2,
		get + ",http.response.status_code=200" + route + ",url.scheme=https":                                 1,
		"http.request.method=HEAD,http.response.status_code=304" + route + ",url.scheme=http":                1,
		"error.type=503," + get + ",http.response.status_code=503" + route + ",url.scheme=http":              1,
		"error.type=aborted," + get + route + ",url.scheme=http":                                             1,
		get + ",http.response.status_code=404,url.scheme=http":                                               1,
		"http.request.method=_OTHER,http.response.status_code=404,url.scheme=http":                           2,
		"error.type=999,http.request.method=POST,http.response.status_code=999" + route + ",url.scheme=http": 1,
	})
	duration := m.instrument(t, "http.server.request.duration")
	bounds := duration.Data.(metricdata.Histogram[float64]).DataPoints[0].Bounds
	if duration.Unit != "s" || !slices.IsSorted(bounds) || bounds[0] > 0.001 || !slices.Contains(bounds, 2) {
		t.Errorf("unit %q, bounds %v", duration.Unit, bounds)
	}
}

// TestLatencyBounds holds that both histograms have the buckets that objectives
// ask for, and that one that comes too late is an error and not a guess.
func TestLatencyBounds(t *testing.T) {
	m := newMeasured(t)
	want := []time.Duration{time.Second, 1500 * time.Millisecond}
	if err := m.SetLatencyBounds(want); err != nil {
		t.Fatal(err)
	}
	h := telemetry.Middleware(telemetry.Options{Metrics: m.Metrics})(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_ = telemetry.UnaryClientInterceptor(telemetry.Options{Metrics: m.Metrics})(r.Context(), method, nil, nil, nil,
			func(context.Context, string, any, any, *grpc.ClientConn, ...grpc.CallOption) error { return nil })
	}))
	h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/", nil))
	for _, name := range []string{"http.server.request.duration", "venta.upstream.duration"} {
		bounds := m.instrument(t, name).Data.(metricdata.Histogram[float64]).DataPoints[0].Bounds
		if diff := cmp.Diff([]float64{1, 1.5}, bounds); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	if err := m.SetLatencyBounds(want[:1]); err != nil {
		t.Errorf("what is there: %v", err)
	}
	if err := m.SetLatencyBounds([]time.Duration{time.Minute}); err == nil || !strings.Contains(err.Error(), "1m0s") {
		t.Errorf("what came too late: %v", err)
	}
	if err := (*telemetry.Metrics)(nil).SetLatencyBounds(want); err != nil {
		t.Errorf("nothing is measured: %v", err)
	}
}

func TestActiveRequests(t *testing.T) {
	m := newMeasured(t)
	h := telemetry.Middleware(telemetry.Options{Metrics: m.Metrics})(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		m.expect(t, "http.server.active_requests", map[string]int64{"http.request.method=PUT,url.scheme=http": 1})
		panic(http.ErrAbortHandler)
	}))
	func() {
		defer func() { _ = recover() }()
		h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodPut, "/", nil))
	}()
	m.expect(t, "http.server.active_requests", map[string]int64{"http.request.method=PUT,url.scheme=http": 0})
}

func TestGatewayCounters(t *testing.T) {
	m := newMeasured(t)
	m.RateLimit(method, "per-client", true)
	m.RateLimit(method, "per-client", true)
	m.RateLimit(method, "per-client", false)
	m.CacheRequest(method, "hit")
	m.RetryAttempt(method, "retried")
	m.BreakerTransition("venta.vendor.v2.VendorService", "closed", "open")
	const rpc = "rpc.method=venta.vendor.v2.VendorService/GetVendor"
	m.expect(t, "venta.rate_limit.decisions", map[string]int64{
		rpc + ",venta.rate_limit.decision=allow,venta.rate_limit.name=per-client": 2,
		rpc + ",venta.rate_limit.decision=deny,venta.rate_limit.name=per-client":  1,
	})
	m.expect(t, "venta.cache.requests", map[string]int64{rpc + ",venta.cache.outcome=hit": 1})
	m.expect(t, "venta.retry.attempts", map[string]int64{rpc + ",venta.retry.verdict=retried": 1})
	m.expect(t, "venta.circuit_breaker.transitions", map[string]int64{
		"venta.circuit_breaker.name=venta.vendor.v2.VendorService,venta.circuit_breaker.previous_state=closed,venta.circuit_breaker.state=open": 1,
	})
}

func TestBreakerState(t *testing.T) {
	m := newMeasured(t)
	state := "closed"
	show := func(closed, halfOpen, open int64) {
		t.Helper()
		m.expect(t, "venta.circuit_breaker.state", map[string]int64{
			"venta.circuit_breaker.name=a,venta.circuit_breaker.state=closed":    closed,
			"venta.circuit_breaker.name=a,venta.circuit_breaker.state=half_open": halfOpen,
			"venta.circuit_breaker.name=a,venta.circuit_breaker.state=open":      open,
		})
	}
	m.ObserveBreaker("a", func() string { return state })
	show(1, 0, 0)
	state = "open"
	show(0, 0, 1)
	m.ObserveBreaker("a", func() string { // takes the place of the first
		m.ObserveBreaker("a", func() string { return "closed" }) // no lock is held
		return "half_open"
	})
	show(0, 1, 0)
	show(1, 0, 0)
}

func TestMetricsUnderConcurrency(t *testing.T) {
	m := newMeasured(t)
	h := telemetry.Middleware(telemetry.Options{Metrics: m.Metrics})(routed(telemetry.NewRoute("/a", method)))
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for i := range 200 {
				m.CacheRequest(method, strconv.Itoa(i%20))
				h.ServeHTTP(discard{http.Header{}}, httptest.NewRequest(http.MethodGet, "/a", nil))
			}
		})
	}
	m.read(t, "venta.cache.requests")
	all.Wait()
	series := m.read(t, "venta.cache.requests")
	if len(series) != 20 {
		t.Errorf("%d series", len(series))
	}
	for name, n := range series {
		if n != 80 {
			t.Errorf("%s: %d", name, n)
		}
	}
	m.expect(t, "http.server.active_requests", map[string]int64{"http.request.method=GET,url.scheme=http": 0})
	m.expect(t, "http.server.request.duration", map[string]int64{
		"http.request.method=GET,http.response.status_code=200,http.route=/a,rpc.method=venta.vendor.v2.VendorService/GetVendor,url.scheme=http": 1600,
	})
}

func TestNothingIsMeasured(t *testing.T) {
	silent, err := telemetry.NewMetrics(nil)
	if err != nil {
		t.Fatal(err)
	}
	for name, m := range map[string]*telemetry.Metrics{"no provider": silent, "nil": nil} {
		t.Run(name, func(t *testing.T) {
			m.RateLimit(method, "l", true)
			m.CacheRequest(method, "hit")
			m.RetryAttempt(method, "final")
			m.BreakerTransition("b", "closed", "open")
			m.ObserveBreaker("b", func() string { return "closed" })
			h := telemetry.Middleware(telemetry.Options{Metrics: m})(routed(telemetry.NewRoute("/a", method)))
			w := httptest.NewRecorder()
			h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/a", nil))
			if w.Code != http.StatusOK {
				t.Errorf("status %d", w.Code)
			}
		})
	}
}

func TestProvidersErrorIsReturned(t *testing.T) {
	if _, err := telemetry.NewMetrics(brokenProvider{}); !errors.Is(err, errBroken) {
		t.Errorf("error %v", err)
	}
}

var errBroken = errors.New("broken")

// brokenProvider makes all instruments but the last.
type brokenProvider struct{ noop.MeterProvider }

func (brokenProvider) Meter(string, ...metric.MeterOption) metric.Meter { return brokenMeter{} }

type brokenMeter struct{ noop.Meter }

func (brokenMeter) Int64ObservableGauge(string, ...metric.Int64ObservableGaugeOption) (metric.Int64ObservableGauge, error) {
	return nil, errBroken
}
