package retry_test

import (
	"context"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
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
	"github.com/venta-hq/venta/gateway/deadline"
	"github.com/venta-hq/venta/gateway/policy"
	"github.com/venta-hq/venta/gateway/retry"
)

func hedgePolicy(attempts int, delay time.Duration) policy.Hedge {
	return policy.Hedge{
		Delay: delay, MaxAttempts: attempts, NonFatalStatusCodes: []codes.Code{codes.Unavailable},
		Budget: policy.RetryBudget{Percent: 100, MinPerSecond: 1000},
	}
}

// lane is what a scripted upstream does with attempts that run side by side:
// each writes its number into its reply, its header and its trailer.
type lane struct {
	responses []response
	deaf      int // the attempt that does not heed its cancellation; 0: none
	act       func(attempt int)

	mu        sync.Mutex
	began     time.Time
	starts    []time.Duration
	cancelled []int
	returned  int
}

func newLane(responses ...response) *lane { return &lane{responses: responses, began: time.Now()} }

func (l *lane) invoke(ctx context.Context, _ string, _, reply any, _ *grpc.ClientConn, opts ...grpc.CallOption) error {
	number := 1
	if md, _ := metadata.FromOutgoingContext(ctx); md.Get("grpc-previous-rpc-attempts") != nil {
		previous, err := strconv.Atoi(md.Get("grpc-previous-rpc-attempts")[0])
		if err != nil {
			return err
		}
		number = previous + 1
	}
	a := l.responses[number-1]
	l.note(func() { l.starts = append(l.starts, time.Since(l.began)) })
	defer l.note(func() { l.returned++ })
	done := ctx.Done()
	if number == l.deaf {
		done = nil
	}
	if l.act != nil {
		l.act(number)
	}
	select {
	case <-time.After(a.after):
	case <-done:
		l.note(func() { l.cancelled = append(l.cancelled, number) })
		return status.FromContextError(ctx.Err()).Err()
	}
	mark := metadata.Pairs("attempt", strconv.Itoa(number))
	trailer := mark.Copy()
	if a.pushback != nil {
		trailer["grpc-retry-pushback-ms"] = a.pushback
	}
	fill(opts, mark, trailer)
	reply.(*healthpb.HealthCheckResponse).Status = healthpb.HealthCheckResponse_ServingStatus(number)
	if a.err != nil {
		return a.err
	}
	return status.Error(a.code, a.code.String())
}

func (l *lane) note(f func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	f()
}

// outcome is what the caller of a hedged call sees.
type outcome struct {
	Code    codes.Code
	Winner  int // by the reply; 0: none was delivered
	Header  string
	Trailer string
	Took    time.Duration
}

func call(ctx context.Context, step grpc.UnaryClientInterceptor, l *lane) (outcome, error) {
	var header, trailer metadata.MD
	reply := &healthpb.HealthCheckResponse{}
	began := time.Now()
	err := step(ctx, method, nil, reply, nil, l.invoke, grpc.Header(&header), grpc.Trailer(&trailer))
	first := func(values []string) string {
		if len(values) == 0 {
			return ""
		}
		return values[0]
	}
	return outcome{
		Code: status.Code(err), Winner: int(reply.GetStatus()), Took: time.Since(began),
		Header: first(header.Get("attempt")), Trailer: first(trailer.Get("attempt")),
	}, err
}

func newHedge(t testing.TB, p policy.Hedge, o retry.HedgeOptions) grpc.UnaryClientInterceptor {
	t.Helper()
	step, err := retry.NewHedge(p, o)
	if err != nil {
		t.Fatal(err)
	}
	return step
}

