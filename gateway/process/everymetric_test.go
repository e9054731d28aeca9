package process_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	dto "github.com/prometheus/client_model/go"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	testgrpc "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protodelim"

	"github.com/venta-hq/venta/gateway"
	"github.com/venta-hq/venta/gateway/auth"
	"github.com/venta-hq/venta/gateway/policy"
	"github.com/venta-hq/venta/gateway/process"
	"github.com/venta-hq/venta/gateway/redis/redistest"
	"github.com/venta-hq/venta/gateway/telemetry"
	"github.com/venta-hq/venta/gateway/telemetry/export"
)

// failing is a service that serves one RPC of two.
type failing struct {
	testgrpc.UnimplementedTestServiceServer
}

func (failing) UnaryCall(context.Context, *testgrpc.SimpleRequest) (*testgrpc.SimpleResponse, error) {
	return &testgrpc.SimpleResponse{Username: "ada"}, nil
}

func (failing) EmptyCall(context.Context, *testgrpc.Empty) (*testgrpc.Empty, error) {
	return nil, status.Error(codes.Unavailable, "down")
}

// everyPolicy describes a service that has what makes metrics.
func everyPolicy() gateway.Service {
	limited := func(name string, requests int64, shared, shadow bool) policy.RateLimit {
		l := policy.RateLimit{
			Name: name, Requests: requests, Interval: time.Hour, Burst: requests, Key: policy.RateLimitKey{Source: policy.KeyGlobal},
			Cost: policy.RateLimitCost{Units: 1}, Shared: shared, Shadow: shadow,
		}
		if shared {
			l.OnStoreFailure = policy.FailureLocal
		}
		return l
	}
	breaker := func(scope policy.BreakerScope) *policy.CircuitBreaker {
		return &policy.CircuitBreaker{
			ErrorThresholdPercent: 1, Window: time.Minute, MinimumCalls: 2, OpenDuration: time.Hour, HalfOpenCalls: 1,
			FailureStatusCodes: []codes.Code{codes.Unavailable}, Scope: scope,
		}
	}
	return gateway.Service{Name: "grpc.testing.TestService", Source: "grpc/testing/test.proto", Methods: []gateway.Method{
		{
			Name: "UnaryCall", Call: gateway.Unary(testgrpc.TestServiceClient.UnaryCall),
			Bindings: []gateway.Binding{{Verb: "POST", Path: "/v1/limited", Body: "*"}},
			Policy: policy.Method{
				RateLimits:     []policy.RateLimit{limited("fleet", 100, true, false), limited("tried", 2, false, true)},
				CircuitBreaker: breaker(policy.BreakerPerMethod),
			},
		},
		{
			Name: "EmptyCall", Call: gateway.Unary(testgrpc.TestServiceClient.EmptyCall),
			Bindings: []gateway.Binding{{Verb: "GET", Path: "/v1/fails"}},
			Policy:   policy.Method{CircuitBreaker: breaker(policy.BreakerPerEndpoint), Concurrency: &policy.Concurrency{MaxInFlight: 100}},
		},
		{
			Name: "StreamingOutputCall", Call: gateway.ServerStream(testgrpc.TestServiceClient.StreamingOutputCall),
			Bindings: []gateway.Binding{{Verb: "GET", Path: "/v1/streams"}},
		},
	}}
}

// serveFailing serves the service on an address of its own.
func serveFailing(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := grpc.NewServer()
	testgrpc.RegisterTestServiceServer(server, failing{})
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	t.Cleanup(func() { server.Stop(); <-served })
	return listener.Addr().String()
}

