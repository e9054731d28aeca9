package gateway_test

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/venta-hq/venta/gateway"
	"github.com/venta-hq/venta/gateway/concurrency"
	"github.com/venta-hq/venta/gateway/gatewaytest"
	"github.com/venta-hq/venta/gateway/policy"
	policyv1 "github.com/venta-hq/venta/gen/venta/policy/v1"
	vendorv2 "github.com/venta-hq/venta/gen/venta/vendors/v2"
)

// blocked returns a backend whose first call waits until it is let go.
func blocked() (b *backend, came <-chan struct{}, letGo func()) {
	entered, free := make(chan struct{}), make(chan struct{})
	return &backend{get: func(ctx context.Context, call int) (*vendorv2.GetVendorResponse, error) {
		if call == 1 {
			close(entered)
			<-free
		}
		return &vendorv2.GetVendorResponse{Vendor: &vendorv2.Vendor{Name: "Ada"}}, nil
	}}, entered, func() { close(free) }
}

func TestOverloadIsShed(t *testing.T) {
	b, came, letGo := blocked()
	s := start(t, b, policy.Method{
		Concurrency:    &policy.Concurrency{MaxInFlight: 1},
		Retry:          everyPolicy().Retry,
		CircuitBreaker: breakerPolicy(1),
	}, gateway.Options{})
	first := make(chan answer)
	go func() { first <- s.do(t, "GET", "/v2/vendors/7") }()
	<-came
	for range 3 { // more than the breaker bears failures
		got := s.do(t, "GET", "/v2/vendors/7")
		if got.status != http.StatusServiceUnavailable || got.reason() != "OVERLOADED" || got.header.Get("Retry-After") != "1" {
			t.Errorf("%d %s, Retry-After %q", got.status, got.body, got.header.Get("Retry-After"))
		}
	}
	letGo()
	if got := <-first; got.status != http.StatusOK {
		t.Errorf("the call that had the place: %d %s", got.status, got.body)
	}
	if got := s.do(t, "GET", "/v2/vendors/7"); got.status != http.StatusOK {
		t.Errorf("after it: %d %s", got.status, got.body)
	}
	if calls := s.backend.called(); calls != 2 {
		t.Errorf("%d calls, want 2: what is shed is neither sent nor retried", calls)
	}
}

// TestAttemptsOwnBoundIsRetried holds that an attempt that its own bound has cut is
// followed by another, with the default codes, and that DEADLINE_EXCEEDED of the
// upstream's own and of the whole call are not.
func TestAttemptsOwnBoundIsRetried(t *testing.T) {
	hangs := func(ctx context.Context, call int) (*vendorv2.GetVendorResponse, error) {
		if call == 1 {
			<-ctx.Done()
			return nil, ctx.Err()
		}
		return &vendorv2.GetVendorResponse{Vendor: &vendorv2.Vendor{Name: "Ada"}}, nil
	}
	gives := func(context.Context, int) (*vendorv2.GetVendorResponse, error) {
		return nil, status.Error(codes.DeadlineExceeded, "my own")
	}
	for _, test := range []struct {
		name    string
		get     func(context.Context, int) (*vendorv2.GetVendorResponse, error)
		attempt time.Duration
		whole   time.Duration
		status  int
		calls   int
	}{
		{"the attempt's", hangs, 100 * time.Millisecond, time.Minute, http.StatusOK, 2},
		{"the call's", hangs, 0, 300 * time.Millisecond, http.StatusGatewayTimeout, 1},
		{"the upstream's", gives, time.Minute, time.Minute, http.StatusGatewayTimeout, 1},
	} {
		t.Run(test.name, func(t *testing.T) {
			again := *everyPolicy().Retry
			again.PerAttemptTimeout, again.RetryableStatusCodes = test.attempt, []codes.Code{codes.Unavailable}
			s := start(t, &backend{get: test.get}, policy.Method{
				Retry: &again, Timeout: &policy.Timeout{Duration: test.whole},
			}, gateway.Options{})
			if got := s.do(t, "GET", "/v2/vendors/7"); got.status != test.status {
				t.Errorf("%d %s", got.status, got.body)
			}
			if calls := s.backend.called(); calls != test.calls {
				t.Errorf("%d calls, want %d", calls, test.calls)
			}
		})
	}
}

