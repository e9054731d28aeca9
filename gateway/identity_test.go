package gateway_test

import (
	"context"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	testgrpc "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/venta-hq/venta/gateway"
	"github.com/venta-hq/venta/gateway/auth"
	"github.com/venta-hq/venta/gateway/auth/identity"
	"github.com/venta-hq/venta/gateway/gatewaytest"
	"github.com/venta-hq/venta/gateway/policy"
	vendorv2 "github.com/venta-hq/venta/gen/venta/vendors/v2"
)

// witness is a service that keeps what it is told with each call. Its first unary
// call fails.
type witness struct {
	testgrpc.UnimplementedTestServiceServer
	vendorv2.UnimplementedVendorServiceServer

	mu    sync.Mutex
	calls []metadata.MD
}

func (w *witness) heard(ctx context.Context) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	md, _ := metadata.FromIncomingContext(ctx)
	w.calls = append(w.calls, md)
	return len(w.calls)
}

func (w *witness) GetVendor(ctx context.Context, _ *vendorv2.GetVendorRequest) (*vendorv2.GetVendorResponse, error) {
	if w.heard(ctx) == 1 {
		return nil, status.Error(codes.Unavailable, "try again")
	}
	return &vendorv2.GetVendorResponse{}, nil
}

func (w *witness) StreamingOutputCall(_ *testgrpc.StreamingOutputCallRequest, s grpc.ServerStreamingServer[testgrpc.StreamingOutputCallResponse]) error {
	w.heard(s.Context())
	return s.Send(&testgrpc.StreamingOutputCallResponse{})
}

func (w *witness) FullDuplexCall(s testgrpc.TestService_FullDuplexCallServer) error {
	w.heard(s.Context())
	return s.Send(&testgrpc.StreamingOutputCallResponse{})
}

// witnessed describes the witness' services: a unary call and streams.
func witnessed(a *policy.Auth) []gateway.Service {
	retried := policy.Method{Auth: a, Timeout: &policy.Timeout{Duration: 5 * time.Second}, Retry: &policy.Retry{
		MaxAttempts: 2, InitialBackoff: time.Millisecond, MaxBackoff: time.Millisecond, BackoffMultiplier: 1,
		RetryableStatusCodes: []codes.Code{codes.Unavailable}, Budget: policy.RetryBudget{Percent: 100, MinPerSecond: 10},
	}}
	return []gateway.Service{service(retried), {Name: "grpc.testing.TestService", Source: "grpc/testing/test.proto", Methods: []gateway.Method{
		{
			Name: "StreamingOutputCall", Call: gateway.ServerStream(testgrpc.TestServiceClient.StreamingOutputCall), Policy: policy.Method{Auth: a},
			Bindings: []gateway.Binding{{Verb: "GET", Path: "/stream"}},
		},
		{
			Name: "FullDuplexCall", Call: gateway.BidiStream(testgrpc.TestServiceClient.FullDuplexCall), Policy: policy.Method{Auth: a},
			Bindings: []gateway.Binding{{Verb: "POST", Path: "/duplex", Body: "*"}},
		},
	}}}
}

// partner is a key of an API, and who presents it.
func partner(t *testing.T) (key string, keys *auth.APIKeys) {
	t.Helper()
	key, entry, err := auth.NewAPIKey(auth.APIKey{
		ID: "k1", Subject: "acme", Scopes: []string{"orders:read"}, Roles: []string{"staff"}, Claims: map[string]any{"plan": "gold", "secret": "s"},
	})
	if err != nil {
		t.Fatal(err)
	}
	keys, err = auth.NewAPIKeys([]auth.APIKey{entry})
	if err != nil {
		t.Fatal(err)
	}
	return key, keys
}

var keyed = &policy.Auth{Requirement: policy.AuthOptional, Schemes: []policy.Scheme{policy.SchemeAPIKey}}

// everyHeader is a program's own choice to hand everything on.
func everyHeader() []runtime.ServeMuxOption {
	return []runtime.ServeMuxOption{
		runtime.WithIncomingHeaderMatcher(func(name string) (string, bool) {
			return strings.TrimPrefix(name, runtime.MetadataHeaderPrefix), true
		}),
		runtime.WithMetadata(func(_ context.Context, r *http.Request) metadata.MD {
			return metadata.Pairs("x-venta-roles", r.Header.Get("X-Venta-Roles"))
		}),
	}
}

