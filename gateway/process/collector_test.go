package process_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	coltracepb "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"
)

// faulty is a collector that takes nothing. It tells of each export.
type faulty struct {
	coltracepb.UnimplementedTraceServiceServer
	refuse error // over gRPC. nil: it never responds
	called chan struct{}
}

func (f *faulty) tell() {
	select {
	case f.called <- struct{}{}:
	default:
	}
}

// Export serves OTLP over gRPC.
func (f *faulty) Export(ctx context.Context, _ *coltracepb.ExportTraceServiceRequest) (*coltracepb.ExportTraceServiceResponse, error) {
	f.tell()
	if f.refuse == nil {
		<-ctx.Done()
	}
	return nil, f.refuse
}

// ServeHTTP serves OTLP over HTTP. What is exhausted says when to come again.
func (f *faulty) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body) // or net/http does not see that the client has left
	f.tell()
	switch status.Code(f.refuse) {
	case codes.OK:
		<-r.Context().Done()
	case codes.ResourceExhausted:
		w.Header().Set("Retry-After", "3600")
		w.WriteHeader(http.StatusTooManyRequests)
	default:
		w.WriteHeader(http.StatusServiceUnavailable)
	}
}

// start serves OTLP by a protocol and returns the address.
func (f *faulty) start(t *testing.T, protocol string) string {
	t.Helper()
	if protocol == "http" {
		server := httptest.NewServer(f)
		t.Cleanup(func() { server.CloseClientConnections(); server.Close() })
		return server.Listener.Addr().String()
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server, served := grpc.NewServer(), make(chan error, 1)
	coltracepb.RegisterTraceServiceServer(server, f)
	go func() { served <- server.Serve(listener) }()
	t.Cleanup(func() { server.Stop(); <-served })
	return listener.Addr().String()
}

// exhausted is what a collector that has no room responds with, and that it
// has none for long.
func exhausted(t *testing.T) error {
	t.Helper()
	refused, err := status.New(codes.ResourceExhausted, "no room").WithDetails(&errdetails.RetryInfo{RetryDelay: durationpb.New(time.Hour)})
	if err != nil {
		t.Fatal(err)
	}
	return refused.Err()
}

// TestRequestsDoNotWaitForTheCollector has a process whose collector hangs, refuses
// or is absent: requests are served while an export is stuck, each lost span is
// counted, and the process ends all the same.
func TestRequestsDoNotWaitForTheCollector(t *testing.T) { //nolint:tparallel // its environment is for all cases
	const queued, requests = 4, 20
	t.Setenv("OTEL_BSP_MAX_QUEUE_SIZE", strconv.Itoa(queued))
	t.Setenv("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "2")
	t.Setenv("OTEL_BSP_SCHEDULE_DELAY", "10")
	t.Setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "300000") // what is tried again is so until the process ends
	unavailable, all := status.Error(codes.Unavailable, "starting"), requests*spansOfRequest
	for name, test := range map[string]struct {
		protocol  string
		collector *faulty
		lost      int
	}{
		"grpc hangs":       {"grpc", &faulty{}, all - queued},
		"grpc unavailable": {"grpc", &faulty{refuse: unavailable}, all - queued},                                   // it is tried again
		"grpc exhausted":   {"grpc", &faulty{refuse: exhausted(t)}, all},                                           // for too long
		"grpc refuses":     {"grpc", &faulty{refuse: status.Error(codes.PermissionDenied, "no such tenant")}, all}, // for good
		"grpc absent":      {"grpc", nil, all - queued},                                                            // it is tried again
		"http hangs":       {"http", &faulty{}, all - queued},                                                      //
		"http unavailable": {"http", &faulty{refuse: unavailable}, all - queued},                                   // it is tried again
		"http exhausted":   {"http", &faulty{refuse: exhausted(t)}, all},                                           // for too long
		"http absent":      {"http", nil, all},                                                                     // the exporter gives up at once
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			address := "127.0.0.1:9" // the discard port: nobody listens
			if test.collector != nil {
				test.collector.called = make(chan struct{}, 1)
				address = test.collector.start(t, test.protocol)
			}
			r := run(t, shop(nil), fmt.Sprintf("telemetry: {otlp_endpoint: %q, otlp_protocol: %s, sample_ratio: 1}\n", address, test.protocol))
			expectServed(t, r)
			if test.collector != nil {
				<-test.collector.called // and is not heard of again, where it hangs
			}
			for range requests - 1 {
				expectServed(t, r)
			}
			within(t, 10*time.Second, "drops are counted", func() bool { return dropped(t, r) == test.lost })
		})
	}
}

// spansOfRequest are the request, its attempt and the service.
const spansOfRequest = 3

func expectServed(t *testing.T, r *running) {
	t.Helper()
	if code, _, body := call(t, http.DefaultClient, http.MethodGet, r.HTTPURL+"/v1/echo/1"); code != http.StatusOK {
		t.Fatalf("%d %s", code, body)
	}
}

var droppedSpans = regexp.MustCompile(`(?m)^venta_telemetry_dropped_spans_total\{[^}]*\} (\S+)$`)

// dropped returns how many spans no collector will have.
func dropped(t *testing.T, r *running) int {
	t.Helper()
	_, _, page := call(t, http.DefaultClient, http.MethodGet, strings.TrimSuffix(r.AdminURL, "/")+"/metrics")
	sum := 0.0
	for _, match := range droppedSpans.FindAllStringSubmatch(page, -1) {
		n, err := strconv.ParseFloat(match[1], 64)
		if err != nil {
			t.Fatal(err)
		}
		sum += n
	}
	return int(sum)
}