func TestCriticalityReachesUpstream(t *testing.T) {
	for criticality, want := range map[policy.Criticality]string{
		policy.CriticalityCritical: "critical", policy.CriticalityDefault: "", policy.CriticalitySheddable: "sheddable",
	} {
		var got string
		b := &backend{get: func(ctx context.Context, _ int) (*vendorv2.GetVendorResponse, error) {
			md, _ := metadata.FromIncomingContext(ctx)
			got = strings.Join(md.Get("x-venta-criticality"), ",")
			return &vendorv2.GetVendorResponse{}, nil
		}}
		s := start(t, b, policy.Method{
			Concurrency: &policy.Concurrency{MaxInFlight: 1, Criticality: criticality},
		}, gateway.Options{})
		if a := s.do(t, "GET", "/v2/vendors/7", "Grpc-Metadata-X-Venta-Criticality", "forged"); a.status != http.StatusOK {
			t.Fatalf("%d %s", a.status, a.body)
		}
		if got != want {
			t.Errorf("%q: the upstream was told %q, want %q", criticality, got, want)
		}
	}
}

// TestMethodsShareABound holds that one method's calls fill the places of
// another, where both say so.
func TestMethodsShareABound(t *testing.T) {
	b, came, letGo := blocked()
	shared := policy.Concurrency{MaxInFlight: 1, PerService: true}
	s := startService(t, b, withDelete(shared, shared))
	first := make(chan answer)
	go func() { first <- s.do(t, "GET", "/v2/vendors/7") }()
	<-came
	if got := s.do(t, "DELETE", "/v2/vendors/7"); got.reason() != "OVERLOADED" {
		t.Errorf("%d %s", got.status, got.body)
	}
	letGo()
	if got := <-first; got.status != http.StatusOK {
		t.Errorf("%d %s", got.status, got.body)
	}
	if got := s.do(t, "DELETE", "/v2/vendors/7"); got.status != http.StatusNoContent {
		t.Errorf("%d %s", got.status, got.body)
	}
}

// TestOverrideKeepsWhatABoundHasLearnt holds that an override of an adaptive bound sheds
// nobody for having to learn anew.
func TestOverrideKeepsWhatABoundHasLearnt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gw, err := gateway.New(gateway.Options{})
		if err != nil {
			t.Fatal(err)
		}
		defer gw.Close()
		bounded := policy.Method{Concurrency: &policy.Concurrency{MaxInFlight: 400, Adaptive: true}}
		if err := gw.Register(service(bounded), gateway.ServerConn(&vendorv2.VendorService_ServiceDesc, &backend{})); err != nil {
			t.Fatal(err)
		}
		before := limiterOf(gw)
		wave := func(calls int, took time.Duration) {
			permits := make([]concurrency.Permit, 0, calls)
			for range calls {
				if permit, err := before.Acquire(t.Context(), policy.CriticalityDefault); err == nil {
					permits = append(permits, permit)
				}
			}
			time.Sleep(took)                          // virtual
			for i := range slices.Backward(permits) { // the busiest first
				permits[i].Done(concurrency.Success)
			}
		}
		for range 60 {
			wave(1, 10*time.Millisecond)
		}
		for waves := 0; waves < 20 && before.Load().Limit == 400; waves++ {
			wave(100, 100*time.Millisecond)
		}
		learnt := before.Load().Limit
		if learnt >= 400 {
			t.Fatalf("a bound of %d has learnt nothing", learnt)
		}
		if err := gw.Override([]gateway.Override{{Methods: getVendor, Policy: &policyv1.Policy{
			Concurrency: &policyv1.Concurrency{MaxInFlight: new(int32(401)), Adaptive: new(true)},
		}}}); err != nil {
			t.Fatal(err)
		}
		if after := limiterOf(gw); after == before || after.Load().Limit != learnt {
			t.Errorf("a bound of %d becomes %d", learnt, after.Load().Limit)
		}
	})
}

