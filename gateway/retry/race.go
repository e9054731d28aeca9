package retry

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"time"

	"google.golang.org/grpc/status"

	"github.com/venta-hq/venta/gateway/apierror"
)

// race is one hedged call. Its fields belong to the goroutine of the call; an
// attempt's goroutine reads those that never change.
type race struct {
	*hedger
	ctx      context.Context // of the call
	attempts context.Context // of its attempts; it ends when nobody takes results any more
	method   string
	reply    any // the caller's
	invoke   func(context.Context, *result) error
	results  chan *result

	sent, running int
	stopped       bool // no further attempt is sent
	last          *result
}

// result is one attempt, and belongs to its goroutine until it is sent.
type result struct {
	number int
	reply  any // nil once it has been freed
	seen   observation
	err    error
}

// run sends attempts until one decides the call. The error is of a call that no
// attempt decided.
func (c *race) run() (*result, error) {
	if err := c.send(); err != nil {
		return nil, err
	}
	timer := time.NewTimer(c.policy.Delay)
	defer timer.Stop()
	for {
		select {
		case <-timer.C:
			if err := c.hedge(timer); err != nil {
				return nil, err
			}
		case r := <-c.results:
			decides, err := c.take(r, timer)
			if err != nil || decides {
				return r, err
			}
		case <-c.ctx.Done():
			return nil, status.FromContextError(c.ctx.Err()).Err()
		}
		if c.running == 0 && (c.stopped || c.sent == c.policy.MaxAttempts) {
			return c.last, nil
		}
	}
}

// hedge sends the next attempt because its time has come.
func (c *race) hedge(timer *time.Timer) error {
	if c.stopped || c.sent == c.policy.MaxAttempts {
		return nil
	}
	if !c.options.Budget.Take() {
		c.stopped = true
		return nil
	}
	timer.Reset(c.policy.Delay)
	return c.send()
}

// take draws what follows from an attempt's end, and reports whether it decides
// the call.
func (c *race) take(r *result, timer *time.Timer) (decides bool, err error) {
	c.running--
	verdict, wait := c.judge(r)
	c.report(c.ctx, Attempt{Method: c.method, Number: r.number, Code: status.Code(r.err), Verdict: verdict, Wait: wait})
	if r.err != nil {
		c.free(r)
	}
	c.last = r
	switch verdict {
	case Final:
		// Others may still answer where it was the gateway that refused this one.
		c.stopped = true
		return !apierror.Refused(r.err), nil
	case PushedBack, OutOfTime, OverBudget:
		c.stopped = true
	case Retried:
		if wait > 0 {
			timer.Reset(wait)
			break
		}
		timer.Reset(c.policy.Delay)
		return false, c.send()
	}
	return false, nil
}

// judge decides what follows from an attempt, and after which wait. The budget
// comes last, and for an attempt that waits when its time has come.
func (c *race) judge(r *result) (Verdict, time.Duration) {
	wait, pushed := pushback(r.seen.trailer)
	switch {
	case r.err == nil, c.ctx.Err() != nil, apierror.Refused(r.err),
		!slices.Contains(c.policy.NonFatalStatusCodes, status.Code(r.err)):
		return Final, 0
	case pushed && wait < 0:
		return PushedBack, 0
	case c.stopped, c.sent == c.policy.MaxAttempts:
		return Exhausted, 0
	case !fits(c.ctx, wait):
		return OutOfTime, 0
	case wait == 0 && !c.options.Budget.Take():
		return OverBudget, 0
	}
	return Retried, wait
}

// send starts an attempt in a goroutine, which ends when the attempt returns.
func (c *race) send() error {
	reply, err := c.options.Replies.New(c.reply)
	if err != nil {
		return broken(fmt.Errorf("hedge: %w", err))
	}
	c.sent++
	c.running++
	go c.attempt(&result{number: c.sent, reply: reply})
	return nil
}

func (c *race) attempt(r *result) {
	defer c.deliver(r)
	defer func() {
		if p := recover(); p != nil {
			r.err = broken(fmt.Errorf("attempt %d panicked: %v\n%s", r.number, p, debug.Stack()))
		}
	}()
	r.err = broken(errors.New("an attempt has ended its goroutine"))
	r.err = c.invoke(withAttempts(c.attempts, r.number-1), r)
}

// deliver hands the result to the call, or cleans up after the call is over.
func (c *race) deliver(r *result) {
	select {
	case c.results <- r:
	case <-c.attempts.Done():
		c.free(r)
		c.report(c.ctx, Attempt{Method: c.method, Number: r.number, Code: status.Code(r.err), Verdict: Lost})
	}
}

func (c *race) free(r *result) {
	c.options.Replies.Free(r.reply)
	r.reply = nil
}
