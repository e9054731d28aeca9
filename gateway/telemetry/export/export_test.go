package export_test

import (
	"bytes"
	"context"
	"math"
	"net"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync"
	"testing"

	dto "github.com/prometheus/client_model/go"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	grpchealth "google.golang.org/grpc/health"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/test/bufconn"
	"google.golang.org/protobuf/encoding/protodelim"
	"google.golang.org/protobuf/types/known/emptypb"

	"github.com/venta-hq/venta/gateway/telemetry"
	"github.com/venta-hq/venta/gateway/telemetry/export"
)

func TestConfigIsChecked(t *testing.T) {
	tests := []struct {
		name   string
		config export.Config
		want   []string // nil: it is fine
	}{
		{"nothing", export.Config{}, nil},
		{"metrics", export.Config{ServiceName: "a", Prometheus: true}, nil},
		{"nameless", export.Config{Prometheus: true}, []string{"ServiceName"}},
		{"too much", export.Config{SampleRatio: 1.1}, []string{"SampleRatio", "1.1"}},
		{"negative", export.Config{SampleRatio: -0.1}, []string{"SampleRatio"}},
		{"not a number", export.Config{SampleRatio: math.NaN()}, []string{"SampleRatio"}},
		{"all faults at once", export.Config{SampleRatio: 2, OTLPEndpoint: "x"}, []string{"SampleRatio", "ServiceName", "OTLPEndpoint"}},
		{"plain elsewhere", export.Config{ServiceName: "a", OTLPEndpoint: "http://collector.example:4317"}, []string{"OTLPInsecure"}},
		{"plain elsewhere, allowed", export.Config{ServiceName: "a", OTLPEndpoint: "http://collector.example:4317", OTLPInsecure: true}, nil},
		{"unknown protocol", export.Config{ServiceName: "a", OTLPEndpoint: "localhost:4317", OTLPProtocol: "http/json"}, []string{"OTLPProtocol"}},
		{"TLS elsewhere", export.Config{ServiceName: "a", OTLPEndpoint: "collector.example:4317"}, nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			p, err := export.Start(t.Context(), test.config)
			if test.want == nil {
				if err != nil {
					t.Fatal(err)
				}
				if err := p.Shutdown(t.Context()); err != nil {
					t.Error(err)
				}
				return
			}
			if err == nil {
				t.Fatal("no error")
			}
			for _, part := range test.want {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("error %q misses %q", err, part)
				}
			}
		})
	}
}

func TestNothingIsExported(t *testing.T) {
	p, _ := start(t, export.Config{})
	metrics, err := telemetry.NewMetrics(p.MeterProvider)
	if err != nil {
		t.Fatal(err)
	}
	h := telemetry.Middleware(telemetry.Options{Metrics: metrics, TracerProvider: p.TracerProvider, Propagator: p.Propagator})(http.NotFoundHandler())
	h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/", nil))
	if w := get(t, p.MetricsHandler(), ""); w.Code != http.StatusNotFound {
		t.Errorf("status %d", w.Code)
	}
}

func TestPrometheus(t *testing.T) {
	to := (&collector{}).start(t)
	p, log := start(t, export.Config{Prometheus: true, ServiceVersion: "1.2", OTLPEndpoint: to.address, SampleRatio: 1})
	metrics, err := telemetry.NewMetrics(p.MeterProvider)
	if err != nil {
		t.Fatal(err)
	}
	h := telemetry.Middleware(telemetry.Options{Metrics: metrics, TracerProvider: p.TracerProvider})(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		telemetry.FromContext(r.Context()).SetRoute(telemetry.NewRoute("/v2/vendors/{id}", "/a.B/C"))
		_ = telemetry.UnaryClientInterceptor(telemetry.Options{Metrics: metrics})(r.Context(), "/a.B/C", nil, nil, nil,
			func(context.Context, string, any, any, *grpc.ClientConn, ...grpc.CallOption) error { return nil })
	}))
	h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/v2/vendors/1", nil))
	metrics.RateLimit("/a.B/C", "per-client", false)
	metrics.CacheRequest("/a.B/C", "hit")
	metrics.RetryAttempt("/a.B/C", "retried")
	metrics.BreakerTransition("a.B", "closed", "open")
	metrics.ObserveBreaker("a.B", func() string { return "open" })

	w := get(t, p.MetricsHandler(), "application/openmetrics-text;version=1.0.0")
	for _, line := range []string{
		`http_server_request_duration_seconds_bucket{http_request_method="GET",http_response_status_code="200",http_route="/v2/vendors/{id}",rpc_method="a.B/C",url_scheme="http",le="2.0"} 1`,
		`http_server_active_requests{http_request_method="GET",url_scheme="http"} 0`,
		`venta_upstream_duration_seconds_count{rpc_method="a.B/C",rpc_response_status_code="OK",rpc_system_name="grpc"} 1`,
		`venta_rate_limit_decisions_total{rpc_method="a.B/C",venta_rate_limit_decision="deny",venta_rate_limit_name="per-client"} 1`,
		`venta_cache_requests_total{rpc_method="a.B/C",venta_cache_outcome="hit"} 1`,
		`venta_retry_attempts_total{rpc_method="a.B/C",venta_retry_verdict="retried"} 1`,
		`venta_circuit_breaker_transitions_total{venta_circuit_breaker_name="a.B",venta_circuit_breaker_previous_state="closed",venta_circuit_breaker_state="open"} 1`,
		`venta_circuit_breaker_state{venta_circuit_breaker_name="a.B",venta_circuit_breaker_state="open"} 1`,
		`venta_circuit_breaker_state{venta_circuit_breaker_name="a.B",venta_circuit_breaker_state="closed"} 0`,
		`service_name="venta-test",service_version="1.2"`,
		"go_goroutines ", "process_cpu_seconds_total ",
	} {
		if !strings.Contains(strings.ReplaceAll(w.Body.String(), ".0\n", "\n"), line) {
			t.Errorf("the metrics miss %s", line)
		}
	}
	// The bucket that the request was in leads to its trace. Which it is depends on the
	// machine, and the order of what an exemplar says on chance.
	if !regexp.MustCompile(`http_server_request_duration_seconds_bucket\{.*rpc_method="a.B/C".*\} 1 # \{.*trace_id="`).Match(w.Body.Bytes()) {
		t.Error("no bucket has an exemplar")
	}
	if w.Code != http.StatusOK || len(log.all()) != 0 {
		t.Errorf("status %d, logged %q", w.Code, log.all())
	}
	if t.Failed() {
		t.Log(w.Body)
	}
}