func limiterOf(gw *gateway.Gateway) *concurrency.Limiter {
	parts, _, _, _ := gw.State() //nolint:dogsled // the parts alone
	for _, part := range parts {
		if limiter, ok := part.(*concurrency.Limiter); ok {
			return limiter
		}
	}
	return nil
}

func TestUnequalBoundsAreRefused(t *testing.T) {
	gw, err := gateway.New(gateway.Options{})
	if err != nil {
		t.Fatal(err)
	}
	err = gw.Register(withDelete(
		policy.Concurrency{MaxInFlight: 1, PerService: true},
		policy.Concurrency{MaxInFlight: 2, PerService: true},
	), gateway.ServerConn(&vendorv2.VendorService_ServiceDesc, &backend{}))
	if err == nil || !strings.Contains(err.Error(), "DeleteVendor: concurrency") {
		t.Errorf("%v", err)
	}
}

// TestHedgeAnswersForAStuckAttempt goes through both kinds of replies: frames on
// the gateway's own routes, messages where a user presents them.
func TestHedgeAnswersForAStuckAttempt(t *testing.T) {
	for name, options := range map[string]gateway.Options{
		"frame": {},
		"message": {MuxOptions: []runtime.ServeMuxOption{
			runtime.WithForwardResponseOption(func(context.Context, http.ResponseWriter, proto.Message) error { return nil }),
		}},
	} {
		t.Run(name, func(t *testing.T) {
			cancelled := make(chan struct{})
			b := &backend{get: func(ctx context.Context, call int) (*vendorv2.GetVendorResponse, error) {
				if call == 1 {
					<-ctx.Done() // it would never answer
					close(cancelled)
					return nil, ctx.Err()
				}
				return &vendorv2.GetVendorResponse{Vendor: &vendorv2.Vendor{Name: "Grace"}}, nil
			}}
			s := start(t, b, policy.Method{
				Timeout: &policy.Timeout{Duration: time.Minute},
				Hedge: &policy.Hedge{
					Delay: time.Millisecond, MaxAttempts: 2, NonFatalStatusCodes: []codes.Code{codes.Unavailable},
					Budget: policy.RetryBudget{Percent: 100, MinPerSecond: 10},
				},
				CircuitBreaker: breakerPolicy(1),
			}, options)
			for range 2 { // the loser has not opened the breaker
				got := s.do(t, "GET", "/v2/vendors/7")
				if got.status != http.StatusOK || !strings.Contains(got.body, `"Grace"`) {
					t.Fatalf("%d %s", got.status, got.body)
				}
				<-cancelled
			}
		})
	}
}

