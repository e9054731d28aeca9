package gateway_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"google.golang.org/grpc"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"

	"github.com/venta-hq/venta/gateway"
	"github.com/venta-hq/venta/gateway/gatewaytest"
	"github.com/venta-hq/venta/gateway/policy"
	vendorv2 "github.com/venta-hq/venta/gen/venta/vendors/v2"
)

// What of a request reaches the upstream is one rule for every path that a call
// can take: the same requests go along each of them, and a real gRPC server tells
// what it got.

// sightings are services that tell the metadata of their last call.
type sightings struct {
	healthv1.UnimplementedHealthServer
	backend
	seen chan metadata.MD
}

func newSightings() *sightings {
	s := &sightings{seen: make(chan metadata.MD, 1)}
	s.get = func(ctx context.Context, _ int) (*vendorv2.GetVendorResponse, error) {
		s.keep(ctx)
		return &vendorv2.GetVendorResponse{}, nil
	}
	return s
}

func (s *sightings) serve(r grpc.ServiceRegistrar) {
	healthv1.RegisterHealthServer(r, s)
	vendorv2.RegisterVendorServiceServer(r, &s.backend)
}

func (s *sightings) keep(ctx context.Context) {
	md, _ := metadata.FromIncomingContext(ctx)
	s.seen <- md
}

func (s *sightings) Watch(_ *healthv1.HealthCheckRequest, stream grpc.ServerStreamingServer[healthv1.HealthCheckResponse]) error {
	s.keep(stream.Context())
	return stream.Send(&healthv1.HealthCheckResponse{Status: healthv1.HealthCheckResponse_SERVING})
}

// sighting describes a unary RPC with a policy and a stream with what it bears of it.
func sighting(p policy.Method) []gateway.Service {
	stream := watching(policy.Method{Forward: p.Forward})
	stream.Methods[0].Bindings[0].Path = "/v1/watch/{service}"
	return []gateway.Service{service(p), stream}
}

// callPath is one that a call can take.
type callPath struct {
	name    string
	stock   bool // what grpc-gateway's own handlers would send
	handler func(t *testing.T, s *sightings) http.Handler
	route   string
}

func listed() *policy.Forward {
	return &policy.Forward{Headers: []string{"X-Tenant", "Accept-Language"}}
}

func storing(shadow bool) policy.Method {
	return policy.Method{Forward: listed(), Cache: &policy.Cache{TTL: time.Hour, VaryHeaders: []string{"X-Varied"}, Shadow: shadow}}
}

// callPaths are all of them.
func callPaths() []callPath {
	unary, stream := "/v2/vendors/", "/v1/watch/"
	plain := policy.Method{Forward: listed()}
	noop := runtime.WithMetadata(func(context.Context, *http.Request) metadata.MD { return nil })
	marshaler := runtime.WithMarshalerOption("application/x-own", &runtime.JSONPb{})
	return []callPath{
		{"unary", false, gatewayPath(plain), unary},
		{"unary, no-op annotator", false, gatewayPath(plain, noop), unary},
		{"unary, marshaler", false, gatewayPath(plain, marshaler), unary},
		{"unary, stored", false, gatewayPath(storing(false)), unary},
		{"unary, stored, no-op annotator", false, gatewayPath(storing(false), noop), unary},
		{"unary, stored in shadow", false, gatewayPath(storing(true)), unary},
		{"stream", false, gatewayPath(plain), stream},
		{"stream, no-op annotator", false, gatewayPath(plain, noop), stream},
		{"drop-in, stored", false, dropInPath(storing(false)), unary},
		{"drop-in, stored, no-op annotator", false, dropInPath(storing(false), noop), unary},
		{"drop-in", true, dropInPath(plain), unary},
		{"drop-in, no-op annotator", true, dropInPath(plain, noop), unary},
		{"drop-in, stored in shadow", true, dropInPath(storing(true)), unary},
		{"drop-in, stream", true, dropInPath(plain), stream},
	}
}

func gatewayPath(p policy.Method, options ...runtime.ServeMuxOption) func(*testing.T, *sightings) http.Handler {
	return func(t *testing.T, s *sightings) http.Handler {
		return gatewaytest.Start(t, gatewaytest.Options{
			Gateway: gateway.Options{MuxOptions: options, Settings: trusting(), ForwardHeaders: []string{"X-Configured"}},
			Serve:   s.serve,
			Register: func(gw *gateway.Gateway, conn grpc.ClientConnInterface) error {
				var errs []error
				for _, described := range sighting(p) {
					errs = append(errs, gw.Register(described, conn))
				}
				return errors.Join(errs...)
			},
		}).Gateway.Handler()
	}
}

func dropInPath(p policy.Method, options ...runtime.ServeMuxOption) func(*testing.T, *sightings) http.Handler {
	return func(t *testing.T, s *sightings) http.Handler {
		gw, err := gateway.New(gateway.Options{Settings: trusting(), ForwardHeaders: []string{"X-Configured"}})
		if err != nil {
			t.Fatal(err)
		}
		conn, mux := gatewaytest.Dial(t, s.serve), runtime.NewServeMux(options...)
		for _, described := range sighting(p) {
			if err := gateway.RegisterOnMux(gateway.NewContext(t.Context(), gw), mux, described, conn); err != nil {
				t.Fatal(err)
			}
		}
		return mux
	}
}

