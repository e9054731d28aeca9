package gateway_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/venta-hq/venta/gateway"
	"github.com/venta-hq/venta/gateway/auth"
	"github.com/venta-hq/venta/gateway/policy"
	vendorv2 "github.com/venta-hq/venta/gen/venta/vendors/v2"
)

// The tests in this file hold the order that internal/assembly/stack.go draws: each
// is named after two neighbours and fails when they change places.

// scripted is an upstream without a network.
type scripted struct {
	calls  atomic.Int64
	invoke func(ctx context.Context, call int64) error
	stream func(ctx context.Context, call int64) scriptedStream
}

// Invoke implements grpc.ClientConnInterface.
func (s *scripted) Invoke(ctx context.Context, _ string, _, _ any, _ ...grpc.CallOption) error {
	if call := s.calls.Add(1); s.invoke != nil {
		return s.invoke(ctx, call)
	}
	return nil
}

// NewStream implements grpc.ClientConnInterface.
func (s *scripted) NewStream(ctx context.Context, _ *grpc.StreamDesc, _ string, _ ...grpc.CallOption) (grpc.ClientStream, error) {
	next := s.stream(ctx, s.calls.Add(1))
	return &scriptedStream{ctx: ctx, messages: next.messages, end: next.end}, nil
}

// scriptedStream sends messages, then ends as it is told.
type scriptedStream struct {
	grpc.ClientStream
	ctx      context.Context
	messages int
	end      func() error // nil: it waits for its context
}

func (s *scriptedStream) Header() (metadata.MD, error) { return nil, nil }
func (s *scriptedStream) Trailer() metadata.MD         { return nil }
func (s *scriptedStream) CloseSend() error             { return nil }
func (s *scriptedStream) Context() context.Context     { return s.ctx }
func (s *scriptedStream) SendMsg(any) error            { return nil }
func (s *scriptedStream) RecvMsg(any) error {
	switch {
	case s.messages > 0:
		s.messages--
		return nil
	case s.end != nil:
		return s.end()
	default:
		<-s.ctx.Done()
		return status.FromContextError(s.ctx.Err()).Err()
	}
}

// waits returns end after a time, or before that what ended ctx.
func waits(ctx context.Context, d time.Duration, end error) error {
	select {
	case <-time.After(d):
		return end
	case <-ctx.Done():
		return status.FromContextError(ctx.Err()).Err()
	}
}

// ordered is a handler in front of an upstream.
type ordered struct {
	http.Handler
	log *syncBuffer
}

func stacked(t *testing.T, s gateway.Service, conn grpc.ClientConnInterface, o gateway.Options) ordered {
	t.Helper()
	log := &syncBuffer{}
	o.Logger = slog.New(slog.NewTextHandler(log, nil))
	gw, err := gateway.New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = gw.Close() })
	if err := gw.Register(s, conn); err != nil {
		t.Fatal(err)
	}
	return ordered{gw.Handler(), log}
}

func (o ordered) do(verb, path string, header ...string) answer {
	r := httptest.NewRequest(verb, path, nil)
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	o.ServeHTTP(w, r)
	return answer{w.Code, w.Header(), w.Body.String()}
}

// meanwhile sends a request that is under way, in a synctest bubble, when it
// returns; the result waits for its end.
func (o ordered) meanwhile(verb, path string) (wait func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		o.do(verb, path)
	}()
	synctest.Wait()
	return func() { <-done }
}

const (
	vendor7 = "/v2/vendors/7"
	invalid = "/v2/vendors/x" + "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx" // the id is too long
)

// tokens believes "Bearer NAME", and says who that is.
type tokens struct{}

func (tokens) Verify(_ context.Context, token string) (*auth.Principal, error) {
	if token == "guess" {
		return nil, errors.New("unknown")
	}
	p := auth.NewPrincipal(token, nil, nil)
	return &p, nil
}

// seen counts the requests that pass a place.
type seen struct{ n int }

func (s *seen) step(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.n++
		next.ServeHTTP(w, r)
	})
}

func steps(all ...func(http.Handler) http.Handler) []func(http.Handler) http.Handler { return all }