// TestStaleInsteadOfAFailure ends an outage as its caller sees it: the breaker
// opens behind the cache, which answers with what it has.
func TestStaleInsteadOfAFailure(t *testing.T) {
	b := &backend{}
	b.get = func(_ context.Context, call int) (*vendorv2.GetVendorResponse, error) {
		if call > 1 {
			return nil, status.Error(codes.Unavailable, "down")
		}
		return &vendorv2.GetVendorResponse{Vendor: &vendorv2.Vendor{Name: "Ada"}}, nil
	}
	synctest.Test(t, func(t *testing.T) {
		lines := make(accessLines, 8)
		gw, err := gateway.New(gateway.Options{Logger: lines.logger()})
		if err != nil {
			t.Fatal(err)
		}
		err = gw.Register(service(policy.Method{
			CircuitBreaker: breakerPolicy(1),
			Cache: &policy.Cache{
				TTL: time.Minute, StaleIfError: time.Hour, KeyFields: []string{"id"}, Tags: []string{"vendor:{id}"},
			},
		}), gateway.ServerConn(&vendorv2.VendorService_ServiceDesc, b))
		if err != nil {
			t.Fatal(err)
		}
		handler := gw.Handler()
		ask := func(method string) *httptest.ResponseRecorder {
			w := httptest.NewRecorder()
			handler.ServeHTTP(w, httptest.NewRequest(method, "/v2/vendors/7", nil))
			return w
		}
		ask("GET")
		time.Sleep(2 * time.Minute)
		<-lines
		for i, why := range []string{"UPSTREAM_UNAVAILABLE", "CIRCUIT_OPEN", "CIRCUIT_OPEN"} {
			w := ask("GET")
			line := <-lines
			if _, called := line["venta.attempts"]; line["venta.cache.outcome"] != "stale" || line["error.type"] != why || called != (i == 0) {
				t.Errorf("the line: %v", line)
			}
			if w.Code != http.StatusOK || !strings.Contains(w.Body.String(), `"Ada"`) || w.Header().Get("Age") != "120" ||
				!strings.HasPrefix(w.Header().Get("Cache-Status"), "venta; fwd=stale; fwd-status=503; detail=stale-if-error") {
				t.Errorf("%d %s %v", w.Code, w.Body, w.Header())
			}
		}
		if calls := b.called(); calls != 2 {
			t.Errorf("%d calls, want 2: the breaker is open", calls)
		}
		if w := ask("DELETE"); w.Code != http.StatusNoContent {
			t.Fatalf("%d %s", w.Code, w.Body)
		}
		if w := ask("GET"); w.Code != http.StatusServiceUnavailable {
			t.Errorf("purged: %d %s", w.Code, w.Header().Get("Cache-Status"))
		}
	})
}

// TestNoWaitForAnOpenBreaker holds that a call whose failure opens the breaker
// ends with that failure, and one that fails before does wait and try again.
func TestNoWaitForAnOpenBreaker(t *testing.T) {
	const backoff = 10 * time.Second // at most; well within the window
	retried := &policy.Retry{
		MaxAttempts: 3, InitialBackoff: backoff, MaxBackoff: backoff, BackoffMultiplier: 1,
		RetryableStatusCodes: []codes.Code{codes.Unavailable}, Budget: policy.RetryBudget{Percent: 100, MinPerSecond: 10},
	}
	shadowed := breakerPolicy(1)
	shadowed.Shadow = true
	shared := breakerPolicy(1)
	shared.Scope = policy.BreakerPerService
	for name, test := range map[string]struct {
		breaker  *policy.CircuitBreaker
		attempts int
	}{
		"opens at once":         {breakerPolicy(1), 1},
		"opens for the service": {shared, 1},
		"opens later":           {breakerPolicy(2), 2},
		"stays closed":          {breakerPolicy(20), 3},
		"shadow":                {shadowed, 3},
		"none":                  {nil, 3},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := &backend{get: fail(codes.Unavailable, "down")}
				gw, err := gateway.New(gateway.Options{Logger: slog.New(slog.DiscardHandler)})
				if err != nil {
					t.Fatal(err)
				}
				conn := gateway.ServerConn(&vendorv2.VendorService_ServiceDesc, b)
				if err := gw.Register(service(policy.Method{Retry: retried, CircuitBreaker: test.breaker}), conn); err != nil {
					t.Fatal(err)
				}
				began, w := time.Now(), httptest.NewRecorder()
				gw.Handler().ServeHTTP(w, httptest.NewRequest("GET", "/v2/vendors/7", nil))
				if calls := b.called(); calls != test.attempts || w.Code != http.StatusServiceUnavailable {
					t.Errorf("%d attempts, want %d: %d %s", calls, test.attempts, w.Code, w.Body)
				}
				if strings.Contains(w.Body.String(), "CIRCUIT_OPEN") {
					t.Errorf("it waited for the refusal: %s", w.Body)
				}
				if took := time.Since(began); (took == 0) != (test.attempts == 1) {
					t.Errorf("%d attempts took %v", test.attempts, took)
				}
			})
		})
	}
}

