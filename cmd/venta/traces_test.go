package main_test

import (
	"context"
	"encoding/hex"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	coltracepb "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/grpc"
)

// receiver is an OTLP receiver that keeps what processes send.
type receiver struct {
	coltracepb.UnimplementedTraceServiceServer
	address string
	mu      sync.Mutex
	spans   []receivedSpan
}

type receivedSpan struct {
	*tracepb.Span
	service string
}

func (s receivedSpan) trace() string { return hex.EncodeToString(s.GetTraceId()) }

func (s receivedSpan) attribute(key string) string {
	for _, kv := range s.GetAttributes() {
		if kv.GetKey() == key {
			return kv.GetValue().GetStringValue()
		}
	}
	return ""
}

func (r *receiver) Export(_ context.Context, request *coltracepb.ExportTraceServiceRequest) (*coltracepb.ExportTraceServiceResponse, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, from := range request.GetResourceSpans() {
		service := ""
		for _, kv := range from.GetResource().GetAttributes() {
			if kv.GetKey() == "service.name" {
				service = kv.GetValue().GetStringValue()
			}
		}
		for _, scope := range from.GetScopeSpans() {
			for _, span := range scope.GetSpans() {
				r.spans = append(r.spans, receivedSpan{span, service})
			}
		}
	}
	return &coltracepb.ExportTraceServiceResponse{}, nil
}

// all returns the spans that have come, a parent before its children where they
// began apart.
func (r *receiver) all() []receivedSpan {
	r.mu.Lock()
	defer r.mu.Unlock()
	sorted := slices.Clone(r.spans)
	slices.SortStableFunc(sorted, func(a, b receivedSpan) int {
		return int(int64(a.GetStartTimeUnixNano()) - int64(b.GetStartTimeUnixNano()))
	})
	return sorted
}

func startReceiver(t *testing.T) *receiver {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r := &receiver{address: listener.Addr().String()}
	server := grpc.NewServer()
	coltracepb.RegisterTraceServiceServer(server, r)
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	t.Cleanup(func() {
		server.Stop()
		<-served
	})
	return r
}