func TestOrderOfTheServer(t *testing.T) {
	t.Run("telemetry before recover", func(t *testing.T) {
		panics := func(http.Handler) http.Handler {
			return http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("own") })
		}
		s := stacked(t, service(policy.Method{}), &scripted{}, gateway.Options{Middleware: gateway.Middleware{BeforeRouting: steps(panics)}})
		got := s.do("GET", vendor7)
		if got.status != http.StatusInternalServerError || got.reason() != "INTERNAL" || got.header.Get("X-Request-Id") == "" ||
			!strings.Contains(s.log.String(), "http.response.status_code=500") {
			t.Errorf("%d %s %v, log %s", got.status, got.body, got.header, s.log)
		}
	})
	t.Run("security headers before the program's", func(t *testing.T) {
		own := func(http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Content-Security-Policy", "own") })
		}
		s := stacked(t, service(policy.Method{}), &scripted{}, gateway.Options{Middleware: gateway.Middleware{BeforeRouting: steps(own)}})
		if got := s.do("GET", vendor7).header; got.Get("X-Content-Type-Options") != "nosniff" || got.Get("Content-Security-Policy") != "own" {
			t.Errorf("header %v", got)
		}
	})
	t.Run("the program's before CORS", func(t *testing.T) {
		var preflights seen
		s := stacked(t, service(policy.Method{}), &scripted{}, gateway.Options{
			Settings:   gateway.Settings{AllowedOrigins: []string{"https://venta.example"}},
			Middleware: gateway.Middleware{BeforeRouting: steps(preflights.step)},
		})
		got := s.do("OPTIONS", vendor7, "Origin", "https://venta.example", "Access-Control-Request-Method", "GET")
		if got.header.Get("Access-Control-Allow-Origin") == "" || preflights.n != 1 {
			t.Errorf("%v, seen %d times", got.header, preflights.n)
		}
	})
}

