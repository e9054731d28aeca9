package gateway_test

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"

	"github.com/venta-hq/venta/gateway"
	"github.com/venta-hq/venta/gateway/gatewaytest"
	"github.com/venta-hq/venta/gateway/policy"
	"github.com/venta-hq/venta/gateway/telemetry"
	vendorv2 "github.com/venta-hq/venta/gen/venta/vendors/v2"
)

// accessLines takes the lines of an access log.
type accessLines chan map[string]any

// Write implements io.Writer.
func (l accessLines) Write(line []byte) (int, error) {
	var fields map[string]any
	if err := json.Unmarshal(line, &fields); err == nil && fields["msg"] == "request" {
		l <- fields
	}
	return len(line), nil
}

func (l accessLines) logger() *slog.Logger { return slog.New(slog.NewJSONHandler(l, nil)) }

// outcomes are the members of a line that tell what became of a request.
func outcomeOf(line map[string]any) map[string]any {
	told := map[string]any{}
	for _, name := range []string{
		"level", "http.response.status_code", "venta.attempts", "venta.cache.outcome", "error.type", "rpc.response.status_code",
		"venta.policy.name", "venta.rate_limit.name", "venta.stream.request_messages", "venta.stream.response_messages",
	} {
		if value, ok := line[name]; ok {
			told[name] = value
		}
	}
	return told
}

// dropIn serves the service on a mux of the program's own, which has an access log.
func dropIn(t *testing.T, b *backend, get policy.Method, options gateway.Options, lines accessLines) *server {
	t.Helper()
	s := start(t, b, policy.Method{}, options)
	mux := runtime.NewServeMux()
	conn := gatewaytest.Dial(t, func(r grpc.ServiceRegistrar) { vendorv2.RegisterVendorServiceServer(r, b) })
	if err := gateway.RegisterOnMux(gateway.NewContext(t.Context(), s.Gateway), mux, service(get), conn); err != nil {
		t.Fatal(err)
	}
	served := httptest.NewServer(telemetry.Middleware(telemetry.Options{Logger: lines.logger()})(mux))
	t.Cleanup(served.Close)
	s.Server = &gatewaytest.Server{Gateway: s.Gateway, URL: served.URL, Client: served.Client()}
	return s
}