// TestHedge follows the text of A6, "Hedging policy" and "Pushback".
func TestHedge(t *testing.T) {
	const delay = 10 * ms
	ok := func(after time.Duration) response { return response{code: codes.OK, after: after} }
	down := func(after time.Duration, pushback ...string) response {
		return response{code: codes.Unavailable, after: after, pushback: pushback}
	}
	open := response{err: &apierror.Error{Code: codes.Unavailable, Reason: apierror.CircuitOpen}}
	tests := []struct {
		name      string
		responses []response
		delay     time.Duration
		timeout   time.Duration
		want      outcome
		starts    []time.Duration
		left      []int // the attempts that were cancelled
	}{
		{"in time", []response{ok(9 * ms)}, delay, 0, outcome{codes.OK, 1, "1", "1", 9 * ms}, []time.Duration{0}, nil},
		{"the second is faster", []response{ok(50 * ms), ok(5 * ms)}, delay, 0,
			outcome{codes.OK, 2, "2", "2", 15 * ms}, []time.Duration{0, 10 * ms}, []int{1}},
		{"the first is faster", []response{ok(12 * ms), ok(5 * ms)}, delay, 0,
			outcome{codes.OK, 1, "1", "1", 12 * ms}, []time.Duration{0, 10 * ms}, []int{2}},
		{"no more than the most", []response{ok(50 * ms), ok(50 * ms), ok(45 * ms)}, delay, 0,
			outcome{codes.OK, 1, "1", "1", 50 * ms}, []time.Duration{0, 10 * ms, 20 * ms}, []int{2, 3}},
		{"a failure sends the next at once and shifts the schedule", []response{down(3 * ms), ok(50 * ms), ok(1 * ms)}, delay, 0,
			outcome{codes.OK, 3, "3", "3", 14 * ms}, []time.Duration{0, 3 * ms, 13 * ms}, []int{2}},
		{"a fatal failure is the response", []response{ok(50 * ms), {code: codes.NotFound, after: 1 * ms}}, delay, 0,
			outcome{codes.NotFound, 0, "2", "2", 11 * ms}, []time.Duration{0, 10 * ms}, []int{1}},
		{"all fail", []response{down(1 * ms), down(1 * ms), down(1 * ms)}, delay, 0,
			outcome{codes.Unavailable, 0, "3", "3", 3 * ms}, []time.Duration{0, 1 * ms, 2 * ms}, nil},
		{"the last that runs may still respond", []response{ok(50 * ms), down(1 * ms), down(1 * ms)}, delay, 0,
			outcome{codes.OK, 1, "1", "1", 50 * ms}, []time.Duration{0, 10 * ms, 11 * ms}, nil},
		{"all at once", []response{ok(5 * ms), ok(3 * ms), ok(4 * ms)}, 0, 0,
			outcome{codes.OK, 2, "2", "2", 3 * ms}, []time.Duration{0, 0, 0}, []int{1, 3}},
		{"pushed back", []response{down(1*ms, "-1"), ok(1 * ms)}, delay, 0,
			outcome{codes.Unavailable, 0, "1", "1", 1 * ms}, []time.Duration{0}, nil},
		{"pushed back while another runs", []response{ok(50 * ms), down(1*ms, "-1"), ok(1 * ms)}, delay, 0,
			outcome{codes.OK, 1, "1", "1", 50 * ms}, []time.Duration{0, 10 * ms}, nil},
		{"pushed back, and the other fails", []response{down(20 * ms), down(1*ms, "-1"), ok(1 * ms)}, delay, 0,
			outcome{codes.Unavailable, 0, "1", "1", 20 * ms}, []time.Duration{0, 10 * ms}, nil},
		{"pushed back unreadably", []response{down(1*ms, "soon"), ok(1 * ms)}, delay, 0,
			outcome{codes.Unavailable, 0, "1", "1", 1 * ms}, []time.Duration{0}, nil},
		{"told to wait", []response{down(1*ms, "30"), ok(50 * ms), ok(1 * ms)}, delay, 0,
			outcome{codes.OK, 3, "3", "3", 42 * ms}, []time.Duration{0, 31 * ms, 41 * ms}, []int{2}},
		{"told to come at once", []response{down(1*ms, "0"), ok(1 * ms)}, delay, 0,
			outcome{codes.OK, 2, "2", "2", 2 * ms}, []time.Duration{0, 1 * ms}, nil},
		{"told to wait for too long", []response{down(1*ms, "30"), ok(1 * ms)}, delay, 20 * ms,
			outcome{codes.Unavailable, 0, "1", "1", 1 * ms}, []time.Duration{0}, nil},
		{"refused by the breaker", []response{open}, delay, 0,
			outcome{codes.Unavailable, 0, "1", "1", 0}, []time.Duration{0}, nil},
		{"the breaker refuses a hedge", []response{ok(50 * ms), open, ok(1 * ms)}, delay, 0,
			outcome{codes.OK, 1, "1", "1", 50 * ms}, []time.Duration{0, 10 * ms}, nil},
		{"the caller leaves", []response{ok(50 * ms), ok(50 * ms), ok(50 * ms)}, delay, 15 * ms,
			outcome{codes.DeadlineExceeded, 0, "", "", 15 * ms}, []time.Duration{0, 10 * ms}, []int{1, 2}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx := t.Context()
				if test.timeout > 0 {
					var cancel context.CancelFunc
					ctx, cancel = context.WithTimeout(ctx, test.timeout)
					defer cancel()
				}
				l := newLane(test.responses...)
				replies := &countedReplies{}
				got, _ := call(ctx, newHedge(t, hedgePolicy(3, test.delay), retry.HedgeOptions{Replies: replies}), l)
				synctest.Wait() // the bubble ends only when all goroutines have
				if diff := cmp.Diff(test.want, got); diff != "" {
					t.Errorf("outcome (-want +got):\n%s", diff)
				}
				if diff := cmp.Diff(test.starts, l.starts); diff != "" {
					t.Errorf("starts (-want +got):\n%s", diff)
				}
				if diff := cmp.Diff(test.left, sorted(l.cancelled)); diff != "" {
					t.Errorf("cancelled (-want +got):\n%s", diff)
				}
				replies.check(t)
			})
		})
	}
}

