package retry_test

import (
	"context"
	"math"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/venta-hq/venta/gateway/apierror"
	"github.com/venta-hq/venta/gateway/policy"
	"github.com/venta-hq/venta/gateway/retry"
)

const ms = time.Millisecond

// The responses of the scenarios; fails is retryable.
func succeeds() response { return response{} }

func refuses() response { return response{code: codes.InvalidArgument} }

func fails(pushback ...string) response {
	return response{code: codes.Unavailable, pushback: pushback}
}

// scenario is a call and what becomes of it; waits are half of the longest.
type scenario struct {
	name      string
	policy    func(*policy.Retry)
	deadline  time.Duration // of the caller; 0: none
	cancel    time.Duration // by the caller; 0: never
	responses []response

	starts   []time.Duration
	code     codes.Code
	verdicts []retry.Verdict
}

func TestA6MaximumNumberOfRetries(t *testing.T) {
	run(t, []scenario{
		{name: "maxAttempts includes the original request", responses: []response{fails()},
			starts: []time.Duration{0, 50 * ms, 150 * ms, 350 * ms}, code: codes.Unavailable,
			verdicts: []retry.Verdict{retry.Retried, retry.Retried, retry.Retried, retry.Exhausted}},
		{name: "the call's deadline applies across all attempts", deadline: 5*time.Second + 25*ms,
			policy: func(p *policy.Retry) {
				p.RetryableStatusCodes = []codes.Code{codes.Unavailable, codes.DeadlineExceeded}
			},
			responses: []response{{code: codes.Unavailable, after: 3 * time.Second}},
			starts:    []time.Duration{0, 3*time.Second + 50*ms}, code: codes.DeadlineExceeded,
			verdicts: []retry.Verdict{retry.Retried, retry.Final}},
		{name: "a wait that does not fit in the deadline ends the call at once", deadline: 120 * ms, responses: []response{fails()},
			starts: []time.Duration{0, 50 * ms}, code: codes.Unavailable,
			verdicts: []retry.Verdict{retry.Retried, retry.OutOfTime}},
		{name: "a wait that leaves no time for the attempt does not fit", deadline: 50 * ms, responses: []response{fails()},
			starts: []time.Duration{0}, code: codes.Unavailable, verdicts: []retry.Verdict{retry.OutOfTime}},
	})
}

func TestA6ExponentialBackoff(t *testing.T) {
	run(t, []scenario{
		{name: "maxBackoff bounds the wait", policy: func(p *policy.Retry) { p.MaxBackoff = 150 * ms }, responses: []response{fails()},
			starts: []time.Duration{0, 50 * ms, 125 * ms, 200 * ms}, code: codes.Unavailable,
			verdicts: []retry.Verdict{retry.Retried, retry.Retried, retry.Retried, retry.Exhausted}},
		{name: "backoffMultiplier may be 1", policy: func(p *policy.Retry) { p.BackoffMultiplier = 1 }, responses: []response{fails()},
			starts: []time.Duration{0, 50 * ms, 100 * ms, 150 * ms}, code: codes.Unavailable,
			verdicts: []retry.Verdict{retry.Retried, retry.Retried, retry.Retried, retry.Exhausted}},
	})
}

func TestA6Summary(t *testing.T) {
	run(t, []scenario{
		{name: "1 OK", responses: []response{succeeds()},
			starts: []time.Duration{0}, code: codes.OK, verdicts: []retry.Verdict{retry.Final}},
		{name: "2 retryable status", responses: []response{fails(), succeeds()},
			starts: []time.Duration{0, 50 * ms}, code: codes.OK, verdicts: []retry.Verdict{retry.Retried, retry.Final}},
		{name: "3 fatal status", responses: []response{refuses()},
			starts: []time.Duration{0}, code: codes.InvalidArgument, verdicts: []retry.Verdict{retry.Final}},
		{name: "3 fatal status after a retryable one", responses: []response{fails(), refuses()},
			starts: []time.Duration{0, 50 * ms}, code: codes.InvalidArgument, verdicts: []retry.Verdict{retry.Retried, retry.Final}},
		{name: "4 pushback: don't retry", responses: []response{fails("-1")},
			starts: []time.Duration{0}, code: codes.Unavailable, verdicts: []retry.Verdict{retry.PushedBack}},
		{name: "5 pushback: retry in n ms, then reset to initial backoff",
			policy:    func(p *policy.Retry) { p.MaxAttempts = 5 },
			responses: []response{fails(), fails(), fails("700"), fails()},
			starts:    []time.Duration{0, 50 * ms, 150 * ms, 850 * ms, 900 * ms}, code: codes.Unavailable,
			verdicts: []retry.Verdict{retry.Retried, retry.Retried, retry.Retried, retry.Retried, retry.Exhausted}},
	})
}

