package gateway_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/venta-hq/venta/gateway"
	"github.com/venta-hq/venta/gateway/auth"
	"github.com/venta-hq/venta/gateway/auth/devkeys"
	"github.com/venta-hq/venta/gateway/gatewaytest"
	"github.com/venta-hq/venta/gateway/policy"
	vendorv2 "github.com/venta-hq/venta/gen/venta/vendors/v2"
)

// backend is a vendor service whose answers a test decides.
type backend struct {
	vendorv2.UnimplementedVendorServiceServer

	mu    sync.Mutex
	calls int
	get   func(ctx context.Context, call int) (*vendorv2.GetVendorResponse, error)
}

func (b *backend) GetVendor(ctx context.Context, r *vendorv2.GetVendorRequest) (*vendorv2.GetVendorResponse, error) {
	b.mu.Lock()
	b.calls++
	call := b.calls
	b.mu.Unlock()
	if b.get != nil {
		return b.get(ctx, call)
	}
	return &vendorv2.GetVendorResponse{Vendor: &vendorv2.Vendor{Id: r.GetId(), Name: "Ada"}}, nil
}

func (b *backend) DeleteVendor(context.Context, *vendorv2.DeleteVendorRequest) (*vendorv2.DeleteVendorResponse, error) {
	return &vendorv2.DeleteVendorResponse{}, nil
}

func (b *backend) called() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.calls
}

// service describes the backend with the policy under test.
func service(get policy.Method) gateway.Service {
	return gateway.Service{
		Name: "venta.vendor.v2.VendorService",
		Methods: []gateway.Method{
			{
				Name:     "GetVendor",
				Call:     gateway.Unary(vendorv2.VendorServiceClient.GetVendor),
				Bindings: []gateway.Binding{{Verb: "GET", Path: "/v2/vendors/{id}", ResponseBody: "vendor"}},
				Policy:   get,
			},
			{
				Name:     "DeleteVendor",
				Call:     gateway.Unary(vendorv2.VendorServiceClient.DeleteVendor),
				Bindings: []gateway.Binding{{Verb: "DELETE", Path: "/v2/vendors/{id}"}},
				Policy: policy.Method{
					Invalidates: &policy.Invalidates{Tags: []string{"vendor:{id}"}},
					Response:    &policy.Response{Status: http.StatusNoContent},
				},
			},
		},
	}
}

// server is a gateway in front of the backend, with the log it writes.
type server struct {
	*gatewaytest.Server
	backend *backend
	keys    devkeys.Keys
	log     *syncBuffer
}

type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *syncBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *syncBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

func start(t *testing.T, b *backend, get policy.Method, options gateway.Options) *server {
	t.Helper()
	keys, err := devkeys.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	options.Verifier, err = auth.NewJWT(auth.JWTOptions{
		Keys: keys.Public(), Issuer: devkeys.Issuer, Audience: devkeys.Audience,
	})
	if err != nil {
		t.Fatal(err)
	}
	log := &syncBuffer{}
	if options.Logger == nil {
		options.Logger = slog.New(slog.NewTextHandler(log, nil))
	}
	return &server{backend: b, keys: keys, log: log, Server: gatewaytest.Start(t, gatewaytest.Options{
		Gateway: options,
		Serve:   func(r grpc.ServiceRegistrar) { vendorv2.RegisterVendorServiceServer(r, b) },
		Register: func(gw *gateway.Gateway, conn grpc.ClientConnInterface) error {
			return gw.Register(service(get), conn)
		},
	})}
}

type answer struct {
	status int
	header http.Header
	body   string
}

// reason is the ErrorInfo's reason, or "".
func (a answer) reason() string {
	var st struct{ Details []struct{ Reason string } }
	_ = json.Unmarshal([]byte(a.body), &st)
	for _, d := range st.Details {
		if d.Reason != "" {
			return d.Reason
		}
	}
	return ""
}

func (s *server) do(t *testing.T, method, path string, header ...string) answer {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, s.URL+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i+1 < len(header); i += 2 {
		request.Header.Set(header[i], header[i+1])
	}
	response, err := s.Client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer{response.StatusCode, response.Header, string(body)}
}

