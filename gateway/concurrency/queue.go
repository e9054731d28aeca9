package concurrency

import (
	"container/list"
	"context"
	"time"

	"github.com/venta-hq/venta/gateway/policy"
)

// rank orders calls, the most critical first.
type rank int

// ranks is how many there are.
const ranks = 3

// shares is the part of the bound, in percent, that a call may find taken, by how
// many ranks it is below the most critical one that has come within reservedFor.
var shares = [ranks]int{100, 75, 50}

const reservedFor = 10 * time.Second

func rankOf(c policy.Criticality) rank {
	switch c {
	case policy.CriticalityCritical:
		return 0
	case policy.CriticalitySheddable:
		return 2
	}
	return 1
}

// waiter is a call that waits. Its limiter's lock guards all but called.
type waiter struct {
	ctx      context.Context
	rank     rank
	place    *list.Element // nil: no longer in the queue
	called   chan struct{} // closed when it has left the queue by another's doing
	admitted bool
}

// queue holds the calls that wait, for each rank in the order of their coming.
// The zero value is empty.
type queue struct {
	waiting [ranks]list.List
}

func (q *queue) length() int {
	n := 0
	for i := range q.waiting {
		n += q.waiting[i].Len()
	}
	return n
}

func (q *queue) add(ctx context.Context, r rank) *waiter {
	w := &waiter{ctx: ctx, rank: r, called: make(chan struct{})}
	w.place = q.waiting[r].PushBack(w)
	return w
}

// remove takes a waiter out, if it is still in.
func (q *queue) remove(w *waiter) {
	if w.place != nil {
		q.waiting[w.rank].Remove(w.place)
		w.place = nil
	}
}

// admit gives a place to the call that goes first, and reports false where none
// waits. A call whose context has ended is passed over: it would waste the place.
func (q *queue) admit() bool {
	for r := range q.waiting {
		for first := q.waiting[r].Front(); first != nil; first = q.waiting[r].Front() {
			w := first.Value.(*waiter)
			q.remove(w)
			w.admitted = w.ctx.Err() == nil
			close(w.called)
			if w.admitted {
				return true
			}
		}
	}
	return false
}

// shedBelow turns away the newest of the least critical calls, and reports false
// where none is less critical than r.
func (q *queue) shedBelow(r rank) bool {
	for other := rank(ranks - 1); other > r; other-- {
		if last := q.waiting[other].Back(); last != nil {
			w := last.Value.(*waiter)
			q.remove(w)
			close(w.called)
			return true
		}
	}
	return false
}
