package concurrency_test

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"pgregory.net/rapid"

	"github.com/venta-hq/venta/gateway/apierror"
	"github.com/venta-hq/venta/gateway/concurrency"
	"github.com/venta-hq/venta/gateway/policy"
)

const (
	critical  = policy.CriticalityCritical
	byDefault = policy.CriticalityDefault
	sheddable = policy.CriticalitySheddable
)

// fate is what became of a call.
type fate string

const (
	waiting fate = "waiting"
	running fate = "running"
	done    fate = "done"
	shed    fate = "shed"
	left    fate = "left"
)

// modelCall is a call as the documentation describes it.
type modelCall struct {
	fate    fate
	rank    int
	came    time.Duration
	expires time.Duration // when its context ends; 0: never
}

// model is the limiter without counters and queues: it looks at all calls.
type model struct {
	policy  policy.Concurrency
	maxWait time.Duration
	now     time.Duration
	calls   []*modelCall
}

func (m *model) count(f fate) (n int) {
	for _, c := range m.calls {
		if c.fate == f {
			n++
		}
	}
	return n
}

// first returns the waiting call that comes first in the order.
func (m *model) first(order func(a, b *modelCall) int) *modelCall {
	var waits []*modelCall
	for _, c := range m.calls { // in the order of their coming
		if c.fate == waiting {
			waits = append(waits, c)
		}
	}
	if len(waits) == 0 {
		return nil
	}
	return slices.MinFunc(waits, order)
}

// room is what a call may find taken: without a queue less, where more critical
// ones have come within ten seconds.
func (m *model) room(rank int) int {
	share := 100
	for _, c := range m.calls {
		if m.policy.MaxQueue == 0 && c.rank < rank && m.now-c.came <= 10*time.Second {
			share = min(share, []int{100, 75, 50}[rank-c.rank])
		}
	}
	return max(m.policy.MaxInFlight*share/100, 1)
}

func (m *model) arrive(rank int, patience time.Duration) {
	c := &modelCall{fate: waiting, rank: rank, came: m.now}
	if patience > 0 {
		c.expires = m.now + patience
	}
	switch leastCritical := m.first(func(a, b *modelCall) int {
		return cmp.Or(b.rank-a.rank, slices.Index(m.calls, b)-slices.Index(m.calls, a))
	}); {
	case m.count(running) < m.room(rank):
		c.fate = running
	case m.count(waiting) < m.policy.MaxQueue:
	case leastCritical != nil && leastCritical.rank > rank:
		leastCritical.fate = shed
	default:
		c.fate = shed
	}
	m.calls = append(m.calls, c)
}

func (m *model) end(i int) {
	m.calls[i].fate = done
	next := m.first(func(a, b *modelCall) int { return a.rank - b.rank })
	if next != nil {
		next.fate = running
	}
}

func (m *model) sleep(d time.Duration) {
	m.now += d
	for _, c := range m.calls {
		gone := c.expires > 0 && c.expires <= m.now
		switch {
		case c.fate != waiting:
		case gone && c.expires <= c.came+m.maxWait:
			c.fate = left
		case c.came+m.maxWait <= m.now:
			c.fate = shed
		}
	}
}

// event is a sleep, an arrival, an end or a departure of some call.
type event struct {
	Kind     string
	Which    int // of the calls it can happen to, modulo their number
	Rank     int
	Patience time.Duration
}

func drawEvent(t *rapid.T) event {
	return event{
		Kind:     rapid.SampledFrom([]string{"arrive", "arrive", "arrive", "end", "end", "leave", "sleep"}).Draw(t, "kind"),
		Which:    rapid.IntRange(0, 99).Draw(t, "which"),
		Rank:     rapid.IntRange(0, 2).Draw(t, "rank"),
		Patience: time.Duration(rapid.IntRange(-20, 12).Draw(t, "patience")) * 10 * time.Millisecond,
	}
}

// call is a real one.
type call struct {
	is     atomic.Value // its fate
	cancel context.CancelFunc
	end    chan struct{}
}

func newCall() *call {
	c := &call{end: make(chan struct{})}
	c.is.Store(waiting)
	return c
}

func (c *call) fate() fate { return c.is.Load().(fate) }