// TestNativeHistograms holds that the option reaches the form that Prometheus
// scrapes native histograms in, and leaves no fixed bucket behind.
func TestNativeHistograms(t *testing.T) {
	p, _ := start(t, export.Config{Prometheus: true, NativeHistograms: true})
	metrics, err := telemetry.NewMetrics(p.MeterProvider)
	if err != nil {
		t.Fatal(err)
	}
	h := telemetry.Middleware(telemetry.Options{Metrics: metrics})(http.NotFoundHandler())
	h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/", nil))
	w := get(t, p.MetricsHandler(), "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited")
	for body := bytes.NewReader(w.Body.Bytes()); body.Len() > 0; {
		family := &dto.MetricFamily{}
		if err := protodelim.UnmarshalFrom(body, family); err != nil {
			t.Fatal(err)
		}
		if family.GetName() != "http_server_request_duration_seconds" {
			continue
		}
		histogram := family.GetMetric()[0].GetHistogram()
		if histogram.Schema == nil || len(histogram.GetPositiveSpan()) == 0 || len(histogram.GetBucket()) > 0 || histogram.GetSampleCount() != 1 {
			t.Errorf("histogram %v", histogram)
		}
		return
	}
	t.Error("the histogram is missing")
}

// Each process has a registry of its own: a second one is no conflict.
func TestProvidersShareNothing(t *testing.T) {
	a, _ := start(t, export.Config{Prometheus: true})
	b, _ := start(t, export.Config{Prometheus: true})
	counter, err := a.MeterProvider.Meter("test").Int64Counter("mine")
	if err != nil {
		t.Fatal(err)
	}
	counter.Add(t.Context(), 1)
	if !strings.Contains(get(t, a.MetricsHandler(), "").Body.String(), "mine_total 1") {
		t.Error("the counter is missing")
	}
	if strings.Contains(get(t, b.MetricsHandler(), "").Body.String(), "mine_total") {
		t.Error("the counter shows in another process's metrics")
	}
}

func TestGRPCServerHandler(t *testing.T) {
	to := (&collector{}).start(t)
	p, _ := start(t, export.Config{Prometheus: true, OTLPEndpoint: to.address})
	conn, stop := serve(t, grpc.StatsHandler(p.GRPCServerHandler()))
	ctx := metadata.AppendToOutgoingContext(t.Context(), "traceparent", sampled)
	if err := conn.Invoke(ctx, "/test.Test/Do", &emptypb.Empty{}, &emptypb.Empty{}); err != nil {
		t.Fatal(err)
	}
	if _, err := grpc_health_v1.NewHealthClient(conn).Check(ctx, &grpc_health_v1.HealthCheckRequest{}); err != nil {
		t.Fatal(err)
	}
	stop() // the server reports the end of a call after it has responded
	if body := get(t, p.MetricsHandler(), "").Body.String(); !strings.Contains(body, `rpc_server_call_duration_seconds_count{rpc_method="test.Test/Do"`) {
		t.Errorf("the metrics miss the call: %s", body)
	}
	if err := p.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	spans := to.spans(t, "venta-test")
	if span := spans["test.Test/Do"]; span == nil || len(spans) != 1 || string(span.GetTraceId()[:2]) != "\x0a\xf7" {
		t.Errorf("spans %v", spans)
	}
}

// serve runs a server with one method beside health. stop waits for its calls.
func serve(t *testing.T, options ...grpc.ServerOption) (conn *grpc.ClientConn, stop func()) {
	t.Helper()
	listener := bufconn.Listen(1 << 16)
	server := grpc.NewServer(options...)
	grpc_health_v1.RegisterHealthServer(server, grpchealth.NewServer())
	server.RegisterService(&grpc.ServiceDesc{
		ServiceName: "test.Test",
		HandlerType: (*any)(nil),
		Methods: []grpc.MethodDesc{{MethodName: "Do", Handler: func(_ any, _ context.Context, decode func(any) error, _ grpc.UnaryServerInterceptor) (any, error) {
			return &emptypb.Empty{}, decode(&emptypb.Empty{})
		}}},
	}, nil)
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	conn, err := grpc.NewClient("passthrough:///x", grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return listener.DialContext(ctx) }))
	if err != nil {
		t.Fatal(err)
	}
	stop = sync.OnceFunc(func() {
		conn.Close()
		server.GracefulStop()
		<-served
	})
	t.Cleanup(stop)
	return conn, stop
}