func TestOrderOfRequests(t *testing.T) {
	t.Run("Cache-Control before the version", func(t *testing.T) {
		gone := policy.Version{Deprecated: time.Unix(1, 0), Sunset: time.Unix(2, 0), AfterSunset: policy.GoneAfterSunset}
		s := stacked(t, service(policy.Method{Version: &gone}), &scripted{}, gateway.Options{})
		got := s.do("GET", vendor7, "Authorization", "Bearer ada")
		if got.status != http.StatusGone || got.header.Get("Cache-Control") != privateUnstored {
			t.Errorf("%d %v", got.status, got.header)
		}
	})
	t.Run("version headers before decoding", func(t *testing.T) {
		s := stacked(t, service(policy.Method{Version: &policy.Version{Deprecated: time.Unix(1, 0)}}), &scripted{}, gateway.Options{})
		r := httptest.NewRequest("GET", vendor7, strings.NewReader("x"))
		r.Header.Set("Content-Encoding", "compress")
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		if w.Code != http.StatusUnsupportedMediaType || w.Header().Get("Deprecation") == "" {
			t.Errorf("%d %v", w.Code, w.Header())
		}
	})
	t.Run("decoding before the size", func(t *testing.T) {
		s := startSized(t, gateway.Options{}, &policy.Limits{MaxRequestBytes: 1000})
		bomb := encoded(t, "gzip", `{"payload":{"body":"`+strings.Repeat("A", 4000)+`"}}`)
		check(t, "what it holds is large", s.send(t, "/v1/whole", bomb, "Content-Encoding", "gzip"), http.StatusRequestEntityTooLarge, "REQUEST_TOO_LARGE")
	})
	t.Run("AfterAuth before Cache-Control of callers before limits by principal", func(t *testing.T) {
		knows := func(next http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				next.ServeHTTP(w, r.WithContext(auth.NewContext(r.Context(), auth.NewPrincipal("ada", nil, nil))))
			})
		}
		s := stacked(t, service(policy.Method{Auth: keyed, RateLimits: []policy.RateLimit{limit(1, policy.KeyPrincipal)}}), &scripted{},
			gateway.Options{APIKeys: anyKey{}, Middleware: gateway.Middleware{AfterAuth: steps(knows)}})
		for _, want := range []int{http.StatusOK, http.StatusTooManyRequests} {
			if got := s.do("GET", vendor7); got.status != want || got.header.Get("Cache-Control") != privateUnstored {
				t.Errorf("%d %v, want %d", got.status, got.header, want)
			}
		}
	})
	t.Run("limits by connection before BeforeAuth", func(t *testing.T) {
		var before seen
		s := stacked(t, service(policy.Method{RateLimits: []policy.RateLimit{limit(1, policy.KeyClientIP)}}), &scripted{},
			gateway.Options{Middleware: gateway.Middleware{BeforeAuth: steps(before.step)}})
		s.do("GET", vendor7)
		if got := s.do("GET", vendor7); got.status != http.StatusTooManyRequests || before.n != 1 {
			t.Errorf("%d, seen %d times", got.status, before.n)
		}
	})
	t.Run("BeforeAuth before authentication before AfterAuth", func(t *testing.T) {
		lends := func(next http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if _, known := auth.FromContext(r.Context()); known {
					t.Error("BeforeAuth knows for whom")
				}
				r.Header.Set("Authorization", "Bearer "+r.Header.Get("X-Session"))
				next.ServeHTTP(w, r)
			})
		}
		var whom string
		asks := func(next http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				p, _ := auth.FromContext(r.Context())
				whom = p.Subject
				next.ServeHTTP(w, r)
			})
		}
		s := stacked(t, service(policy.Method{Auth: required}), &scripted{}, gateway.Options{
			Verifier: tokens{}, Middleware: gateway.Middleware{BeforeAuth: steps(lends), AfterAuth: steps(asks)},
		})
		if got := s.do("GET", vendor7, "X-Session", "ada"); got.status != http.StatusOK || whom != "ada" {
			t.Errorf("%d %s for %q", got.status, got.body, whom)
		}
		whom = ""
		if got := s.do("GET", vendor7, "X-Session", "guess"); got.reason() != "CREDENTIALS_INVALID" || whom != "" {
			t.Errorf("%d %s for %q", got.status, got.body, whom)
		}
	})
	t.Run("AfterAuth before limits by principal", func(t *testing.T) {
		var after seen
		s := stacked(t, service(policy.Method{Auth: required, RateLimits: []policy.RateLimit{limit(1, policy.KeyPrincipal)}}), &scripted{},
			gateway.Options{Verifier: tokens{}, Middleware: gateway.Middleware{AfterAuth: steps(after.step)}})
		s.do("GET", vendor7, "Authorization", "Bearer ada")
		if got := s.do("GET", vendor7, "Authorization", "Bearer ada"); got.status != http.StatusTooManyRequests || after.n != 2 {
			t.Errorf("%d, seen %d times", got.status, after.n)
		}
	})
	t.Run("limits by principal before invalidation", func(t *testing.T) {
		described := service(policy.Method{})
		remove := &described.Methods[1]
		remove.Policy.Auth, remove.Policy.RateLimits = required, []policy.RateLimit{limit(1, policy.KeyPrincipal)}
		s := stacked(t, described, &scripted{}, gateway.Options{Verifier: tokens{}})
		unreadable := vendor7 + "?nosuch=1"
		if got := s.do("DELETE", unreadable, "Authorization", "Bearer ada"); got.status != http.StatusBadRequest {
			t.Fatalf("%d %s", got.status, got.body)
		}
		if got := s.do("DELETE", unreadable, "Authorization", "Bearer ada"); got.status != http.StatusTooManyRequests {
			t.Errorf("what cannot be read costs nothing: %d %s", got.status, got.body)
		}
	})
	t.Run("limits by principal before the cache", func(t *testing.T) {
		s := stacked(t, service(policy.Method{
			Auth: required, RateLimits: []policy.RateLimit{limit(1, policy.KeyPrincipal)},
			Cache: &policy.Cache{TTL: time.Hour, KeyFields: []string{"id"}},
		}), &scripted{}, gateway.Options{Verifier: tokens{}})
		s.do("GET", vendor7, "Authorization", "Bearer ada")
		if got := s.do("GET", vendor7, "Authorization", "Bearer ada"); got.status != http.StatusTooManyRequests {
			t.Errorf("a hit costs nothing: %d %v", got.status, got.header)
		}
	})
	t.Run("version headers before limits", func(t *testing.T) {
		s := stacked(t, service(policy.Method{
			Version:    &policy.Version{Deprecated: time.Date(2026, time.October, 1, 0, 0, 0, 0, time.UTC)},
			RateLimits: []policy.RateLimit{limit(1, policy.KeyClientIP)},
		}), &scripted{}, gateway.Options{})
		s.do("GET", vendor7)
		if got := s.do("GET", vendor7); got.status != http.StatusTooManyRequests || got.header.Get("Deprecation") == "" {
			t.Errorf("%d %v", got.status, got.header)
		}
	})
}