func TestModel(t *testing.T) {
	visits := map[fate]int{}
	rapid.Check(t, func(rt *rapid.T) {
		p := policy.Concurrency{
			MaxInFlight: rapid.IntRange(1, 4).Draw(rt, "places"),
			MaxQueue:    rapid.IntRange(0, 4).Draw(rt, "queue"),
		}
		events := rapid.SliceOfN(rapid.Custom(drawEvent), 50, 100).Draw(rt, "events")
		var fault string
		synctest.Test(t, func(t *testing.T) { fault = compare(t, p, events, visits) })
		if fault != "" {
			rt.Fatal(fault)
		}
	})
	for _, f := range []fate{waiting, running, done, shed, left} {
		if visits[f] == 0 {
			t.Errorf("no call was ever %s", f)
		}
	}
}

// compare runs the events through a limiter and the model and says where they
// first differ.
func compare(t *testing.T, p policy.Concurrency, events []event, visits map[fate]int) string {
	const maxWait = 95 * time.Millisecond // never at the moment of another event
	m := &model{policy: p, maxWait: maxWait}
	l := newLimiter(t, p, concurrency.Options{MaxWait: maxWait})
	var calls []*call
	for i, e := range events {
		switch e.Kind {
		case "sleep":
			d := time.Duration(e.Which%5+1) * 10 * time.Millisecond
			time.Sleep(d) // virtual
			m.sleep(d)
		case "arrive":
			c := newCall()
			calls = append(calls, c)
			start(t, l, c, []policy.Criticality{critical, byDefault, sheddable}[e.Rank], e.Patience)
			m.arrive(e.Rank, e.Patience)
		case "end":
			if j := pick(m, running, e.Which); j >= 0 {
				close(calls[j].end)
				m.end(j)
			}
		case "leave":
			if j := pick(m, waiting, e.Which); j >= 0 {
				calls[j].cancel()
				m.calls[j].fate = left
			}
		}
		synctest.Wait()
		load := concurrency.Load{Limit: p.MaxInFlight, InFlight: m.count(running), Queued: m.count(waiting)}
		if got := l.Load(); got != load {
			return fmt.Sprintf("event %d %+v: %+v, model %+v", i, e, got, load)
		}
		for j, c := range calls {
			visits[c.fate()]++
			if c.fate() != m.calls[j].fate {
				return fmt.Sprintf("event %d %+v: call %d is %s, model %s", i, e, j, c.fate(), m.calls[j].fate)
			}
		}
	}
	for _, c := range calls { // none is left behind in the bubble
		c.cancel()
	}
	synctest.Wait()
	for _, c := range calls {
		if c.fate() == running {
			close(c.end)
		}
	}
	synctest.Wait()
	if got := l.Load(); got.InFlight != 0 || got.Queued != 0 {
		return fmt.Sprintf("%+v after all calls have ended", got)
	}
	return ""
}

// start runs a call until its end is closed.
func start(t *testing.T, l *concurrency.Limiter, c *call, criticality policy.Criticality, patience time.Duration) {
	ctx, cancel := context.WithCancel(context.Background())
	if patience > 0 {
		ctx, cancel = context.WithTimeout(context.Background(), patience)
	}
	c.cancel = cancel
	go func() {
		permit, err := l.Acquire(ctx, criticality)
		defer permit.Done(concurrency.Success)
		switch {
		case err == nil:
			c.is.Store(running)
			<-c.end
			c.is.Store(done)
		case apierror.Refused(err):
			c.is.Store(shed)
		case status.Code(err) == codes.Canceled || status.Code(err) == codes.DeadlineExceeded:
			c.is.Store(left)
		default:
			t.Error(err)
		}
	}()
	synctest.Wait()
}

// pick returns the index of a call of the given fate, or -1.
func pick(m *model, f fate, which int) int {
	var found []int
	for i, c := range m.calls {
		if c.fate == f {
			found = append(found, i)
		}
	}
	if len(found) == 0 {
		return -1
	}
	return found[which%len(found)]
}

func newLimiter(t testing.TB, p policy.Concurrency, o concurrency.Options) *concurrency.Limiter {
	t.Helper()
	l, err := concurrency.New(p, o)
	if err != nil {
		t.Fatal(err)
	}
	return l
}
