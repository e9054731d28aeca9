package concurrency_test

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/venta-hq/venta/gateway/apierror"
	"github.com/venta-hq/venta/gateway/concurrency"
	"github.com/venta-hq/venta/gateway/deadline"
	"github.com/venta-hq/venta/gateway/policy"
)

// simulation is a load on an upstream behind an adaptive bound, in virtual time.
type simulation struct {
	name string
	last time.Duration
	// rate is how many calls come in a second; bursts, where set, how many come at
	// once instead, every time it is asked for and the wait until the next.
	rate   func(at time.Duration) float64
	bursts func(at time.Duration) (calls int, next time.Duration)
	// serve is the upstream. It sleeps and says what came of it.
	serve func(s *run, method string) error
	// method names a call's RPC. Default: one.
	method  func(s *run) string
	steady  bool          // calls come at equal distances, and not at random
	settled time.Duration // when what is judged begins
	// healthy tells that nothing may be shed once settled. Otherwise goodput is the
	// least number of calls a second that succeed then, and inFlight the most calls
	// that the upstream has at once.
	healthy  bool
	goodput  float64
	inFlight int
}

// run is a simulation under way.
type run struct {
	simulation
	random  *rand.Rand
	limiter *concurrency.Limiter
	began   time.Time
	workers chan struct{}

	mu       sync.Mutex
	before   outcomes // settled
	after    outcomes
	inFlight int
	most     int // once settled
}

type outcomes struct {
	good, failed, shed int
	took               []time.Duration
}

func (s *run) at() time.Duration { return time.Since(s.began) }

func (s *run) float() float64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.random.Float64()
}

func (s *run) normal() float64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.random.NormFloat64()
}

const ceiling = 1000

func simulate(t *testing.T, sim simulation, seed uint64) *run {
	s := &run{simulation: sim, random: rand.New(rand.NewPCG(3, seed))}
	synctest.Test(t, func(t *testing.T) {
		s.limiter = newLimiter(t, policy.Concurrency{MaxInFlight: ceiling, Adaptive: true}, concurrency.Options{})
		s.began, s.workers = time.Now(), make(chan struct{}, 8) // of the bubble
		var calls sync.WaitGroup
		defer calls.Wait()
		step := s.limiter.UnaryClientInterceptor(byDefault)
		for s.at() < s.last {
			many, next := s.arrive()
			for range many {
				calls.Go(func() { s.call(t.Context(), step) })
			}
			time.Sleep(next)
		}
	})
	return s
}

// arrive returns how many calls come at once, and the time until the next.
func (s *run) arrive() (calls int, next time.Duration) {
	if s.bursts != nil {
		return s.bursts(s.at())
	}
	return 1, s.between()
}

func (s *run) between() time.Duration {
	mean := float64(time.Second) / s.rate(s.at())
	if s.steady {
		return time.Duration(mean)
	}
	return time.Duration(-math.Log(1-s.float()) * mean)
}

func (s *run) call(ctx context.Context, step grpc.UnaryClientInterceptor) {
	method, began := "/shop.v1.OrderService/GetOrder", s.at()
	if s.method != nil {
		method = s.method(s)
	}
	err := step(ctx, method, nil, nil, nil, func(context.Context, string, any, any, *grpc.ClientConn, ...grpc.CallOption) error {
		s.enter(1)
		defer s.enter(-1)
		return s.serve(s, method)
	})
	s.mu.Lock()
	defer s.mu.Unlock()
	o := &s.after
	if began < s.settled {
		o = &s.before
	}
	switch {
	case err == nil:
		o.good++
		o.took = append(o.took, s.at()-began)
	case apierror.Refused(err):
		o.shed++
	default:
		o.failed++
	}
}

func (s *run) enter(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.inFlight += n; s.at() >= s.settled {
		s.most = max(s.most, s.inFlight)
	}
}

// sleep is an upstream that serves any number at once.
func sleep(d time.Duration) error { time.Sleep(d); return nil }

// work is an upstream that serves as many at once as there are workers.
func (s *run) work(d time.Duration) error {
	s.workers <- struct{}{}
	defer func() { <-s.workers }()
	return sleep(d)
}

func constant(rate float64) func(time.Duration) float64 {
	return func(time.Duration) float64 { return rate }
}

// from changes a number at a moment.
func from(moment time.Duration, before, after float64) func(time.Duration) float64 {
	return func(at time.Duration) float64 {
		if at < moment {
			return before
		}
		return after
	}
}

var errBroken = status.Error(codes.Unavailable, "broken")