func (s *server) bearer(t *testing.T, subject string) string {
	t.Helper()
	token, err := s.keys.Sign(devkeys.Claims{Subject: subject, TTL: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	return "Bearer " + token
}

var required = &policy.Auth{Requirement: policy.AuthRequired}

func limit(requests int64, source policy.RateLimitSource) policy.RateLimit {
	return policy.RateLimit{
		Name: "l", Requests: requests, Interval: time.Hour, Burst: requests,
		Key: policy.RateLimitKey{Source: source}, Cost: policy.RateLimitCost{Units: 1},
	}
}

func TestGuessingTokensIsLimited(t *testing.T) {
	s := start(t, &backend{}, policy.Method{
		Auth: required, RateLimits: []policy.RateLimit{limit(2, policy.KeyClientIP)},
	}, gateway.Options{})
	for i, want := range []int{401, 401, 429} {
		if got := s.do(t, "GET", "/v2/vendors/7", "Authorization", "Bearer guess"); got.status != want {
			t.Errorf("request %d: %d %s, want %d", i, got.status, got.body, want)
		}
	}
}

func TestPrincipalsAreLimitedApart(t *testing.T) {
	s := start(t, &backend{}, policy.Method{
		Auth: required, RateLimits: []policy.RateLimit{limit(1, policy.KeyPrincipal)},
	}, gateway.Options{})
	for i, step := range []struct {
		who  string
		want int
	}{{"ada", 200}, {"ada", 429}, {"eve", 200}, {"eve", 429}} {
		if got := s.do(t, "GET", "/v2/vendors/7", "Authorization", s.bearer(t, step.who)); got.status != step.want {
			t.Errorf("request %d: %d %s, want %d", i, got.status, got.body, step.want)
		}
	}
}

func TestFieldsAreLimitedApart(t *testing.T) {
	byID := limit(1, policy.KeyField)
	byID.Key.Field = "id"
	s := start(t, &backend{}, policy.Method{RateLimits: []policy.RateLimit{byID}}, gateway.Options{})
	for i, step := range []struct {
		id   string
		want int
	}{{"a", 200}, {"a", 429}, {"b", 200}} {
		if got := s.do(t, "GET", "/v2/vendors/"+step.id); got.status != step.want {
			t.Errorf("request %d: %d %s, want %d", i, got.status, got.body, step.want)
		}
	}
}

func TestHitNeedsCredentialsToo(t *testing.T) {
	s := start(t, &backend{}, policy.Method{
		Auth:  required,
		Cache: &policy.Cache{TTL: time.Hour, KeyFields: []string{"id"}, Tags: []string{"vendor:{id}"}},
	}, gateway.Options{})
	for range 2 {
		if got := s.do(t, "GET", "/v2/vendors/7", "Authorization", s.bearer(t, "ada")); got.status != 200 {
			t.Fatalf("%d %s", got.status, got.body)
		}
	}
	if calls := s.backend.called(); calls != 1 {
		t.Errorf("%d calls, want the second answered by the cache", calls)
	}
	if got := s.do(t, "GET", "/v2/vendors/7"); got.status != 401 {
		t.Errorf("without credentials: %d %s", got.status, got.body)
	}
}

func TestMetadataOfAClientNeverPoisonsTheCache(t *testing.T) {
	s := start(t, &backend{get: func(ctx context.Context, _ int) (*vendorv2.GetVendorResponse, error) {
		md, _ := metadata.FromIncomingContext(ctx)
		return &vendorv2.GetVendorResponse{Vendor: &vendorv2.Vendor{Name: "Ada" + strings.Join(md.Get("x-suffix"), "")}}, nil
	}}, policy.Method{Cache: &policy.Cache{TTL: time.Hour, KeyFields: []string{"id"}}}, gateway.Options{})
	if got := s.do(t, "GET", "/v2/vendors/7", "Grpc-Metadata-X-Suffix", " is evil"); !strings.Contains(got.body, "evil") {
		t.Fatalf("metadata does not reach the upstream: %s", got.body)
	}
	if got := s.do(t, "GET", "/v2/vendors/7"); strings.Contains(got.body, "evil") {
		t.Errorf("poisoned: %v %s", got.header, got.body)
	}
}

func TestWritePurges(t *testing.T) {
	s := start(t, &backend{}, policy.Method{
		Cache: &policy.Cache{TTL: time.Hour, KeyFields: []string{"id"}, Tags: []string{"vendor:{id}"}},
	}, gateway.Options{})
	get := func(id string) { s.do(t, "GET", "/v2/vendors/"+id) }
	get("a")
	get("b")
	if got := s.do(t, "DELETE", "/v2/vendors/a"); got.status != 204 {
		t.Fatalf("%d %s", got.status, got.body)
	}
	get("a")
	get("b")
	if calls := s.backend.called(); calls != 3 {
		t.Errorf("%d calls, want 3: a, b, and a again", calls)
	}
	s.Gateway.Purge("vendor:b")
	get("b")
	if calls := s.backend.called(); calls != 4 {
		t.Errorf("%d calls after a purge, want 4", calls)
	}
}

func retryPolicy(attempts int) *policy.Retry {
	return &policy.Retry{
		MaxAttempts: attempts, InitialBackoff: time.Millisecond, MaxBackoff: time.Millisecond, BackoffMultiplier: 1,
		RetryableStatusCodes: []codes.Code{codes.Unavailable}, Budget: policy.RetryBudget{Percent: 100, MinPerSecond: 10},
	}
}

func breakerPolicy(minimum int) *policy.CircuitBreaker {
	return &policy.CircuitBreaker{
		ErrorThresholdPercent: 50, Window: time.Minute, MinimumCalls: minimum, OpenDuration: time.Hour, HalfOpenCalls: 1,
		FailureStatusCodes: []codes.Code{codes.Unavailable, codes.Internal, codes.DeadlineExceeded},
	}
}

func fail(code codes.Code, message string) func(context.Context, int) (*vendorv2.GetVendorResponse, error) {
	return func(context.Context, int) (*vendorv2.GetVendorResponse, error) {
		return nil, status.Error(code, message)
	}
}

func TestRetryReachesTheUpstreamAgain(t *testing.T) {
	s := start(t, &backend{get: func(_ context.Context, call int) (*vendorv2.GetVendorResponse, error) {
		if call < 3 {
			return nil, status.Error(codes.Unavailable, "not yet")
		}
		return &vendorv2.GetVendorResponse{Vendor: &vendorv2.Vendor{Id: "7"}}, nil
	}}, policy.Method{Timeout: &policy.Timeout{Duration: time.Minute}, Retry: retryPolicy(3)}, gateway.Options{})
	if got := s.do(t, "GET", "/v2/vendors/7"); got.status != 200 || s.backend.called() != 3 {
		t.Errorf("%d %s after %d calls", got.status, got.body, s.backend.called())
	}
}

func TestAttemptsOpenTheBreakerAndRefusalsAreNotRetried(t *testing.T) {
	s := start(t, &backend{get: fail(codes.Unavailable, "down at 10.1.2.3")}, policy.Method{
		Timeout: &policy.Timeout{Duration: time.Minute}, Retry: retryPolicy(2), CircuitBreaker: breakerPolicy(4),
	}, gateway.Options{})
	for i, want := range []struct {
		reason string
		calls  int
	}{{"UPSTREAM_UNAVAILABLE", 2}, {"UPSTREAM_UNAVAILABLE", 4}, {"CIRCUIT_OPEN", 4}, {"CIRCUIT_OPEN", 4}} {
		got := s.do(t, "GET", "/v2/vendors/7")
		if got.status != 503 || got.reason() != want.reason || s.backend.called() != want.calls {
			t.Errorf("call %d: %d %s after %d calls, want %s after %d", i, got.status, got.reason(), s.backend.called(), want.reason, want.calls)
		}
		if strings.Contains(got.body, "10.1.2.3") {
			t.Errorf("call %d shows internals: %s", i, got.body)
		}
		if open := want.reason == "CIRCUIT_OPEN"; open != (got.header.Get("Retry-After") != "") {
			t.Errorf("call %d: Retry-After %q", i, got.header.Get("Retry-After"))
		}
	}
	if log := s.log.String(); !strings.Contains(log, "10.1.2.3") || !strings.Contains(log, "circuit breaker changed") {
		t.Errorf("the log misses the cause or the breaker: %s", log)
	}
}

func TestBusinessErrorsPassAndNeverOpenTheBreaker(t *testing.T) {
	s := start(t, &backend{get: fail(codes.NotFound, "no such vendor")}, policy.Method{CircuitBreaker: breakerPolicy(1)}, gateway.Options{})
	for range 5 {
		got := s.do(t, "GET", "/v2/vendors/7")
		if got.status != 404 || !strings.Contains(got.body, "no such vendor") {
			t.Errorf("%d %s", got.status, got.body)
		}
	}
}

func TestCallersDeadlineNeverOpensTheBreaker(t *testing.T) {
	s := start(t, &backend{get: func(ctx context.Context, call int) (*vendorv2.GetVendorResponse, error) {
		if call <= 3 {
			<-ctx.Done()
			return nil, status.FromContextError(ctx.Err()).Err()
		}
		return &vendorv2.GetVendorResponse{}, nil
	}}, policy.Method{Timeout: &policy.Timeout{Duration: time.Minute}, CircuitBreaker: breakerPolicy(1)}, gateway.Options{})
	for range 3 {
		if got := s.do(t, "GET", "/v2/vendors/7", "Grpc-Timeout", "20m"); got.status != 504 {
			t.Errorf("%d %s", got.status, got.body)
		}
	}
	if got := s.do(t, "GET", "/v2/vendors/7"); got.status != 200 {
		t.Errorf("an impatient client has opened everybody's breaker: %d %s", got.status, got.body)
	}
}

func TestTimeoutEndsAHangingUpstream(t *testing.T) {
	s := start(t, &backend{get: func(ctx context.Context, _ int) (*vendorv2.GetVendorResponse, error) {
		<-ctx.Done()
		return nil, ctx.Err()
	}}, policy.Method{Timeout: &policy.Timeout{Duration: 20 * time.Millisecond}}, gateway.Options{})
	// The client's longer deadline does not lengthen the policy's.
	if got := s.do(t, "GET", "/v2/vendors/7", "Grpc-Timeout", "1H"); got.status != 504 || got.reason() != "TIMEOUT_EXCEEDED" {
		t.Errorf("%d %s", got.status, got.body)
	}
}

func TestOversizedAnswerIs502(t *testing.T) {
	s := start(t, &backend{get: func(context.Context, int) (*vendorv2.GetVendorResponse, error) {
		return &vendorv2.GetVendorResponse{Vendor: &vendorv2.Vendor{Description: strings.Repeat("x", 2000)}}, nil
	}}, policy.Method{Limits: &policy.Limits{MaxResponseBytes: 1000}}, gateway.Options{})
	if got := s.do(t, "GET", "/v2/vendors/7"); got.status != 502 || got.reason() != "RESPONSE_TOO_LARGE" {
		t.Errorf("%d %s", got.status, got.body)
	}
}

func TestUpstreamsOwnExhaustionStays429(t *testing.T) {
	s := start(t, &backend{get: fail(codes.ResourceExhausted, "quota of the month")}, policy.Method{}, gateway.Options{})
	if got := s.do(t, "GET", "/v2/vendors/7"); got.status != 429 || !strings.Contains(got.body, "quota of the month") {
		t.Errorf("%d %s", got.status, got.body)
	}
}

func TestProblemDetails(t *testing.T) {
	s := start(t, &backend{get: fail(codes.NotFound, "no such vendor")}, policy.Method{}, gateway.Options{})
	got := s.do(t, "GET", "/v2/vendors/7", "Accept", "application/problem+json", "X-Request-Id", "r-1")
	var doc struct {
		Type, Title, Detail string
		Status, Code        int
		Details             []map[string]any
	}
	if err := json.Unmarshal([]byte(got.body), &doc); err != nil {
		t.Fatal(err)
	}
	if got.header.Get("Content-Type") != "application/problem+json" || doc.Status != 404 || doc.Code != 5 ||
		doc.Type != "about:blank" || doc.Title != "Not Found" || doc.Detail != "no such vendor" {
		t.Errorf("%v %s", got.header, got.body)
	}
	if len(doc.Details) != 1 || doc.Details[0]["requestId"] != "r-1" {
		t.Errorf("details %v", doc.Details)
	}
}

func TestCORS(t *testing.T) {
	s := start(t, &backend{}, policy.Method{}, gateway.Options{Settings: gateway.Settings{AllowedOrigins: []string{"https://venta.example"}}})
	preflight := func(origin string) answer {
		return s.do(t, "OPTIONS", "/v2/vendors/7", "Origin", origin, "Access-Control-Request-Method", "DELETE", "Access-Control-Request-Headers", "authorization")
	}
	if got := preflight("https://venta.example"); got.header.Get("Access-Control-Allow-Origin") != "https://venta.example" {
		t.Errorf("allowed origin: %d %v", got.status, got.header)
	}
	if got := preflight("https://evil.example"); got.header.Get("Access-Control-Allow-Origin") != "" {
		t.Errorf("foreign origin: %d %v", got.status, got.header)
	}
}

func TestRegisterRefuses(t *testing.T) {
	conn := gatewaytest.Dial(t, func(r grpc.ServiceRegistrar) { vendorv2.RegisterVendorServiceServer(r, &backend{}) })
	tests := []struct {
		name   string
		change func(*gateway.Service)
		want   string
	}{
		{"unsafe retry", func(s *gateway.Service) {
			s.Methods = []gateway.Method{{
				Name: "CreateVendor", Call: gateway.Unary(vendorv2.VendorServiceClient.CreateVendor),
				Bindings: []gateway.Binding{{Verb: "POST", Path: "/v2/vendors", Body: "*"}},
				Policy:   policy.Method{Timeout: &policy.Timeout{Duration: time.Second}, Retry: retryPolicy(2)},
			}}
		}, "retry"},
		{"auth without keys", func(s *gateway.Service) { s.Methods[0].Policy.Auth = required }, "erifier"},
		{"unknown tag field", func(s *gateway.Service) { s.Methods[1].Policy.Invalidates.Tags = []string{"vendor:{nope}"} }, "nope"},
		{"unknown service", func(s *gateway.Service) { s.Name = "no.such.Service" }, "no.such.Service"},
		{"route taken", func(s *gateway.Service) {
			s.Methods[0].Bindings = append(s.Methods[0].Bindings, gateway.Binding{Verb: "GET", Path: "/v2/vendors/{id}", ResponseBody: "vendor"})
		}, "/v2/vendors/{id}"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			gw, err := gateway.New(gateway.Options{})
			if err != nil {
				t.Fatal(err)
			}
			s := service(policy.Method{})
			test.change(&s)
			if err := gw.Register(s, conn); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %v, want one about %q", err, test.want)
			}
		})
	}
}

