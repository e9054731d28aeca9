package gateway_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/venta-hq/venta/gateway"
	"github.com/venta-hq/venta/gateway/auth"
	"github.com/venta-hq/venta/gateway/cache"
	"github.com/venta-hq/venta/gateway/gatewaytest"
	"github.com/venta-hq/venta/gateway/policy"
	vendorv2 "github.com/venta-hq/venta/gen/venta/vendors/v2"
)

const (
	privateUnstored  = "private, no-store"
	privateValidated = "private, no-cache"
)

// storable is a policy whose responses are stored.
func storable(a *policy.Auth, c policy.Cache) policy.Method {
	c.TTL, c.KeyFields = time.Minute, []string{"id"}
	return policy.Method{Auth: a, Cache: &c}
}

// anyKey knows every key; the caller is the key.
type anyKey struct{}

func (anyKey) VerifyKey(_ context.Context, key string) (*auth.Principal, error) {
	name, scope, _ := strings.Cut(key, "/")
	p := auth.NewPrincipal(name, []string{scope}, nil)
	return &p, nil
}

// TestNobodyElseIsServedWhatIsForOneCaller holds what every kind of response says to
// caches between the client and the gateway, which know no API keys.
func TestNobodyElseIsServedWhatIsForOneCaller(t *testing.T) {
	byKey := &policy.Auth{Requirement: policy.AuthRequired, Schemes: []policy.Scheme{policy.SchemeAPIKey}}
	const key = "X-Api-Key"
	for _, test := range []struct {
		name   string
		policy policy.Method
		sent   string // the service's own cache-control
		fields []string
		want   [3]string // of a miss, a hit and a 304
	}{
		{"for a principal", storable(byKey, policy.Cache{Audience: policy.AudiencePrincipal}), "", []string{key, "ada"}, [3]string{privateValidated, privateValidated, privateValidated}},
		{"for all who may call", storable(byKey, policy.Cache{}), "", []string{key, "ada"}, [3]string{privateValidated, privateValidated, privateValidated}},
		{"not stored", policy.Method{Auth: byKey}, "", []string{key, "ada"}, [3]string{privateUnstored, privateUnstored, privateUnstored}},
		{"anonymous", policy.Method{Auth: keyed}, "", nil, [3]string{}},
		{"known, though nobody must be", policy.Method{Auth: keyed}, "", []string{key, "ada"}, [3]string{privateUnstored, privateUnstored, privateUnstored}},
		{"no policy", policy.Method{}, "", nil, [3]string{}},
		{"no policy, credentials", policy.Method{}, "", []string{"Authorization", "Basic x"}, [3]string{privateUnstored, privateUnstored, privateUnstored}},
		{"public", storable(nil, policy.Cache{}), "", nil, [3]string{"public, max-age=", "public, max-age=", "public, max-age="}},
		{"public until a purge", storable(nil, policy.Cache{Tags: []string{"vendor:{id}"}}), "", nil, [3]string{"public, no-cache", "public, no-cache", "public, no-cache"}},
		{"public, known", storable(keyed, policy.Cache{}), "", []string{key, "ada"}, [3]string{privateUnstored, privateUnstored, privateUnstored}},
		{"public, credentials", storable(nil, policy.Cache{}), "", []string{"Authorization", "Basic x"}, [3]string{privateUnstored, privateUnstored, privateUnstored}},
		{"public, a key that nobody asks for", storable(nil, policy.Cache{}), "", []string{key, "ada"}, [3]string{privateValidated, privateValidated, privateValidated}},
		{"public, cookies", storable(nil, policy.Cache{}), "", []string{"Cookie", "a=b"}, [3]string{privateUnstored, privateUnstored, privateUnstored}},
		{"public by the service", storable(nil, policy.Cache{}), "max-age=7", nil, [3]string{"max-age=7", "max-age=7", "max-age=7"}},
		{"public by the service, known", storable(keyed, policy.Cache{}), "public, max-age=7", []string{key, "ada"}, [3]string{"public, max-age=7", "public, max-age=7", "public, max-age=7"}},
		{"for a principal, public by mistake", storable(byKey, policy.Cache{Audience: policy.AudiencePrincipal}), "public, max-age=7, s-maxage=9", []string{key, "ada"}, [3]string{"private, max-age=7", "private, max-age=7", "private, max-age=7"}},
		{"for a principal, no-store", storable(byKey, policy.Cache{Audience: policy.AudiencePrincipal}), "no-store", []string{key, "ada"}, [3]string{"private, no-store", "private, no-store", "private, no-store"}},
		{"in shadow", storable(byKey, policy.Cache{Shadow: true}), "", []string{key, "ada"}, [3]string{privateUnstored, privateUnstored, privateUnstored}},
		{"nobody must be known yet", storable(&policy.Auth{Requirement: policy.AuthRequired, Shadow: true, Schemes: byKey.Schemes}, policy.Cache{}), "", nil, [3]string{"public, max-age=", "public, max-age=", "public, max-age="}},
	} {
		t.Run(test.name, func(t *testing.T) {
			b := &backend{get: func(ctx context.Context, _ int) (*vendorv2.GetVendorResponse, error) {
				if test.sent == "" {
					return &vendorv2.GetVendorResponse{}, nil
				}
				return &vendorv2.GetVendorResponse{}, grpc.SetHeader(ctx, metadata.Pairs("cache-control", test.sent))
			}}
			s := start(t, b, test.policy, gateway.Options{APIKeys: anyKey{}})
			for i, verb := range []string{"GET", "GET", "HEAD"} {
				fields := test.fields
				if i == 2 {
					fields = append(append([]string(nil), fields...), "If-None-Match", "*")
				}
				got := s.do(t, verb, "/v2/vendors/7", fields...)
				if said := strings.Join(got.header["Cache-Control"], "|"); test.want[i] == "" && said != "" || !strings.HasPrefix(said, test.want[i]) {
					t.Errorf("request %d: %d with Cache-Control %q, want %q", i+1, got.status, said, test.want[i])
				}
			}
		})
	}
}

