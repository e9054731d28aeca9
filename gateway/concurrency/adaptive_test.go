package concurrency_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/venta-hq/venta/gateway/apierror"
	"github.com/venta-hq/venta/gateway/concurrency"
	"github.com/venta-hq/venta/gateway/deadline"
	"github.com/venta-hq/venta/gateway/policy"
)

// upstream serves a number of calls at once, each in the same time, and queues
// the others without end.
type upstream struct {
	workers chan struct{}
	latency time.Duration
}

func (u *upstream) call(context.Context) error {
	u.workers <- struct{}{}
	time.Sleep(u.latency) // virtual
	<-u.workers
	return nil
}

// TestOverload offers an upstream four times what it can serve, a quarter of
// it critical. Without a limiter every call would take longer and longer.
func TestOverload(t *testing.T) {
	const (
		workers, latency = 8, 20 * time.Millisecond
		peak             = workers * int(time.Second/latency) // a second
		warmup, measured = 3 * time.Second, 5 * time.Second
		slowest          = 200 * time.Millisecond // what a client bears
	)
	for _, p := range []policy.Concurrency{
		{MaxInFlight: 2 * workers, MaxQueue: 8},
		{MaxInFlight: 1000, MaxQueue: 8, Adaptive: true},
	} {
		t.Run(fmt.Sprintf("adaptive %v", p.Adaptive), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := newLimiter(t, p, concurrency.Options{})
				u := &upstream{workers: make(chan struct{}, workers), latency: latency}
				good := map[policy.Criticality]*atomic.Int64{critical: {}, sheddable: {}}
				offered := map[policy.Criticality]int64{}
				var running sync.WaitGroup
				began := time.Now()
				send := func(c policy.Criticality) {
					start := time.Now()
					err := invoke(t.Context(), l.UnaryClientInterceptor(c), u.call)
					if err == nil && start.Sub(began) >= warmup && time.Since(start) <= slowest {
						good[c].Add(1)
					}
				}
				// A quarter of four times the peak is as much as can be served.
				for i := 0; time.Since(began) < warmup+measured; i++ {
					c := []policy.Criticality{sheddable, critical, sheddable, sheddable}[i%4]
					if time.Since(began) >= warmup {
						offered[c]++
					}
					running.Go(func() { send(c) })
					time.Sleep(time.Second / time.Duration(4*peak))
				}
				running.Wait()
				first, last := good[critical].Load(), good[sheddable].Load()
				if want := int64(peak) * int64(measured/time.Second) * 9 / 10; first+last < want {
					t.Errorf("%d calls in time, want %d; the bound is %+v", first+last, want, l.Load())
				}
				if first*10 < offered[critical]*9 {
					t.Errorf("%d of %d critical calls in time beside %d sheddable ones", first, offered[critical], last)
				}
			})
		})
	}
}

// TestNoiseIsNoLoad holds that latencies which differ from call to call, but not
// with the load, do not hold calls back.
func TestNoiseIsNoLoad(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const clients = 50
		l := newLimiter(t, policy.Concurrency{MaxInFlight: 200, MaxQueue: clients, Adaptive: true}, concurrency.Options{})
		began := time.Now()
		var running sync.WaitGroup
		for i := range clients {
			random := rand.New(rand.NewPCG(7, uint64(i)))
			running.Go(func() {
				for time.Since(began) < time.Minute {
					permit, err := l.Acquire(t.Context(), byDefault)
					if err != nil {
						t.Error(err)
						return
					}
					time.Sleep(time.Duration(random.ExpFloat64() * float64(20*time.Millisecond)))
					permit.Done(concurrency.Success)
				}
			})
		}
		time.Sleep(5 * time.Second)
		held := 0
		const looks = 1000
		for range looks {
			time.Sleep(50 * time.Millisecond)
			if l.Load().Queued > 0 {
				held++
			}
		}
		running.Wait()
		if held > looks/10 {
			t.Errorf("calls waited at %d of %d looks; the bound is %d", held, looks, l.Load().Limit)
		}
	})
}