// edges are the ways that a request takes through a gateway.
func edges(t *testing.T, o gateway.Options, w *witness) map[string]http.Handler {
	t.Helper()
	conn := gatewaytest.Dial(t, func(r grpc.ServiceRegistrar) {
		testgrpc.RegisterTestServiceServer(r, w)
		vendorv2.RegisterVendorServiceServer(r, w)
	})
	own := func(o gateway.Options) *gateway.Gateway {
		gw, err := gateway.New(o)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = gw.Close() })
		return gw
	}
	plain, options := own(o), o
	options.MuxOptions = everyHeader()
	with := own(options)
	for _, gw := range []*gateway.Gateway{plain, with} {
		for _, s := range witnessed(keyed) {
			if err := gw.Register(s, conn); err != nil {
				t.Fatal(err)
			}
		}
	}
	dropIn := func(options ...runtime.ServeMuxOption) http.Handler {
		mux, ctx := runtime.NewServeMux(options...), gateway.NewContext(t.Context(), own(o))
		for _, s := range witnessed(keyed) {
			if err := gateway.RegisterOnMux(ctx, mux, s, conn); err != nil {
				t.Fatal(err)
			}
		}
		return mux
	}
	return map[string]http.Handler{
		"gateway": plain.Handler(), "with options": with.Handler(), "drop-in": dropIn(), "drop-in with options": dropIn(everyHeader()...),
	}
}

const unary = "/v2/vendors/7"

// told returns what the calls for a request are told of the caller.
func told(t *testing.T, h http.Handler, w *witness, path string, fields ...string) []map[string]string {
	t.Helper()
	w.mu.Lock()
	w.calls = nil
	w.mu.Unlock()
	verb, body := http.MethodGet, ""
	if path == "/duplex" {
		verb, body = http.MethodPost, "{}"
	}
	r := httptest.NewRequestWithContext(t.Context(), verb, path, strings.NewReader(body))
	for i := 0; i < len(fields); i += 2 {
		r.Header.Set(fields[i], fields[i+1])
	}
	recorder := httptest.NewRecorder()
	h.ServeHTTP(recorder, r)
	if recorder.Code != http.StatusOK {
		t.Fatalf("%s: %d %s", path, recorder.Code, recorder.Body)
	}
	var all []map[string]string
	for _, md := range w.calls {
		said := map[string]string{}
		for key, values := range md {
			if strings.HasPrefix(key, "x-venta-") {
				said[key] = strings.Join(values, "|")
			}
		}
		all = append(all, said)
	}
	return all
}

// forged are all the ways in which a client may try to be somebody.
var forged = []string{
	"X-Venta-Subject", "root", "X-Venta-Roles", "system", "X-Venta-Identity", "forged", "X-Venta-Anything", "x",
	"Grpc-Metadata-X-Venta-Subject", "root", "Grpc-Metadata-x-venta-scopes", "all", "Grpc-Metadata-X-Venta-Identity-Bin", "eA==",
}

// TestWhoTheCallerIsTravels holds that each call, by whatever way, tells the service
// who the gateway has verified, and nothing that a client has made up.
func TestWhoTheCallerIsTravels(t *testing.T) {
	key, keys := partner(t)
	want := map[string]string{
		"x-venta-subject": "acme", "x-venta-scheme": "api-key", "x-venta-key-id": "k1",
		"x-venta-scopes": "orders:read", "x-venta-roles": "staff", "x-venta-claims": `{"plan":"gold"}`,
	}
	w := &witness{}
	for name, h := range edges(t, gateway.Options{APIKeys: keys, Identity: identity.Options{Claims: []string{"plan"}}}, w) {
		for path, calls := range map[string]int{unary: 2, "/stream": 1, "/duplex": 1} {
			t.Run(name+path, func(t *testing.T) {
				got := told(t, h, w, path, append(slices.Clone(forged), "X-Api-Key", key)...)
				if len(got) != calls || !slices.ContainsFunc(got, func(said map[string]string) bool { return maps.Equal(said, want) }) ||
					!maps.Equal(got[0], got[len(got)-1]) {
					t.Errorf("told %v", got)
				}
				for _, said := range told(t, h, w, path, forged...) {
					if len(said) != 0 {
						t.Errorf("of an anonymous caller: %v", said)
					}
				}
			})
		}
	}
}