func late() error {
	return &apierror.Error{Code: codes.DeadlineExceeded, Reason: apierror.TimeoutExceeded, Cause: fmt.Errorf("%w", deadline.ErrPolicy)}
}

const base = 50 * time.Millisecond

// stretched is base times a factor.
func stretched(factor float64) time.Duration { return time.Duration(factor * float64(base)) }

var healthySimulations = []simulation{
	{name: "healthy, 5 in flight", rate: constant(100), serve: func(*run, string) error { return sleep(base) }},
	{name: "healthy, equal distances", steady: true, rate: constant(100), serve: func(*run, string) error { return sleep(base) }},
	{name: "15 % fail at once", rate: constant(100), serve: func(s *run, _ string) error {
		if s.float() < 0.15 {
			return errBroken
		}
		return sleep(base)
	}},
	{name: "15 % fail as slowly as others succeed", rate: constant(100), serve: func(s *run, _ string) error {
		if err := sleep(base); s.float() >= 0.15 {
			return err
		}
		return errBroken
	}},
	{name: "15 % time out after 1 s", rate: constant(100), serve: func(s *run, _ string) error {
		if s.float() < 0.15 {
			time.Sleep(time.Second)
			return late()
		}
		return sleep(base)
	}},
	{name: "bursts of 500", bursts: func(time.Duration) (int, time.Duration) { return 500, 10 * time.Second },
		serve: func(*run, string) error { return sleep(base) }},
	{name: "5 in flight, then a burst of 500", bursts: func(at time.Duration) (int, time.Duration) {
		if int(at/(10*time.Millisecond))%1000 == 999 {
			return 500, 10 * time.Millisecond
		}
		return 1, 10 * time.Millisecond
	}, serve: func(*run, string) error { return sleep(base) }},
	{name: "the load grows fifty times at once", last: 20 * time.Second, rate: from(10*time.Second, 100, 5000),
		serve: func(*run, string) error { return sleep(base) }},
	{name: "exponential latencies", rate: constant(200),
		serve: func(s *run, _ string) error { return sleep(stretched(-math.Log(1 - s.float()))) }},
	{name: "heavy tail (log-normal, sigma 1.5)", rate: constant(200),
		serve: func(s *run, _ string) error { return sleep(stretched(math.Exp(1.5 * s.normal()))) }},
	{name: "heavy tail (Pareto, alpha 1.1)", rate: constant(200),
		serve: func(s *run, _ string) error { return sleep(stretched(min(math.Pow(1-s.float(), -1/1.1), 200))) }},
	{name: "slower by and by, five times in a minute", rate: constant(100), serve: func(s *run, _ string) error {
		return sleep(stretched(1 + 4*min(1, s.at().Minutes())))
	}},
	{name: "slower for good, three times", rate: constant(100),
		serve: func(s *run, _ string) error { return sleep(stretched(from(30*time.Second, 1, 3)(s.at()))) }},
	{name: "slower for good, ten times", rate: constant(100),
		serve: func(s *run, _ string) error { return sleep(stretched(from(30*time.Second, 1, 10)(s.at()))) }},
	{name: "slower for good, five times, at 2000 a second", last: 20 * time.Second, rate: constant(2000),
		serve: func(s *run, _ string) error { return sleep(stretched(from(10*time.Second, 1, 5)(s.at()))) }},
	{name: "slower for good, equal distances", steady: true, rate: constant(100),
		serve: func(s *run, _ string) error { return sleep(stretched(from(30*time.Second, 1, 3)(s.at()))) }},
	{name: "a pause of 300 ms every 10 s", rate: constant(200), serve: func(s *run, _ string) error {
		if into := s.at() % (10 * time.Second); s.at() > 10*time.Second && into < 300*time.Millisecond {
			time.Sleep(300*time.Millisecond - into)
		}
		return sleep(base)
	}},
	{name: "the RPCs' shares change", rate: constant(500), method: func(s *run) string {
		if s.float() < from(30*time.Second, 0.95, 0.3)(s.at()) {
			return "/shop.v1.OrderService/GetOrder"
		}
		return "/shop.v1.OrderService/ListOrders"
	}, serve: func(_ *run, method string) error {
		if strings.HasSuffix(method, "ListOrders") {
			return sleep(8 * base)
		}
		return sleep(base / 10)
	}},
	{name: "after an overload of 10 s", rate: func(at time.Duration) float64 {
		if at > 20*time.Second && at < 30*time.Second {
			return 640
		}
		return 100
	}, settled: 32 * time.Second, serve: func(s *run, _ string) error { return s.work(base) }},
	{name: "after a hang of 10 s", rate: constant(100), settled: 35 * time.Second, serve: func(s *run, _ string) error {
		if s.at() > 20*time.Second && s.at() < 30*time.Second {
			time.Sleep(time.Second)
			return late()
		}
		return s.work(base)
	}},
	{name: "one RPC's requests become dearer", rate: constant(500), serve: func(s *run, _ string) error {
		if s.float() < from(30*time.Second, 0.95, 0.3)(s.at()) {
			return sleep(base / 10)
		}
		return sleep(8 * base)
	}},
}

