package retry_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/venta-hq/venta/gateway/policy"
	"github.com/venta-hq/venta/gateway/retry"
)

func TestRefuses(t *testing.T) {
	tests := []struct {
		name      string
		from      time.Duration // since when attempts are refused
		responses []response

		starts   []time.Duration
		took     time.Duration
		code     codes.Code
		verdicts []retry.Verdict
		asked    int
	}{
		{name: "at once", responses: []response{fails()},
			starts: []time.Duration{0}, code: codes.Unavailable, verdicts: []retry.Verdict{retry.Refused}, asked: 1},
		{name: "after the second attempt", from: 60 * ms, responses: []response{fails(), {code: codes.Unavailable, after: 20 * ms}},
			starts: []time.Duration{0, 50 * ms}, took: 70 * ms, code: codes.Unavailable,
			verdicts: []retry.Verdict{retry.Retried, retry.Refused}, asked: 2},
		{name: "not before the last attempt", from: time.Hour, responses: []response{fails()},
			starts: []time.Duration{0, 50 * ms, 150 * ms, 350 * ms}, took: 350 * ms, code: codes.Unavailable,
			verdicts: []retry.Verdict{retry.Retried, retry.Retried, retry.Retried, retry.Exhausted}, asked: 3},
		{name: "where the server asked for a wait", responses: []response{fails("700")},
			starts: []time.Duration{0}, code: codes.Unavailable, verdicts: []retry.Verdict{retry.Refused}, asked: 1},
		{name: "a call that succeeded", responses: []response{succeeds()},
			starts: []time.Duration{0}, verdicts: []retry.Verdict{retry.Final}},
		{name: "a call that is not retried", responses: []response{refuses()},
			starts: []time.Duration{0}, code: codes.InvalidArgument, verdicts: []retry.Verdict{retry.Final}},
		{name: "a call that the server does not want again", responses: []response{fails("-1")},
			starts: []time.Duration{0}, code: codes.Unavailable, verdicts: []retry.Verdict{retry.PushedBack}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				began, asked, attempts := time.Now(), 0, &record{}
				upstream := &script{responses: test.responses, began: began}
				intercept := newRetry(t, basePolicy(), retry.Options{Random: half, OnAttempt: attempts.add, CircuitOpen: func() bool {
					asked++
					return time.Since(began) >= test.from
				}})
				err := intercept(t.Context(), method, nil, nil, nil, upstream.invoke)
				if got, took := status.Code(err), time.Since(began); got != test.code || took != test.took || asked != test.asked {
					t.Errorf("%v after %v, asked %d times; want %v after %v, asked %d times",
						got, took, asked, test.code, test.took, test.asked)
				}
				if diff := cmp.Diff(test.starts, upstream.starts); diff != "" {
					t.Errorf("attempts began (-want +got):\n%s", diff)
				}
				if diff := cmp.Diff(test.verdicts, attempts.verdicts()); diff != "" {
					t.Errorf("verdicts (-want +got):\n%s", diff)
				}
			})
		})
	}
}

// TestRefusedAttemptsTakeNothing holds that an attempt that is not sent leaves
// the budget to others.
func TestRefusedAttemptsTakeNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		budget, err := retry.NewBudget(policy.RetryBudget{Percent: 1, MinPerSecond: 1})
		if err != nil {
			t.Fatal(err)
		}
		refusing := true
		intercept := newRetry(t, basePolicy(), retry.Options{Budget: budget, Random: half, CircuitOpen: func() bool { return refusing }})
		for range 5 {
			upstream := &script{responses: []response{fails()}, began: time.Now()}
			_ = intercept(t.Context(), method, nil, nil, nil, upstream.invoke)
		}
		refusing = false
		upstream := &script{responses: []response{fails(), {}}, began: time.Now()}
		if err := intercept(t.Context(), method, nil, nil, nil, upstream.invoke); err != nil || len(upstream.starts) != 2 {
			t.Errorf("%d attempts, %v", len(upstream.starts), err)
		}
	})
}