func TestA6Pushback(t *testing.T) {
	run(t, []scenario{
		{name: "pushback may be longer than maxBackoff", responses: []response{fails("60000"), succeeds()},
			starts: []time.Duration{0, time.Minute}, code: codes.OK, verdicts: []retry.Verdict{retry.Retried, retry.Final}},
		{name: "pushback of 0 retries at once", responses: []response{fails("0"), succeeds()},
			starts: []time.Duration{0, 0}, code: codes.OK, verdicts: []retry.Verdict{retry.Retried, retry.Final}},
		{name: "exhausted attempts outweigh pushback", policy: func(p *policy.Retry) { p.MaxAttempts = 2 }, responses: []response{fails(), fails("10")},
			starts: []time.Duration{0, 50 * ms}, code: codes.Unavailable, verdicts: []retry.Verdict{retry.Retried, retry.Exhausted}},
		{name: "pushback past the deadline ends the call at once", deadline: time.Second, responses: []response{fails("1000")},
			starts: []time.Duration{0}, code: codes.Unavailable, verdicts: []retry.Verdict{retry.OutOfTime}},
		{name: "pushback does not make a fatal status retryable", responses: []response{{code: codes.Internal, pushback: []string{"10"}}},
			starts: []time.Duration{0}, code: codes.Internal, verdicts: []retry.Verdict{retry.Final}},
		{name: "pushback with OK means nothing", responses: []response{{pushback: []string{"10"}}},
			starts: []time.Duration{0}, code: codes.OK, verdicts: []retry.Verdict{retry.Final}},
	})
}

func TestCallerLeaves(t *testing.T) {
	run(t, []scenario{
		{name: "the caller cancels during a wait", cancel: 20 * ms, responses: []response{fails()},
			starts: []time.Duration{0}, code: codes.Canceled, verdicts: []retry.Verdict{retry.Retried}},
		{name: "the caller cancels during an attempt", cancel: 20 * ms,
			policy:    func(p *policy.Retry) { p.RetryableStatusCodes = []codes.Code{codes.Canceled} },
			responses: []response{{after: time.Second}},
			starts:    []time.Duration{0}, code: codes.Canceled, verdicts: []retry.Verdict{retry.Final}},
	})
}

func TestOwnErrors(t *testing.T) {
	run(t, []scenario{
		{name: "an open circuit is not retried", responses: []response{fails(), own(codes.Unavailable, apierror.CircuitOpen)},
			starts: []time.Duration{0, 50 * ms}, code: codes.Unavailable, verdicts: []retry.Verdict{retry.Retried, retry.Final}},
		{name: "a rate limit is not retried", policy: func(p *policy.Retry) { p.RetryableStatusCodes = []codes.Code{codes.ResourceExhausted} },
			responses: []response{own(codes.ResourceExhausted, apierror.RateLimited)},
			starts:    []time.Duration{0}, code: codes.ResourceExhausted, verdicts: []retry.Verdict{retry.Final}},
		{name: "a rate limit of the upstream is", policy: func(p *policy.Retry) { p.RetryableStatusCodes = []codes.Code{codes.ResourceExhausted} },
			responses: []response{{code: codes.ResourceExhausted}, succeeds()},
			starts:    []time.Duration{0, 50 * ms}, code: codes.OK, verdicts: []retry.Verdict{retry.Retried, retry.Final}},
		{name: "the attempt's own bound is not, unless DEADLINE_EXCEEDED is listed",
			responses: []response{own(codes.DeadlineExceeded, apierror.TimeoutExceeded)},
			starts:    []time.Duration{0}, code: codes.DeadlineExceeded, verdicts: []retry.Verdict{retry.Final}},
		{name: "the attempt's own bound is, if DEADLINE_EXCEEDED is listed",
			policy:    func(p *policy.Retry) { p.RetryableStatusCodes = []codes.Code{codes.DeadlineExceeded} },
			responses: []response{own(codes.DeadlineExceeded, apierror.TimeoutExceeded), succeeds()},
			starts:    []time.Duration{0, 50 * ms}, code: codes.OK, verdicts: []retry.Verdict{retry.Retried, retry.Final}},
	})
}

