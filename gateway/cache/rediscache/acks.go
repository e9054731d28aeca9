package rediscache

import (
	"context"
	"sync"
	"time"

	"github.com/redis/rueidis"
)

// mostOwedAcks bounds the purges of others that wait to be acknowledged.
const mostOwedAcks = 4096

// acks counts who has acknowledged the purges of this process. The zero value,
// with a bound, expects none.
//
// A process that is stopped stays subscribed for minutes, and every write would
// wait for it. Once it has been silent for a bound it is not trusted by itself,
// and is waited for no longer, until an acknowledgement comes late: then somebody
// was only slow.
type acks struct {
	bound time.Duration

	mu     sync.Mutex
	last   uint64
	open   map[uint64]*waiter
	silent int       // how many have said nothing
	since  time.Time // when the first purge that they have not acknowledged began
}

// waiter is one purge. All but begun and done is guarded by acks.mu.
type waiter struct {
	number uint64
	begun  time.Time
	got    int
	need   int // 0: not known yet
	done   chan struct{}
}

// expect makes a purge known; its number is never 0. The caller forgets it.
func (a *acks) expect() *waiter {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.open == nil {
		a.open = make(map[uint64]*waiter)
	}
	a.last++
	w := &waiter{number: a.last, begun: time.Now(), done: make(chan struct{})}
	a.open[w.number] = w
	return w
}

func (a *acks) forget(w *waiter) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.open, w.number)
}

// confirm counts an acknowledgement of each number.
func (a *acks) confirm(numbers []uint64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, number := range numbers {
		w := a.open[number]
		if w == nil {
			a.silent = 0
			continue
		}
		if w.got++; w.got == w.need {
			close(w.done)
		}
	}
}

// wait returns how many of those who hear have acknowledged, when all have that
// need to, or when ctx ends.
func (a *acks) wait(ctx context.Context, w *waiter, hear int) int {
	if a.require(w, hear) {
		select {
		case <-w.done:
		case <-ctx.Done():
		}
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.learn(w, hear-w.got)
	return w.got
}

// require reports whether there is somebody to wait for.
func (a *acks) require(w *waiter, hear int) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if w.need = hear; a.silent > 0 && w.begun.Sub(a.since) >= a.bound {
		w.need -= a.silent
	}
	return w.got < w.need
}

// learn notes how many have not acknowledged a purge in time.
func (a *acks) learn(w *waiter, missing int) {
	if missing > 0 && a.silent > 0 {
		a.silent = min(a.silent, missing)
		return
	}
	a.silent, a.since = max(missing, 0), w.begun
}

// acknowledge acknowledges the purges of others until ctx ends. Those that come
// while an acknowledgement is under way share the next.
func (r *Remote) acknowledge(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case first := <-r.owed:
			r.acknowledgeAll(ctx, r.collect(first))
		}
	}
}

// collect returns the numbers owed now, by process.
func (r *Remote) collect(first ack) map[processID][]uint64 {
	owed := map[processID][]uint64{first.process: {first.number}}
	for range mostAcks - 1 {
		select {
		case next := <-r.owed:
			owed[next.process] = append(owed[next.process], next.number)
		default:
			return owed
		}
	}
	return owed
}

// acknowledgeAll gives up where there is no contact: who waits does not for long.
func (r *Remote) acknowledgeAll(ctx context.Context, owed map[processID][]uint64) {
	l := r.link.Load()
	if l == nil {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, r.opts.AckTimeout)
	defer cancel()
	var commands []rueidis.Completed
	for process, numbers := range owed {
		m := &message{kind: kindAcks, acks: numbers}
		commands = append(commands, l.client.B().Spublish().Channel(r.keys.inbox(process)).Message(m.encode()).Build())
	}
	l.client.DoMulti(ctx, commands...)
}
