package telemetry_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/venta-hq/venta/gateway/apierror"
	"github.com/venta-hq/venta/gateway/requestctx"
	"github.com/venta-hq/venta/gateway/telemetry"
)

// ended serves one request and calls see with what an observer is told of it.
func ended(t *testing.T, o telemetry.Options, handler http.HandlerFunc, see func(*telemetry.Ended)) {
	t.Helper()
	times := 0
	o.OnRequest = func(e *telemetry.Ended) {
		times++
		see(e)
	}
	r := httptest.NewRequest(http.MethodGet, "/v1/orders/7?secret", nil)
	r.Header.Set("User-Agent", "shop/1")
	r.Header.Set(telemetry.RequestIDHeader, "r1")
	telemetry.Middleware(o)(handler).ServeHTTP(httptest.NewRecorder(), r)
	if times != 1 {
		t.Errorf("told %d times", times)
	}
}

// TestOnRequest holds that an observer reads the whole record, without a log and a trace.
func TestOnRequest(t *testing.T) {
	inClear, err := telemetry.NewAccessLog(telemetry.AccessOptions{Principal: telemetry.PrincipalClear})
	if err != nil {
		t.Fatal(err)
	}
	o := telemetry.Options{Access: func() *telemetry.AccessLog { return inClear }}
	ended(t, o, func(w http.ResponseWriter, r *http.Request) {
		ctx, address := r.Context(), "198.51.100.1:9000"
		telemetry.FromContext(ctx).SetRoute(telemetry.NewRoute("/v1/orders/{id}", method))
		telemetry.Authenticated(ctx, telemetry.Caller{Issuer: "i", Subject: "ada"})
		telemetry.Shadowed(ctx, "rate_limits", "refuse", "burst")
		telemetry.CachedAs(ctx, "miss")
		_, _ = invoke(ctx, telemetry.Options{}, nil)
		requestctx.Reached(ctx, &address)
		telemetry.LimitedBy(ctx, "each")
		telemetry.Failed(ctx, &apierror.Error{Code: codes.ResourceExhausted, Reason: apierror.RateLimited})
		w.WriteHeader(http.StatusTooManyRequests)
	}, func(e *telemetry.Ended) {
		name, form := e.Caller()
		got := []string{
			e.RequestID(), e.RPC(), e.Route(), e.Method(), e.ErrorType(), e.CacheOutcome(), e.UpstreamAddress(), e.UserAgent(), e.ClientAddress().String(), name,
		}
		want := []string{
			"r1", strings.TrimPrefix(method, "/"), "/v1/orders/{id}", "GET", "RATE_LIMITED", "miss", "198.51.100.1:9000", "shop/1", "192.0.2.1", "ada",
		}
		if !slices.Equal(got, want) || form != telemetry.PrincipalClear {
			t.Errorf("%q, want %q", got, want)
		}
		if e.Status() != http.StatusTooManyRequests || e.Attempts() != 1 || e.Stream() || e.TraceID() != "" || e.Took() < 0 || time.Since(e.At()) < 0 {
			t.Errorf("%d, %d attempts, trace %q, %v", e.Status(), e.Attempts(), e.TraceID(), e.Took())
		}
		if want := (telemetry.Refusal{Policy: "rate_limits", Reason: "RATE_LIMITED", Limit: "each"}); e.Refusal() != want {
			t.Errorf("%+v", e.Refusal())
		}
		if got := slices.Collect(e.Shadows()); !slices.Equal(got, []telemetry.Shadow{{Policy: "rate_limits", Would: "refuse", Limit: "burst"}}) {
			t.Errorf("%+v", got)
		}
	})
}

// TestOnRequestOfAGoodRequest tells of no refusal and nobody.
func TestOnRequestOfAGoodRequest(t *testing.T) {
	ended(t, telemetry.Options{}, func(http.ResponseWriter, *http.Request) {}, func(e *telemetry.Ended) {
		name, form := e.Caller()
		if e.Refusal() != (telemetry.Refusal{}) || e.ErrorType() != "" || name != "" || form != telemetry.PrincipalHash || e.RPC() != "" || e.Status() != http.StatusOK {
			t.Errorf("%+v, %q, %q", e.Refusal(), e.ErrorType(), name)
		}
	})
}

// TestWhatAnErrorIsCalled covers errors that carry a status of their own for HTTP.
func TestWhatAnErrorIsCalled(t *testing.T) {
	for want, err := range map[string]error{
		"INVALID_ARGUMENT": status.Error(codes.InvalidArgument, "no"),
		"NOT_FOUND":        &runtime.HTTPStatusError{HTTPStatus: 410, Err: status.Error(codes.NotFound, "gone")},
		"VERSION_GONE":     &runtime.HTTPStatusError{HTTPStatus: 410, Err: &apierror.Error{Reason: apierror.VersionGone, Code: codes.NotFound}},
		"UNKNOWN":          context.Canceled,
	} {
		ended(t, telemetry.Options{}, func(w http.ResponseWriter, r *http.Request) {
			telemetry.Failed(r.Context(), err)
			w.WriteHeader(http.StatusGone)
		}, func(e *telemetry.Ended) {
			if e.ErrorType() != want {
				t.Errorf("%v: %q, want %q", err, e.ErrorType(), want)
			}
		})
	}
}

// TestBackgroundIsNotTheRequests is of a refresh that the request has begun.
func TestBackgroundIsNotTheRequests(t *testing.T) {
	ended(t, telemetry.Options{}, func(_ http.ResponseWriter, r *http.Request) {
		ctx, address := requestctx.Unhurried(r.Context()), "a:1"
		telemetry.Shadowed(ctx, "timeout", "exceed", "")
		telemetry.CachedAs(ctx, "miss")
		telemetry.Failed(ctx, &apierror.Error{Code: codes.Unavailable, Reason: apierror.CircuitOpen})
		requestctx.Reached(ctx, &address)
		_, _ = invoke(ctx, telemetry.Options{}, nil)
	}, func(e *telemetry.Ended) {
		if e.Attempts() != 0 || e.CacheOutcome() != "" || e.ErrorType() != "" || e.UpstreamAddress() != "" || len(slices.Collect(e.Shadows())) != 0 {
			t.Errorf("%d attempts, %q, %q", e.Attempts(), e.CacheOutcome(), e.ErrorType())
		}
	})
}