func TestRegisterAfterServingIsRefused(t *testing.T) {
	gw, err := gateway.New(gateway.Options{})
	if err != nil {
		t.Fatal(err)
	}
	gw.Handler()
	if err := gw.Register(service(policy.Method{}), nil); err == nil {
		t.Error("no error")
	}
}

func TestNewNamesEveryWrongOption(t *testing.T) {
	_, err := gateway.New(gateway.Options{MaxRequestBytes: -1, CacheMaxBytes: -1, Settings: gateway.Settings{AllowedOrigins: []string{"*"}}})
	for _, want := range []string{"MaxRequestBytes", "CacheMaxBytes", `"*"`} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("no %s in %v", want, err)
		}
	}
}

func TestSharedBreakerNeedsEqualSettings(t *testing.T) {
	perService := func(minimum int) *policy.CircuitBreaker {
		p := breakerPolicy(minimum)
		p.Scope = policy.BreakerPerService
		return p
	}
	for _, test := range []struct {
		second int
		ok     bool
	}{{2, true}, {3, false}} {
		gw, err := gateway.New(gateway.Options{})
		if err != nil {
			t.Fatal(err)
		}
		s := service(policy.Method{CircuitBreaker: perService(2)})
		s.Methods[1].Policy.CircuitBreaker = perService(test.second)
		conn := gatewaytest.Dial(t, func(r grpc.ServiceRegistrar) { vendorv2.RegisterVendorServiceServer(r, &backend{}) })
		if err := gw.Register(s, conn); (err == nil) != test.ok {
			t.Errorf("second minimum %d: %v", test.second, err)
		}
	}
}

