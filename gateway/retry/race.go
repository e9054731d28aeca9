package retry

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/status"

	"github.com/venta-hq/venta/gateway/apierror"
	"github.com/venta-hq/venta/gateway/deadline"
	"github.com/venta-hq/venta/gateway/internal/panics"
)

// race is one hedged call. Its fields belong to the goroutine of the call, but
// for those below mu; an attempt's goroutine reads those that never change.
type race struct {
	*hedger
	call
	ctx      context.Context // of the call
	attempts deadline.Scope  // of its attempts
	tools    *tools

	sent, running int
	stopped       bool // no further attempt is sent
	last          *result
	first         result // without an allocation of its own

	mu   sync.Mutex
	over bool // nobody takes results any more
}

// call is what the caller has asked for.
type call struct {
	method  string
	req     any
	reply   any
	cc      *grpc.ClientConn
	invoker grpc.UnaryInvoker
	opts    []grpc.CallOption
}

// result is one attempt, and belongs to its goroutine until it is delivered.
type result struct {
	number int
	reply  any // nil once it has been freed
	seen   view
	err    error
}

// tools are what a race waits with. They serve one race after the other.
type tools struct {
	timer   *time.Timer
	results chan *result // has room for every attempt
}

// begin takes tools, new ones where none are free.
func (h *hedger) begin() *tools {
	if t, ok := h.free.Get().(*tools); ok {
		t.timer.Reset(h.policy.Delay)
		return t
	}
	return &tools{timer: time.NewTimer(h.policy.Delay), results: make(chan *result, h.policy.MaxAttempts)}
}

// end cancels the attempts that are left, and gives the tools back.
func (c *race) end() {
	c.attempts.Release()
	c.mu.Lock()
	c.over = true
	c.mu.Unlock()
	for len(c.tools.results) > 0 {
		c.lose(<-c.tools.results)
	}
	c.tools.timer.Stop()
	c.free.Put(c.tools)
}

// run sends attempts until one decides the call. The error is of a call that no
// attempt decided.
func (c *race) run() (*result, error) {
	if err := c.send(); err != nil {
		return nil, err
	}
	for {
		select {
		case <-c.tools.timer.C:
			if err := c.hedge(); err != nil {
				return nil, err
			}
		case r := <-c.tools.results:
			decides, err := c.take(r)
			if err != nil || decides {
				return r, err
			}
		case <-c.ctx.Done():
			return nil, status.FromContextError(c.ctx.Err()).Err()
		}
		if c.running == 0 && c.full() {
			return c.last, nil
		}
	}
}

// full reports whether the call sends no more attempts.
func (c *race) full() bool { return c.stopped || c.sent == c.policy.MaxAttempts }

// hedge sends the next attempt because its time has come.
func (c *race) hedge() error {
	if c.full() {
		return nil
	}
	if !c.options.Budget.Take() {
		c.stopped = true
		return nil
	}
	c.tools.timer.Reset(c.policy.Delay)
	return c.send()
}

// take draws what follows from an attempt's end, and reports whether it decides
// the call.
func (c *race) take(r *result) (decides bool, err error) {
	c.running--
	verdict, wait := c.judgeResult(r)
	c.report(c.ctx, Attempt{Method: c.method, Number: r.number, Code: status.Code(r.err), Verdict: verdict, Wait: wait})
	if r.err != nil {
		c.drop(r)
	}
	c.last = r
	switch verdict {
	case Final:
		// Others may still respond where it was the gateway that refused this one.
		c.stopped = true
		return !apierror.Refused(r.err), nil
	case PushedBack, OutOfTime, OverBudget:
		c.stopped = true
	case Retried:
		if wait > 0 {
			c.tools.timer.Reset(wait)
			break
		}
		c.tools.timer.Reset(c.policy.Delay)
		return false, c.send()
	}
	return false, nil
}

// judgeResult judges an attempt with regard to the others. The budget comes
// last, and for an attempt that waits when its time has come.
func (c *race) judgeResult(r *result) (Verdict, time.Duration) {
	verdict, wait := c.judge(c.ctx, r.err, r.seen.trailer)
	switch {
	case verdict == Final || verdict == PushedBack:
	case c.full():
		return Exhausted, 0
	case verdict == Retried && wait == 0 && !c.options.Budget.Take():
		return OverBudget, 0
	}
	return verdict, wait
}

// send starts an attempt in a goroutine, which ends when the attempt returns.
func (c *race) send() error {
	reply, err := c.options.Replies.New(c.reply)
	if err != nil {
		return broken(fmt.Errorf("hedge: %w", err))
	}
	r := &c.first
	if c.sent > 0 {
		r = new(result)
	}
	c.sent++
	c.running++
	r.number, r.reply = c.sent, reply
	go c.attempt(r)
	return nil
}

func (c *race) attempt(r *result) {
	returned := false
	defer func() {
		switch p := recover(); {
		case p != nil:
			r.err = broken(fmt.Errorf("attempt %d panicked: %s\n%s", r.number, panics.Text(p), debug.Stack()))
		case !returned:
			r.err = broken(errors.New("an attempt has ended its goroutine"))
		}
		c.deliver(r)
	}()
	ctx := withAttempts(&c.attempts, r.number-1)
	r.err = c.invoker(ctx, c.method, c.req, r.reply, c.cc, r.seen.options(c.opts)...)
	returned = true
}

// deliver hands the result to the call, or cleans up after the call is over.
func (c *race) deliver(r *result) {
	c.mu.Lock()
	over := c.over
	if !over {
		c.tools.results <- r
	}
	c.mu.Unlock()
	if over {
		c.lose(r)
	}
}

// lose cleans up after an attempt without which the call was decided.
func (c *race) lose(r *result) {
	c.drop(r)
	c.report(c.ctx, Attempt{Method: c.method, Number: r.number, Code: status.Code(r.err), Verdict: Lost})
}

// drop frees a reply that is not the call's.
func (c *race) drop(r *result) {
	c.options.Replies.Free(r.reply)
	r.reply = nil
}