var overloadSimulations = []simulation{ // 8 workers, 160 a second
	{name: "4x overload from the first call", rate: constant(640), settled: 3 * time.Second,
		serve: func(s *run, _ string) error { return s.work(base) }, goodput: 152, inFlight: 64},
	{name: "75 %, then 4x", rate: from(30*time.Second, 120, 640), settled: 33 * time.Second,
		serve: func(s *run, _ string) error { return s.work(base) }, goodput: 152, inFlight: 64},
	{name: "75 %, then 1.2x", rate: from(30*time.Second, 120, 192), settled: 40 * time.Second,
		serve: func(s *run, _ string) error { return s.work(base) }, goodput: 152, inFlight: 128},
	{name: "75 %, then workers half as fast", rate: constant(120), settled: 40 * time.Second,
		serve:   func(s *run, _ string) error { return s.work(stretched(from(30*time.Second, 1, 2)(s.at()))) },
		goodput: 76, inFlight: 96},
	{name: "4x of exponential work", rate: constant(640), settled: 5 * time.Second,
		serve:   func(s *run, _ string) error { return s.work(stretched(-math.Log(1 - s.float()))) },
		goodput: 150, inFlight: 400},
	{name: "4x and 15 % fail at once", rate: constant(640), settled: 5 * time.Second, serve: func(s *run, _ string) error {
		if s.float() < 0.15 {
			return errBroken
		}
		return s.work(base)
	}, goodput: 150, inFlight: 64},
	{name: "it hangs (time-outs after 1 s)", rate: constant(120), settled: 35 * time.Second, last: time.Minute,
		serve: func(s *run, _ string) error {
			if s.at() > 30*time.Second {
				time.Sleep(time.Second)
				return late()
			}
			return s.work(base)
		}, inFlight: 20},
}

// TestSimulations holds that an upstream that keeps up gets every call, whatever
// fails and however long it takes, and one that does not gets as many as it bears.
// With -v it prints the table of docs/decisions.
func TestSimulations(t *testing.T) {
	rows := []string{"| load | calls | shed while it is found out | shed then | succeed of those that could | half within | most in flight |", "|---|---|---|---|---|---|---|"}
	for _, sim := range append(healthyOnes(), overloadSimulations...) {
		if sim.last == 0 {
			sim.last = time.Minute
		}
		t.Run(sim.name, func(t *testing.T) {
			for seed := range uint64(3) {
				s := simulate(t, sim, seed)
				if seed == 0 {
					rows = append(rows, s.row())
				}
				s.judge(t)
			}
		})
	}
	t.Logf("\n%s", strings.Join(rows, "\n"))
}

func healthyOnes() []simulation {
	ones := slices.Clone(healthySimulations)
	for i := range ones {
		ones[i].healthy = true
	}
	return ones
}

func (s *run) row() string {
	slices.Sort(s.after.took)
	half := time.Duration(0)
	if n := len(s.after.took); n > 0 {
		half = s.after.took[n/2]
	}
	offered := s.after.good + s.after.failed + s.after.shed
	return fmt.Sprintf("| %s | %d | %d | %d | %.1f %% | %s | %d |", s.name, offered, s.before.shed, s.after.shed,
		100*float64(s.after.good)/float64(max(s.after.good+s.after.shed, 1)), half.Round(time.Millisecond), s.most)
}

func (s *run) judge(t *testing.T) {
	if s.healthy {
		if s.after.shed > 0 {
			t.Errorf("%d calls shed of %d that could succeed", s.after.shed, s.after.good+s.after.shed)
		}
		return
	}
	if rate := float64(s.after.good) / (s.last - s.settled).Seconds(); rate < s.goodput {
		t.Errorf("%.1f calls a second succeed, want %.1f", rate, s.goodput)
	}
	if s.most > s.simulation.inFlight {
		t.Errorf("%d calls in flight, want %d", s.most, s.simulation.inFlight)
	}
	if s.after.shed == 0 {
		t.Error("nothing was shed")
	}
}
