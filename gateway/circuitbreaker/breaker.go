// Package circuitbreaker stops calls to an upstream that fails or is too slow.
//
//	closed ──── a rate reaches its threshold ────> open
//	open ────── open_duration has passed ────────> half-open
//	half-open ─ every probe ended ───────────────> closed
//	half-open ─ a rate of the probes is too high ─> open
//
// Closed, the breaker admits every call and counts the outcomes of a sliding
// window; once that holds minimum_calls, the share of failures and the share of
// slow calls are each compared with their threshold. Open, it refuses every
// call. Half-open, it admits half_open_calls probes, refuses the rest and compares
// the same shares of the probes with the same thresholds.
//
// A business error is a success of the upstream, and slow where it took long. A
// call that its caller ended is neither a success nor a failure, but slow where it
// had become so: else hedging, which cancels the slower attempt, would hide a slow
// upstream for ever. What says nothing about the upstream (a call that the gateway
// refused or never sent, a panic) is counted nowhere and gives a probe's slot back.
//
// Each time that the breaker opens anew, before it was closed for as long as it
// was open, it stays open twice as long, up to max_open_duration. A tenth of each
// time is left to chance, so that gateways which opened together do not probe
// together.
//
// The window slides by tenths: it reaches back between nine tenths and the
// whole of its length. Time passes by the monotonic clock.
//
// A breaker is used by its interceptors, or by itself, as one breaker for each
// of several endpoints is:
//
//	permit, err := breaker.Admit(ctx)
//	if err != nil {
//		return err // open: try another endpoint
//	}
//	outcome := circuitbreaker.Ignored // of a call that does not return
//	defer func() { permit.Done(outcome) }()
//	err = call(ctx)
//	outcome = breaker.OutcomeOf(ctx, err)
//
// [Breaker.State] says without taking a slot what a call would meet.
//
// In shadow mode the breaker counts exactly the calls that it would have
// admitted: its states follow one another as if it refused. The others, of an
// open breaker and of a half-open one whose slots are taken, are told as
// [WouldRefuse], pass, and count nowhere. One thing it cannot show: an upstream
// that is spared recovers sooner, so that the breaker would have closed no later
// than it does in shadow mode.
package circuitbreaker

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/venta-hq/venta/gateway/policy"
)

// Options are what a policy does not say. The zero value is usable.
type Options struct {
	// Name is what OnTransition is told, such as the full name of a method.
	Name string
	// OnTransition, where set, is told each transition in the order in which they
	// happened, one at a time, without a lock held: it may use the breaker. It
	// runs on the goroutine of some call and must not block; transitions that come
	// meanwhile wait, and merge when more than a few do.
	//
	// ctx is that of the call whose outcome brought the transition about, so that
	// it can be noted on its span. It may have ended. A transition by time passing
	// is no call's, nor is one by [Permit.Done]: theirs is the background.
	OnTransition func(ctx context.Context, t Transition)
	// OnShadow, where set, is told [WouldRefuse] of each call that a breaker in
	// shadow mode would have refused, before the call and on its goroutine,
	// without a lock held.
	OnShadow policy.ShadowFunc
	// Random returns numbers in [0, 1) by which open times are shorter, 1 being a
	// tenth of them. A lock is held: it must not use the breaker. Nil is
	// math/rand/v2.
	Random func() float64
}

// WouldRefuse is what a breaker in shadow mode would have done.
const WouldRefuse = "refuse"

// Breaker is the state of one circuit. It has no goroutines and a fixed size,
// needs no clean-up and is safe for concurrent use. Make it with [New].
type Breaker struct {
	policy  policy.CircuitBreaker
	options Options
	epoch   time.Time // instants are durations since then

	mu          sync.Mutex
	state       State
	generation  uint64 // of the state: what an earlier one admitted is void
	window      window // while closed
	open        openTime
	probes      probes // while half-open
	transitions transitions
}

// New returns a closed breaker without history. A policy out of the limits of
// [policy.Method.ValidateLimits] is an error.
func New(p policy.CircuitBreaker, o Options) (*Breaker, error) {
	if err := (policy.Method{CircuitBreaker: &p}).CheckLimits(); err != nil {
		return nil, fmt.Errorf("circuitbreaker: %w", err)
	}
	return newBreaker(p, o), nil
}

// newBreaker makes a breaker of a policy that is in order.
func newBreaker(p policy.CircuitBreaker, o Options) *Breaker {
	if o.Random == nil {
		o.Random = rand.Float64
	}
	return &Breaker{policy: p, options: o, epoch: time.Now(), window: newWindow(p.Window)}
}

// State returns what a call would meet now. An open breaker whose time has
// passed reads as half-open, although the transition happens, and is reported,
// with the next call.
func (b *Breaker) State() State {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.state == Open && b.now() >= b.open.ends {
		return HalfOpen
	}
	return b.state
}

func (b *Breaker) now() time.Duration { return time.Since(b.epoch) }

// move makes a transition, by the outcome of the call of ctx. The lock is held.
func (b *Breaker) move(ctx context.Context, to State, now time.Duration) {
	if b.options.OnTransition != nil {
		b.transitions.add(ctx, b.state, to)
	}
	b.state = to
	b.generation++
	switch to {
	case Closed:
		b.window.clear()
		b.open.closed = now
	case Open:
		b.open.begin(now, b.policy, b.options.Random())
	case HalfOpen:
		b.probes = probes{}
	}
}
