package gateway_test

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/connectivity"
	"google.golang.org/grpc/credentials/insecure"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protowire"

	"github.com/venta-hq/venta/gateway"
	"github.com/venta-hq/venta/gateway/gatewaytest"
	"github.com/venta-hq/venta/gateway/policy"
	vendorv2 "github.com/venta-hq/venta/gen/venta/vendors/v2"
)

// writer is a backend whose deletes end as a test says.
type writer struct {
	backend
	remove func(ctx context.Context, call int) error
	came   chan struct{} // a delete has come
	calls  int
	large  int // bytes of what a delete returns
}

func (b *writer) DeleteVendor(ctx context.Context, _ *vendorv2.DeleteVendorRequest) (*vendorv2.DeleteVendorResponse, error) {
	b.mu.Lock()
	b.calls++
	call := b.calls
	b.mu.Unlock()
	if call == 1 {
		close(b.came)
	}
	if b.remove != nil {
		if err := b.remove(ctx, call); err != nil {
			return nil, err
		}
	}
	response := &vendorv2.DeleteVendorResponse{}
	if b.large > 0 {
		response.ProtoReflect().SetUnknown(protowire.AppendString(protowire.AppendTag(nil, 99, protowire.BytesType), strings.Repeat("x", b.large)))
	}
	return response, nil
}

// site is a gateway, in one of its forms, before a writer.
type site struct {
	*writer
	http.Handler
	stop func() // ends the service, and returns when the gateway has noticed
}

// forms are the ways to stand before a service.
var forms = map[string]func(*testing.T, gateway.Service, grpc.ClientConnInterface) http.Handler{
	"gateway": func(t *testing.T, s gateway.Service, conn grpc.ClientConnInterface) http.Handler {
		return inGateway(t, nil, conn, s)
	},
	"mux options": func(t *testing.T, s gateway.Service, conn grpc.ClientConnInterface) http.Handler {
		return inGateway(t, []runtime.ServeMuxOption{runtime.WithMetadata(noMetadata)}, conn, s)
	},
	"drop-in": func(t *testing.T, s gateway.Service, conn grpc.ClientConnInterface) http.Handler {
		mux := runtime.NewServeMux()
		if err := gateway.RegisterOnMux(t.Context(), mux, s, conn); err != nil {
			t.Fatal(err)
		}
		return mux
	},
}

func inGateway(t *testing.T, options []runtime.ServeMuxOption, conn grpc.ClientConnInterface, services ...gateway.Service) http.Handler {
	t.Helper()
	gw, err := gateway.New(gateway.Options{Logger: slog.New(slog.DiscardHandler), MuxOptions: options})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = gw.Close() })
	for _, s := range services {
		if err := gw.Register(s, conn); err != nil {
			t.Fatal(err)
		}
	}
	return gw.Handler()
}

// writing are the forms, and the gateway before a service that names no tags to purge:
// there the URI that is written to tells.
func writing() map[string]func(*testing.T, gateway.Service, grpc.ClientConnInterface) http.Handler {
	all := maps.Clone(forms)
	all["by URI"] = func(t *testing.T, s gateway.Service, conn grpc.ClientConnInterface) http.Handler {
		s.Methods[1].Policy.Invalidates = nil
		return inGateway(t, nil, conn, s)
	}
	return all
}

