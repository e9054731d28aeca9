package gateway_test

import (
	"context"
	"encoding/base64"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/venta-hq/venta/gateway"
	"github.com/venta-hq/venta/gateway/policy"
)

// badRequest is what a client does wrong, and what it is told.
type badRequest struct {
	name         string
	request      func() *http.Request
	status       int // of a gateway.Gateway
	reason       string
	stock        int  // of a mux of the program's own, as without policies
	needsOwnConn bool // what the connection says is known of those of package upstream
}

func get(path string, header ...string) func() *http.Request {
	return func() *http.Request {
		r := httptest.NewRequest("GET", path, nil)
		for i := 0; i < len(header); i += 2 {
			r.Header.Set(header[i], header[i+1])
		}
		return r
	}
}

func post(path, body string) func() *http.Request {
	return func() *http.Request {
		r := httptest.NewRequest("POST", path, strings.NewReader(body))
		r.Header.Set("Content-Type", "application/json")
		return r
	}
}

func bytesOf(n int) string { return `"` + base64.StdEncoding.EncodeToString(make([]byte, n)) + `"` }

const (
	depotHeaders = 8 << 10
	depotSends   = 5 << 20 // what our connection sends at most
)

func badRequests() []badRequest {
	deep := strings.Repeat(`{"a":`, 4000) + "1" + strings.Repeat("}", 4000)
	return []badRequest{
		{"a query's value is no UTF-8", get("/find?domain=%ff"), 400, "INVALID_REQUEST", 500, false},
		{"a query's key is no UTF-8", get("/find?metadata[%ff]=a"), 400, "INVALID_REQUEST", 500, false},
		{"a body nested 4,000 deep", post("/put", deep), 400, "INVALID_REQUEST", 400, false},
		{"a header that HTTP/2 forbids, and does not travel", get("/find", "Grpc-Metadata-Connection", "close"), 200, "", 200, false},
		{"credentials of 9 kB", get("/find", "Authorization", "Bearer "+strings.Repeat("a", 9000)), 431, "HEADERS_TOO_LARGE", 500, false},
		{"a message over what the service takes", post("/load", bytesOf(4<<20+1)), 413, "REQUEST_TOO_LARGE", 429, false},
		{"a message over what the connection sends", post("/load", bytesOf(depotSends+1)), 413, "REQUEST_TOO_LARGE", 429, true},
		{"a stream's query is no UTF-8", get("/watch?domain=%ff"), 400, "INVALID_REQUEST", 500, false},
		{"a stream's credentials of 9 kB", get("/watch", "Authorization", "Bearer "+strings.Repeat("a", 9000)), 431, "HEADERS_TOO_LARGE", 500, false},
	}
}

// charging is a policy that minds every failure.
func charging(scope policy.BreakerScope, shadow bool) policy.Method {
	all := []codes.Code{codes.Internal, codes.Unknown, codes.ResourceExhausted, codes.Unavailable}
	return policy.Method{
		Timeout: &policy.Timeout{Duration: 10 * time.Second},
		Retry: &policy.Retry{
			MaxAttempts: 3, InitialBackoff: time.Millisecond, MaxBackoff: time.Millisecond, BackoffMultiplier: 1,
			RetryableStatusCodes: all, Budget: policy.RetryBudget{Percent: 100, MinPerSecond: 100},
		},
		CircuitBreaker: &policy.CircuitBreaker{
			ErrorThresholdPercent: 1, Window: time.Minute, MinimumCalls: 1, OpenDuration: time.Hour, HalfOpenCalls: 1,
			FailureStatusCodes: all, Scope: scope, Shadow: shadow,
		},
		Limits: &policy.Limits{MaxRequestBytes: 16 << 20},
	}
}

// attempts counts what is sent.
func attempts(n *atomic.Int64) gateway.Interceptors {
	return gateway.Interceptors{Attempt: []grpc.UnaryClientInterceptor{func(ctx context.Context, method string, req, reply any, cc *grpc.ClientConn, invoke grpc.UnaryInvoker, opts ...grpc.CallOption) error {
		n.Add(1)
		return invoke(ctx, method, req, reply, cc, opts...)
	}}}
}

// serve returns the response's status and reason.
func serve(h http.Handler, r *http.Request) answer {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return answer{status: w.Code, header: w.Header(), body: w.Body.String()}
}

