package circuitbreaker_test

import (
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc/codes"

	"github.com/venta-hq/venta/gateway/apierror"
	"github.com/venta-hq/venta/gateway/circuitbreaker"
	"github.com/venta-hq/venta/gateway/policy"
)

const (
	closed   = circuitbreaker.Closed
	halfOpen = circuitbreaker.HalfOpen
	open     = circuitbreaker.Open

	ignored   = circuitbreaker.Ignored
	success   = circuitbreaker.Success
	failure   = circuitbreaker.Failure
	cancelled = circuitbreaker.Cancelled
)

func basePolicy() policy.CircuitBreaker {
	return policy.CircuitBreaker{
		ErrorThresholdPercent:    50,
		Window:                   10 * time.Second,
		MinimumCalls:             4,
		OpenDuration:             30 * time.Second,
		HalfOpenCalls:            2,
		SlowCallDuration:         time.Second,
		SlowCallThresholdPercent: 100,
		FailureStatusCodes:       []codes.Code{codes.Unavailable, codes.DeadlineExceeded, codes.ResourceExhausted},
	}
}

// newBreaker makes a breaker that leaves nothing to chance, unless told to.
func newBreaker(t *testing.T, p policy.CircuitBreaker, o circuitbreaker.Options) *circuitbreaker.Breaker {
	t.Helper()
	if o.Random == nil {
		o.Random = func() float64 { return 0 }
	}
	b, err := circuitbreaker.New(p, o)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// call makes one call that lasts for took.
func call(t *testing.T, b *circuitbreaker.Breaker, o circuitbreaker.Outcome, took time.Duration) {
	t.Helper()
	permit := acquire(t, b)
	time.Sleep(took) // virtual
	permit.Done(o)
}

func acquire(t *testing.T, b *circuitbreaker.Breaker) *circuitbreaker.Permit {
	t.Helper()
	permit, err := b.Acquire()
	if err != nil {
		t.Fatal(err)
	}
	return &permit
}

func wantRefusal(t *testing.T, b *circuitbreaker.Breaker) {
	t.Helper()
	if _, err := b.Acquire(); err == nil {
		t.Errorf("admitted while %v", b.State())
	}
}

func wantState(t *testing.T, b *circuitbreaker.Breaker, want circuitbreaker.State) {
	t.Helper()
	if got := b.State(); got != want {
		t.Errorf("state %v, want %v", got, want)
	}
}

// step is one call of a closed breaker, or several.
type step struct {
	after   time.Duration
	times   int
	outcome circuitbreaker.Outcome
	took    time.Duration
}

func TestClosed(t *testing.T) {
	const quick, slow = 0, time.Second + 1
	tests := []struct {
		name   string
		policy func(*policy.CircuitBreaker)
		steps  []step
		want   circuitbreaker.State
	}{
		{"no calls", nil, nil, closed},
		{"too few calls", nil, []step{{0, 3, failure, quick}}, closed},
		{"enough failures", nil, []step{{0, 4, failure, quick}}, open},
		{"the threshold itself opens", nil, []step{{0, 2, success, quick}, {0, 2, failure, quick}}, open},
		{"below the threshold", nil, []step{{0, 5, success, quick}, {0, 4, failure, quick}}, closed},
		{"a success can complete the minimum", nil, []step{{0, 3, failure, quick}, {0, 1, success, quick}}, open},
		{"ignored calls do not count to the minimum", nil, []step{{0, 3, failure, quick}, {0, 99, ignored, quick}}, closed},
		{"ignored calls do not dilute", nil, []step{{0, 9, ignored, quick}, {0, 4, failure, quick}}, open},
		{"slow successes", nil, []step{{0, 4, success, slow}}, open},
		{"a call of just the duration is not slow", nil, []step{{0, 4, success, time.Second}}, closed},
		{"not all are slow", nil, []step{{0, 1, success, quick}, {0, 4, success, slow}}, closed},
		{"a slow failure is both", func(p *policy.CircuitBreaker) { p.ErrorThresholdPercent = 100 },
			[]step{{0, 1, failure, slow}, {0, 3, success, slow}}, open},
		{"slow calls are ignored with the rest", nil, []step{{0, 9, ignored, slow}}, closed},
		{"cancelled calls do not count to the minimum", nil, []step{{0, 3, failure, quick}, {0, 99, cancelled, quick}}, closed},
		{"cancelled calls that were slow are slow", nil, []step{{0, 4, cancelled, slow}}, open},
		{"cancelled calls dilute no failures", nil, []step{{0, 99, cancelled, slow / 2}, {0, 9, cancelled, quick}, {0, 4, failure, quick}}, open},
		{"slow cancelled calls dilute no failures", func(p *policy.CircuitBreaker) { p.SlowCallThresholdPercent = 100 },
			[]step{{0, 1, success, quick}, {0, 2, success, quick}, {0, 9, cancelled, slow}, {0, 3, failure, quick}}, open},
		{"slow cancelled calls are no failures", func(p *policy.CircuitBreaker) { p.SlowCallThresholdPercent = 100 },
			[]step{{0, 9, success, quick}, {0, 9, cancelled, slow}}, closed},
		{"without a duration nothing is slow", func(p *policy.CircuitBreaker) { p.SlowCallDuration, p.SlowCallThresholdPercent = 0, 0 },
			[]step{{0, 9, success, time.Hour}}, closed},
		{"failures leave with the window", nil, []step{{0, 3, failure, quick}, {10 * time.Second, 1, failure, quick}}, closed},
		{"failures stay as long as the window", nil, []step{{0, 3, failure, quick}, {9 * time.Second, 1, failure, quick}}, open},
		{"the window slides by tenths", nil, []step{
			{0, 2, failure, quick}, {5 * time.Second, 1, failure, quick}, {5 * time.Second, 2, failure, quick}}, closed},
		{"a long silence empties the window", nil, []step{{0, 3, failure, quick}, {time.Hour, 3, failure, quick}}, closed},
		{"a very long silence takes no longer to forget", func(p *policy.CircuitBreaker) { p.Window = 10 },
			[]step{{0, 3, failure, quick}, {10000 * time.Hour, 3, failure, quick}}, closed},
		{"a call counts when it ends", nil, []step{{0, 3, failure, 8 * time.Second}, {0, 1, failure, quick}}, closed},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := basePolicy()
				if test.policy != nil {
					test.policy(&p)
				}
				b := circuitbreaker.NewOutOfLimits(p, circuitbreaker.Options{})
				for _, s := range test.steps {
					time.Sleep(s.after) // virtual
					for range s.times {
						call(t, b, s.outcome, s.took)
					}
				}
				wantState(t, b, test.want)
			})
		})
	}
}