// counted counts calls at a place.
func counted(n *atomic.Int64) grpc.UnaryClientInterceptor {
	return func(ctx context.Context, method string, req, reply any, cc *grpc.ClientConn, invoke grpc.UnaryInvoker, opts ...grpc.CallOption) error {
		n.Add(1)
		return invoke(ctx, method, req, reply, cc, opts...)
	}
}

func TestOrderOfCalls(t *testing.T) {
	t.Run("the program's before validation", func(t *testing.T) {
		spoils := func(ctx context.Context, method string, _, reply any, cc *grpc.ClientConn, invoke grpc.UnaryInvoker, opts ...grpc.CallOption) error {
			return invoke(ctx, method, &vendorv2.GetVendorRequest{Id: strings.Repeat("x", 65)}, reply, cc, opts...)
		}
		up := &scripted{}
		s := stacked(t, service(policy.Method{}), up, gateway.Options{Interceptors: gateway.Interceptors{Call: []grpc.UnaryClientInterceptor{spoils}}})
		if got := s.do("GET", vendor7); got.status != http.StatusBadRequest || up.calls.Load() != 0 {
			t.Errorf("%d %s after %d calls", got.status, got.body, up.calls.Load())
		}
	})
	t.Run("validation before concurrency", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			up := &scripted{invoke: func(ctx context.Context, _ int64) error { return waits(ctx, time.Second, nil) }}
			s := stacked(t, service(policy.Method{Concurrency: &policy.Concurrency{MaxInFlight: 1}}), up, gateway.Options{})
			defer s.meanwhile("GET", vendor7)()
			if got := s.do("GET", vendor7); got.reason() != "OVERLOADED" {
				t.Fatalf("%d %s", got.status, got.body)
			}
			if got := s.do("GET", invalid); got.status != http.StatusBadRequest {
				t.Errorf("%d %s", got.status, got.body)
			}
		})
	})
	t.Run("concurrency before the timeout", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			up := &scripted{invoke: func(ctx context.Context, _ int64) error { return waits(ctx, 500*time.Millisecond, nil) }}
			s := stacked(t, service(policy.Method{
				Concurrency: &policy.Concurrency{MaxInFlight: 1, MaxQueue: 1},
				Timeout:     &policy.Timeout{Duration: 600 * time.Millisecond},
			}), up, gateway.Options{})
			defer s.meanwhile("GET", vendor7)()
			if got := s.do("GET", vendor7); got.status != http.StatusOK {
				t.Errorf("the time in the queue counts: %d %s", got.status, got.body)
			}
		})
	})
	t.Run("the timeout before the retry", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			up := &scripted{invoke: func(ctx context.Context, _ int64) error {
				return waits(ctx, 400*time.Millisecond, status.Error(codes.Unavailable, ""))
			}}
			again := retryPolicy(3)
			again.InitialBackoff, again.MaxBackoff = time.Millisecond, time.Millisecond
			s := stacked(t, service(policy.Method{Retry: again, Timeout: &policy.Timeout{Duration: time.Second}}), up, gateway.Options{})
			if got := s.do("GET", vendor7); got.reason() != "TIMEOUT_EXCEEDED" || up.calls.Load() != 3 {
				t.Errorf("%d %s after %d calls", got.status, got.body, up.calls.Load())
			}
		})
	})
	t.Run("spread attempts before the retry", spreadsAttempts)
	t.Run("the retry before the breaker", func(t *testing.T) {
		up := &scripted{invoke: func(context.Context, int64) error { return status.Error(codes.Unavailable, "") }}
		again := retryPolicy(2)
		again.InitialBackoff, again.MaxBackoff = time.Microsecond, time.Microsecond
		s := stacked(t, service(policy.Method{Retry: again, CircuitBreaker: breakerPolicy(2)}), up, gateway.Options{})
		s.do("GET", vendor7)
		if got := s.do("GET", vendor7); got.reason() != "CIRCUIT_OPEN" || up.calls.Load() != 2 {
			t.Errorf("%d %s after %d calls", got.status, got.body, up.calls.Load())
		}
	})
	t.Run("the hedge before the breaker", func(t *testing.T) {
		up := &scripted{invoke: func(context.Context, int64) error { return status.Error(codes.Unavailable, "") }}
		s := stacked(t, service(policy.Method{
			Hedge: &policy.Hedge{
				Delay: time.Hour, MaxAttempts: 2, NonFatalStatusCodes: []codes.Code{codes.Unavailable},
				Budget: policy.RetryBudget{Percent: 100, MinPerSecond: 10},
			},
			CircuitBreaker: breakerPolicy(2),
		}), up, gateway.Options{})
		s.do("GET", vendor7)
		if got := s.do("GET", vendor7); got.reason() != "CIRCUIT_OPEN" || up.calls.Load() != 2 {
			t.Errorf("%d %s after %d calls", got.status, got.body, up.calls.Load())
		}
	})
	t.Run("telemetry before the program's", func(t *testing.T) {
		var attempts atomic.Int64
		inSpan := func(ctx context.Context, method string, req, reply any, cc *grpc.ClientConn, invoke grpc.UnaryInvoker, opts ...grpc.CallOption) error {
			if span, ok := trace.SpanFromContext(ctx).(sdktrace.ReadOnlySpan); !ok || span.SpanKind() != trace.SpanKindClient {
				t.Error("it is not in the attempt's span")
			}
			return invoke(ctx, method, req, reply, cc, opts...)
		}
		s := stacked(t, service(policy.Method{}), &scripted{}, gateway.Options{
			TracerProvider: sdktrace.NewTracerProvider(),
			Interceptors:   gateway.Interceptors{Attempt: []grpc.UnaryClientInterceptor{inSpan, counted(&attempts)}},
		})
		if got := s.do("GET", vendor7); got.status != http.StatusOK || attempts.Load() != 1 {
			t.Errorf("%d after %d attempts", got.status, attempts.Load())
		}
	})
	t.Run("the program's around the call and around attempts", func(t *testing.T) {
		var calls, attempts atomic.Int64
		up := &scripted{invoke: func(context.Context, int64) error { return status.Error(codes.Unavailable, "") }}
		again := retryPolicy(3)
		again.InitialBackoff, again.MaxBackoff = time.Microsecond, time.Microsecond
		s := stacked(t, service(policy.Method{Retry: again}), up, gateway.Options{Interceptors: gateway.Interceptors{
			Call: []grpc.UnaryClientInterceptor{counted(&calls)}, Attempt: []grpc.UnaryClientInterceptor{counted(&attempts)},
		}})
		s.do("GET", vendor7)
		if calls.Load() != 1 || attempts.Load() != 3 {
			t.Errorf("%d calls with %d attempts", calls.Load(), attempts.Load())
		}
	})
}

