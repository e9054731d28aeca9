package retry_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/codes"

	"github.com/venta-hq/venta/gateway/policy"
	"github.com/venta-hq/venta/gateway/retry"
)

// TestPushbackIsBounded holds that a server cannot keep a call that nobody
// bounds; where somebody does, the call's time is the bound.
func TestPushbackIsBounded(t *testing.T) {
	tests := []struct {
		name     string
		longest  time.Duration // 0: the default
		deadline time.Duration
		pushback string
		verdict  retry.Verdict
	}{
		{"the default", 0, 0, "60000", retry.Retried},
		{"over the default", 0, 0, "60001", retry.OutOfTime},
		{"the longest that there is", 0, 0, "2147483647", retry.OutOfTime},
		{"of one's own", time.Second, 0, "1000", retry.Retried},
		{"over one's own", time.Second, 0, "1001", retry.OutOfTime},
		{"the call's deadline bounds it", time.Second, time.Hour, "600000", retry.Retried},
		{"over the call's deadline", time.Second, time.Minute, "60000", retry.OutOfTime},
	}
	for _, test := range tests {
		for _, kind := range []string{"retry", "hedge"} {
			t.Run(test.name+"/"+kind, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					attempts := &record{}
					ctx, cancel := callerContext(t, test.deadline)
					defer cancel()
					if kind == "retry" {
						upstream := &script{responses: []response{fails(test.pushback), {}}, began: time.Now()}
						step := newRetry(t, basePolicy(), retry.Options{MaxPushback: test.longest, OnAttempt: attempts.add})
						_ = step(ctx, method, nil, nil, nil, upstream.invoke)
					} else {
						l := newLane(fails(test.pushback), response{})
						step := newHedge(t, hedgePolicy(2, time.Hour), retry.HedgeOptions{MaxPushback: test.longest, OnAttempt: attempts.add})
						_, _ = call(ctx, step, l)
					}
					if got := attempts.verdicts()[0]; got != test.verdict {
						t.Errorf("%v, want %v", got, test.verdict)
					}
				})
			})
		}
	}
}

// A back-off of the policy is not a pushback: only the call's deadline bounds it.
func TestBackoffIsNotPushback(t *testing.T) {
	run(t, []scenario{
		{name: "a long back-off", policy: func(p *policy.Retry) {
			p.MaxAttempts, p.InitialBackoff, p.MaxBackoff = 2, time.Hour, time.Hour
		}, responses: []response{fails(), succeeds()},
			starts: []time.Duration{0, 30 * time.Minute}, code: codes.OK, verdicts: []retry.Verdict{retry.Retried, retry.Final}},
	})
}

func TestNegativePushbackBound(t *testing.T) {
	if _, err := retry.New(basePolicy(), retry.Options{MaxPushback: -1}); err == nil {
		t.Error("retry accepts it")
	}
	if _, err := retry.NewHedge(hedgePolicy(2, 0), retry.HedgeOptions{MaxPushback: -1}); err == nil {
		t.Error("hedge accepts it")
	}
}

// TestA6Throttling follows "Throttling Retry Attempts and Hedged RPCs", with the
// budget in the place of the tokens: the first attempt is always sent, nothing
// blocks, and a call whose further attempts are refused ends with the failure,
// unless one that runs may still respond.
func TestA6Throttling(t *testing.T) {
	const delay = 10 * ms
	down := func(after time.Duration, pushback ...string) response {
		return response{code: codes.Unavailable, after: after, pushback: pushback}
	}
	ok := func(after time.Duration) response { return response{after: after} }
	one := policy.RetryBudget{Percent: 1, MinPerSecond: 1}
	tests := []struct {
		name      string
		budget    policy.RetryBudget
		responses []response
		want      outcome
		starts    []time.Duration
	}{
		{"a slow first attempt is waited for", noBudget, []response{ok(50 * ms), ok(1 * ms)},
			outcome{codes.OK, 1, "1", "1", 50 * ms}, []time.Duration{0}},
		{"a failure is the response", noBudget, []response{down(3 * ms), ok(1 * ms)},
			outcome{codes.Unavailable, 0, "1", "1", 3 * ms}, []time.Duration{0}},
		{"a failure after the delay is the response", noBudget, []response{down(30 * ms), ok(1 * ms)},
			outcome{codes.Unavailable, 0, "1", "1", 30 * ms}, []time.Duration{0}},
		{"told to come back, which is refused then", noBudget, []response{down(1*ms, "30"), ok(1 * ms)},
			outcome{codes.Unavailable, 0, "1", "1", 31 * ms}, []time.Duration{0}},
		{"one more, and no third", one, []response{ok(50 * ms), ok(50 * ms), ok(1 * ms)},
			outcome{codes.OK, 1, "1", "1", 50 * ms}, []time.Duration{0, 10 * ms}},
		{"the other that runs may still respond", one, []response{down(12 * ms), ok(30 * ms), ok(1 * ms)},
			outcome{codes.OK, 2, "2", "2", 40 * ms}, []time.Duration{0, 10 * ms}},
		{"both fail, and no third is sent", one, []response{down(12 * ms), down(30 * ms), ok(1 * ms)},
			outcome{codes.Unavailable, 0, "2", "2", 40 * ms}, []time.Duration{0, 10 * ms}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := hedgePolicy(3, delay)
				p.Budget = test.budget
				l := newLane(test.responses...)
				got, _ := call(t.Context(), newHedge(t, p, retry.HedgeOptions{}), l)
				synctest.Wait()
				if diff := cmp.Diff(test.want, got); diff != "" {
					t.Errorf("outcome (-want +got):\n%s", diff)
				}
				if diff := cmp.Diff(test.starts, l.starts); diff != "" {
					t.Errorf("starts (-want +got):\n%s", diff)
				}
			})
		})
	}
}