// TestHedgeBudget holds that calls share the budget, and that a call without
// room in it still has its first attempt.
func TestHedgeBudget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := hedgePolicy(3, 10*ms)
		p.Budget = policy.RetryBudget{Percent: 1, MinPerSecond: 1}
		var verdicts []retry.Verdict
		step := newHedge(t, p, retry.HedgeOptions{OnAttempt: func(_ context.Context, a retry.Attempt) { verdicts = append(verdicts, a.Verdict) }})
		slow := []response{{code: codes.OK, after: 50 * ms}, {code: codes.Unavailable, after: 1 * ms}, {code: codes.OK}}
		l := newLane(slow...)
		for range 2 {
			if got, err := call(t.Context(), step, l); err != nil || got.Winner != 1 {
				t.Errorf("%+v, %v", got, err)
			}
		}
		if diff := cmp.Diff([]time.Duration{0, 10 * ms, 50 * ms}, l.starts); diff != "" {
			t.Errorf("one attempt is free in a second (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff([]retry.Verdict{retry.OverBudget, retry.Final, retry.Final}, verdicts); diff != "" {
			t.Errorf("verdicts (-want +got):\n%s", diff)
		}
	})
}

// TestDeafLoser holds that an attempt that ignores its cancellation neither
// delays the response nor writes to the caller's memory.
func TestDeafLoser(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLane(response{code: codes.OK, after: time.Second}, response{code: codes.OK, after: 1 * ms})
		l.deaf = 1
		replies := &countedReplies{}
		var mu sync.Mutex
		var told []retry.Attempt
		step := newHedge(t, hedgePolicy(2, 10*ms), retry.HedgeOptions{Replies: replies, OnAttempt: func(_ context.Context, a retry.Attempt) {
			mu.Lock()
			defer mu.Unlock()
			told = append(told, a)
		}})
		var header, trailer metadata.MD
		reply := &healthpb.HealthCheckResponse{}
		if err := step(t.Context(), method, nil, reply, nil, l.invoke, grpc.Header(&header), grpc.Trailer(&trailer)); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(l.began); took != 11*ms {
			t.Errorf("responded after %s", took)
		}
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if l.returned != 2 || reply.GetStatus() != 2 || header.Get("attempt")[0] != "2" || trailer.Get("attempt")[0] != "2" {
			t.Errorf("%d returned; %v %v %v", l.returned, reply, header, trailer)
		}
		replies.check(t)
		mu.Lock()
		defer mu.Unlock()
		want := []retry.Attempt{
			{Method: method, Number: 2, Code: codes.OK, Verdict: retry.Final},
			{Method: method, Number: 1, Code: codes.OK, Verdict: retry.Lost},
		}
		if diff := cmp.Diff(want, told); diff != "" {
			t.Errorf("told (-want +got):\n%s", diff)
		}
	})
}

