package health

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"time"
)

// The pace of checks. A check that fails is made again soon, then less and less
// often, up to the interval.
const (
	interval   = 10 * time.Second
	jitter     = 0.1
	soonest    = time.Second // between two checks
	backoff    = 1.6
	timeout    = time.Second            // of a check
	lateness   = 100 * time.Millisecond // that a check may take to notice its end
	unanswered = 2                      // failures in a row that count
)

var errHangs = errors.New("its check does not end")

// watch looks at a dependency again and again, on one goroutine, with one check
// at a time, and remembers what it saw.
type watch struct {
	dependency Dependency
	seen       atomic.Pointer[State]
	wasUp      atomic.Bool
	first      chan struct{} // closed once it was looked at
	onChange   func(State)   // the status is another than before, or than hoped for at first

	failures int         // in a row
	pending  chan answer // of a check that has not ended
	began    time.Time
}

type answer struct {
	err   error
	after time.Duration
}

func newWatch(d Dependency, onChange func(State)) *watch {
	w := &watch{dependency: d, first: make(chan struct{}), onChange: onChange}
	w.seen.Store(&State{Dependency: d, Status: StatusUnknown, Since: time.Now()})
	return w
}

// run looks until ctx ends.
func (w *watch) run(ctx context.Context) {
	changed := w.dependency.Changed
	for {
		w.look(ctx)
		if ctx.Err() != nil {
			w.end()
			return
		}
		early := time.NewTimer(soonest)
		due := time.NewTimer(w.pause())
		select {
		case <-due.C:
		case _, open := <-changed:
			if !open {
				changed = nil
			}
			wait(ctx, early.C)
		case <-ctx.Done():
		}
		early.Stop()
		due.Stop()
	}
}

func wait(ctx context.Context, until <-chan time.Time) {
	select {
	case <-until:
	case <-ctx.Done():
	}
}

// pause is the time until the next check.
func (w *watch) pause() time.Duration {
	pause := float64(interval)
	if w.failures > 0 {
		pause = float64(soonest)
		for i := 1; i < w.failures && pause < float64(interval); i++ {
			pause *= backoff
		}
	}
	spread := 1 + jitter*(2*rand.Float64()-1) //nolint:gosec // no secret: gateways must not ask all at once
	return max(soonest, time.Duration(min(pause, float64(interval))*spread))
}

// look makes one check, or waits for the one that has not ended.
func (w *watch) look(ctx context.Context) {
	if w.pending == nil {
		w.begin(ctx)
	}
	late := time.NewTimer(timeout + lateness)
	defer late.Stop()
	select {
	case a := <-w.pending:
		w.pending = nil
		if ctx.Err() == nil {
			w.judge(a)
		}
	case <-late.C:
		w.judge(answer{errHangs, time.Since(w.began)})
	case <-ctx.Done():
	}
}

func (w *watch) begin(ctx context.Context) {
	ended := make(chan answer, 1)
	w.pending, w.began = ended, time.Now()
	go func() {
		ctx, cancel := context.WithTimeout(ctx, timeout)
		defer cancel()
		began := time.Now()
		err := checked(ctx, w.dependency.Check)
		ended <- answer{err, time.Since(began)}
	}()
}

// checked is a check of which a panic is a failure.
func checked(ctx context.Context, check Check) (err error) {
	defer func() {
		if fault := recover(); fault != nil {
			err = fmt.Errorf("its check panicked: %v", fault)
		}
	}()
	return check(ctx)
}

// end gives a check that is under way the time that it may take.
func (w *watch) end() {
	if w.pending == nil {
		return
	}
	late := time.NewTimer(timeout + lateness)
	defer late.Stop()
	select {
	case <-w.pending:
	case <-late.C:
	}
}

// judge remembers what a check has said.
func (w *watch) judge(a answer) {
	before := w.seen.Load()
	next := *before
	next.Checked, next.Latency, next.Err = time.Now(), a.after, a.err
	if a.err == nil {
		w.failures = 0
		w.wasUp.Store(true)
		next.Status = StatusOK
	} else {
		w.failures++
		if w.failures >= unanswered || errors.Is(a.err, ErrNotServing) || before.Status == StatusUnknown {
			next.Status = StatusUnavailable
		}
	}
	if next.Status != before.Status {
		next.Since = next.Checked
	}
	w.seen.Store(&next)
	if before.Status == StatusUnknown {
		close(w.first)
	}
	asExpected := before.Status == StatusUnknown && next.Status == StatusOK
	if next.Status != before.Status && !asExpected {
		w.onChange(next)
	}
}

// state returns what was last seen.
func (w *watch) state() State { return w.seen.Load().partly() }

// holdsBack tells whether readiness falls for it: it is critical, and was never up
// or has been down for so long.
func (w *watch) holdsBack(after time.Duration) bool {
	if !w.dependency.Critical {
		return false
	}
	seen := w.seen.Load()
	if !w.wasUp.Load() {
		return true
	}
	return seen.Status == StatusUnavailable && time.Since(seen.Since) >= after
}