// TestWhoTheCallerIsTravelsSigned holds the same of tokens.
func TestWhoTheCallerIsTravelsSigned(t *testing.T) {
	key, keys := partner(t)
	signer, err := identity.NewSigner(identity.SignerOptions{})
	if err != nil {
		t.Fatal(err)
	}
	verifiers := map[string]*auth.JWT{} // by path
	for path, service := range map[string]string{
		unary: "venta.vendor.v2.VendorService", "/stream": "grpc.testing.TestService", "/duplex": "grpc.testing.TestService",
	} {
		if verifiers[path], err = auth.NewIdentityVerifier(auth.IdentityOptions{Audience: service, Keys: signer}); err != nil {
			t.Fatal(err)
		}
	}
	w := &witness{}
	for name, h := range edges(t, gateway.Options{APIKeys: keys, Identity: identity.Options{Signer: signer}}, w) {
		for path, verifier := range verifiers {
			t.Run(name+path, func(t *testing.T) {
				for _, said := range told(t, h, w, path, append(slices.Clone(forged), "X-Api-Key", key)...) {
					p, err := verifier.Verify(t.Context(), said[auth.IdentityKey])
					if len(said) != 1 || err != nil || p.Subject != "acme" || p.KeyID() != "k1" {
						t.Errorf("told %v: %v, %v", said, p, err)
					}
				}
				for _, said := range told(t, h, w, path, forged...) {
					if len(said) != 0 {
						t.Errorf("of an anonymous caller: %v", said)
					}
				}
			})
		}
	}
}

// TestTheTokenIsForTheUpstream holds that a connection with a name is the audience.
func TestTheTokenIsForTheUpstream(t *testing.T) {
	key, keys := partner(t)
	signer, err := identity.NewSigner(identity.SignerOptions{})
	if err != nil {
		t.Fatal(err)
	}
	verifier, err := auth.NewIdentityVerifier(auth.IdentityOptions{Audience: "orders", Keys: signer})
	if err != nil {
		t.Fatal(err)
	}
	gw, err := gateway.New(gateway.Options{APIKeys: keys, Identity: identity.Options{Signer: signer}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = gw.Close() })
	w := &witness{}
	conn := gatewaytest.Dial(t, func(r grpc.ServiceRegistrar) { vendorv2.RegisterVendorServiceServer(r, w) })
	if err := gw.Register(service(policy.Method{Auth: keyed}), namedConn{conn}); err != nil {
		t.Fatal(err)
	}
	serve(gw.Handler(), get("/v2/vendors/7", "X-Api-Key", key)())
	if len(w.calls) != 1 {
		t.Fatalf("%d calls", len(w.calls))
	}
	if p, err := verifier.Verify(t.Context(), strings.Join(w.calls[0].Get(auth.IdentityKey), "")); err != nil || p.Subject != "acme" {
		t.Errorf("%v, %v", p, err)
	}
}

// namedConn has a name, as connections of package upstream may.
type namedConn struct{ grpc.ClientConnInterface }

func (namedConn) Name() string { return "orders" }

// unspeakable is a claim that no encoder survives.
type unspeakable struct{}

func (unspeakable) MarshalJSON() ([]byte, error) { panic("no") }

// oneKey knows one caller.
type oneKey struct{ caller auth.Principal }

func (k oneKey) VerifyKey(context.Context, string) (*auth.Principal, error) { return &k.caller, nil }

// TestNobodyIsCalledForSomebodyUnknown holds that a caller who cannot be passed on is
// refused.
func TestNobodyIsCalledForSomebodyUnknown(t *testing.T) {
	for name, caller := range map[string]auth.Principal{
		"panic":     auth.NewPrincipal("acme", nil, nil).WithClaims(map[string]any{"plan": unspeakable{}}),
		"too large": auth.NewPrincipal("acme", []string{strings.Repeat("x", identity.MaxBytes)}, nil),
	} {
		w := &witness{}
		for edge, h := range edges(t, gateway.Options{APIKeys: oneKey{caller}, Identity: identity.Options{Claims: []string{"plan"}}}, w) {
			for _, path := range []string{unary, "/stream"} {
				r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil)
				r.Header.Set("X-Api-Key", "x")
				recorder := httptest.NewRecorder()
				h.ServeHTTP(recorder, r)
				if recorder.Code < 400 || strings.Contains(recorder.Body.String(), "panic") || len(w.calls) > 0 {
					t.Errorf("%s, %s%s: %d %s", name, edge, path, recorder.Code, recorder.Body)
				}
			}
		}
	}
}

func TestAnonymousCalls(t *testing.T) {
	key, keys := partner(t)
	w := &witness{}
	for name, h := range edges(t, gateway.Options{APIKeys: keys, AnonymousCalls: true}, w) {
		for _, said := range told(t, h, w, unary, append(slices.Clone(forged), "X-Api-Key", key)...) {
			if len(said) != 0 {
				t.Errorf("%s: told %v", name, said)
			}
		}
	}
}
