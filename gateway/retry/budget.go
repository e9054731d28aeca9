package retry

import (
	"fmt"
	"sync"
	"time"

	"github.com/venta-hq/venta/gateway/apierror"
	"github.com/venta-hq/venta/gateway/policy"
)

// budgetSeconds is how long a call adds to the budget.
const budgetSeconds = 10

// Budget bounds the attempts beyond the first of all calls that share it, so
// that an outage is not multiplied. In any second it admits MinPerSecond of
// them, and beyond those Percent of the calls of the last ten seconds, counted
// by whole seconds. It needs no clean-up, holds a fixed amount of memory and is
// safe for concurrent use.
type Budget struct {
	policy policy.RetryBudget
	epoch  time.Time

	mu     sync.Mutex
	second int64 // since epoch, of the newest tally
	ring   [budgetSeconds]tally
	calls  int // of the whole ring
	shares int // of the whole ring
}

// tally counts one second.
type tally struct {
	calls    int
	reserved int // admitted by MinPerSecond
	shares   int // admitted by Percent
}

// NewBudget returns a budget without history. Values out of the limits of
// [policy.RetryBudget.CheckLimits] are an error.
func NewBudget(p policy.RetryBudget) (*Budget, error) {
	if err := p.CheckLimits(); err != nil {
		return nil, fmt.Errorf("retry: %w", err)
	}
	return &Budget{policy: p, epoch: time.Now()}, nil
}

// Call counts a call; its first attempt takes nothing.
func (b *Budget) Call() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.now().calls++
	b.calls++
}

// refuse takes a call back that the upstream had no part in, where err says so: it
// is no traffic that further attempts may be a share of.
func (b *Budget) refuse(err error) {
	if !apierror.Refused(err) {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if now := b.now(); now.calls > 0 { // or it counted in an earlier second, which is as well
		now.calls--
		b.calls--
	}
}

// Take reports whether one more attempt may be sent now, and counts it if so.
func (b *Budget) Take() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := b.now()
	if now.reserved < b.policy.MinPerSecond {
		now.reserved++
		return true
	}
	if (b.shares+1)*100 > b.calls*b.policy.Percent {
		return false
	}
	now.shares++
	b.shares++
	return true
}

// now returns the present second's tally and forgets those that are too old.
// The lock is held.
func (b *Budget) now() *tally {
	second := int64(time.Since(b.epoch) / time.Second)
	for steps := min(second-b.second, budgetSeconds); steps > 0; steps-- {
		oldest := &b.ring[(second-steps+1)%budgetSeconds]
		b.calls -= oldest.calls
		b.shares -= oldest.shares
		*oldest = tally{}
	}
	b.second = second
	return &b.ring[second%budgetSeconds]
}