// TestErrorsOfCallersArePrivate holds the same of what no handler says.
func TestErrorsOfCallersArePrivate(t *testing.T) {
	byKey := &policy.Auth{Requirement: policy.AuthRequired, Schemes: []policy.Scheme{policy.SchemeAPIKey}}
	p := storable(byKey, policy.Cache{Audience: policy.AudiencePrincipal, NegativeTTL: time.Minute})
	p.RateLimits = []policy.RateLimit{limit(3, policy.KeyGlobal)}
	failing := &backend{get: func(context.Context, int) (*vendorv2.GetVendorResponse, error) {
		return nil, status.Error(codes.NotFound, "no such vendor")
	}}
	s := start(t, failing, p, gateway.Options{APIKeys: anyKey{}})
	for i, want := range []struct {
		status int
		said   string
	}{{401, privateUnstored}, {404, privateValidated}, {404, privateValidated}, {429, privateUnstored}} { // the 404 is stored
		var fields []string
		if i > 0 {
			fields = []string{"X-Api-Key", "ada"}
		}
		got := s.do(t, "GET", "/v2/vendors/7", fields...)
		if said := got.header.Get("Cache-Control"); got.status != want.status || said != want.said {
			t.Errorf("request %d: %d with Cache-Control %q", i+1, got.status, said)
		}
	}
	if got := start(t, failing, storable(nil, policy.Cache{}), gateway.Options{}).do(t, "GET", "/v2/vendors/7"); got.header.Get("Cache-Control") != "no-cache" {
		t.Errorf("not stored: %d with Cache-Control %q", got.status, got.header.Get("Cache-Control"))
	}
	open := start(t, failing, storable(nil, policy.Cache{NegativeTTL: time.Minute}), gateway.Options{})
	for range 2 {
		if got := open.do(t, "GET", "/v2/vendors/7"); got.status != 404 || !strings.HasPrefix(got.header.Get("Cache-Control"), "public, max-age=") {
			t.Errorf("public: %d with Cache-Control %q", got.status, got.header.Get("Cache-Control"))
		}
	}
}