func TestMuxesShareAGatewayConcurrently(t *testing.T) {
	gw, err := gateway.New(gateway.Options{})
	if err != nil {
		t.Fatal(err)
	}
	shared := breakerPolicy(2)
	shared.Scope = policy.BreakerPerService
	ctx := gateway.NewContext(t.Context(), gw)
	conn := gateway.ServerConn(&vendorv2.VendorService_ServiceDesc, &backend{})
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			s := service(policy.Method{CircuitBreaker: shared})
			if err := gateway.RegisterOnMux(ctx, runtime.NewServeMux(), s, conn); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
}

// TestAnonymousCallersAreCountedByAddress holds that where a principal is optional
// nobody without one uses up what all the others without one have.
func TestAnonymousCallersAreCountedByAddress(t *testing.T) {
	proxies := []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")}
	for _, key := range []policy.RateLimitSource{policy.KeyPrincipal, policy.KeyAPIKey} {
		s := start(t, &backend{}, policy.Method{
			RateLimits: []policy.RateLimit{limit(2, key)},
			Auth:       &policy.Auth{Requirement: policy.AuthOptional, Schemes: []policy.Scheme{policy.SchemeBearer, policy.SchemeAPIKey}},
		}, gateway.Options{APIKeys: noKeys{}, Settings: gateway.Settings{TrustedProxies: proxies}})
		from := func(address string, header ...string) int {
			return s.do(t, "GET", "/v2/vendors/7", append(header, "X-Forwarded-For", address)...).status
		}
		var got []int
		for range 3 {
			got = append(got, from("198.51.100.1"))
		}
		got = append(got, from("198.51.100.2"), from("198.51.100.1", "Authorization", s.bearer(t, "ada")),
			from("198.51.100.2", "Authorization", s.bearer(t, "\x00198.51.100.1")))
		if diff := cmp.Diff([]int{200, 200, 429, 200, 200, 200}, got); diff != "" {
			t.Errorf("key %v (-want +got):\n%s", key, diff)
		}
	}
}

type noKeys struct{}

func (noKeys) VerifyKey(context.Context, string) (*auth.Principal, error) {
	return nil, errors.New("no such key")
}

// TestUnroutedRequestsAreLimited holds that what no route has meets a limit by the
// address, which no other request does.
func TestUnroutedRequestsAreLimited(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gw, err := gateway.New(gateway.Options{Logger: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
		defer gw.Close()
		if err := gw.Register(service(policy.Method{}), &scripted{}); err != nil {
			t.Fatal(err)
		}
		s := ordered{Handler: gw.Handler()}
		for _, each := range []struct{ method, path string }{{"GET", "/nosuch"}, {"PATCH", vendor7}} {
			refused := 0
			for range 300 {
				if got := s.do(each.method, each.path); got.status == http.StatusTooManyRequests {
					refused++
				}
			}
			if refused != 200 {
				t.Errorf("%s %s: %d of 300 refused", each.method, each.path, refused)
			}
			if got := s.do("GET", vendor7).status; got != http.StatusOK {
				t.Errorf("a route: %d", got)
			}
			time.Sleep(time.Minute)
		}
	})
}
