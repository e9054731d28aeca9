// Package concurrency bounds the calls in flight and sheds what is over the
// bound.
//
// A call takes a place and gives it back when it ends. Where all places are
// taken it waits in a queue of bounded length: the more critical call goes
// first, and among equals the one that came first. A full queue sheds its least
// critical call, of those the one that came last; a call that is no more
// critical than all that wait is shed at once. Nobody waits for longer than
// [Options.MaxWait], and a call whose context ends leaves the queue.
//
// Without a queue a call is shed where all places are taken. Then places are left
// to more critical calls: while such have come within the last ten seconds, a call
// one step below the most critical of them finds room up to three quarters of the
// bound, and two steps below up to half. Where all are equally critical, each has all of it.
//
// The bound is fixed, or follows the upstream's latency (adaptive): it shrinks
// when calls wait in a queue at the upstream, so that they wait here instead, where
// the least critical can be shed. What fails is no sign of a queue, nor is an
// upstream that is slow for reasons of its own: nothing is shed for either.
//
// In shadow mode every call is admitted at once and nothing travels upstream. A
// call that would have found a place or room in the queue counts until it ends;
// one that would have been shed counts nowhere. Since nothing waits, a limiter
// that enforces would hold calls for longer, and shed a few more: those that
// wait for too long.
//
// The place of the interceptor is outside the timeout: a call keeps its place
// over all its attempts and the waits between them.
package concurrency

import (
	"cmp"
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/venta-hq/venta/gateway/policy"
)

// defaultMaxWait keeps a queue from serving responses that nobody waits for any
// more.
const defaultMaxWait = time.Second

// Options are what a policy does not say. The zero value is usable.
type Options struct {
	// MaxWait bounds the time in the queue. Default: one second.
	MaxWait time.Duration
	// OnShed, where set, is told each call or stream that was shed, with its own
	// context and criticality. No lock is held; concurrent calls call it
	// concurrently.
	OnShed func(ctx context.Context, method string, c policy.Criticality)
	// OnWait, where set, is told how long each call or stream has waited in the queue,
	// when its wait is over, however it went. No lock is held.
	OnWait func(ctx context.Context, waited time.Duration)
	// OnShadow, where set, is told [WouldQueue] or [WouldShed] of each call that a
	// limiter in shadow mode would have held or shed, before the call and on its
	// goroutine, without a lock held.
	OnShadow policy.ShadowFunc
	// Sanitized says that callers' outgoing metadata never holds [MetadataKey],
	// because somebody before has seen to it. The criticality is then appended,
	// which costs less than to put it in place of what may be there.
	Sanitized bool
}

// What a limiter in shadow mode would have done with a call.
const (
	// WouldQueue: it would have let it wait for a place, and perhaps shed it later.
	WouldQueue = "queue"
	// WouldShed: it would have shed it, or a less critical call in its stead.
	WouldShed = "shed"
)

// Limiter bounds the calls that share it. It has no goroutines, holds memory
// for the calls that wait and nothing else, and is safe for concurrent use.
type Limiter struct {
	policy  policy.Concurrency
	options Options
	epoch   time.Time

	mu       sync.Mutex
	limit    int
	inFlight int                  // in shadow mode, those that would wait included
	queue    queue                // empty unless inFlight >= limit
	came     [ranks]time.Duration // when a call of each rank came last; -1: none
	gradient *gradient
}

// Load is what a limiter holds at one moment.
type Load struct {
	Limit    int // of the calls in flight, now
	InFlight int
	Queued   int
}

// New returns a limiter with all its places free. The policy's criticality is
// left aside: each interceptor has its own. A policy out of the limits of
// [policy.Method.ValidateLimits] is an error.
func New(p policy.Concurrency, o Options) (*Limiter, error) {
	p.Criticality = policy.CriticalityDefault // left aside
	if err := (policy.Method{Concurrency: &p}).CheckLimits(); err != nil {
		return nil, fmt.Errorf("concurrency: %w", err)
	}
	if o.MaxWait < 0 {
		return nil, fmt.Errorf("concurrency: the longest wait must not be negative: %s", o.MaxWait)
	}
	o.MaxWait = cmp.Or(o.MaxWait, defaultMaxWait)
	l := &Limiter{policy: p, options: o, epoch: time.Now(), limit: p.MaxInFlight, came: [ranks]time.Duration{-1, -1, -1}}
	if p.Adaptive {
		l.gradient = newGradient(p.MaxInFlight)
	}
	return l, nil
}

// Succeed takes over what another limiter has learnt of the upstream, before the
// first call: a bound that changes a little is no reason to learn anew. Calls that
// are in flight stay the other's.
func (l *Limiter) Succeed(before *Limiter) {
	before.mu.Lock()
	defer before.mu.Unlock()
	l.epoch, l.came = before.epoch, before.came
	if l.gradient != nil && before.gradient != nil {
		l.gradient.inherit(before.gradient)
		l.limit = l.gradient.places()
	}
}

// Load returns what the limiter holds now; in shadow mode, what it would hold.
// It is cheap enough to be a metric's callback.
func (l *Limiter) Load() Load {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.policy.Shadow {
		placed := min(l.inFlight, l.limit)
		return Load{Limit: l.limit, InFlight: placed, Queued: l.inFlight - placed}
	}
	return Load{Limit: l.limit, InFlight: l.inFlight, Queued: l.queue.length()}
}

func (l *Limiter) now() time.Duration { return time.Since(l.epoch) }