// TestALineSaysWhatBecameOfItsRequest drives each end of a request through the real
// stack, of a gateway and of a grpc-gateway mux.
func TestALineSaysWhatBecameOfItsRequest(t *testing.T) {
	const get = "/v2/vendors/7"
	oneRequest := limit(1, policy.KeyGlobal)
	tried := limit(1, policy.KeyGlobal)
	tried.Name, tried.Shadow = "tried", true
	failing := fail(codes.Unavailable, "down")
	hanging := func(ctx context.Context, _ int) (*vendorv2.GetVendorResponse, error) {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	tests := []struct {
		name     string
		policy   policy.Method
		get      func(context.Context, int) (*vendorv2.GetVendorResponse, error)
		path     string
		requests int // before the one whose line is read
		want     map[string]any
		dropIn   map[string]any // where it differs; nil: as want
	}{
		{name: "success", want: map[string]any{"level": "INFO", "http.response.status_code": 200.0, "venta.attempts": 1.0}},
		{
			name: "miss", policy: cached(policy.Cache{TTL: time.Minute}),
			want: map[string]any{"level": "INFO", "http.response.status_code": 200.0, "venta.attempts": 1.0, "venta.cache.outcome": "miss"},
		},
		{
			name: "hit", policy: cached(policy.Cache{TTL: time.Minute}), requests: 1,
			want: map[string]any{"level": "INFO", "http.response.status_code": 200.0, "venta.cache.outcome": "hit"},
		},
		{
			name: "business error", get: fail(codes.NotFound, "there is none"),
			want: map[string]any{
				"level": "INFO", "http.response.status_code": 404.0, "venta.attempts": 1.0,
				"error.type": "NOT_FOUND", "rpc.response.status_code": "NOT_FOUND",
			},
		},
		{
			name: "failure after a retry", get: failing, policy: policy.Method{Retry: retryPolicy(2)},
			want: map[string]any{
				"level": "WARN", "http.response.status_code": 503.0, "venta.attempts": 2.0,
				"error.type": "UPSTREAM_UNAVAILABLE", "rpc.response.status_code": "UNAVAILABLE",
			},
			dropIn: map[string]any{
				"level": "WARN", "http.response.status_code": 503.0, "venta.attempts": 2.0,
				"error.type": "UNAVAILABLE", "rpc.response.status_code": "UNAVAILABLE",
			},
		},
		{
			name: "rate limit", policy: policy.Method{RateLimits: []policy.RateLimit{oneRequest}}, requests: 1,
			want: map[string]any{
				"level": "INFO", "http.response.status_code": 429.0, "error.type": "RATE_LIMITED",
				"rpc.response.status_code": "RESOURCE_EXHAUSTED", "venta.policy.name": "rate_limits", "venta.rate_limit.name": oneRequest.Name,
			},
		},
		{
			name: "rate limit beside one in shadow", policy: policy.Method{RateLimits: []policy.RateLimit{oneRequest, tried}}, requests: 1,
			want: map[string]any{
				"level": "INFO", "http.response.status_code": 429.0, "error.type": "RATE_LIMITED",
				"rpc.response.status_code": "RESOURCE_EXHAUSTED", "venta.policy.name": "rate_limits", "venta.rate_limit.name": oneRequest.Name,
			},
		},
		{
			name: "no credentials", policy: policy.Method{Auth: required},
			want: map[string]any{
				"level": "INFO", "http.response.status_code": 401.0, "error.type": "CREDENTIALS_MISSING",
				"rpc.response.status_code": "UNAUTHENTICATED", "venta.policy.name": "auth",
			},
		},
		{
			name: "open breaker", get: failing, policy: policy.Method{CircuitBreaker: breakerPolicy(1)}, requests: 1,
			want: map[string]any{
				"level": "WARN", "http.response.status_code": 503.0, "error.type": "CIRCUIT_OPEN",
				"rpc.response.status_code": "UNAVAILABLE", "venta.policy.name": "circuit_breaker",
			},
		},
		{
			name: "a status of its own", policy: policy.Method{Version: &policy.Version{
				Deprecated: time.Unix(1, 0), Sunset: time.Unix(2, 0), AfterSunset: policy.GoneAfterSunset,
			}},
			want: map[string]any{
				"level": "INFO", "http.response.status_code": 410.0, "error.type": "VERSION_GONE",
				"rpc.response.status_code": "UNIMPLEMENTED", "venta.policy.name": "version",
			},
		},
		{
			name: "timeout", get: hanging, policy: policy.Method{Timeout: &policy.Timeout{Duration: 10 * time.Millisecond}},
			want: map[string]any{
				"level": "WARN", "http.response.status_code": 504.0, "error.type": "TIMEOUT_EXCEEDED", "venta.attempts": 1.0,
				"rpc.response.status_code": "DEADLINE_EXCEEDED", "venta.policy.name": "timeout",
			},
		},
		{
			name: "no route", path: "/nowhere",
			want: map[string]any{
				"level": "INFO", "http.response.status_code": 404.0, "error.type": "ROUTE_NOT_FOUND", "rpc.response.status_code": "NOT_FOUND",
			},
			dropIn: map[string]any{"level": "INFO", "http.response.status_code": 404.0}, // the mux's own answer
		},
		{
			name: "panic", path: "/panics",
			want: map[string]any{
				"level": "WARN", "http.response.status_code": 500.0, "error.type": "panic", "rpc.response.status_code": "INTERNAL",
			},
			dropIn: map[string]any{"level": "INFO", "http.response.status_code": 404.0},
		},
		{
			name: "broken off", path: "/breaks",
			want:   map[string]any{"level": "WARN", "http.response.status_code": 0.0, "error.type": "aborted"}, // nothing of it had left
			dropIn: map[string]any{"level": "INFO", "http.response.status_code": 404.0},
		},
	}
	routes := map[string]http.Handler{
		"/panics": http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("no") }),
		"/breaks": http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusOK)
			panic(http.ErrAbortHandler)
		}),
	}
	for _, test := range tests {
		for _, stock := range []bool{false, true} {
			t.Run(test.name+map[bool]string{true: ", drop-in"}[stock], func(t *testing.T) {
				lines, b, want := make(accessLines, 8), &backend{get: test.get}, test.want
				path := get
				if test.path != "" {
					path = test.path
				}
				var s *server
				if stock {
					s = dropIn(t, b, test.policy, gateway.Options{}, lines)
					if test.dropIn != nil {
						want = test.dropIn
					}
				} else {
					s = start(t, b, test.policy, gateway.Options{Logger: lines.logger(), Routes: routes})
				}
				for range test.requests + 1 {
					request := httptest.NewRequest(http.MethodGet, s.URL+path, nil).WithContext(t.Context())
					request.RequestURI = ""
					if response, err := s.Client.Do(request); err == nil {
						_, _ = io.Copy(io.Discard, response.Body)
						_ = response.Body.Close()
					}
				}
				var line map[string]any
				for range test.requests + 1 {
					line = <-lines
				}
				if diff := cmp.Diff(want, outcomeOf(line)); diff != "" {
					t.Errorf("(-want +got):\n%s\n%v", diff, line)
				}
				if _, timed := line["venta.upstream.duration_seconds"]; timed != (want["venta.attempts"] != nil) {
					t.Errorf("the upstream's part of the time: %v", line)
				}
			})
		}
	}
}

