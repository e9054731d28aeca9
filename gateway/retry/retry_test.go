package retry_test

import (
	"context"
	"math"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"pgregory.net/rapid"

	"github.com/venta-hq/venta/gateway/policy"
	"github.com/venta-hq/venta/gateway/retry"
)

func TestRefusedPolicies(t *testing.T) {
	tests := []struct {
		name  string
		spoil func(*policy.Retry)
	}{
		{"zero value", func(p *policy.Retry) { *p = policy.Retry{} }},
		{"one attempt", func(p *policy.Retry) { p.MaxAttempts = 1 }},
		{"no initial back-off", func(p *policy.Retry) { p.InitialBackoff = 0 }},
		{"a shrinking back-off", func(p *policy.Retry) { p.MaxBackoff = p.InitialBackoff - 1 }},
		{"no multiplier", func(p *policy.Retry) { p.BackoffMultiplier = 0 }},
		{"a multiplier that is no number", func(p *policy.Retry) { p.BackoffMultiplier = math.NaN() }},
		{"no codes", func(p *policy.Retry) { p.RetryableStatusCodes = nil }},
		{"no budget", func(p *policy.Retry) { p.Budget = policy.RetryBudget{} }},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			p := basePolicy()
			test.spoil(&p)
			if _, err := retry.New(p, retry.Options{}); err == nil {
				t.Errorf("accepted %+v", p)
			}
		})
	}
}

func TestOnAttempt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		attempts := &record{}
		upstream := &script{responses: []response{fails(), fails("700"), {}}, began: time.Now()}
		intercept := newRetry(t, basePolicy(), retry.Options{Random: half, OnAttempt: attempts.add})
		if err := intercept(t.Context(), method, nil, nil, nil, upstream.invoke); err != nil {
			t.Fatal(err)
		}
		want := []retry.Attempt{
			{Method: method, Number: 1, Code: codes.Unavailable, Verdict: retry.Retried, Wait: 50 * ms},
			{Method: method, Number: 2, Code: codes.Unavailable, Verdict: retry.Retried, Wait: 700 * ms},
			{Method: method, Number: 3, Code: codes.OK, Verdict: retry.Final},
		}
		if diff := cmp.Diff(want, attempts.attempts); diff != "" {
			t.Errorf("attempts (-want +got):\n%s", diff)
		}
	})
}

// A caller that has left gets no further attempt, even if there is no wait.
func TestCallerLeavesBeforeTheWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for range 64 {
			ctx, cancel := context.WithCancel(t.Context())
			upstream := &script{responses: []response{fails("0")}, began: time.Now()}
			leave := func(context.Context, retry.Attempt) { cancel() }
			err := newRetry(t, basePolicy(), retry.Options{OnAttempt: leave})(ctx, method, nil, nil, nil, upstream.invoke)
			if status.Code(err) != codes.Canceled || len(upstream.starts) != 1 {
				t.Fatalf("%d attempts, %v", len(upstream.starts), err)
			}
		}
	})
}

// For every policy and every random number the n-th wait is that share of
// min(initial*multiplier^(n-1), max), and never negative.
func TestFullJitter(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		p := basePolicy()
		p.MaxAttempts = rapid.IntRange(2, 5).Draw(rt, "attempts")
		p.InitialBackoff = time.Duration(rapid.Int64Range(1, int64(time.Minute)).Draw(rt, "initial"))
		p.MaxBackoff = p.InitialBackoff + time.Duration(rapid.Int64Range(0, int64(time.Hour)).Draw(rt, "more"))
		p.BackoffMultiplier = rapid.Float64Range(1, 10).Draw(rt, "multiplier")
		random := rapid.Float64Range(0, 0.999).Draw(rt, "random")
		attempts := &record{}
		synctest.Test(t, func(t *testing.T) {
			upstream := &script{responses: []response{fails()}, began: time.Now()}
			intercept := newRetry(t, p, retry.Options{Random: func() float64 { return random }, OnAttempt: attempts.add})
			_ = intercept(t.Context(), method, nil, nil, nil, upstream.invoke)
		})
		longest := float64(p.InitialBackoff)
		for _, a := range attempts.attempts[:p.MaxAttempts-1] {
			want := time.Duration(random * min(longest, float64(p.MaxBackoff)))
			if d := a.Wait - want; d < -time.Microsecond || d > time.Microsecond || a.Wait < 0 {
				rt.Fatalf("wait before retry %d is %v, want %v", a.Number, a.Wait, want)
			}
			longest *= p.BackoffMultiplier
		}
	})
}

// The source of randomness that nobody set spreads the waits.
func TestDefaultRandomSpreads(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		attempts := &record{}
		intercept := newRetry(t, basePolicy(), retry.Options{OnAttempt: attempts.add})
		different := map[time.Duration]bool{}
		for range 32 {
			upstream := &script{responses: []response{fails(), {}}, began: time.Now()}
			if err := intercept(t.Context(), method, nil, nil, nil, upstream.invoke); err != nil {
				t.Fatal(err)
			}
			wait := attempts.attempts[len(attempts.attempts)-2].Wait
			if wait < 0 || wait >= 100*ms {
				t.Errorf("wait %v is outside [0, 100ms)", wait)
			}
			different[wait] = true
		}
		if len(different) < 16 {
			t.Errorf("%d different waits of 32", len(different))
		}
	})
}

// Nothing is held across an attempt: one that panics or exits its goroutine
// leaves the interceptor as it was.
func TestPanicAndGoexit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		intercept := newRetry(t, basePolicy(), retry.Options{})
		for _, end := range []func(){runtime.Goexit, func() { panic("upstream") }} {
			go func() {
				defer func() { _ = recover() }()
				_ = intercept(t.Context(), method, nil, nil, nil,
					func(context.Context, string, any, any, *grpc.ClientConn, ...grpc.CallOption) error {
						end()
						return nil
					})
				t.Error("the attempt's end was swallowed")
			}()
		}
		synctest.Wait()
		upstream := &script{responses: []response{fails(), {}}, began: time.Now()}
		if err := intercept(t.Context(), method, nil, nil, nil, upstream.invoke); err != nil {
			t.Error(err)
		}
	})
}

func TestVerdictLabels(t *testing.T) {
	want := []string{"final", "retried", "exhausted", "pushed_back", "out_of_time", "over_budget", "lost", "refused", "unknown"}
	for v, label := range want {
		if got := retry.Verdict(v).String(); got != label {
			t.Errorf("Verdict(%d) is %q, want %q", v, got, label)
		}
	}
}

func BenchmarkFirstAttemptSucceeds(b *testing.B) {
	intercept, err := retry.New(basePolicy(), retry.Options{})
	if err != nil {
		b.Fatal(err)
	}
	invoke := func(context.Context, string, any, any, *grpc.ClientConn, ...grpc.CallOption) error { return nil }
	b.ReportAllocs()
	for b.Loop() {
		_ = intercept(b.Context(), method, nil, nil, nil, invoke)
	}
}