func run(t *testing.T, tests []scenario) {
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) { synctest.Test(t, test.check) })
	}
}

func (test scenario) check(t *testing.T) {
	p := basePolicy()
	if test.policy != nil {
		test.policy(&p)
	}
	upstream := &script{responses: test.responses, began: time.Now()}
	attempts := &record{}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	if test.deadline > 0 {
		ctx, cancel = context.WithTimeout(ctx, test.deadline)
		defer cancel()
	}
	if test.cancel > 0 {
		time.AfterFunc(test.cancel, cancel)
	}
	intercept, err := retry.NewOutOfLimits(p, retry.Options{Random: half, OnAttempt: attempts.add})
	if err != nil {
		t.Fatal(err)
	}

	err = intercept(ctx, method, nil, nil, nil, upstream.invoke)

	if got := status.Code(err); got != test.code {
		t.Errorf("code %v, want %v", got, test.code)
	}
	if diff := cmp.Diff(test.starts, upstream.starts); diff != "" {
		t.Errorf("attempts began (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(test.verdicts, attempts.verdicts()); diff != "" {
		t.Errorf("verdicts (-want +got):\n%s", diff)
	}
}

func own(code codes.Code, reason apierror.Reason) response {
	return response{err: &apierror.Error{Code: code, Reason: reason, Message: "own"}}
}

// record keeps what OnAttempt was told.
type record struct{ attempts []retry.Attempt }

func (r *record) add(_ context.Context, a retry.Attempt) { r.attempts = append(r.attempts, a) }

func (r *record) verdicts() (got []retry.Verdict) {
	for _, a := range r.attempts {
		got = append(got, a.Verdict)
	}
	return got
}

// A6, "Pushback": what is no signed 32-bit number in its shortest form asks not
// to retry, as a negative one does.
func TestA6PushbackValues(t *testing.T) {
	tests := []struct {
		values []string
		wait   time.Duration // -1: no retry
	}{
		{[]string{"1"}, ms},
		{[]string{"0"}, 0},
		{[]string{"2147483647"}, 2147483647 * ms},
		{[]string{"-1"}, -1},
		{[]string{"-2147483648"}, -1},
		{[]string{"2147483648"}, -1},
		{[]string{"99999999999999999999"}, -1},
		{[]string{""}, -1},
		{[]string{"soon"}, -1},
		{[]string{"10ms"}, -1},
		{[]string{"1.5"}, -1},
		{[]string{"0x10"}, -1},
		{[]string{" 10"}, -1},
		{[]string{"+10"}, -1},
		{[]string{"010"}, -1},
		{[]string{"-0"}, -1},
		{[]string{"10", "10"}, -1},
	}
	for _, test := range tests {
		synctest.Test(t, func(t *testing.T) {
			upstream := &script{responses: []response{fails(test.values...), {}}, began: time.Now()}
			intercept := newRetry(t, basePolicy(), retry.Options{Random: half, MaxPushback: math.MaxInt64})
			_ = intercept(t.Context(), method, nil, nil, nil, upstream.invoke)
			want := []time.Duration{0}
			if test.wait >= 0 {
				want = append(want, test.wait)
			}
			if !slices.Equal(upstream.starts, want) {
				t.Errorf("pushback %q: attempts began at %v, want %v", test.values, upstream.starts, want)
			}
		})
	}
}
