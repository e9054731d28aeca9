package export_test

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	coltracepb "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/venta-hq/venta/gateway/telemetry/export"
)

// makeSpans ends n spans. It returns at once, whatever the collector does.
func makeSpans(t *testing.T, p *export.Providers, n int) {
	t.Helper()
	tracer := p.TracerProvider.Tracer("test")
	for range n {
		_, span := tracer.Start(t.Context(), "work")
		span.End()
	}
}

func expectDropped(t *testing.T, p *export.Providers, want ...string) {
	t.Helper()
	body := get(t, p.MetricsHandler(), "").Body.String()
	for _, line := range want {
		if !strings.Contains(body, "venta_telemetry_dropped_spans_total{"+line) {
			t.Errorf("the metrics miss %s", line)
		}
	}
	if t.Failed() {
		t.Log(body)
	}
}

// TestHangingCollectorCostsSpansAlone has a listener that accepts and never reads:
// nothing waits for it, and what found no place is counted to the span.
func TestHangingCollectorCostsSpansAlone(t *testing.T) {
	for _, protocol := range []export.Protocol{export.ProtocolGRPC, export.ProtocolHTTP} {
		t.Run(string(protocol), func(t *testing.T) {
			listener, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			var accepted sync.WaitGroup
			accepted.Go(func() {
				for {
					conn, err := listener.Accept()
					if err != nil {
						return
					}
					t.Cleanup(func() { _ = conn.Close() })
				}
			})
			t.Cleanup(func() {
				_ = listener.Close()
				accepted.Wait()
			})
			p, _ := start(t, export.Config{
				Prometheus: true, OTLPEndpoint: listener.Addr().String(), OTLPProtocol: protocol, SampleRatio: 1,
			})
			const queued = 2048
			makeSpans(t, p, queued+1000)
			expectDropped(t, p, `reason="queue_full"} 1000`, `reason="export_failed"} 0`)
			ended, end := context.WithCancel(t.Context())
			end()
			if err := p.Shutdown(ended); err == nil {
				t.Error("the shutdown tells nobody what is lost")
			}
		})
	}
}

func TestRefusedSpansAreCounted(t *testing.T) {
	for _, test := range []struct {
		name string
		to   *collector
		want string
	}{
		{"all", &collector{refuse: status.Error(codes.PermissionDenied, "no such tenant")}, "40"},
		{"some", &collector{partial: &coltracepb.ExportTracePartialSuccess{RejectedSpans: 3}}, "3"},
		{"a warning", &collector{partial: &coltracepb.ExportTracePartialSuccess{ErrorMessage: "old"}}, "0"},
	} {
		t.Run(test.name, func(t *testing.T) {
			to := test.to.start(t)
			p, log := start(t, export.Config{Prometheus: true, OTLPEndpoint: to.address, SampleRatio: 1})
			makeSpans(t, p, 40)
			if err := p.Flush(t.Context()); err != nil {
				t.Fatal(err)
			}
			expectDropped(t, p, `reason="export_failed"} `+test.want+"\n")
			if len(log.all()) != 1 {
				t.Errorf("logged %q", log.all())
			}
		})
	}
}

// TestHTTP is a collector that speaks OTLP over HTTP.
func TestHTTP(t *testing.T) {
	var got coltracepb.ExportTraceServiceRequest
	var path string
	to := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err == nil {
			err = proto.Unmarshal(body, &got)
		}
		if err != nil {
			t.Error(err)
		}
		path = r.URL.Path
		w.Header().Set("Content-Type", "application/x-protobuf")
		answer, _ := proto.Marshal(&coltracepb.ExportTraceServiceResponse{PartialSuccess: &coltracepb.ExportTracePartialSuccess{RejectedSpans: 2}})
		_, _ = w.Write(answer)
	}))
	defer to.Close()
	p, _ := start(t, export.Config{Prometheus: true, OTLPEndpoint: to.URL, OTLPProtocol: export.ProtocolHTTP, SampleRatio: 1})
	makeSpans(t, p, 5)
	if err := p.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	expectDropped(t, p, `reason="export_failed"} 2`)
	if path != "/v1/traces" || len(got.GetResourceSpans()) != 1 {
		t.Errorf("at %q: %v", path, got.GetResourceSpans())
	}
}

func TestProtocolOfAPort(t *testing.T) {
	for endpoint, want := range map[string]string{
		"http://localhost:4318": "http/protobuf http://localhost:4318/v1/traces", "localhost:4317": "grpc http://localhost:4317",
	} {
		if got := export.CollectorOf(export.Config{OTLPEndpoint: endpoint}); got != want {
			t.Errorf("%s: %s", endpoint, got)
		}
	}
}
