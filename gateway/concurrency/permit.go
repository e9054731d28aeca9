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
	// Overload says that the upstream had more to do than it could.
	Overload
)

// Permit is a call's place. Its holder calls Done, deferred, so that neither a
// panic nor runtime.Goexit keeps the place. A Permit belongs to one goroutine at
// a time and must not be copied. The zero value holds no place.
type Permit struct {
	limiter *Limiter // nil: no place, or done
	start   time.Duration
}

// Acquire takes a place, waiting for one where the queue has room. It returns an
// [apierror.Error] of UNAVAILABLE and reason [apierror.Overloaded] for a call
// that is shed, and the context's error as a status for one whose context ended
// in the queue. A Permit without a wait allocates nothing. What is no criticality
// counts as the default. In shadow mode it returns no error, at once, and for a
// call that would have been shed a Permit without a place.
func (l *Limiter) Acquire(ctx context.Context, c policy.Criticality) (Permit, error) {
	if l.policy.Shadow {
		return l.watch(ctx), nil
	}
	w, admitted := l.enter(ctx, rankOf(c))
	if admitted {
		return Permit{limiter: l, start: l.now()}, nil
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
	return l.leave(ctx, w)
}

// watch takes a place or room in the queue as if the limiter enforced.
func (l *Limiter) watch(ctx context.Context) Permit {
	would := ""
	l.mu.Lock()
	switch over := l.inFlight - l.limit; {
	case over >= l.policy.MaxQueue:
		would = WouldShed
	case over >= 0:
		would = WouldQueue
	}
	if would != WouldShed {
		l.inFlight++
	}
	l.mu.Unlock()
	if would != "" && l.options.OnShadow != nil {
		l.options.OnShadow(ctx, would)
	}
	if would == WouldShed {
		return Permit{}
	}
	return Permit{limiter: l, start: l.now()}
}

// enter takes a free place or a place in the queue. Without either it returns
// nil and false.
func (l *Limiter) enter(ctx context.Context, r rank) (w *waiter, admitted bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.inFlight < l.limit {
		l.inFlight++
		return nil, true
	}
	if l.queue.length() >= l.policy.MaxQueue && !l.queue.shedBelow(r) {
		return nil, false
	}
	return l.queue.add(ctx, r), false
}

// leave ends a wait, however it went.
func (l *Limiter) leave(ctx context.Context, w *waiter) (Permit, error) {
	ended := ctx.Err()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.queue.remove(w)
	switch {
	case ended == nil && w.admitted:
		return Permit{limiter: l, start: l.now()}, nil
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
		l.gradient.record(now, p.start, o, l.inFlight)
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