// TestAttemptThatBreaks holds that an attempt which panics or ends its goroutine
// is a failed one, and nothing waits for it.
func TestAttemptThatBreaks(t *testing.T) {
	for name, act := range map[string]func(){"panic": func() { panic("boom") }, "goexit": runtime.Goexit} {
		for _, breaks := range []int{1, 2} {
			t.Run(name+strconv.Itoa(breaks), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					l := newLane(response{code: codes.OK, after: 50 * ms}, response{code: codes.OK, after: 50 * ms})
					l.act = func(attempt int) {
						if attempt == breaks {
							act()
						}
					}
					replies := &countedReplies{}
					got, err := call(t.Context(), newHedge(t, hedgePolicy(2, 10*ms), retry.HedgeOptions{Replies: replies}), l)
					own := apierror.As(err)
					if got.Code != codes.Internal || own == nil || own.Cause == nil || own.Message == own.Cause.Error() {
						t.Errorf("%+v %v", got, err)
					}
					synctest.Wait()
					replies.check(t)
				})
			})
		}
	}
}

// TestNothingIsSentForNobody holds that a failure which comes with the end of the
// call's context sends no further attempt, whichever is seen first.
func TestNothingIsSentForNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		step := newHedge(t, hedgePolicy(2, time.Hour), retry.HedgeOptions{})
		for range 100 {
			ctx, cancel := context.WithCancel(t.Context())
			var attempts atomic.Int64
			err := step(ctx, method, nil, &healthpb.HealthCheckResponse{}, nil,
				func(context.Context, string, any, any, *grpc.ClientConn, ...grpc.CallOption) error {
					attempts.Add(1)
					cancel()
					return status.Error(codes.Unavailable, "down")
				})
			synctest.Wait()
			if code := status.Code(err); attempts.Load() != 1 || code != codes.Unavailable && code != codes.Canceled {
				t.Fatalf("%v after %d attempts", err, attempts.Load())
			}
		}
	})
}

// TestLoserIsNoFailure holds what a circuit breaker inside goes by: a cancelled
// attempt was ended by its caller.
func TestLoserIsNoFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := deadline.WithPolicy(t.Context(), time.Second)
		defer cancel()
		var byCaller bool
		step := newHedge(t, hedgePolicy(2, 10*ms), retry.HedgeOptions{})
		l := newLane(response{code: codes.OK, after: 50 * ms}, response{code: codes.OK, after: 1 * ms})
		err := step(ctx, method, nil, &healthpb.HealthCheckResponse{}, nil,
			func(ctx context.Context, m string, req, reply any, cc *grpc.ClientConn, opts ...grpc.CallOption) error {
				err := l.invoke(ctx, m, req, reply, cc, opts...)
				if err != nil {
					byCaller = deadline.EndedByCaller(ctx, status.Code(err))
				}
				return err
			})
		synctest.Wait()
		if err != nil || !byCaller {
			t.Errorf("%v, ended by the caller: %v", err, byCaller)
		}
	})
}

func TestNewHedgeRefuses(t *testing.T) {
	for name, change := range map[string]func(*policy.Hedge){
		"one attempt":    func(p *policy.Hedge) { p.MaxAttempts = 1 },
		"negative delay": func(p *policy.Hedge) { p.Delay = -1 },
		"no status":      func(p *policy.Hedge) { p.NonFatalStatusCodes = nil },
		"no budget":      func(p *policy.Hedge) { p.Budget = policy.RetryBudget{} },
	} {
		p := hedgePolicy(2, 0)
		change(&p)
		if _, err := retry.NewHedge(p, retry.HedgeOptions{}); err == nil {
			t.Errorf("%s is accepted", name)
		}
	}
}

func TestHedgeNeedsAReply(t *testing.T) {
	l := newLane()
	err := newHedge(t, hedgePolicy(2, 0), retry.HedgeOptions{})(t.Context(), method, nil, "no message", nil, l.invoke)
	if status.Code(err) != codes.Internal || len(l.starts) != 0 {
		t.Errorf("%v after %d attempts", err, len(l.starts))
	}
}
