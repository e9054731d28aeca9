package export_test

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	coltracepb "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"go.uber.org/goleak"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/venta-hq/venta/gateway/telemetry/export"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// collector is an OTLP collector that keeps what it gets.
type collector struct {
	coltracepb.UnimplementedTraceServiceServer
	address string
	refuse  error // what it returns
	partial *coltracepb.ExportTracePartialSuccess
	hang    bool          // it never responds
	called  chan struct{} // gets a value for each export, unless full
	mu      sync.Mutex    // guards got
	got     []*tracepb.ResourceSpans
}

func (c *collector) Export(ctx context.Context, r *coltracepb.ExportTraceServiceRequest) (*coltracepb.ExportTraceServiceResponse, error) {
	select {
	case c.called <- struct{}{}:
	default:
	}
	if c.hang {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.got = append(c.got, r.GetResourceSpans()...)
	return &coltracepb.ExportTraceServiceResponse{PartialSuccess: c.partial}, c.refuse
}

// spans returns the exported spans by name, and checks that service sent them.
func (c *collector) spans(t *testing.T, service string) map[string]*tracepb.Span {
	t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	found := map[string]*tracepb.Span{}
	for _, from := range c.got {
		if !strings.Contains(from.GetResource().String(), service) {
			t.Errorf("spans of %v", from.GetResource())
		}
		for _, scope := range from.GetScopeSpans() {
			for _, span := range scope.GetSpans() {
				found[span.GetName()] = span
			}
		}
	}
	return found
}

func (c *collector) start(t *testing.T) *collector {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c.address, c.called = listener.Addr().String(), make(chan struct{}, 1)
	server := grpc.NewServer()
	coltracepb.RegisterTraceServiceServer(server, c)
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	t.Cleanup(func() {
		server.Stop()
		<-served
	})
	return c
}

// logged takes lines of a log.
type logged struct {
	mu    sync.Mutex
	lines []string
}

func (l *logged) Write(line []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lines = append(l.lines, string(line))
	return len(line), nil
}

func (l *logged) all() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.lines
}

func start(t *testing.T, c export.Config) (*export.Providers, *logged) {
	t.Helper()
	log := &logged{}
	c.ServiceName, c.Logger = "venta-test", slog.New(slog.NewTextHandler(log, nil))
	p, err := export.Start(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ended, end := context.WithCancel(context.Background())
		end()
		_ = p.Shutdown(ended) // where the test did not
	})
	return p, log
}

func TestShutdownExportsWhatIsLeft(t *testing.T) {
	to := (&collector{}).start(t)
	p, log := start(t, export.Config{OTLPEndpoint: to.address, SampleRatio: 1})
	_, span := p.TracerProvider.Tracer("test").Start(t.Context(), "work")
	span.End()
	if err := p.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	if spans := to.spans(t, "venta-test"); spans["work"] == nil {
		t.Errorf("exported %v", spans)
	}
	if err := p.Shutdown(t.Context()); err != nil || len(log.all()) != 0 {
		t.Errorf("second shutdown: %v, logged %q", err, log.all())
	}
}

// A collector that hangs must not keep the process.
func TestShutdownEndsWithItsContext(t *testing.T) {
	to := (&collector{hang: true}).start(t)
	p, _ := start(t, export.Config{OTLPEndpoint: to.address, SampleRatio: 1})
	_, span := p.TracerProvider.Tracer("test").Start(t.Context(), "work")
	span.End()
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-to.called
		cancel()
	}()
	if err := p.Shutdown(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	} // goleak sees that the export has ended
}

func TestExportErrorsAreLoggedOnceInAWhile(t *testing.T) {
	to := (&collector{refuse: status.Error(codes.PermissionDenied, "no such tenant")}).start(t)
	p, log := start(t, export.Config{OTLPEndpoint: to.address, SampleRatio: 1})
	for range 2000 { // several batches
		_, span := p.TracerProvider.Tracer("test").Start(t.Context(), "work")
		span.End()
	}
	if err := p.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
	if lines := log.all(); len(lines) != 1 || !strings.Contains(lines[0], "no such tenant") {
		t.Errorf("logged %q", lines)
	}
	if len(to.spans(t, "venta-test")) == 0 {
		t.Error("nothing was exported")
	}
}

func TestSampling(t *testing.T) {
	to := (&collector{}).start(t)
	p, _ := start(t, export.Config{OTLPEndpoint: to.address})
	_, root := p.TracerProvider.Tracer("test").Start(t.Context(), "root")
	if root.IsRecording() {
		t.Error("a root is sampled at ratio 0")
	}
	ctx := p.Propagator.Extract(t.Context(), header{"traceparent": sampled})
	if _, child := p.TracerProvider.Tracer("test").Start(ctx, "child"); !child.IsRecording() {
		t.Error("the caller's decision is not followed")
	}
}

const sampled = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

type header map[string]string

func (h header) Get(key string) string { return h[key] }
func (h header) Set(key, value string) { h[key] = value }
func (h header) Keys() []string        { return nil }

func get(t *testing.T, h http.Handler, accept string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequest(http.MethodGet, "/metrics", nil)
	r.Header.Set("Accept", accept)
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}
