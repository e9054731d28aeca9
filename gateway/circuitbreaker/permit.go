package circuitbreaker

import (
	"context"
	"time"

	"google.golang.org/grpc/codes"

	"github.com/venta-hq/venta/gateway/apierror"
)

// probeRetryAfter is when to come back while probes decide: soon, but when they
// are through is not known.
const probeRetryAfter = time.Second

// Permit admits one call. Its holder calls Done, deferred, so that neither a
// panic nor runtime.Goexit keeps a probe's slot. A Permit belongs to one
// goroutine at a time and must not be copied. The zero value admits nothing.
type Permit struct {
	breaker    *Breaker // nil: refused or done
	generation uint64
	lease      uint64
	start      time.Duration
}

// Admit is [Breaker.Acquire], but that a breaker in shadow mode tells of its
// refusal and admits the call, with a Permit whose Done does nothing.
func (b *Breaker) Admit(ctx context.Context) (Permit, error) {
	permit, err := b.Acquire()
	if err == nil || !b.policy.Shadow {
		return permit, err
	}
	if b.options.OnShadow != nil {
		b.options.OnShadow(ctx, WouldRefuse)
	}
	return Permit{}, nil
}

// Acquire admits a call or refuses it, in shadow mode too, with an
// [apierror.Error] of UNAVAILABLE, reason [apierror.CircuitOpen] and the time until probes are admitted. It
// never waits for a slot, and a Permit allocates nothing.
func (b *Breaker) Acquire() (Permit, error) {
	now := b.now()
	b.mu.Lock()
	for b.state == Open && now >= b.open.ends {
		b.move(context.Background(), HalfOpen, now)
		b.unlock() // reports before a slot is taken, lest a hook's panic keep one
		b.mu.Lock()
		now = b.now()
	}
	wait, admitted := b.admit(now)
	permit := Permit{breaker: b, generation: b.generation, lease: b.probes.lease, start: now}
	b.mu.Unlock()
	if !admitted {
		return Permit{}, refusal(wait)
	}
	return permit, nil
}

// admit takes what the state asks of a call, or says when to come back. The
// lock is held.
func (b *Breaker) admit(now time.Duration) (wait time.Duration, admitted bool) {
	switch b.state {
	case Open:
		return b.open.ends - now, false
	case HalfOpen:
		// Slots of probes that never return expire like an open state.
		admitted = b.probes.take(now, b.policy.HalfOpenCalls, b.policy.OpenDuration)
		return min(b.policy.OpenDuration, probeRetryAfter), admitted
	}
	return 0, true
}

func refusal(wait time.Duration) error {
	return &apierror.Error{
		Code:       codes.Unavailable,
		Reason:     apierror.CircuitOpen,
		Message:    "the service is failing, and calls to it are paused",
		RetryAfter: wait,
	}
}

// Done tells what came of the call, which lasted from Acquire until now. A
// second call does nothing, and so does one whose Permit an earlier state of the
// breaker has given out.
func (p *Permit) Done(o Outcome) { p.DoneIn(context.Background(), o) }

// DoneIn is Done with the context of the call, which goes along with a transition
// that it has brought about.
func (p *Permit) DoneIn(ctx context.Context, o Outcome) {
	b := p.breaker
	if b == nil {
		return
	}
	p.breaker = nil
	now := b.now()
	slow := b.policy.SlowCallDuration > 0 && now-p.start > b.policy.SlowCallDuration

	b.mu.Lock()
	if p.generation == b.generation {
		b.record(ctx, p.lease, o, slow, now)
	}
	b.unlock()
}

// record counts an outcome. The lock is held.
func (b *Breaker) record(ctx context.Context, lease uint64, o Outcome, slow bool, now time.Duration) {
	if b.state == HalfOpen {
		b.recordProbe(ctx, lease, o, slow, now)
		return
	}
	if !counts(o, slow) {
		return
	}
	b.window.add(now, o, slow)
	if b.tooMany(b.window.total) {
		b.move(ctx, Open, now)
	}
}

// counts reports whether an outcome says something: a call that its caller ended
// does only where it was slow.
func counts(o Outcome, slow bool) bool {
	return o == Success || o == Failure || o == Cancelled && slow
}

// tooMany compares the rates of the window with their thresholds. The lock is held.
func (b *Breaker) tooMany(t tally) bool {
	failing := t.known >= b.policy.MinimumCalls && reached(t.failures, t.known, b.policy.ErrorThresholdPercent)
	return failing || t.calls >= b.policy.MinimumCalls && reached(t.slow, t.calls, b.policy.SlowCallThresholdPercent)
}

// recordProbe counts the outcome of a probe. The thresholds are those of the
// window, of the number of probes, and the breaker opens as soon as one is sure to
// be reached. The lock is held.
func (b *Breaker) recordProbe(ctx context.Context, lease uint64, o Outcome, slow bool, now time.Duration) {
	if !counts(o, slow) {
		b.probes.giveBack(lease)
		return
	}
	b.probes.ended.add(o, slow)
	ended, all := b.probes.ended, b.policy.HalfOpenCalls
	switch {
	case reached(ended.failures, all, b.policy.ErrorThresholdPercent), reached(ended.slow, all, b.policy.SlowCallThresholdPercent):
		b.move(ctx, Open, now)
	case ended.calls == all:
		b.move(ctx, Closed, now)
	}
}

// reached reports whether part is at least percent of whole; a percent of 0
// stands for no threshold.
func reached(part, whole, percent int) bool {
	return percent > 0 && part*100 >= percent*whole
}