func trip(t *testing.T, b *circuitbreaker.Breaker) {
	t.Helper()
	for range 4 {
		call(t, b, failure, 0)
	}
	wantState(t, b, open)
}

func TestOpen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBreaker(t, basePolicy(), circuitbreaker.Options{})
		late := acquire(t, b)
		trip(t, b)
		time.Sleep(10 * time.Second) // virtual
		_, err := b.Acquire()
		own := apierror.As(err)
		if own == nil || own.Code != codes.Unavailable || own.Reason != apierror.CircuitOpen || own.RetryAfter != 20*time.Second {
			t.Errorf("refused with %#v", err)
		}
		late.Done(success)
		wantState(t, b, open)
		time.Sleep(20*time.Second - 1) // virtual
		wantRefusal(t, b)
		time.Sleep(time.Nanosecond) // virtual
		wantState(t, b, halfOpen)
		acquire(t, b)
	})
}

func TestHalfOpen(t *testing.T) {
	type probe struct {
		outcome circuitbreaker.Outcome
		took    time.Duration
	}
	good, bad, slow, nothing := probe{success, 0}, probe{failure, 0}, probe{success, 2 * time.Second}, probe{ignored, 0}
	gone, late := probe{cancelled, 0}, probe{cancelled, 2 * time.Second}
	tests := []struct {
		name   string
		calls  int
		slow   int // threshold
		probes []probe
		want   circuitbreaker.State
	}{
		{"none yet", 2, 100, nil, halfOpen},
		{"some succeeded", 2, 100, []probe{good}, halfOpen},
		{"all succeeded", 2, 100, []probe{good, good}, closed},
		{"the only one succeeded", 1, 100, []probe{good}, closed},
		{"the only one failed", 1, 100, []probe{bad}, open},
		{"half of two failed", 2, 100, []probe{bad}, open},
		{"the last of three failed", 3, 100, []probe{good, good, bad}, closed},
		{"one of three failed, and the rest is open", 3, 100, []probe{bad, good}, halfOpen},
		{"two of three failed", 3, 100, []probe{good, bad, bad}, open},
		{"enough failed to be sure", 4, 100, []probe{bad, bad}, open},
		{"cancelled early, which says nothing", 2, 100, []probe{gone, gone, good, gone, good}, closed},
		{"cancelled late, which is slow", 2, 100, []probe{late, late}, open},
		{"one cancelled late", 2, 100, []probe{late, good}, closed},
		{"any number that say nothing", 2, 100, []probe{nothing, nothing, nothing, good, nothing, good}, closed},
		{"all slow", 2, 100, []probe{slow, slow}, open},
		{"not all slow", 2, 100, []probe{slow, good}, closed},
		{"slow enough to be sure", 4, 50, []probe{slow, slow}, open},
		{"slow, but below the threshold", 4, 50, []probe{slow, good, good, good}, closed},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := basePolicy()
				p.HalfOpenCalls, p.SlowCallThresholdPercent = test.calls, test.slow
				b := newBreaker(t, p, circuitbreaker.Options{})
				trip(t, b)
				time.Sleep(p.OpenDuration) // virtual
				for _, probe := range test.probes {
					call(t, b, probe.outcome, probe.took)
				}
				wantState(t, b, test.want)
			})
		})
	}
}

func TestProbesAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBreaker(t, basePolicy(), circuitbreaker.Options{})
		trip(t, b)
		time.Sleep(30 * time.Second) // virtual
		first, second := acquire(t, b), acquire(t, b)
		_, err := b.Acquire()
		if own := apierror.As(err); own == nil || own.Reason != apierror.CircuitOpen || own.RetryAfter != time.Second {
			t.Errorf("refused with %#v", err)
		}
		first.Done(ignored)
		first.Done(ignored) // gives nothing back twice
		third := acquire(t, b)
		wantRefusal(t, b)
		second.Done(success)
		wantRefusal(t, b) // a success uses its slot up
		third.Done(success)
		wantState(t, b, closed)
	})
}

// A call that an earlier state admitted says nothing about the present one.
func TestLateResults(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBreaker(t, basePolicy(), circuitbreaker.Options{})
		fromClosed := acquire(t, b)
		trip(t, b)
		time.Sleep(30 * time.Second) // virtual
		fromHalfOpen := acquire(t, b)
		fromClosed.Done(failure)
		wantState(t, b, halfOpen)
		acquire(t, b).Done(failure)
		wantState(t, b, open)
		time.Sleep(30 * time.Second) // virtual
		first := acquire(t, b)
		fromHalfOpen.Done(failure)
		wantState(t, b, halfOpen)
		first.Done(success)
		acquire(t, b).Done(success)
		wantState(t, b, closed)
	})
}

// Closing begins a new window.
func TestClosingForgets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := basePolicy()
		p.OpenDuration = time.Second // shorter than the window
		b := newBreaker(t, p, circuitbreaker.Options{})
		trip(t, b)
		time.Sleep(time.Second) // virtual
		call(t, b, success, 0)
		call(t, b, success, 0)
		for range 3 {
			call(t, b, failure, 0)
		}
		wantState(t, b, closed)
	})
}

// Probes that hang must not keep the breaker half-open for ever.
func TestProbesThatHang(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBreaker(t, basePolicy(), circuitbreaker.Options{})
		trip(t, b)
		time.Sleep(30 * time.Second) // virtual
		first := acquire(t, b)
		time.Sleep(10 * time.Second) // virtual
		second := acquire(t, b)
		time.Sleep(30*time.Second - 1) // virtual
		wantRefusal(t, b)
		time.Sleep(time.Nanosecond) // virtual

		third, fourth := acquire(t, b), acquire(t, b)
		wantRefusal(t, b)
		first.Done(ignored) // its slot has expired: none to give back
		wantRefusal(t, b)
		third.Done(ignored)
		fifth := acquire(t, b)
		second.Done(success) // late, yet it says that the upstream works
		fifth.Done(success)
		wantState(t, b, closed)
		fourth.Done(failure)
		wantState(t, b, closed)
	})
}

func TestRefusedPolicies(t *testing.T) {
	tests := []struct {
		name  string
		spoil func(*policy.CircuitBreaker)
	}{
		{"zero value", func(p *policy.CircuitBreaker) { *p = policy.CircuitBreaker{} }},
		{"no threshold", func(p *policy.CircuitBreaker) { p.ErrorThresholdPercent = 0 }},
		{"a threshold above all", func(p *policy.CircuitBreaker) { p.ErrorThresholdPercent = 101 }},
		{"no window", func(p *policy.CircuitBreaker) { p.Window = 0 }},
		{"a window too short to divide", func(p *policy.CircuitBreaker) { p.Window = 9 }},
		{"no minimum", func(p *policy.CircuitBreaker) { p.MinimumCalls = 0 }},
		{"no open duration", func(p *policy.CircuitBreaker) { p.OpenDuration = 0 }},
		{"no probes", func(p *policy.CircuitBreaker) { p.HalfOpenCalls = 0 }},
		{"a negative slow duration", func(p *policy.CircuitBreaker) { p.SlowCallDuration = -1 }},
		{"a slow duration without threshold", func(p *policy.CircuitBreaker) { p.SlowCallThresholdPercent = 0 }},
		{"a slow threshold above all", func(p *policy.CircuitBreaker) { p.SlowCallThresholdPercent = 101 }},
		{"a slow threshold without duration", func(p *policy.CircuitBreaker) { p.SlowCallDuration = 0 }},
		{"no failures", func(p *policy.CircuitBreaker) { p.FailureStatusCodes = nil }},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			p := basePolicy()
			test.spoil(&p)
			if _, err := circuitbreaker.New(p, circuitbreaker.Options{}); err == nil {
				t.Errorf("accepted %+v", p)
			}
		})
	}
}

func TestZeroPermit(t *testing.T) {
	var permit circuitbreaker.Permit
	permit.Done(failure)
	b := newBreaker(t, basePolicy(), circuitbreaker.Options{})
	wantState(t, b, closed)
}

func TestStateLabels(t *testing.T) {
	for state, want := range map[circuitbreaker.State]string{closed: "closed", halfOpen: "half_open", open: "open", 3: "unknown"} {
		if got := state.String(); got != want {
			t.Errorf("State(%d) is %q, want %q", state, got, want)
		}
	}
}