// TestNobodyPaysForABadRequest holds that what a client does wrong is told to that
// client, tried once, and charged to nobody: the next request of everybody is
// served by breakers that open at the first failure.
func TestNobodyPaysForABadRequest(t *testing.T) {
	for _, place := range []string{"gateway", "gateway, a stranger's connection", "drop-in"} {
		for _, scope := range []policy.BreakerScope{policy.BreakerPerMethod, policy.BreakerPerService, policy.BreakerPerEndpoint} {
			if scope == policy.BreakerPerEndpoint && place != "gateway" {
				continue // which needs our connections
			}
			for _, bad := range badRequests() {
				if bad.needsOwnConn && place != "gateway" {
					continue
				}
				t.Run(place+"/"+[]string{"method", "service", "endpoint"}[scope]+"/"+bad.name, func(t *testing.T) {
					checkBadRequest(t, place, scope, bad)
				})
			}
		}
	}
}

func checkBadRequest(t *testing.T, place string, scope policy.BreakerScope, bad badRequest) {
	own, strangers := serveDepot(t, &depot{}, depotSends, grpc.MaxHeaderListSize(depotHeaders))
	var sent atomic.Int64
	gw, err := gateway.New(gateway.Options{Logger: slog.New(slog.DiscardHandler), Interceptors: attempts(&sent)})
	if err != nil {
		t.Fatal(err)
	}
	defer gw.Close()
	mux, want := runtime.NewServeMux(), bad.status
	service := attacked(charging(scope, false))
	switch place {
	case "gateway":
		err = gw.Register(service, own)
	case "drop-in":
		want = bad.stock
		err = gateway.RegisterOnMux(gateway.NewContext(t.Context(), gw), mux, service, strangers)
	default:
		err = gw.Register(service, strangers)
	}
	if err != nil {
		t.Fatal(err)
	}
	handler := http.Handler(mux)
	if place != "drop-in" {
		handler = gw.Handler()
	}
	for range 2 {
		before := sent.Load()
		got := serve(handler, bad.request())
		if got.status != want || place != "drop-in" && got.reason() != bad.reason {
			t.Fatalf("%d %.300s, want %d %s", got.status, got.body, want, bad.reason)
		}
		if more := sent.Load() - before; more > 1 {
			t.Errorf("%d attempts", more)
		}
	}
	for _, good := range []*http.Request{get("/find?domain=a")(), post("/put", "{}")(), post("/load", `"YQ=="`)(), get("/watch?domain=a")()} {
		if got := serve(handler, good); got.status != 200 {
			t.Errorf("%s pays for it: %d %s", good.URL, got.status, got.body)
		}
	}
}

// TestEachPolicyAloneMindsWhoIsToBlame has a drop-in with one policy: it is enough to tell
// who caused a failure.
func TestEachPolicyAloneMindsWhoIsToBlame(t *testing.T) {
	all := charging(policy.BreakerPerMethod, false)
	for name, p := range map[string]policy.Method{
		"breaker": {CircuitBreaker: all.CircuitBreaker},
		"retry":   {Retry: all.Retry},
		"hedge": {Hedge: &policy.Hedge{
			MaxAttempts: 3, Delay: time.Minute, NonFatalStatusCodes: all.Retry.RetryableStatusCodes, Budget: all.Retry.Budget,
		}},
	} {
		t.Run(name, func(t *testing.T) {
			_, strangers := serveDepot(t, &depot{}, depotSends)
			var sent atomic.Int64
			gw, err := gateway.New(gateway.Options{Logger: slog.New(slog.DiscardHandler), Interceptors: attempts(&sent)})
			if err != nil {
				t.Fatal(err)
			}
			defer gw.Close()
			mux := runtime.NewServeMux()
			if err := gateway.RegisterOnMux(gateway.NewContext(t.Context(), gw), mux, attacked(p), strangers); err != nil {
				t.Fatal(err)
			}
			if got := serve(mux, get("/find?domain=%ff")()); got.status != 500 || sent.Load() != 1 {
				t.Errorf("%d after %d attempts: %s", got.status, sent.Load(), got.body)
			}
			if got := serve(mux, get("/find?domain=a")()); got.status != 200 {
				t.Errorf("the next request pays for it: %d %s", got.status, got.body)
			}
		})
	}
}