// tracedFleet runs the gateway and the vendor service as processes of their own,
// which send their spans by the variables of OpenTelemetry's specification.
func tracedFleet(t *testing.T, to *receiver, ratio string) (gw, vendor *process, c *client) {
	t.Helper()
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://"+to.address)
	t.Setenv("OTEL_BSP_SCHEDULE_DELAY", "50")
	data := t.TempDir()
	vendor = start(t, "service", "vendor", "--dev-keys", "--listen", "127.0.0.1:0", "--data", data)
	address := vendor.address(t, `on (127\.0\.0\.1:\d+)`)
	t.Setenv("OTEL_TRACES_SAMPLER", "parentbased_traceidratio")
	t.Setenv("OTEL_TRACES_SAMPLER_ARG", ratio)
	gw = start(t, "serve", "--dev-keys", "--http", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--data", data, "--upstream", "vendor="+address)
	if err := os.Unsetenv("OTEL_TRACES_SAMPLER"); err != nil {
		t.Fatal(err)
	}
	return gw, vendor, newClient(gw.address(t, `REST on (http://\S+) `), token(t, data, "ada"), "127.0.0.4")
}

const (
	strangersTrace = "4bf92f3577b34da6a3ce929d0e0e4736"
	strangers      = "00-" + strangersTrace + "-00f067aa0ba902b7-01"
)

// TestOneTrace holds one trace from HTTP through gateway, gRPC and service to the
// database, across real processes, at a real OTLP receiver.
func TestOneTrace(t *testing.T) {
	to := startReceiver(t)
	gw, vendor, c := tracedFleet(t, to, "1")
	got := c.do(t, http.MethodPost, "/v2/vendors", `{"name":"Tacos","email":"ada@example.com"}`, "Traceparent", strangers, "Tracestate", "a=b", "Baggage", "c=d")
	if got.status != http.StatusCreated {
		t.Fatalf("%d %s", got.status, got.body)
	}
	gw.stop(t) // which sends what is left
	vendor.stop(t)
	spans := to.all()
	if len(spans) < 5 {
		t.Fatalf("spans %v", spans)
	}
	root := spans[0]
	if root.service != "venta" || root.GetKind() != tracepb.Span_SPAN_KIND_SERVER || len(root.GetParentSpanId()) != 0 {
		t.Fatalf("the root is %v", root)
	}
	if root.trace() == strangersTrace || len(root.GetLinks()) != 1 || hex.EncodeToString(root.GetLinks()[0].GetTraceId()) != strangersTrace {
		t.Errorf("the stranger's trace is no link: %v", root)
	}
	byID := map[string]receivedSpan{}
	for _, span := range spans {
		byID[string(span.GetSpanId())] = span
		if span.trace() != root.trace() {
			t.Errorf("%s of %s is in trace %s, not %s", span.GetName(), span.service, span.trace(), root.trace())
		}
		if span.GetTraceState() != "" {
			t.Errorf("%s of %s has the stranger's state %q", span.GetName(), span.service, span.GetTraceState())
		}
	}
	insert := slices.IndexFunc(spans, func(s receivedSpan) bool { return s.GetName() == "INSERT" })
	if insert < 0 {
		t.Fatalf("no span of the database in %v", spans)
	}
	var way []string
	for span := spans[insert]; ; span = byID[string(span.GetParentSpanId())] {
		way = append(way, span.service+" "+span.GetKind().String())
		if len(span.GetParentSpanId()) == 0 {
			break
		}
	}
	want := "venta-vendor SPAN_KIND_CLIENT, venta-vendor SPAN_KIND_SERVER, venta SPAN_KIND_CLIENT, venta SPAN_KIND_SERVER"
	if got := strings.Join(way, ", "); got != want {
		t.Errorf("from the database to the client: %s, want %s", got, want)
	}
	if query := spans[insert].attribute("db.query.text"); spans[insert].attribute("db.system.name") != "sqlite" || strings.Contains(query, "Tacos") {
		t.Errorf("database span %v", spans[insert])
	}
	if peer := byID[string(root.GetSpanId())].attribute("network.peer.address"); peer != "" {
		t.Errorf("the request has the attempt's address %s", peer)
	}
}

// TestStrangerSamplesNothing holds that at a share of 0 a stranger's traceparent
// has nothing exported, whatever is asked, and that a failure is exported all the
// same, with the id that the log tells.
func TestStrangerSamplesNothing(t *testing.T) {
	to := startReceiver(t)
	gw, vendor, c := tracedFleet(t, to, "0")
	admin := gw.address(t, `health on (http://[0-9.:]+[0-9])`)
	anonymous, operator := *c, *c
	anonymous.token, operator.base = "", admin
	traced := []string{"Traceparent", strangers, "Tracestate", "a=b", "Baggage", "c=d", "Grpc-Metadata-Traceparent", strangers, "B3", "1"}
	for _, request := range []struct {
		who    *client
		path   string
		status int
	}{
		{&anonymous, "/nowhere", 404},
		{&anonymous, "/v2/vendors/me", 401},
		{c, "/v2/vendors?pageSize=3", 200},
		{&operator, "/metrics", 200},
		{&operator, "/nowhere", 404},
	} {
		if got := request.who.do(t, http.MethodGet, request.path, "", traced...); got.status != request.status {
			t.Errorf("%s: %d %s", request.path, got.status, got.body)
		}
	}
	vendor.stop(t)
	failed := c.do(t, http.MethodGet, "/v2/vendors?pageSize=4", "", traced...)
	if failed.status != http.StatusServiceUnavailable {
		t.Fatalf("%d %s", failed.status, failed.body)
	}
	if !poll(t, 20*time.Second, 50*time.Millisecond, func() bool { return len(to.all()) > 0 }) {
		t.Fatal("the failure is unseen")
	}
	gw.stop(t)
	spans := to.all()
	root, attempts := spans[0], 0
	for _, span := range spans {
		if span.trace() != root.trace() || span.trace() == strangersTrace || span.attribute("venta.sampled") != "afterwards" {
			t.Errorf("exported %v", span)
		}
		if span.GetKind() == tracepb.Span_SPAN_KIND_CLIENT {
			attempts++
		}
	}
	if attempts == 0 || root.attribute("venta.trace.reason") != "failed" || !strings.Contains(gw.stderr.String(), `"trace_id":"`+root.trace()+`"`) {
		t.Errorf("%d attempts in %v", attempts, spans)
	}
}
