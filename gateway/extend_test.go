package gateway_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/venta-hq/venta/gateway"
	"github.com/venta-hq/venta/gateway/apierror"
	"github.com/venta-hq/venta/gateway/auth"
	"github.com/venta-hq/venta/gateway/policy"
	"github.com/venta-hq/venta/gateway/ratelimit"
	vendorv2 "github.com/venta-hq/venta/gen/venta/vendors/v2"
)

func TestNilStepsAreRefused(t *testing.T) {
	_, err := gateway.New(gateway.Options{
		Verifier: (*auth.JWT)(nil), APIKeys: (*auth.APIKeys)(nil),
		Middleware: gateway.Middleware{
			BeforeRouting: steps(nil), BeforeAuth: steps(nil), AfterAuth: steps((&seen{}).step, nil),
		},
		Interceptors: gateway.Interceptors{
			Call: []grpc.UnaryClientInterceptor{nil}, Attempt: []grpc.UnaryClientInterceptor{nil},
			StreamCall: []grpc.StreamClientInterceptor{nil}, StreamAttempt: []grpc.StreamClientInterceptor{nil},
		},
	})
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{
		"Verifier is a nil *auth.JWT", "APIKeys is a nil *auth.APIKeys",
		"Middleware.BeforeRouting[0] is nil", "Middleware.BeforeAuth[0] is nil", "Middleware.AfterAuth[1] is nil",
		"Interceptors.Call[0] is nil", "Interceptors.Attempt[0] is nil", "Interceptors.StreamCall[0] is nil", "Interceptors.StreamAttempt[0] is nil",
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("no %q in:\n%v", want, err)
		}
	}
}

// TestPanicsOfInterceptorsAreErrors holds it for each place, on the goroutines of
// hedged attempts too, and that nothing of a panic or of an unknown error reaches
// the client.
func TestPanicsOfInterceptorsAreErrors(t *testing.T) {
	const secret = "secret"
	panics := func(context.Context, string, any, any, *grpc.ClientConn, grpc.UnaryInvoker, ...grpc.CallOption) error {
		panic(secret)
	}
	fails := func(context.Context, string, any, any, *grpc.ClientConn, grpc.UnaryInvoker, ...grpc.CallOption) error {
		return errors.New(secret)
	}
	opens := func(context.Context, *grpc.StreamDesc, *grpc.ClientConn, string, grpc.Streamer, ...grpc.CallOption) (grpc.ClientStream, error) {
		panic(secret)
	}
	receives := func(ctx context.Context, desc *grpc.StreamDesc, cc *grpc.ClientConn, method string, open grpc.Streamer, opts ...grpc.CallOption) (grpc.ClientStream, error) {
		return &scriptedStream{ctx: ctx, end: func() error { panic(secret) }}, nil
	}
	unary := func(step grpc.UnaryClientInterceptor) []grpc.UnaryClientInterceptor {
		return []grpc.UnaryClientInterceptor{step}
	}
	stream := func(step grpc.StreamClientInterceptor) []grpc.StreamClientInterceptor {
		return []grpc.StreamClientInterceptor{step}
	}
	hedged := policy.Method{Hedge: &policy.Hedge{
		MaxAttempts: 2, NonFatalStatusCodes: []codes.Code{codes.Unavailable}, Budget: policy.RetryBudget{Percent: 100, MinPerSecond: 10},
	}}
	for name, test := range map[string]struct {
		described gateway.Service
		own       gateway.Interceptors
		path      string
	}{
		"call":           {service(policy.Method{}), gateway.Interceptors{Call: unary(panics)}, vendor7},
		"attempt":        {service(policy.Method{}), gateway.Interceptors{Attempt: unary(panics)}, vendor7},
		"hedged attempt": {service(hedged), gateway.Interceptors{Attempt: unary(panics)}, vendor7},
		"unknown error":  {service(policy.Method{}), gateway.Interceptors{Attempt: unary(fails)}, vendor7},
		"stream":         {watching(policy.Method{}), gateway.Interceptors{StreamCall: stream(opens)}, "/v1/watch"},
		"message":        {watching(policy.Method{}), gateway.Interceptors{StreamAttempt: stream(receives)}, "/v1/watch"},
	} {
		t.Run(name, func(t *testing.T) {
			s := stacked(t, test.described, &scripted{}, gateway.Options{Interceptors: test.own})
			got := s.do("GET", test.path)
			if !strings.Contains(got.body, `"INTERNAL"`) || strings.Contains(got.body, secret) || !strings.Contains(s.log.String(), secret) {
				t.Errorf("%d %s\nlog %s", got.status, got.body, s.log)
			}
		})
	}
}