// TestRefusalsOfCredentialsArePrivate holds the same where nobody was found out by what a
// request presents, and on a mux.
func TestRefusalsOfCredentialsArePrivate(t *testing.T) {
	_, one := partner(t)
	byKey := &policy.Auth{Requirement: policy.AuthRequired, Schemes: []policy.Scheme{policy.SchemeAPIKey}}
	limited := storable(nil, policy.Cache{})
	byID := limit(1, policy.KeyField)
	byID.Key.Field = "id"
	limited.RateLimits = []policy.RateLimit{byID}
	lends := func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			next.ServeHTTP(w, r.WithContext(auth.NewContext(r.Context(), auth.NewPrincipal("ada", nil, nil))))
		})
	}
	key := func(r *http.Request) { r.Header.Set("X-Api-Key", "no such key") }
	for _, test := range []struct {
		name   string
		policy policy.Method
		steps  gateway.Middleware
		change func(*http.Request)
		status int
		muxed  bool // the same on a mux
	}{
		{"a key that is none", policy.Method{Auth: keyed}, gateway.Middleware{}, key, 401, false},
		{"a certificate", policy.Method{}, gateway.Middleware{}, func(r *http.Request) {
			r.TLS = &tls.ConnectionState{PeerCertificates: []*x509.Certificate{{}}}
		}, 200, false},
		{"stored, and no key", storable(byKey, policy.Cache{Audience: policy.AudiencePrincipal}), gateway.Middleware{}, func(*http.Request) {}, 401, true},
		{"stored, and over a limit", limited, gateway.Middleware{AfterAuth: steps(lends)}, func(*http.Request) {}, 429, true},
	} {
		gw, err := gateway.New(gateway.Options{APIKeys: one, Middleware: test.steps})
		if err != nil {
			t.Fatal(err)
		}
		defer gw.Close()
		conn, mux := gateway.ServerConn(&vendorv2.VendorService_ServiceDesc, &backend{}), runtime.NewServeMux()
		if err := errors.Join(gw.Register(service(test.policy), conn),
			gateway.RegisterOnMux(gateway.NewContext(t.Context(), gw), mux, service(test.policy), conn)); err != nil {
			t.Fatal(err)
		}
		for place, h := range map[string]http.Handler{"a gateway": gw.Handler(), "a mux": mux} {
			var w *httptest.ResponseRecorder
			for range 2 { // the first may be admitted
				w = httptest.NewRecorder()
				r := httptest.NewRequest(http.MethodGet, "/v2/vendors/7", nil)
				test.change(r)
				h.ServeHTTP(w, r)
			}
			want := privateUnstored
			if place == "a mux" && !test.muxed {
				want = ""
			}
			if said := w.Header().Get("Cache-Control"); w.Code != test.status || said != want {
				t.Errorf("%s, %s: %d with Cache-Control %q", test.name, place, w.Code, said)
			}
		}
	}
}

// TestStreamsOfCallersArePrivate holds the same of a stream.
func TestStreamsOfCallersArePrivate(t *testing.T) {
	w := &witness{}
	for name, h := range edges(t, gateway.Options{APIKeys: anyKey{}}, w) {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/stream", nil)
		r.Header.Set("X-Api-Key", "ada")
		recorder := httptest.NewRecorder()
		h.ServeHTTP(recorder, r)
		want := privateUnstored
		if strings.HasPrefix(name, "drop-in") { // as grpc-gateway has it
			want = ""
		}
		if got := recorder.Header().Get("Cache-Control"); recorder.Code != 200 || got != want {
			t.Errorf("%s: %d with Cache-Control %q", name, recorder.Code, got)
		}
	}
}

// TestCachesOnAMuxSayTheSame holds that an RPC with a cache says so on a grpc-gateway mux,
// and one without says nothing.
func TestCachesOnAMuxSayTheSame(t *testing.T) {
	byKey := &policy.Auth{Requirement: policy.AuthRequired, Schemes: []policy.Scheme{policy.SchemeAPIKey}}
	for _, test := range []struct {
		policy policy.Method
		want   string
	}{
		{storable(byKey, policy.Cache{Audience: policy.AudiencePrincipal}), privateValidated},
		{storable(nil, policy.Cache{Tags: []string{"vendor:{id}"}}), "public, no-cache"},
		{policy.Method{Auth: byKey}, ""},
	} {
		conn := gatewaytest.Dial(t, func(r grpc.ServiceRegistrar) { vendorv2.RegisterVendorServiceServer(r, &backend{}) })
		gw, err := gateway.New(gateway.Options{APIKeys: anyKey{}})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = gw.Close() })
		mux := runtime.NewServeMux()
		if err := gateway.RegisterOnMux(gateway.NewContext(t.Context(), gw), mux, service(test.policy), conn); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/v2/vendors/7", nil)
			if test.policy.Auth != nil {
				r.Header.Set("X-Api-Key", "ada")
			}
			w := httptest.NewRecorder()
			mux.ServeHTTP(w, r)
			if got := w.Header().Get("Cache-Control"); w.Code != 200 || got != test.want {
				t.Errorf("%d with Cache-Control %q, want %q", w.Code, got, test.want)
			}
		}
	}
}