// spreadsAttempts holds that attempts of one call go to different addresses, also
// where other calls come between them: the balancer alone would not see to it.
func spreadsAttempts(t *testing.T) {
	var handler http.Handler
	ask := func() int {
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, httptest.NewRequest("GET", vendor7, nil))
		return w.Code
	}
	good := &backend{}
	var nested atomic.Bool
	bad := &backend{get: func(context.Context, int) (*vendorv2.GetVendorResponse, error) {
		if nested.CompareAndSwap(false, true) { // a call between this attempt and the next
			ask()
			nested.Store(false)
		}
		return nil, status.Error(codes.Unavailable, "down")
	}}
	again := retryPolicy(2)
	again.InitialBackoff, again.MaxBackoff, again.Budget = time.Microsecond, time.Microsecond, policy.RetryBudget{Percent: 100, MinPerSecond: 1000}
	conn := dialBackends(t, map[string]*backend{"good:1": good, "bad:1": bad})
	handler = stacked(t, service(policy.Method{Retry: again}), conn, gateway.Options{})
	for good.called() == 0 || bad.called() == 0 { // both are connected
		ask()
	}
	for range 100 {
		if got := ask(); got != http.StatusOK {
			t.Fatalf("%d: both attempts went to the bad address", got)
		}
	}
}

