package circuitbreaker_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc/codes"
	"pgregory.net/rapid"

	"github.com/venta-hq/venta/gateway/apierror"
	"github.com/venta-hq/venta/gateway/circuitbreaker"
	"github.com/venta-hq/venta/gateway/policy"
)

// model is the breaker as its documentation describes it, without counters: it
// remembers every call and looks them all through each time.
type model struct {
	policy  policy.CircuitBreaker
	now     time.Duration
	state   circuitbreaker.State
	turned  time.Duration // when the state began
	openFor time.Duration // the last time
	period  int           // of the state
	lease   int           // of the slots of a half-open period
	calls   []*modelCall
	changes []change
}

// modelCall is an admitted call.
type modelCall struct {
	period, lease int
	start, end    time.Duration
	done, slow    bool
	late          bool // it ended in a later period
	outcome       circuitbreaker.Outcome
}

// says reports whether the call says anything about the upstream.
func (c *modelCall) says() bool {
	return c.done && (c.outcome == success || c.outcome == failure || c.outcome == cancelled && c.slow)
}

func (m *model) turn(to circuitbreaker.State) {
	if to == open {
		if m.state == halfOpen || m.now-m.turned < m.openFor {
			m.openFor = min(2*m.openFor, max(m.policy.MaxOpenDuration, m.policy.OpenDuration))
		} else {
			m.openFor = m.policy.OpenDuration
		}
	}
	m.changes = append(m.changes, change{m.state, to})
	m.state, m.turned = to, m.now
	m.period++
	m.lease = 0
}

// seen is the state that State returns.
func (m *model) seen() circuitbreaker.State {
	if m.state == open && m.now-m.turned >= m.openFor {
		return halfOpen
	}
	return m.state
}

// acquire returns the admitted call, or the time that a refusal names.
func (m *model) acquire() (*modelCall, time.Duration) {
	if m.state != m.seen() {
		m.turn(halfOpen)
	}
	if m.state == open {
		return nil, m.turned + m.openFor - m.now
	}
	if m.state == halfOpen && !m.slotFree() {
		return nil, min(time.Second, m.policy.OpenDuration)
	}
	c := &modelCall{period: m.period, lease: m.lease, start: m.now}
	m.calls = append(m.calls, c)
	return c, 0
}

func (m *model) slotFree() bool {
	if m.taken() < m.policy.HalfOpenCalls {
		return true
	}
	for _, c := range m.calls {
		if c.period == m.period && m.now-c.start < m.policy.OpenDuration {
			return false
		}
	}
	m.lease++
	for _, c := range m.calls { // what has ended stays used up
		if c.period == m.period && c.says() {
			c.lease = m.lease
		}
	}
	return true
}

func (m *model) taken() (n int) {
	for _, c := range m.calls {
		if c.period == m.period && c.lease == m.lease && (!c.done || c.says()) {
			n++
		}
	}
	return n
}

func (m *model) done(c *modelCall, o circuitbreaker.Outcome) {
	c.done, c.outcome, c.end = true, o, m.now
	c.slow = m.policy.SlowCallDuration > 0 && c.end-c.start > m.policy.SlowCallDuration
	if c.late = c.period != m.period; c.late || !c.says() {
		return
	}
	all, known, failed, slow := m.count()
	tooSlow := m.policy.SlowCallDuration > 0
	if m.state == closed {
		tooSlow = tooSlow && all >= m.policy.MinimumCalls && percent(slow, all) >= float64(m.policy.SlowCallThresholdPercent)
		if tooSlow || known >= m.policy.MinimumCalls && percent(failed, known) >= float64(m.policy.ErrorThresholdPercent) {
			m.turn(open)
		}
		return
	}
	tooSlow = tooSlow && percent(slow, m.policy.HalfOpenCalls) >= float64(m.policy.SlowCallThresholdPercent)
	switch {
	case percent(failed, m.policy.HalfOpenCalls) >= float64(m.policy.ErrorThresholdPercent) || tooSlow:
		m.turn(open)
	case all == m.policy.HalfOpenCalls:
		m.turn(closed)
	}
}

// count looks through the calls of this period, while closed only those whose
// tenth of the window is among the last ten.
func (m *model) count() (all, known, failed, slow int) {
	tenth := m.policy.Window / 10
	for _, c := range m.calls {
		if c.period != m.period || !c.says() || (m.state == closed && m.now/tenth-c.end/tenth >= 10) {
			continue
		}
		all++
		if c.outcome != cancelled {
			known++
		}
		if c.outcome == failure {
			failed++
		}
		if c.slow {
			slow++
		}
	}
	return all, known, failed, slow
}

func percent(part, whole int) float64 { return 100 * float64(part) / float64(whole) }

// event is a sleep (if positive), an Acquire, or the Done of a running call.
type event struct {
	Sleep   time.Duration
	Done    bool
	Which   int // of the running calls, modulo their number
	Outcome circuitbreaker.Outcome
}