// TestInterceptorsSeeMessages holds that an interceptor meets the typed response,
// and that a status of its own reaches the client.
func TestInterceptorsSeeMessages(t *testing.T) {
	renames := func(ctx context.Context, method string, req, reply any, cc *grpc.ClientConn, invoke grpc.UnaryInvoker, opts ...grpc.CallOption) error {
		if req.(*vendorv2.GetVendorRequest).GetId() == "8" {
			return status.Error(codes.FailedPrecondition, "not that one")
		}
		err := invoke(ctx, method, req, reply, cc, opts...)
		reply.(*vendorv2.GetVendorResponse).GetVendor().Name = "Grace"
		return err
	}
	conn := gateway.ServerConn(&vendorv2.VendorService_ServiceDesc, &backend{})
	s := stacked(t, service(policy.Method{}), conn, gateway.Options{Interceptors: gateway.Interceptors{Attempt: []grpc.UnaryClientInterceptor{renames}}})
	if got := s.do("GET", vendor7); got.status != http.StatusOK || !strings.Contains(got.body, `"Grace"`) {
		t.Errorf("%d %s", got.status, got.body)
	}
	if got := s.do("GET", "/v2/vendors/8"); got.status != http.StatusBadRequest || !strings.Contains(got.body, "not that one") {
		t.Errorf("%d %s", got.status, got.body)
	}
}

// verifies is a verifier whose word a test decides.
type verifies func() (*auth.Principal, error)

func (v verifies) Verify(context.Context, string) (*auth.Principal, error)    { return v() }
func (v verifies) VerifyKey(context.Context, string) (*auth.Principal, error) { return v() }

func TestVerifierOfTheProgram(t *testing.T) {
	ada := auth.NewPrincipal("ada", nil, nil)
	for name, test := range map[string]struct {
		says   verifies
		status int
		reason string
		header string
	}{
		"known":   {func() (*auth.Principal, error) { return &ada, nil }, 200, "", ""},
		"unknown": {func() (*auth.Principal, error) { return nil, errors.New("secret") }, 401, "CREDENTIALS_INVALID", `Bearer realm="venta"`},
		"nobody":  {func() (*auth.Principal, error) { return nil, nil }, 500, "INTERNAL", ""},
		"not reached": {func() (*auth.Principal, error) {
			return nil, &apierror.Error{Code: codes.Unavailable, Reason: apierror.UpstreamUnavailable, Message: "the issuer is not reached"}
		}, 503, "UPSTREAM_UNAVAILABLE", ""},
		"panics": {func() (*auth.Principal, error) { panic("secret") }, 500, "INTERNAL", ""},
	} {
		t.Run(name, func(t *testing.T) {
			both := &policy.Auth{Requirement: policy.AuthRequired, Schemes: []policy.Scheme{policy.SchemeBearer, policy.SchemeAPIKey}}
			s := stacked(t, service(policy.Method{Auth: both}), &scripted{}, gateway.Options{Verifier: test.says, APIKeys: test.says})
			for _, credentials := range [][]string{{"Authorization", "Bearer x"}, {"X-Api-Key", "x"}} {
				got := s.do("GET", vendor7, credentials...)
				if got.status != test.status || got.reason() != test.reason || strings.Contains(got.body, "secret") ||
					!strings.HasPrefix(got.header.Get("Www-Authenticate"), test.header) || (test.header == "") != (got.header.Get("Www-Authenticate") == "") {
					t.Errorf("%s: %d %s %v", credentials[0], got.status, got.body, got.header)
				}
			}
		})
	}
}

