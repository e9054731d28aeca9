package concurrency

import (
	"context"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/venta-hq/venta/gateway/apierror"
	"github.com/venta-hq/venta/gateway/policy"
)

// retryAfter is when a client that was shed may come back. When a place will be
// free is not known.
const retryAfter = time.Second

// Outcome is what a call says about the upstream's load.
type Outcome int

// The outcomes of a call.
const (
	// Ignored says nothing, and is the outcome of a call that never told.
	Ignored Outcome = iota
	// Success is a response; how long it took says how busy the upstream is.
	Success
	// TimedOut is a call that a bound of the gateway's ended: it would have taken
	// longer. Other failures say nothing: they are often faster than any response.
	TimedOut
)

// Permit is a call's place. Its holder calls Done, deferred, so that neither a
// panic nor runtime.Goexit keeps the place. A Permit belongs to one goroutine at
// a time and must not be copied. The zero value holds no place.
type Permit struct {
	limiter  *Limiter // nil: no place, or done
	method   string
	start    time.Duration
	inFlight int // at the start, itself included
}

// Acquire takes a place, waiting for one where the queue has room. It returns an
// [apierror.Error] of UNAVAILABLE and reason [apierror.Overloaded] for a call
// that is shed, and the context's error as a status for one whose context ended
// in the queue. A Permit without a wait allocates nothing. What is no criticality
// counts as the default. In shadow mode it returns no error, at once, and for a
// call that would have been shed a Permit without a place.
func (l *Limiter) Acquire(ctx context.Context, c policy.Criticality) (Permit, error) {
	return l.acquire(ctx, "", c)
}

// acquire is Acquire for a call of a method: latencies are compared among its
// calls.
func (l *Limiter) acquire(ctx context.Context, method string, c policy.Criticality) (Permit, error) {
	now := l.now()
	if l.policy.Shadow {
		return l.watch(ctx, method, rankOf(c), now), nil
	}
	w, inFlight := l.enter(ctx, rankOf(c), now)
	if inFlight > 0 {
		return Permit{limiter: l, method: method, start: now, inFlight: inFlight}, nil
	}
	if w == nil {
		return Permit{}, overloaded()
	}
	timer := time.NewTimer(l.options.MaxWait)
	defer timer.Stop()
	select {
	case <-w.called:
	case <-ctx.Done():
	case <-timer.C:
	}
	permit, err := l.leave(ctx, method, w)
	if l.options.OnWait != nil {
		l.options.OnWait(ctx, l.now()-now)
	}
	return permit, err
}

// watch takes a place or room in the queue as if the limiter enforced.
func (l *Limiter) watch(ctx context.Context, method string, r rank, now time.Duration) Permit {
	would := ""
	l.mu.Lock()
	l.arrive(r, now)
	switch over := l.inFlight - l.room(r, now); {
	case over >= l.policy.MaxQueue:
		would = WouldShed
	case over >= 0:
		would = WouldQueue
	}
	if would != WouldShed {
		l.inFlight++
	}
	inFlight := l.inFlight
	l.mu.Unlock()
	if would != "" && l.options.OnShadow != nil {
		l.options.OnShadow(ctx, would)
	}
	if would == WouldShed {
		return Permit{}
	}
	return Permit{limiter: l, method: method, start: now, inFlight: inFlight}
}

// enter takes a free place, and returns how many are taken then, or a place in
// the queue. Without either it returns nil and 0.
func (l *Limiter) enter(ctx context.Context, r rank, now time.Duration) (w *waiter, inFlight int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.arrive(r, now)
	if l.inFlight < l.room(r, now) {
		l.inFlight++
		return nil, l.inFlight
	}
	if l.gradient != nil {
		l.gradient.span.held++
	}
	if l.queue.length() >= l.policy.MaxQueue && !l.queue.shedBelow(r) {
		return nil, 0
	}
	return l.queue.add(ctx, r), 0
}

// arrive notes that a call has come. The lock is held.
func (l *Limiter) arrive(r rank, now time.Duration) {
	l.came[r] = now
	if l.gradient != nil {
		l.gradient.begin(now, l.inFlight)
		l.limit = l.gradient.places()
	}
}

// room is how many calls may be in flight for one more of a rank to join them.
// Where calls can wait it is the whole bound, as the queue knows who goes first.
// Without a queue, calls leave places to more critical ones of late. The lock is
// held.
func (l *Limiter) room(r rank, now time.Duration) int {
	if l.policy.MaxQueue > 0 {
		return l.limit
	}
	for above := range r {
		if came := l.came[above]; came >= 0 && now-came <= reservedFor {
			return max(l.limit*shares[r-above]/100, 1)
		}
	}
	return l.limit
}

// leave ends a wait, however it went.
func (l *Limiter) leave(ctx context.Context, method string, w *waiter) (Permit, error) {
	ended := ctx.Err()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.queue.remove(w)
	switch {
	case ended == nil && w.admitted:
		return Permit{limiter: l, method: method, start: l.now(), inFlight: l.inFlight}, nil
	case ended == nil:
		return Permit{}, overloaded()
	case w.admitted:
		l.release()
	}
	return Permit{}, status.FromContextError(ended).Err()
}

// Done gives the place back and tells what came of the call. A second call does
// nothing.
func (p *Permit) Done(o Outcome) {
	l := p.limiter
	if l == nil {
		return
	}
	p.limiter = nil
	now := l.now()
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.gradient != nil {
		l.gradient.record(now, p, o)
		l.limit = l.gradient.places()
	}
	l.release()
}

// release frees a place and gives what is free to those who wait. The lock is
// held.
func (l *Limiter) release() {
	l.inFlight--
	for l.inFlight < l.limit && l.queue.admit() {
		l.inFlight++
	}
}

func overloaded() error {
	return &apierror.Error{
		Code:       codes.Unavailable,
		Reason:     apierror.Overloaded,
		Message:    "the service has more calls than it can take",
		RetryAfter: retryAfter,
	}
}