func drawEvent(t *rapid.T) event {
	switch rapid.IntRange(0, 9).Draw(t, "kind") {
	case 0:
		return event{Sleep: time.Duration(rapid.IntRange(1, 30).Draw(t, "tenths")) * 100 * time.Millisecond}
	case 1, 2, 3, 4, 5:
		// Failures come in runs of luck: a fair die would rarely get far.
		o := rapid.SampledFrom([]circuitbreaker.Outcome{success, success, success, failure, failure, ignored, cancelled}).Draw(t, "outcome")
		return event{Done: true, Which: rapid.IntRange(0, 9).Draw(t, "which"), Outcome: o}
	}
	return event{}
}

func drawPolicy(t *rapid.T) policy.CircuitBreaker {
	p := policy.CircuitBreaker{
		ErrorThresholdPercent: rapid.IntRange(1, 100).Draw(t, "error threshold"),
		Window:                time.Duration(rapid.IntRange(1, 5).Draw(t, "window")) * time.Second,
		MinimumCalls:          rapid.IntRange(1, 6).Draw(t, "minimum calls"),
		OpenDuration:          time.Duration(rapid.IntRange(1, 20).Draw(t, "open")) * 100 * time.Millisecond,
		HalfOpenCalls:         rapid.IntRange(1, 4).Draw(t, "half-open calls"),
		FailureStatusCodes:    []codes.Code{codes.Unavailable},
	}
	p.MaxOpenDuration = p.OpenDuration * time.Duration(rapid.SampledFrom([]int{0, 1, 3, 8}).Draw(t, "longest"))
	p.Shadow = rapid.Bool().Draw(t, "shadow")
	if rapid.Bool().Draw(t, "slow") {
		p.SlowCallDuration = time.Duration(rapid.IntRange(0, 10).Draw(t, "slow duration"))*100*time.Millisecond + time.Millisecond
		p.SlowCallThresholdPercent = rapid.IntRange(1, 100).Draw(t, "slow threshold")
	}
	return p
}

// shadowRefusal stands among the visits for a refusal of shadow mode.
var shadowRefusal = change{open, open}

func TestModel(t *testing.T) {
	visits := map[change]int{}
	rapid.Check(t, func(rt *rapid.T) {
		p := drawPolicy(rt)
		events := rapid.SliceOfN(rapid.Custom(drawEvent), 200, 300).Draw(rt, "events")
		var fault string
		synctest.Test(t, func(t *testing.T) { fault = compare(t, p, events, visits) })
		if fault != "" {
			rt.Fatal(fault)
		}
	})
	for _, c := range []change{{closed, open}, {open, halfOpen}, {halfOpen, open}, {halfOpen, closed}, shadowRefusal} {
		if visits[c] == 0 {
			t.Errorf("the random events never led from %v to %v", c.from, c.to)
		}
	}
}

// running is a call that has been admitted. In shadow mode the model may have
// refused it (nil): whatever comes of it then changes nothing.
type running struct {
	permit circuitbreaker.Permit
	call   *modelCall
}

// agree reports whether breaker and model have done the same with a call: in
// shadow mode a refusal is a word and an admission.
func agree(p policy.CircuitBreaker, err error, refused bool, call *modelCall, wait time.Duration) bool {
	if p.Shadow {
		return err == nil && refused == (call == nil)
	}
	if call != nil || err == nil {
		return err == nil && call != nil && !refused
	}
	return apierror.As(err).RetryAfter == wait && !refused
}

// compare runs the events through a breaker and the model and says where they
// first differ.
func compare(t *testing.T, p policy.CircuitBreaker, events []event, visits map[change]int) string {
	m := &model{policy: p}
	var told []change
	refused := false
	b := newBreaker(t, p, circuitbreaker.Options{
		OnTransition: func(_ context.Context, tr circuitbreaker.Transition) {
			told = append(told, change{tr.From, tr.To})
			visits[change{tr.From, tr.To}]++
		},
		OnShadow: func(_ context.Context, would string) { refused = would == circuitbreaker.WouldRefuse },
	})
	var calls []*running
	for i, e := range events {
		switch {
		case e.Sleep > 0:
			time.Sleep(e.Sleep) // virtual
			m.now += e.Sleep
		case !e.Done:
			refused = false
			permit, err := b.Admit(t.Context())
			call, wait := m.acquire()
			if !agree(p, err, refused, call, wait) {
				return fmt.Sprintf("event %d: breaker %v, told %v, model %v after %v", i, err, refused, call, wait)
			}
			if err == nil {
				calls = append(calls, &running{permit, call})
			}
			if refused {
				visits[shadowRefusal]++
			}
		case len(calls) > 0:
			k := e.Which % len(calls)
			calls[k].permit.Done(e.Outcome)
			if calls[k].call != nil {
				m.done(calls[k].call, e.Outcome)
			}
			calls = slices.Delete(calls, k, k+1)
		}
		if b.State() != m.seen() || !slices.Equal(told, m.changes) {
			return fmt.Sprintf("event %d: breaker %v %v, model %v %v", i, b.State(), told, m.seen(), m.changes)
		}
	}
	return ""
}