// newSite starts a service at an address of its own, with a response of it stored.
func newSite(t *testing.T, form string, remove policy.Method, do func(context.Context, int) error) *site {
	t.Helper()
	b := &writer{remove: do, came: make(chan struct{})}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := grpc.NewServer()
	vendorv2.RegisterVendorServiceServer(server, b)
	go func() { _ = server.Serve(listener) }() // until Stop
	t.Cleanup(server.Stop)
	conn, err := grpc.NewClient(listener.Addr().String(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	s := service(cached(policy.Cache{StaleIfError: time.Hour}))
	remove.Invalidates, remove.Response = s.Methods[1].Policy.Invalidates, s.Methods[1].Policy.Response
	s.Methods[1].Policy = remove
	h := writing()[form](t, s, conn)
	where := &site{writer: b, Handler: h, stop: func() {
		server.Stop()
		conn.WaitForStateChange(t.Context(), connectivity.Ready) // until then calls go out and nobody knows their fate
	}}
	if w := where.ask("GET", nil); w.Code != http.StatusOK {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	if !where.isStored() {
		t.Fatal("nothing is stored")
	}
	for state := conn.GetState(); state != connectivity.Ready; state = conn.GetState() {
		conn.WaitForStateChange(t.Context(), state) // a call may be through before the state is told
	}
	return where
}

func (s *site) ask(verb string, change func(*http.Request) *http.Request) *httptest.ResponseRecorder {
	r := httptest.NewRequest(verb, "/v2/vendors/7", nil)
	if change != nil {
		r = change(r)
	}
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	return w
}

func (s *site) isStored() bool {
	w := s.ask("GET", func(r *http.Request) *http.Request {
		r.Header.Set("Cache-Control", "only-if-cached")
		return r
	})
	return strings.HasPrefix(w.Header().Get("Cache-Status"), "venta; hit")
}

// TestWhatWasNeverSentPurgesNothing writes to a service that is away, and where a
// policy refuses. What is stored stands in for the service; nobody may wipe it.
func TestWhatWasNeverSentPurgesNothing(t *testing.T) {
	tests := []struct {
		name    string
		policy  policy.Method
		refused func(*site) *httptest.ResponseRecorder // the write
		status  int
	}{
		{"no connection", policy.Method{}, func(s *site) *httptest.ResponseRecorder {
			s.stop()
			return s.ask("DELETE", nil)
		}, http.StatusServiceUnavailable},
		{"no connection, after three attempts", policy.Method{Retry: retryPolicy(3)}, func(s *site) *httptest.ResponseRecorder {
			s.stop()
			return s.ask("DELETE", nil)
		}, http.StatusServiceUnavailable},
		{"an open breaker", policy.Method{CircuitBreaker: breakerPolicy(1)}, func(s *site) *httptest.ResponseRecorder {
			s.stop()
			s.ask("DELETE", nil)
			return s.ask("DELETE", nil)
		}, http.StatusServiceUnavailable},
		{"a limit", policy.Method{RateLimits: []policy.RateLimit{limit(1, policy.KeyClientIP)}}, func(s *site) *httptest.ResponseRecorder {
			s.remove = func(context.Context, int) error { return status.Error(codes.NotFound, "no such vendor") }
			s.ask("DELETE", nil)
			return s.ask("DELETE", nil)
		}, http.StatusTooManyRequests},
		{"a bound of calls in flight", policy.Method{Concurrency: &policy.Concurrency{MaxInFlight: 1}}, func(s *site) *httptest.ResponseRecorder {
			free := make(chan struct{})
			s.remove = func(context.Context, int) error { <-free; return status.Error(codes.NotFound, "no such vendor") }
			first := make(chan struct{})
			go func() { defer close(first); s.ask("DELETE", nil) }()
			<-s.came
			defer func() { close(free); <-first }()
			return s.ask("DELETE", nil)
		}, http.StatusServiceUnavailable},
		{"a time that is over before", policy.Method{Timeout: &policy.Timeout{Duration: time.Minute}}, func(s *site) *httptest.ResponseRecorder {
			return s.ask("DELETE", func(r *http.Request) *http.Request {
				r.Header.Set("Grpc-Timeout", "1n")
				return r
			})
		}, http.StatusGatewayTimeout},
	}
	for form := range writing() {
		for _, test := range tests {
			t.Run(form+"/"+test.name, func(t *testing.T) {
				s := newSite(t, form, test.policy, nil)
				if w := test.refused(s); w.Code != test.status {
					t.Errorf("the write: %d %s", w.Code, w.Body)
				}
				if !s.isStored() {
					t.Error("what was never sent has purged")
				}
			})
		}
	}
}

// TestWhatMayBeDonePurges has writes end in every way that an upstream knows.
func TestWhatMayBeDonePurges(t *testing.T) {
	retried := policy.Method{Retry: retryPolicy(2)}
	fails := func(all ...codes.Code) func(context.Context, int) error {
		return func(_ context.Context, call int) error {
			return status.Error(all[min(call, len(all))-1], "as the test says")
		}
	}
	tests := []struct {
		name   string
		policy policy.Method
		remove func(context.Context, int) error
		purges bool
	}{
		{"done", policy.Method{}, nil, true},
		{"UNAVAILABLE", policy.Method{}, fails(codes.Unavailable), true},
		{"INTERNAL", policy.Method{}, fails(codes.Internal), true},
		{"UNKNOWN", policy.Method{}, fails(codes.Unknown), true},
		{"DATA_LOSS", policy.Method{}, fails(codes.DataLoss), true},
		{"DEADLINE_EXCEEDED", policy.Method{}, fails(codes.DeadlineExceeded), true},
		{"CANCELLED", policy.Method{}, fails(codes.Canceled), true},
		{"no response in time", policy.Method{Timeout: &policy.Timeout{Duration: 50 * time.Millisecond}},
			func(ctx context.Context, _ int) error { <-ctx.Done(); return ctx.Err() }, true},
		{"a response that is too large", policy.Method{Limits: &policy.Limits{MaxResponseBytes: 1 << 10}}, nil, true},
		{"a response that is received, and too large", policy.Method{Limits: &policy.Limits{MaxResponseBytes: 1 << 20}}, nil, true},
		{"NOT_FOUND", policy.Method{}, fails(codes.NotFound), false},
		{"INVALID_ARGUMENT", policy.Method{}, fails(codes.InvalidArgument), false},
		{"FAILED_PRECONDITION", policy.Method{}, fails(codes.FailedPrecondition), false},
		{"ABORTED", policy.Method{}, fails(codes.Aborted), false},
		{"ALREADY_EXISTS", policy.Method{}, fails(codes.AlreadyExists), false},
		{"OUT_OF_RANGE", policy.Method{}, fails(codes.OutOfRange), false},
		{"PERMISSION_DENIED", policy.Method{}, fails(codes.PermissionDenied), false},
		{"UNAUTHENTICATED", policy.Method{}, fails(codes.Unauthenticated), false},
		{"RESOURCE_EXHAUSTED", policy.Method{}, fails(codes.ResourceExhausted), false},
		{"UNIMPLEMENTED", policy.Method{}, fails(codes.Unimplemented), false},
		{"nobody knows, then NOT_FOUND, for it was done", retried, fails(codes.Unavailable, codes.NotFound), true},
	}
	for form := range writing() {
		for _, test := range tests {
			t.Run(form+"/"+test.name, func(t *testing.T) {
				s := newSite(t, form, test.policy, test.remove)
				if test.policy.Limits != nil {
					s.large = 2 << 20
				}
				w := s.ask("DELETE", nil)
				if (w.Code == http.StatusBadGateway) != (test.policy.Limits != nil) {
					t.Errorf("%d %s", w.Code, w.Body)
				}
				if s.isStored() == test.purges {
					t.Errorf("%d %s: stored %v", w.Code, w.Body, !test.purges)
				}
			})
		}
	}
}

// TestAWriteThatIsLeftPurges has the client leave while its write is under way.
func TestAWriteThatIsLeftPurges(t *testing.T) {
	for form := range writing() {
		t.Run(form, func(t *testing.T) {
			s := newSite(t, form, policy.Method{}, func(ctx context.Context, _ int) error { <-ctx.Done(); return ctx.Err() })
			ctx, leave := context.WithCancel(t.Context())
			go func() { <-s.came; leave() }()
			s.ask("DELETE", func(r *http.Request) *http.Request { return r.WithContext(ctx) })
			if s.isStored() {
				t.Error("a write that may have been done has purged nothing")
			}
		})
	}
}

// endingWatch is a service whose stream ends as a test says.
type endingWatch struct {
	healthv1.UnimplementedHealthServer
	end func(grpc.ServerStreamingServer[healthv1.HealthCheckResponse]) error
}

func (w *endingWatch) Watch(_ *healthv1.HealthCheckRequest, stream grpc.ServerStreamingServer[healthv1.HealthCheckResponse]) error {
	return w.end(stream)
}

// TestStreamsThatWrite has a stream be a write: it purges what is stored of its URI
// once it may have done something.
func TestStreamsThatWrite(t *testing.T) {
	ends := func(code codes.Code) func(grpc.ServerStreamingServer[healthv1.HealthCheckResponse]) error {
		return func(grpc.ServerStreamingServer[healthv1.HealthCheckResponse]) error {
			return status.Error(code, "as the test says")
		}
	}
	tests := []struct {
		name   string
		end    func(grpc.ServerStreamingServer[healthv1.HealthCheckResponse]) error // nil: nobody is there
		purges bool
	}{
		{"no connection", nil, false},
		{"refused", ends(codes.NotFound), false},
		{"nobody knows", ends(codes.Unavailable), true},
		{"done", ends(codes.OK), true},
		{"it breaks", func(s grpc.ServerStreamingServer[healthv1.HealthCheckResponse]) error {
			_ = s.Send(&healthv1.HealthCheckResponse{})
			return status.Error(codes.NotFound, "what came next")
		}, true},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			stream := watching(policy.Method{})
			stream.Methods[0].Bindings[0] = gateway.Binding{Verb: "PUT", Path: "/v2/vendors/{service}"}
			watched := grpc.ClientConnInterface(unreachable(t))
			if test.end != nil {
				watched = gatewaytest.Dial(t, func(r grpc.ServiceRegistrar) { healthv1.RegisterHealthServer(r, &endingWatch{end: test.end}) })
			}
			gw, err := gateway.New(gateway.Options{Logger: slog.New(slog.DiscardHandler)})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = gw.Close() })
			stored := gateway.ServerConn(&vendorv2.VendorService_ServiceDesc, &backend{})
			if err := errors.Join(gw.Register(service(cached(policy.Cache{})), stored), gw.Register(stream, watched)); err != nil {
				t.Fatal(err)
			}
			s := &site{Handler: gw.Handler()}
			if s.ask("GET", nil); !s.isStored() {
				t.Fatal("nothing is stored")
			}
			w := s.ask("PUT", nil)
			if s.isStored() == test.purges {
				t.Errorf("%d %s: stored %v", w.Code, w.Body, !test.purges)
			}
		})
	}
}

// unreachable is a connection to nobody.
func unreachable(t *testing.T) *grpc.ClientConn {
	t.Helper()
	conn, err := grpc.NewClient("passthrough:///nobody", grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(func(context.Context, string) (net.Conn, error) { return nil, errors.New("nobody is there") }))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

// TestServicesInProcess covers connections that name no peer: all of their failures
// may have changed something.
func TestServicesInProcess(t *testing.T) {
	b := &writer{came: make(chan struct{}), remove: func(context.Context, int) error { return status.Error(codes.Unavailable, "half done") }}
	h := forms["gateway"](t, service(cached(policy.Cache{})), gateway.ServerConn(&vendorv2.VendorService_ServiceDesc, b))
	s := &site{writer: b, Handler: h}
	s.ask("GET", nil)
	if !s.isStored() {
		t.Fatal("nothing is stored")
	}
	s.ask("DELETE", nil)
	if s.isStored() {
		t.Error("a write that may have been done has purged nothing")
	}
}

func noMetadata(context.Context, *http.Request) metadata.MD { return nil }