func TestOrderOfStreams(t *testing.T) {
	finishes := func(ctx context.Context, after time.Duration) scriptedStream {
		return scriptedStream{messages: 1, end: func() error { return waits(ctx, after, io.EOF) }}
	}
	t.Run("the program's before concurrency", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			var streams atomic.Int64
			up := &scripted{stream: func(ctx context.Context, _ int64) scriptedStream { return finishes(ctx, time.Second) }}
			s := stacked(t, watching(policy.Method{Concurrency: &policy.Concurrency{MaxInFlight: 1}}), up, gateway.Options{
				Interceptors: gateway.Interceptors{StreamCall: []grpc.StreamClientInterceptor{countedStream(&streams)}},
			})
			defer s.meanwhile("GET", "/v1/watch")()
			if got := s.do("GET", "/v1/watch"); got.reason() != "OVERLOADED" || streams.Load() != 2 {
				t.Errorf("%d %s, seen %d streams", got.status, got.body, streams.Load())
			}
		})
	})
	t.Run("concurrency before the timeout", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			up := &scripted{stream: func(ctx context.Context, _ int64) scriptedStream { return finishes(ctx, 900*time.Millisecond) }}
			s := stacked(t, watching(policy.Method{
				Concurrency: &policy.Concurrency{MaxInFlight: 1, MaxQueue: 1},
				Timeout:     &policy.Timeout{Duration: 1500 * time.Millisecond, Idle: time.Second},
			}), up, gateway.Options{})
			defer s.meanwhile("GET", "/v1/watch")()
			if got := s.do("GET", "/v1/watch"); strings.Contains(got.body, "error") {
				t.Errorf("the time in the queue counts: %s", got.body)
			}
		})
	})
	t.Run("the timeout before the breaker", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			up := &scripted{stream: func(context.Context, int64) scriptedStream { return scriptedStream{messages: 1} }}
			breaker := breakerPolicy(2)
			breaker.FailureStatusCodes = []codes.Code{codes.DeadlineExceeded}
			s := stacked(t, watching(policy.Method{CircuitBreaker: breaker, Timeout: &policy.Timeout{Idle: time.Second}}), up, gateway.Options{})
			for range 4 { // after a message it may be the caller who is silent
				if got := s.do("GET", "/v1/watch"); !strings.Contains(got.body, "STREAM_IDLE") {
					t.Errorf("%d %s", got.status, got.body)
				}
			}
		})
	})
	t.Run("the breaker before telemetry", func(t *testing.T) {
		spans := tracetest.NewSpanRecorder()
		up := &scripted{stream: func(context.Context, int64) scriptedStream {
			return scriptedStream{end: func() error { return status.Error(codes.Unavailable, "") }}
		}}
		s := stacked(t, watching(policy.Method{CircuitBreaker: breakerPolicy(1)}), up,
			gateway.Options{TracerProvider: sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(spans))})
		for range 3 {
			s.do("GET", "/v1/watch")
		}
		sent := 0
		for _, span := range spans.Ended() {
			if span.SpanKind() == trace.SpanKindClient {
				sent++
			}
		}
		if sent != 1 || up.calls.Load() != 1 {
			t.Errorf("%d spans of %d streams", sent, up.calls.Load())
		}
	})
	t.Run("telemetry before the program's", func(t *testing.T) {
		var streams atomic.Int64
		inSpan := func(ctx context.Context, desc *grpc.StreamDesc, cc *grpc.ClientConn, method string, open grpc.Streamer, opts ...grpc.CallOption) (grpc.ClientStream, error) {
			if span, ok := trace.SpanFromContext(ctx).(sdktrace.ReadOnlySpan); !ok || span.SpanKind() != trace.SpanKindClient {
				t.Error("it is not in the stream's span")
			}
			return open(ctx, desc, cc, method, opts...)
		}
		up := &scripted{stream: func(ctx context.Context, _ int64) scriptedStream { return finishes(ctx, 0) }}
		s := stacked(t, watching(policy.Method{}), up, gateway.Options{
			TracerProvider: sdktrace.NewTracerProvider(),
			Interceptors:   gateway.Interceptors{StreamAttempt: []grpc.StreamClientInterceptor{inSpan, countedStream(&streams)}},
		})
		if got := s.do("GET", "/v1/watch"); got.status != http.StatusOK || streams.Load() != 1 {
			t.Errorf("%d after %d streams", got.status, streams.Load())
		}
	})
}

func countedStream(n *atomic.Int64) grpc.StreamClientInterceptor {
	return func(ctx context.Context, desc *grpc.StreamDesc, cc *grpc.ClientConn, method string, open grpc.Streamer, opts ...grpc.CallOption) (grpc.ClientStream, error) {
		n.Add(1)
		return open(ctx, desc, cc, method, opts...)
	}
}
