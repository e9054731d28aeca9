package concurrency_test

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/venta-hq/venta/gateway/concurrency"
	"github.com/venta-hq/venta/gateway/policy"
)

// step is a load that becomes four times as much at one moment.
type step struct {
	workers  int           // of the upstream
	before   time.Duration // the moment
	after    time.Duration
	random   *rand.Rand
	limiter  *concurrency.Limiter
	upstream *upstream

	mostLate, shed, late atomic.Int64 // calls in flight, late; calls shed in all, and late
}

// The load before the step is what stepWorkers serve, each in stepService.
const (
	stepWorkers = 8
	stepService = 80 * time.Millisecond
)

func newStep(t *testing.T, seed uint64, workers int) *step {
	return &step{
		workers: workers, before: 3*time.Second + time.Duration(seed)*7*time.Millisecond, after: 5 * time.Second,
		random:   rand.New(rand.NewPCG(11, seed)),
		limiter:  newLimiter(t, policy.Concurrency{MaxInFlight: 200, MaxQueue: 20, Adaptive: true}, concurrency.Options{}),
		upstream: &upstream{workers: make(chan struct{}, workers), latency: stepService},
	}
}

// run sends calls at times that stray, so that they come in small bursts.
func (s *step) run(t *testing.T) {
	var running sync.WaitGroup
	defer running.Wait()
	began := time.Now()
	for due := time.Duration(0); due < s.before+s.after; {
		between := stepService / stepWorkers
		if due >= s.before {
			between /= 4
		}
		stray := time.Duration(s.random.Int64N(4 * int64(between)))
		time.Sleep(time.Until(began.Add(due)))
		running.Go(func() {
			time.Sleep(stray)
			s.call(t, time.Since(began) > s.before+s.after/2)
		})
		due += between
	}
}

func (s *step) call(t *testing.T, late bool) {
	permit, err := s.limiter.Acquire(t.Context(), byDefault)
	if err != nil {
		s.shed.Add(1)
		if late {
			s.late.Add(1)
		}
		return
	}
	if n := int64(s.limiter.Load().InFlight); late && n > s.mostLate.Load() {
		s.mostLate.Store(n)
	}
	_ = s.upstream.call(t.Context())
	permit.Done(concurrency.Success)
}

// TestStepIsHeld holds that the bound is found within two seconds, wherever in a
// span the load steps up. Until then calls pile up: their number alone is no sign
// that the upstream does not keep up.
func TestStepIsHeld(t *testing.T) {
	for seed := range uint64(30) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newStep(t, seed, stepWorkers)
				s.run(t)
				if most := s.mostLate.Load(); most > 6*stepWorkers {
					t.Errorf("%d calls in flight for %d workers", most, stepWorkers)
				}
				if s.shed.Load() == 0 {
					t.Error("nothing was shed: the load was no overload")
				}
			})
		})
	}
}

// TestStepIsFollowed holds that an upstream that can do more soon gets more.
func TestStepIsFollowed(t *testing.T) {
	for seed := range uint64(30) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newStep(t, seed, 8*stepWorkers)
				s.run(t)
				if late := s.late.Load(); late > 0 {
					t.Errorf("%d calls shed at last; the bound is %+v", late, s.limiter.Load())
				}
			})
		})
	}
}

// TestBurstsAreFollowed holds that the time between bursts does not count as
// that of a slow upstream.
func TestBurstsAreFollowed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const burst = 40
		l := newLimiter(t, policy.Concurrency{MaxInFlight: 200, MaxQueue: burst, Adaptive: true}, concurrency.Options{})
		var running sync.WaitGroup
		defer running.Wait()
		for range 10 {
			for range burst {
				running.Go(func() {
					permit, err := l.Acquire(t.Context(), byDefault)
					if err != nil {
						t.Error(err)
						return
					}
					time.Sleep(stepService)
					permit.Done(concurrency.Success)
				})
			}
			time.Sleep(time.Minute)
		}
		if got := l.Load().Limit; got < burst {
			t.Errorf("the bound is %d, of bursts of %d", got, burst)
		}
	})
}