// TestReconfigureWhileRequestsRun holds that each request is served by one
// setting or the other, and that a wrong one changes nothing.
func TestReconfigureWhileRequestsRun(t *testing.T) {
	const origin = "https://venta.example"
	gw, err := gateway.New(gateway.Options{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	defer gw.Close()
	if err := gw.Register(service(policy.Method{RateLimits: []policy.RateLimit{limit(1000, policy.KeyClientIP)}}), &scripted{}); err != nil {
		t.Fatal(err)
	}
	s := ordered{Handler: gw.Handler()}
	proxies := []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")} // of httptest's requests
	open := gateway.Settings{AllowedOrigins: []string{origin}, TrustedProxies: proxies, RateLimitFields: ratelimit.FieldsDraft03}
	ask := func() (cors, draft10, draft03 bool) {
		h := s.do("GET", vendor7, "Origin", origin, "X-Forwarded-For", "198.51.100.1").header
		return h.Get("Access-Control-Allow-Origin") != "", h.Get("Ratelimit") != "", h.Get("Ratelimit-Limit") != ""
	}
	var running sync.WaitGroup
	var over atomic.Bool
	for range 4 {
		running.Go(func() {
			for !over.Load() {
				if _, draft10, draft03 := ask(); draft10 == draft03 {
					t.Errorf("fields of both styles: %v, or of none", draft10)
					return
				}
			}
		})
	}
	for range 100 {
		if err := errors.Join(gw.Reconfigure(open), gw.Reconfigure(gateway.Settings{})); err != nil {
			t.Fatal(err)
		}
	}
	over.Store(true)
	running.Wait()
	if err := gw.Reconfigure(open); err != nil {
		t.Fatal(err)
	}
	err = gw.Reconfigure(gateway.Settings{AllowedOrigins: []string{"*", origin + "/path"}, TrustedProxies: make([]netip.Prefix, 1), RateLimitFields: 9})
	for _, want := range []string{`"*"`, origin + "/path", "not valid", "field style 9"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("no %q in: %v", want, err)
		}
	}
	if cors, draft10, draft03 := ask(); !cors || draft10 || !draft03 {
		t.Errorf("a fault has changed something: CORS %v, fields %v, %v", cors, draft10, draft03)
	}
}

func TestPoliciesTellOfOverridesAndPermits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := &syncBuffer{}
		gw, err := gateway.New(gateway.Options{Logger: slog.New(slog.NewTextHandler(log, nil))})
		if err != nil {
			t.Fatal(err)
		}
		defer gw.Close()
		if err := gw.Register(service(policy.Method{}), &scripted{}); err != nil {
			t.Fatal(err)
		}
		o := twoAnHour(getVendor)
		o.Reason, o.Expires = "incident 7", time.Now().Add(time.Hour)
		old := twoAnHour("**")
		old.Expires = time.Now().Add(-time.Hour)
		if err := gw.Override([]gateway.Override{old, o}); err != nil {
			t.Fatal(err)
		}
		p, ok := gw.Route("GET", "/v2/vendors/7?x=1")
		if !ok || p.Method != getVendor || len(p.Overrides) != 1 || p.Overrides[0].Reason != "incident 7" || p.Overrides[0].Source != "venta.yaml:3" ||
			!p.Overrides[0].Expires.Equal(o.Expires) || !proto.Equal(p.Overrides[0].Policy, o.Policy) {
			t.Errorf("%v %+v", ok, p)
		}
		if len(p.Permits) == 0 || p.Permits[0].GetField() == "" {
			t.Errorf("permits %v", p.Permits)
		}
		for _, nowhere := range [][2]string{{"POST", "/v2/vendors/7"}, {"GET", "/v2/nosuch"}, {"GET", ""}, {"", "/v2/vendors/7"}, {"GET", "v2/vendors/7"}} {
			if p, ok := gw.Route(nowhere[0], nowhere[1]); ok {
				t.Errorf("%v is routed to %s", nowhere, p.Method)
			}
		}
		if strings.Contains(log.String(), "expired") {
			t.Errorf("log %s", log)
		}
		time.Sleep(2 * time.Hour)
		synctest.Wait()
		if p, _ := gw.Route("GET", vendor7); len(p.Overrides) != 0 {
			t.Errorf("expired: %+v", p.Overrides)
		}
		for _, want := range []string{"level=INFO", "override expired", getVendor, "incident 7", "venta.yaml:3"} {
			if !strings.Contains(log.String(), want) {
				t.Errorf("no %q in the log: %s", want, log)
			}
		}
		if n := strings.Count(log.String(), "override expired"); n != 1 {
			t.Errorf("%d lines: %s", n, log)
		}
	})
}

// TestMiddlewareWritesErrors holds that steps of a program's own can refuse as the
// gateway does.
func TestMiddlewareWritesErrors(t *testing.T) {
	var gw *gateway.Gateway
	refuses := func(http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			gw.WriteError(w, r, &apierror.Error{Code: codes.Unavailable, Reason: "MAINTENANCE", Message: "back soon", RetryAfter: time.Minute})
		})
	}
	gw, err := gateway.New(gateway.Options{Logger: slog.New(slog.DiscardHandler), Middleware: gateway.Middleware{BeforeRouting: steps(refuses)}})
	if err != nil {
		t.Fatal(err)
	}
	defer gw.Close()
	w := httptest.NewRecorder()
	gw.Handler().ServeHTTP(w, httptest.NewRequest("GET", vendor7, nil))
	body, _ := io.ReadAll(w.Body)
	if got := (answer{body: string(body)}); w.Code != http.StatusServiceUnavailable || got.reason() != "MAINTENANCE" ||
		w.Header().Get("Retry-After") != "60" || !bytes.Contains(body, []byte(w.Header().Get("X-Request-Id"))) {
		t.Errorf("%d %s %v", w.Code, body, w.Header())
	}
}