// TestPrincipalsWithOtherScopesShareNothing holds that two credentials of one subject
// have stored responses of their own.
func TestPrincipalsWithOtherScopesShareNothing(t *testing.T) {
	byKey := &policy.Auth{Requirement: policy.AuthRequired, Schemes: []policy.Scheme{policy.SchemeAPIKey}}
	s := start(t, &backend{get: numbered}, storable(byKey, policy.Cache{Audience: policy.AudiencePrincipal}), gateway.Options{APIKeys: anyKey{}})
	for i, test := range []struct{ key, want string }{
		{"ada/read", "call 1"}, {"ada/admin", "call 2"}, {"ada/read", "call 1"}, {"ada/admin", "call 2"}, {"eve/read", "call 3"},
	} {
		if got := s.do(t, "GET", "/v2/vendors/7", "X-Api-Key", test.key); !strings.Contains(got.body, test.want) {
			t.Errorf("request %d of %s: %s, want %s", i+1, test.key, got.body, test.want)
		}
	}
}

// TestAHitHasTenHeaderFields holds what a client pays for each response.
func TestAHitHasTenHeaderFields(t *testing.T) {
	for name, p := range map[string]policy.Method{
		"public": storable(nil, policy.Cache{}), "by token": storable(required, policy.Cache{Audience: policy.AudiencePrincipal}),
	} {
		s := start(t, &backend{}, p, gateway.Options{})
		var got answer
		for range 2 {
			got = s.do(t, "GET", "/v2/vendors/7", "Authorization", s.bearer(t, "ada"))
		}
		if !strings.Contains(got.header.Get("Cache-Status"), "hit") && name != "public" || len(got.header) > 10 {
			t.Errorf("%s: %d fields: %v", name, len(got.header), got.header)
		}
	}
}

// TestASharedCacheInFrontServesNobodyElse holds that a cache which knows neither the
// gateway nor API keys, and which takes what says nothing for fresh, never hands what is
// one caller's to somebody else.
func TestASharedCacheInFrontServesNobodyElse(t *testing.T) {
	byKey := &policy.Auth{Requirement: policy.AuthRequired, Schemes: []policy.Scheme{policy.SchemeAPIKey}}
	for name, p := range map[string]policy.Method{
		"for a principal":      storable(byKey, policy.Cache{Audience: policy.AudiencePrincipal, NegativeTTL: time.Minute}),
		"for all who may call": storable(byKey, policy.Cache{}),
		"not stored":           {Auth: byKey},
		"known":                storable(keyed, policy.Cache{}),
	} {
		b := &backend{get: func(ctx context.Context, _ int) (*vendorv2.GetVendorResponse, error) {
			md, _ := metadata.FromIncomingContext(ctx)
			return &vendorv2.GetVendorResponse{Vendor: &vendorv2.Vendor{Name: "of " + strings.Join(md["x-venta-subject"], "")}}, nil
		}}
		s := start(t, b, p, gateway.Options{APIKeys: anyKey{}})
		front := inFront(t, s.URL)
		ask := func(fields ...string) *httptest.ResponseRecorder {
			r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/v2/vendors/7", nil)
			for i := 0; i < len(fields); i += 2 {
				r.Header.Set(fields[i], fields[i+1])
			}
			w := httptest.NewRecorder()
			front.ServeHTTP(w, r)
			return w
		}
		for range 2 {
			if got := ask("X-Api-Key", "ada"); got.Code != 200 || p.Auth == byKey && !strings.Contains(got.Body.String(), "of ada") {
				t.Fatalf("%s: ada gets %d %s", name, got.Code, got.Body)
			}
			for _, fields := range [][]string{nil, {"X-Api-Key", "eve"}} {
				got := ask(fields...)
				shared := name == "for all who may call" && fields != nil // by the author's word
				if !shared && strings.Contains(got.Body.String(), "of ada") || fields == nil && p.Auth == byKey && got.Code != 401 {
					t.Errorf("%s: %q gets ada's: %d %v %s", name, fields, got.Code, got.Header(), got.Body)
				}
			}
		}
	}
}

// inFront is a shared cache before a server, with a default lifetime as Varnish has it.
func inFront(t *testing.T, target string) http.Handler {
	t.Helper()
	store, err := cache.NewStore(cache.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(store.Close)
	step, err := store.Middleware(cache.Rule{
		Policy:  policy.Cache{TTL: 2 * time.Minute, NegativeTTL: 2 * time.Minute},
		Name:    "front",
		Key:     func(r *http.Request) (string, bool, error) { return r.URL.String(), true, nil },
		OnError: func(w http.ResponseWriter, _ *http.Request, _ error) { w.WriteHeader(http.StatusBadGateway) },
	})
	if err != nil {
		t.Fatal(err)
	}
	origin, err := url.Parse(target)
	if err != nil {
		t.Fatal(err)
	}
	return step(httputil.NewSingleHostReverseProxy(origin))
}