const (
	strangerAddress = "192.0.2.1:1234"
	proxyAddress    = "10.0.0.1:1234"
)

func trusting() gateway.Settings {
	return gateway.Settings{TrustedProxies: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}}
}

// sighted are the lines of metadata without those of a connection and the request's id.
func sighted(md metadata.MD) []string {
	lines := []string{}
	for key, values := range md {
		switch key {
		case "user-agent", "content-type", ":authority", "grpc-accept-encoding", "x-request-id":
			continue
		}
		for _, value := range values {
			lines = append(lines, key+": "+value)
		}
	}
	slices.Sort(lines)
	return lines
}

// TestOneRuleForEveryPath is what a client chose and what the upstream sees of it.
func TestOneRuleForEveryPath(t *testing.T) {
	origin := []string{"x-forwarded-for: 192.0.2.1", "x-forwarded-host: shop.example"}
	with := func(lines ...string) []string { return append(lines, origin...) }
	tests := []struct {
		name        string
		peer        string
		header      http.Header
		want, stock []string // stock nil: the same
	}{
		{"configured", "", http.Header{"X-Configured": {"c"}}, with("x-configured: c"), nil},
		{"nothing", "", http.Header{}, with(), nil},
		{"credentials", "", http.Header{"Authorization": {"Bearer x"}}, with("authorization: Bearer x"),
			with("authorization: Bearer x", "grpcgateway-authorization: Bearer x")},
		{"listed", "", http.Header{"X-Tenant": {"a", "b"}, "Accept-Language": {"de"}},
			with("grpcgateway-accept-language: de", "x-tenant: a", "x-tenant: b"), nil},
		{"not listed", "", http.Header{"Cookie": {"a=b"}, "User-Agent": {"me"}, "Referer": {"r"}, "X-Other": {"o"}}, with(),
			with("grpcgateway-cookie: a=b", "grpcgateway-referer: r", "grpcgateway-user-agent: me")},
		{"metadata", "", http.Header{"Grpc-Metadata-X-Suffix": {"s"}, "Grpc-Metadata-Data-Bin": {"aGk="}}, with("data-bin: hi", "x-suffix: s"), nil},
		{"metadata of a connection", "", http.Header{
			"Grpc-Metadata-Connection": {"close"}, "Grpc-Metadata-Transfer-Encoding": {"chunked"}, "Grpc-Metadata-Upgrade": {"h2c"},
			"Grpc-Metadata-Keep-Alive": {"1"}, "Grpc-Metadata-Trailer": {"a"}, "Grpc-Metadata-Content-Length": {"1"}, "Grpc-Metadata-Te": {"gzip"},
			"Grpc-Metadata-Proxy-Connection": {"close"}, "Grpc-Metadata-Host": {"evil.example"},
		}, with(), nil},
		{"metadata of the gateway", "", http.Header{"Grpc-Metadata-X-Venta-Criticality": {"critical"}, "Grpc-Metadata-X-Venta-Subject": {"root"}}, with(), nil},
		{"metadata that proxies say", "", http.Header{
			"Grpc-Metadata-X-User-Id": {"root"}, "Grpc-Metadata-X-Real-Ip": {"1.2.3.4"}, "Grpc-Metadata-Forwarded": {"for=1.2.3.4"}, "Grpc-Metadata-X-Api-Key": {"k"},
		}, with(), with("forwarded: for=1.2.3.4", "x-api-key: k", "x-real-ip: 1.2.3.4", "x-user-id: root")},
		{"what the client lists for its connection", "", http.Header{
			"Connection": {"keep-alive, X-Tenant, grpc-metadata-a"}, "X-Tenant": {"t"}, "Grpc-Metadata-A": {"a"}, "Grpc-Metadata-B": {"b"},
		}, with("b: b"), nil},
		{"a stranger's claims", "", http.Header{
			"X-Forwarded-For": {"203.0.113.9"}, "X-Forwarded-Host": {"evil.example"}, "Forwarded": {"host=evil.example"},
			"Traceparent": {"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}, "Baggage": {"a=b"}, "X-Real-Ip": {"203.0.113.9"},
		}, with(), []string{"x-forwarded-for: 203.0.113.9, 192.0.2.1", "x-forwarded-host: evil.example"}},
		{"a proxy's word", proxyAddress, http.Header{
			"X-Forwarded-For": {"1.1.1.1, 203.0.113.9", "10.0.0.2"}, "X-Forwarded-Host": {"Front.example"},
		}, []string{"x-forwarded-for: 203.0.113.9, 10.0.0.2, 10.0.0.1", "x-forwarded-host: front.example"},
			[]string{"x-forwarded-for: 1.1.1.1, 203.0.113.9, 10.0.0.2, 10.0.0.1", "x-forwarded-host: Front.example"}},
	}
	for _, path := range callPaths() {
		t.Run(path.name, func(t *testing.T) {
			s := newSightings()
			handler := path.handler(t, s)
			for _, test := range tests {
				want := test.want
				if path.stock && test.stock != nil {
					want = test.stock
				}
				slices.Sort(want)
				// Each its own response, as hits would hide what travels.
				r := httptest.NewRequest(http.MethodGet, "http://shop.example"+path.route+strings.ReplaceAll(test.name, " ", "-"), nil)
				r.Header, r.RemoteAddr = test.header.Clone(), test.peer
				if test.peer == "" {
					r.RemoteAddr = strangerAddress
				}
				w := httptest.NewRecorder()
				handler.ServeHTTP(w, r)
				if w.Code != http.StatusOK {
					t.Fatalf("%s: %d %s", test.name, w.Code, w.Body)
				}
				md := <-s.seen
				if diff := cmp.Diff(want, sighted(md)); diff != "" {
					t.Errorf("%s (-want +got):\n%s", test.name, diff)
				}
				if id := md.Get("x-request-id"); !slices.Equal(id, w.Header()["X-Request-Id"]) {
					t.Errorf("%s: the upstream knows request %q, the client %q", test.name, id, w.Header()["X-Request-Id"])
				}
			}
		})
	}
}

// TestVariedHeadersTravelWhereResponsesAreStored holds that what a cache's responses vary on
// reaches the upstream, and that a cache in shadow changes nothing.
func TestVariedHeadersTravelWhereResponsesAreStored(t *testing.T) {
	for _, path := range callPaths() {
		s := newSightings()
		r := httptest.NewRequest(http.MethodGet, path.route+"7", nil)
		r.Header.Set("X-Varied", "v")
		path.handler(t, s).ServeHTTP(httptest.NewRecorder(), r)
		stored := strings.Contains(path.name, "stored") && !strings.Contains(path.name, "shadow")
		if got := (<-s.seen).Get("x-varied"); slices.Equal(got, []string{"v"}) != stored {
			t.Errorf("%s: %q", path.name, got)
		}
	}
}

// TestTheProgramsMatcherDecides holds that beside a header matcher of the program's own
// nothing else of a client travels than credentials, as with stock, and what is listed.
func TestTheProgramsMatcherDecides(t *testing.T) {
	own := runtime.WithIncomingHeaderMatcher(func(name string) (string, bool) { return strings.ToLower(name), name == "X-Own" })
	for name, start := range map[string]func(*testing.T, *sightings) http.Handler{
		"gateway": gatewayPath(policy.Method{Forward: listed()}, own), "gateway, stored": gatewayPath(storing(false), own),
		"drop-in, stored": dropInPath(storing(false), own),
	} {
		s := newSightings()
		r := httptest.NewRequest(http.MethodGet, "/v2/vendors/7", nil)
		r.Header = http.Header{"Authorization": {"Bearer x"}, "Grpc-Metadata-A": {"a"}, "X-Own": {"o"}, "X-Tenant": {"t"}, "Cookie": {"c=d"}}
		start(t, s).ServeHTTP(httptest.NewRecorder(), r)
		got := slices.DeleteFunc(sighted(<-s.seen), func(line string) bool { return strings.HasPrefix(line, "x-forwarded-") })
		if diff := cmp.Diff([]string{"authorization: Bearer x", "x-own: o", "x-tenant: t"}, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// TestTooMuchForTheUpstream is 431 on every path where an allow-list holds.
func TestTooMuchForTheUpstream(t *testing.T) {
	for _, path := range callPaths() {
		t.Run(path.name, func(t *testing.T) {
			s := newSightings()
			handler := path.handler(t, s)
			for name, test := range map[string]struct {
				header http.Header
				fits   bool
			}{
				"the most fields": {http.Header{"X-Tenant": {"a"}, "Grpc-Metadata-A": slices.Repeat([]string{"a"}, 15)}, true},
				"one more":        {http.Header{"X-Tenant": {"a"}, "Grpc-Metadata-A": slices.Repeat([]string{"a"}, 16)}, false},
				"too many bytes":  {http.Header{"X-Tenant": {strings.Repeat("a", 4<<10)}}, false},
				"credentials":     {http.Header{"Authorization": {strings.Repeat("a", 5<<10)}}, true},
			} {
				r := httptest.NewRequest(http.MethodGet, path.route+"a", nil)
				r.Header = test.header
				w := httptest.NewRecorder()
				handler.ServeHTTP(w, r)
				switch {
				case path.stock || test.fits:
					if w.Code != http.StatusOK {
						t.Errorf("%s: %d %s", name, w.Code, w.Body)
					}
					<-s.seen
				case w.Code != http.StatusRequestHeaderFieldsTooLarge || !strings.Contains(w.Body.String(), `"HEADERS_TOO_LARGE"`) &&
					!strings.Contains(w.Body.String(), "too many headers"):
					t.Errorf("%s: %d %s", name, w.Code, w.Body)
				}
			}
		})
	}
}