// runEverything runs a gateway with everything on that makes metrics.
func runEverything(t *testing.T, server *redistest.Server, log eventLog) *running {
	t.Helper()
	folder := t.TempDir()
	certificate, key := pair(t, 1)
	write(t, filepath.Join(folder, "tls.crt"), certificate)
	write(t, filepath.Join(folder, "tls.key"), key)
	_, entry, err := auth.NewAPIKey(auth.APIKey{ID: "a", Subject: "b", Expires: time.Now().Add(time.Hour)})
	if err != nil {
		t.Fatal(err)
	}
	keys, err := json.Marshal([]auth.APIKey{entry})
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(folder, "keys.json"), string(keys))
	program := process.Program{Name: "shop", Version: "v1.2.3", Upstreams: process.Upstreams{"orders": {
		Target: serveFailing(t),
		Register: []process.Register{func(gw *gateway.Gateway, conn grpc.ClientConnInterface) error {
			return gw.Register(everyPolicy(), conn)
		}},
	}}}
	config := "http_listener: {tls: {cert_file: " + folder + "/tls.crt, key_file: " + folder + "/tls.key}}\n" +
		"auth: {api_keys_file: " + folder + "/keys.json, development_keys: true}\n" +
		"audit: {file: " + folder + "/audit.log}\n" +
		"redis: {addresses: ['" + server.Addr + "']}\ncache: {remote: true}\n" + log.config() +
		"telemetry: {otlp_endpoint: '127.0.0.1:9', sample_ratio: 0}\n"
	return runWith(t, program, process.Options{ConfigFile: write(t, filepath.Join(folder, "shop.yaml"), config)})
}

// TestEveryMetricIsListed runs a gateway with everything on, and compares what it
// measures with the list that docs/metrics.md is written from, both ways.
func TestEveryMetricIsListed(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	log := startLog(t)
	r := runEverything(t, server, log)
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}} // any certificate
	t.Cleanup(client.CloseIdleConnections)
	for range 4 {
		call(t, client, http.MethodPost, r.HTTPURL+"/v1/limited", "Content-Type", "application/json")
		call(t, client, http.MethodGet, r.HTTPURL+"/v1/fails")
		call(t, client, http.MethodGet, r.HTTPURL+"/nowhere")
		call(t, client, http.MethodGet, r.HTTPURL+"/v1/streams")
	}
	within(t, waitLimit, "the place in the stream is there", func() bool { return r.metric(t, `venta_events_purges_total\{.*result="missed".*\} 1`) })
	log.publish(t)
	within(t, waitLimit, "an event purges", func() bool { return r.metric(t, `venta_events_purges_total\{.*result="purged".*\} 1`) })
	server.Kill()
	r.hangup <- os.Interrupt
	r.logged(t, "no contact with Redis")
	call(t, client, http.MethodPost, r.HTTPURL+"/v1/limited", "Content-Type", "application/json")
	within(t, waitLimit, "the reload is counted", func() bool { return r.metric(t, `venta_config_reloads_total\{.*\} 1`) })
	seen := measured{}
	seen.take(t, scrape(t, r))
	seen.take(t, toldTelemetry(t))
	seen.complete(t)
}

// scrape reads what Prometheus would.
func scrape(t *testing.T, r *running) []*dto.MetricFamily {
	t.Helper()
	_, _, encoded := call(t, fresh(), http.MethodGet, r.AdminURL+"/metrics", "Accept",
		"application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited")
	var all []*dto.MetricFamily
	for from := bufio.NewReader(strings.NewReader(encoded)); ; {
		family := &dto.MetricFamily{}
		err := protodelim.UnmarshalFrom(from, family)
		if errors.Is(err, io.EOF) {
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, family)
	}
}

// toldTelemetry are the metrics of what a short run does not meet.
func toldTelemetry(t *testing.T) []*dto.MetricFamily {
	t.Helper()
	providers, err := export.Start(t.Context(), export.Config{ServiceName: "shop", Prometheus: true, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = providers.Shutdown(context.Background()) })
	metrics, err := telemetry.NewMetrics(providers.MeterProvider)
	if err != nil {
		t.Fatal(err)
	}
	const method = "/shop.v1.OrderService/GetOrder"
	metrics.Shed(method, "")
	metrics.CacheRequest(method, "hit")
	metrics.RetryAttempt(method, "final")
	metrics.CacheEvent(method, "refreshed")
	metrics.Webhook(method, "accepted")
	stream := metrics.Stream(method, "websocket")
	stream.Sent(1)
	stream.Dropped(1)
	stream.Ended("OK")
	families, err := providers.Gatherer.Gather()
	if err != nil {
		t.Fatal(err)
	}
	return families
}
