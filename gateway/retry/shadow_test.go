package retry_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/venta-hq/venta/gateway/apierror"
	"github.com/venta-hq/venta/gateway/policy"
	"github.com/venta-hq/venta/gateway/retry"
)

// words keeps what OnShadow was told.
type words []string

func (w *words) add(_ context.Context, would string) { *w = append(*w, would) }

// noBudget lets nothing through.
var noBudget = policy.RetryBudget{Percent: 1}

func TestRetryShadow(t *testing.T) {
	attemptBound := func(p *policy.Retry) { p.PerAttemptTimeout = time.Second }
	boundRetried := func(p *policy.Retry) {
		attemptBound(p)
		p.RetryableStatusCodes = append(p.RetryableStatusCodes, codes.DeadlineExceeded)
	}
	tests := []struct {
		name     string
		policy   func(*policy.Retry)
		deadline time.Duration
		response response
		want     words
	}{
		{"success", nil, 0, succeeds(), nil},
		{"fatal", nil, 0, refuses(), nil},
		{"retryable", nil, 0, fails(), words{retry.WouldRetry}},
		{"without a budget", func(p *policy.Retry) { p.Budget = noBudget }, 0, fails(), words{retry.WouldBudget}},
		{"pushed back", nil, 0, fails("-1"), nil},
		{"pushed back for a while", nil, 0, fails("700"), words{retry.WouldRetry}},
		{"pushed back for too long", nil, 0, fails("60001"), nil},
		{"no time is left", nil, 30 * ms, fails(), nil},
		{"refused by the breaker", nil, 0, own(codes.Unavailable, apierror.CircuitOpen), nil},
		{"the caller leaves", nil, 30 * ms, response{after: time.Second}, nil},
		{"an attempt in its time", attemptBound, 0, response{after: time.Second}, nil},
		{"an attempt over its time", attemptBound, 0, response{after: 2 * time.Second}, words{retry.WouldExceed, retry.WouldRetry}},
		{"an attempt over its time, retried", boundRetried, 0, response{after: 2 * time.Second}, words{retry.WouldExceed, retry.WouldRetry}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := basePolicy()
				p.Shadow = true
				if test.policy != nil {
					test.policy(&p)
				}
				var told words
				attempts := &record{}
				upstream := &script{responses: []response{test.response}, began: time.Now()}
				ctx, cancel := callerContext(t, test.deadline)
				defer cancel()
				step := newRetry(t, p, retry.Options{Random: half, OnAttempt: attempts.add, OnShadow: told.add})
				shadowsCall(t, ctx, step, upstream.invoke)
				if len(upstream.starts) != 1 || attempts.attempts != nil {
					t.Errorf("%d attempts, told of %v", len(upstream.starts), attempts.attempts)
				}
				if diff := cmp.Diff(test.want, told); diff != "" {
					t.Errorf("told (-want +got):\n%s", diff)
				}
			})
		})
	}
}

func TestHedgeShadow(t *testing.T) {
	tests := []struct {
		name     string
		budget   *policy.RetryBudget
		delay    time.Duration
		deadline time.Duration
		response response
		want     words
	}{
		{"in time", nil, 10 * ms, 0, response{after: 9 * ms}, nil},
		{"slow", nil, 10 * ms, 0, response{after: 10 * ms}, words{retry.WouldHedge}},
		{"slower still", nil, 10 * ms, 0, response{after: 50 * ms}, words{retry.WouldHedge}},
		{"slow, without a budget", &noBudget, 10 * ms, 0, response{after: 50 * ms}, words{retry.WouldBudget}},
		{"all at once", nil, 0, 0, succeeds(), words{retry.WouldHedge}},
		{"a non-fatal failure", nil, 10 * ms, 0, fails(), words{retry.WouldHedge}},
		{"a non-fatal failure, without a budget", &noBudget, 10 * ms, 0, fails(), words{retry.WouldBudget}},
		{"a fatal failure", nil, 10 * ms, 0, refuses(), nil},
		{"pushed back", nil, 10 * ms, 0, fails("-1"), nil},
		{"refused by the breaker", nil, 10 * ms, 0, own(codes.Unavailable, apierror.CircuitOpen), nil},
		{"the caller leaves before", nil, 10 * ms, 5 * ms, response{after: time.Second}, nil},
		{"the caller leaves after", nil, 10 * ms, 20 * ms, response{after: time.Second}, words{retry.WouldHedge}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := hedgePolicy(3, test.delay)
				p.Shadow = true
				if test.budget != nil {
					p.Budget = *test.budget
				}
				var told words
				upstream := &script{responses: []response{test.response}, began: time.Now()}
				ctx, cancel := callerContext(t, test.deadline)
				defer cancel()
				step := newHedge(t, p, retry.HedgeOptions{OnShadow: told.add, OnAttempt: func(context.Context, retry.Attempt) { t.Error("told of an attempt") }})
				shadowsCall(t, ctx, step, upstream.invoke)
				if len(upstream.starts) != 1 {
					t.Errorf("%d attempts", len(upstream.starts))
				}
				if diff := cmp.Diff(test.want, told); diff != "" {
					t.Errorf("told (-want +got):\n%s", diff)
				}
			})
		})
	}
}

func callerContext(t *testing.T, deadline time.Duration) (context.Context, context.CancelFunc) {
	if deadline == 0 {
		return context.WithCancel(t.Context())
	}
	return context.WithTimeout(t.Context(), deadline)
}

// shadowsCall holds that a call in shadow mode is the call: its own goroutine's,
// with the caller's context, reply and trailer.
func shadowsCall(t *testing.T, ctx context.Context, step grpc.UnaryClientInterceptor, invoke grpc.UnaryInvoker) {
	t.Helper()
	reply := &healthpb.HealthCheckResponse{}
	var trailer metadata.MD
	var want error
	got := step(ctx, method, nil, reply, nil,
		func(inner context.Context, method string, req, into any, cc *grpc.ClientConn, opts ...grpc.CallOption) error {
			if inner != ctx || into != any(reply) {
				t.Error("context or reply is not the caller's")
			}
			fill(opts, metadata.Pairs("h", "1"), metadata.Pairs("t", "1"))
			want = invoke(inner, method, req, into, cc, opts...)
			return want
		}, grpc.Trailer(&trailer))
	if got != want || trailer == nil {
		t.Errorf("%v, want %v; trailer %v", got, want, trailer)
	}
}

// TestShadowBudget holds that what would have been retried is counted as if it
// had been.
func TestShadowBudget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := basePolicy()
		p.Shadow, p.Budget = true, policy.RetryBudget{Percent: 1, MinPerSecond: 2}
		var told words
		step := newRetry(t, p, retry.Options{OnShadow: told.add})
		down := func(context.Context, string, any, any, *grpc.ClientConn, ...grpc.CallOption) error {
			return status.Error(codes.Unavailable, "down")
		}
		for range 4 {
			_ = step(t.Context(), method, nil, nil, nil, down)
		}
		if diff := cmp.Diff(words{"retry", "retry", "budget", "budget"}, told); diff != "" {
			t.Errorf("told (-want +got):\n%s", diff)
		}
	})
}