// TestOverriddenBreakerEndsRetries holds that after an override retries look at
// the breaker in force, while their budget stays.
func TestOverriddenBreakerEndsRetries(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &backend{get: fail(codes.Unavailable, "down")}
		gw, err := gateway.New(gateway.Options{Logger: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
		retried := &policy.Retry{
			MaxAttempts: 3, InitialBackoff: time.Millisecond, MaxBackoff: time.Millisecond, BackoffMultiplier: 1,
			RetryableStatusCodes: []codes.Code{codes.Unavailable}, Budget: policy.RetryBudget{Percent: 100},
		}
		conn := gateway.ServerConn(&vendorv2.VendorService_ServiceDesc, b)
		if err := gw.Register(service(policy.Method{Retry: retried, CircuitBreaker: breakerPolicy(20)}), conn); err != nil {
			t.Fatal(err)
		}
		handler := gw.Handler()
		attempts := func(breaker *policyv1.CircuitBreaker) int {
			t.Helper()
			override := gateway.Override{Methods: getVendor, Policy: &policyv1.Policy{CircuitBreaker: breaker}}
			if err := gw.Override([]gateway.Override{override}); err != nil {
				t.Fatal(err)
			}
			before := b.called()
			handler.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/v2/vendors/7", nil))
			return b.called() - before
		}
		disabled := &policyv1.CircuitBreaker{Disabled: new(true)}
		for i, step := range []struct {
			breaker *policyv1.CircuitBreaker
			want    int
		}{
			{disabled, 2}, // the budget lets one through for each call
			{&policyv1.CircuitBreaker{MinimumCalls: new(int32(1))}, 1},
			{disabled, 3}, // with what the last call has left
			{disabled, 2},
		} {
			if got := attempts(step.breaker); got != step.want {
				t.Errorf("%d: %d attempts, want %d", i, got, step.want)
			}
		}
	})
}

// withDelete describes the backend with a bound on each method.
func withDelete(get, remove policy.Concurrency) gateway.Service {
	s := service(policy.Method{Concurrency: &get})
	s.Methods[1].Policy.Concurrency = &remove
	return s
}

func startService(t *testing.T, b *backend, s gateway.Service) *server {
	t.Helper()
	return &server{backend: b, Server: gatewaytest.Start(t, gatewaytest.Options{
		Gateway: gateway.Options{Logger: slog.New(slog.DiscardHandler)},
		Serve:   func(r grpc.ServiceRegistrar) { vendorv2.RegisterVendorServiceServer(r, b) },
		Register: func(gw *gateway.Gateway, conn grpc.ClientConnInterface) error {
			return gw.Register(s, conn)
		},
	})}
}

// TestBreakerChangeIsOnTheSpan holds that a trace tells which call opened the
// breaker.
func TestBreakerChangeIsOnTheSpan(t *testing.T) {
	recorder := tracetest.NewSpanRecorder()
	s := start(t, &backend{get: fail(codes.Unavailable, "down")}, policy.Method{CircuitBreaker: breakerPolicy(2)},
		gateway.Options{TracerProvider: sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(recorder))})
	for range 3 {
		s.do(t, "GET", "/v2/vendors/7")
	}
	events := 0
	for _, span := range recorder.Ended() {
		for _, e := range span.Events() {
			if e.Name == "venta.circuit_breaker.transition" {
				events++
			}
		}
	}
	if events != 1 {
		t.Errorf("%d spans tell of the change, want 1", events)
	}
}