// TestResponsesThatAreTooLarge holds that a response is too large whoever found it
// so, and charged to nobody; and that an upstream's quota is what it is.
func TestResponsesThatAreTooLarge(t *testing.T) {
	large := func(context.Context) (*wrapperspb.BytesValue, error) {
		return wrapperspb.Bytes(make([]byte, 3000)), nil
	}
	huge := func(ctx context.Context) (*wrapperspb.BytesValue, error) {
		_ = grpc.SetHeader(ctx, metadata.Pairs("a", "b"))
		_ = grpc.SetTrailer(ctx, metadata.Pairs("c", "d"))
		return wrapperspb.Bytes(make([]byte, 3<<20)), nil
	}
	says := func(context.Context) (*wrapperspb.BytesValue, error) {
		st, err := status.New(codes.OutOfRange, "too much").WithDetails(&errdetails.ErrorInfo{Reason: "RESPONSE_TOO_LARGE", Domain: "depot"})
		if err != nil {
			return nil, err
		}
		return nil, st.Err()
	}
	quota := func(context.Context) (*wrapperspb.BytesValue, error) {
		return nil, status.Error(codes.ResourceExhausted, "grpc: received message larger than max (2 vs. 1)")
	}
	quotaBehindTrailer := func(ctx context.Context) (*wrapperspb.BytesValue, error) {
		_ = grpc.SendHeader(ctx, metadata.Pairs("a", "b"))
		_ = grpc.SetTrailer(ctx, metadata.Pairs("c", "d"))
		return quota(ctx)
	}
	tests := []struct {
		name    string
		respond func(context.Context) (*wrapperspb.BytesValue, error)
		path    string
		status  int
		reason  string
		charged bool
	}{
		{"over the gateway's bound", large, "/find", 502, "RESPONSE_TOO_LARGE", false},
		{"far over the gateway's bound", huge, "/find", 502, "RESPONSE_TOO_LARGE", false},
		{"a stream's message far over the bound", huge, "/watch", 502, "RESPONSE_TOO_LARGE", false},
		{"over the upstream's bound, as it says", says, "/find", 502, "RESPONSE_TOO_LARGE", false},
		{"a quota, whatever its text", quota, "/find", 429, "", true},
		{"a quota, with headers and a trailer", quotaBehindTrailer, "/find", 429, "", true},
		{"a stream's message over the bound", large, "/watch", 502, "RESPONSE_TOO_LARGE", false},
		{"a stream's quota", quota, "/watch", 429, "", true},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			d := &depot{respond: test.respond}
			own, _ := serveDepot(t, d, 0)
			gw, err := gateway.New(gateway.Options{Logger: slog.New(slog.DiscardHandler)})
			if err != nil {
				t.Fatal(err)
			}
			defer gw.Close()
			p := charging(policy.BreakerPerMethod, false)
			p.Retry, p.Limits = nil, nil
			p.CircuitBreaker.FailureStatusCodes = []codes.Code{codes.ResourceExhausted, codes.Unimplemented}
			service := attacked(p)
			for i := range service.Methods {
				service.Methods[i].Policy.Limits = &policy.Limits{MaxResponseBytes: 2000}
			}
			if err := gw.Register(service, own); err != nil {
				t.Fatal(err)
			}
			got := serve(gw.Handler(), get(test.path)())
			if test.path == "/find" && got.status != test.status || !strings.Contains(got.body, test.reason) {
				t.Errorf("%d %s, want %d %s", got.status, got.body, test.status, test.reason)
			}
			got = serve(gw.Handler(), get(test.path)())
			if open := strings.Contains(got.body, "CIRCUIT_OPEN"); open != test.charged {
				t.Errorf("charged: %v, want %v (%s)", open, test.charged, got.body)
			}
		})
	}
}

// TestShadowBreakerCountsNoBadRequest holds the same in shadow mode, where nothing
// is refused but counted.
func TestShadowBreakerCountsNoBadRequest(t *testing.T) {
	own, _ := serveDepot(t, &depot{}, 0, grpc.MaxHeaderListSize(depotHeaders))
	log := &syncBuffer{}
	gw, err := gateway.New(gateway.Options{Logger: slog.New(slog.NewTextHandler(log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	defer gw.Close()
	if err := gw.Register(attacked(charging(policy.BreakerPerMethod, true)), own); err != nil {
		t.Fatal(err)
	}
	for _, bad := range badRequests() {
		serve(gw.Handler(), bad.request())
	}
	if strings.Contains(log.String(), "circuit breaker changed") {
		t.Errorf("a breaker has opened:\n%s", log)
	}
}