// TestALineOfAClientThatLeft, before its response and in the middle of a stream.
func TestALineOfAClientThatLeft(t *testing.T) {
	lines := make(accessLines, 1)
	came := make(chan struct{})
	s := start(t, &backend{get: func(ctx context.Context, _ int) (*vendorv2.GetVendorResponse, error) {
		close(came)
		<-ctx.Done()
		return nil, ctx.Err()
	}}, policy.Method{}, gateway.Options{Logger: lines.logger()})
	ctx, leave := context.WithCancel(t.Context())
	go func() {
		<-came
		leave()
	}()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, s.URL+"/v2/vendors/7", nil)
	if err != nil {
		t.Fatal(err)
	}
	if response, err := s.Client.Do(request); err == nil {
		t.Errorf("%s", response.Status)
		_ = response.Body.Close()
	}
	if line := <-lines; line["level"] != "INFO" || line["error.type"] != "client_left" || line["venta.attempts"] != 1.0 {
		t.Errorf("%v", line)
	}
}

// TestALineOfAStream has its messages, and how it ended.
func TestALineOfAStream(t *testing.T) {
	for _, test := range []struct {
		name string
		end  func(*server)
		want map[string]any
	}{
		{"ended", func(s *server) { s.Gateway.EndStreams() }, map[string]any{
			"level": "WARN", "http.response.status_code": 200.0, "venta.attempts": 1.0, "error.type": "SHUTTING_DOWN",
			"rpc.response.status_code": "UNAVAILABLE", "venta.stream.request_messages": 1.0, "venta.stream.response_messages": 1.0,
		}},
		{"left", func(s *server) { s.Client.CloseIdleConnections() }, map[string]any{
			"level": "INFO", "http.response.status_code": 200.0, "venta.attempts": 1.0, "error.type": "client_left",
			"rpc.response.status_code": "CANCELLED", "venta.stream.request_messages": 1.0, "venta.stream.response_messages": 1.0,
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			lines := make(accessLines, 1)
			s := startWatching(t, policy.Method{}, gateway.Options{Logger: lines.logger()})
			ctx, leave := context.WithCancel(t.Context())
			defer leave()
			request, err := http.NewRequestWithContext(ctx, http.MethodGet, s.URL+"/v1/watch", nil)
			if err != nil {
				t.Fatal(err)
			}
			response, err := s.Client.Do(request)
			if err != nil {
				t.Fatal(err)
			}
			defer response.Body.Close()
			if _, err := response.Body.Read(make([]byte, 1)); err != nil {
				t.Fatal(err)
			}
			test.end(s)
			if test.name == "left" {
				leave()
			}
			if diff := cmp.Diff(test.want, outcomeOf(<-lines)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// TestWhoALineNames holds that a caller's lines can be joined and do not tell its
// name, unless that is asked for, and whose address they have.
func TestWhoALineNames(t *testing.T) {
	const key = "0123456789abcdef"
	line := func(o telemetry.AccessOptions, fields ...string) map[string]any {
		lines := make(accessLines, 1)
		s := start(t, &backend{}, policy.Method{Auth: required}, gateway.Options{
			Logger: lines.logger(), Settings: gateway.Settings{AccessLog: o, TrustedProxies: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}},
		})
		s.do(t, "GET", "/v2/vendors/7", append(fields, "Authorization", s.bearer(t, "ada"))...)
		return <-lines
	}
	hash := line(telemetry.AccessOptions{PrincipalKey: []byte(key)})["user.hash"]
	if text, _ := hash.(string); len(text) != 22 || strings.Contains(text, "ada") {
		t.Errorf("user.hash %v", hash)
	}
	if again := line(telemetry.AccessOptions{PrincipalKey: []byte(key)})["user.hash"]; again != hash {
		t.Errorf("%v and %v are one caller with one key", hash, again)
	}
	if other := line(telemetry.AccessOptions{PrincipalKey: []byte(key + "x")})["user.hash"]; other == hash {
		t.Error("the key does not matter")
	}
	if named := line(telemetry.AccessOptions{Principal: telemetry.PrincipalClear}); named["user.id"] != "ada" || named["user.hash"] != nil {
		t.Errorf("%v", named)
	}
	if nobody := line(telemetry.AccessOptions{Principal: telemetry.PrincipalNone}); nobody["user.id"] != nil || nobody["user.hash"] != nil {
		t.Errorf("%v", nobody)
	}
	proxied := line(telemetry.AccessOptions{}, "X-Forwarded-For", "192.0.2.7, 198.51.100.1", "User-Agent", strings.Repeat("x", 10<<10))
	if proxied["client.address"] != "198.51.100.1" || proxied["network.peer.address"] != "127.0.0.1" || len(proxied["user_agent.original"].(string)) != 256 {
		t.Errorf("%v", proxied)
	}
}