// TestTimeoutsShrinkTheBound holds that an upstream that never responds gets few
// calls. What fails, and what the caller or the gateway ended, changes nothing.
func TestTimeoutsShrinkTheBound(t *testing.T) {
	overload := &apierror.Error{Code: 4, Reason: apierror.TimeoutExceeded, Message: "late", Cause: deadline.ErrPolicy}
	tests := []struct {
		name string
		err  error
		want func(limit int) bool
	}{
		{"timeout", overload, func(limit int) bool { return limit == 1 }},
		{"open breaker", &apierror.Error{Code: 14, Reason: apierror.CircuitOpen}, func(limit int) bool { return limit == 100 }},
		{"caller", context.Canceled, func(limit int) bool { return limit == 100 }},
		{"failure", status.Error(codes.Unavailable, "down"), func(limit int) bool { return limit == 100 }},
		{"quota", status.Error(codes.ResourceExhausted, "no more"), func(limit int) bool { return limit == 100 }},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := newLimiter(t, policy.Concurrency{MaxInFlight: 100, Adaptive: true}, concurrency.Options{})
				for range 300 {
					_ = invoke(t.Context(), l.UnaryClientInterceptor(byDefault), func(context.Context) error {
						time.Sleep(100 * time.Millisecond)
						return test.err
					})
				}
				if got := l.Load().Limit; !test.want(got) {
					t.Errorf("the bound is %d", got)
				}
			})
		})
	}
}

// TestIdleUpstreamIsNotBounded holds that the bound does not shrink where few calls
// come.
func TestIdleUpstreamIsNotBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLimiter(t, policy.Concurrency{MaxInFlight: 100, Adaptive: true}, concurrency.Options{})
		for range 10_000 {
			if err := invoke(t.Context(), l.UnaryClientInterceptor(byDefault), func(context.Context) error {
				time.Sleep(10 * time.Millisecond)
				return nil
			}); err != nil {
				t.Fatal(err)
			}
			if got := l.Load().Limit; got != 100 {
				t.Fatalf("the bound is %d", got)
			}
		}
	})
}

// TestSuccession holds that a changed policy begins with what was learnt, and that
// an override from 400 to 401 sheds nothing.
func TestSuccession(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		before := newLimiter(t, policy.Concurrency{MaxInFlight: 400, Adaptive: true}, concurrency.Options{})
		u := &upstream{workers: make(chan struct{}, 8), latency: 20 * time.Millisecond}
		var running sync.WaitGroup
		send := func(l *concurrency.Limiter, rate int, span time.Duration) (shed int64) {
			var count atomic.Int64
			for range int(span.Seconds() * float64(rate)) {
				running.Go(func() {
					if err := invoke(t.Context(), l.UnaryClientInterceptor(byDefault), u.call); err != nil {
						count.Add(1)
					}
				})
				time.Sleep(time.Second / time.Duration(rate))
			}
			running.Wait()
			return count.Load()
		}
		succeed := func(maxInFlight int) *concurrency.Limiter {
			after := newLimiter(t, policy.Concurrency{MaxInFlight: maxInFlight, Adaptive: true}, concurrency.Options{})
			after.Succeed(before)
			return after
		}
		send(before, 300, 5*time.Second)
		if shed := send(succeed(401), 300, 5*time.Second); shed > 0 {
			t.Errorf("%d calls shed of a healthy upstream", shed)
		}
		send(before, 1600, 5*time.Second)
		found := before.Load().Limit
		if found > 64 {
			t.Fatalf("the bound is %d under overload", found)
		}
		if got := succeed(401).Load().Limit; got != found {
			t.Errorf("the bound is %d, was %d", got, found)
		}
		if got := succeed(5).Load().Limit; got != 5 {
			t.Errorf("the bound is %d, of 5", got)
		}
	})
}
