package ratelimit

import (
	"errors"
	"fmt"
	"time"

	"github.com/venta-hq/venta/gateway/policy"
)

// Group holds the counts of one limit for all Limiters that are given it. It is
// safe for concurrent use.
type Group struct {
	counts *limit
	start  time.Time
}

// NewGroup returns the counts of a limit. The name tells the group from others in
// the store; memory, which is required, and start are as in [Options].
func NewGroup(name string, p policy.RateLimit, memory *Memory, start time.Time) (*Group, error) {
	if err := (policy.Method{RateLimits: []policy.RateLimit{p}}).CheckLimits(); err != nil {
		return nil, fmt.Errorf("ratelimit: %w", err)
	}
	if p.Shared && !validScope(name) {
		return nil, fmt.Errorf("ratelimit: the group's name %q is not 1 to %d printable characters without braces", name, maxScope)
	}
	if memory == nil {
		return nil, errors.New("ratelimit: a group without a Memory")
	}
	counts := newLimit(p, memory, start)
	counts.group = name
	return &Group{counts: counts, start: start}, nil
}

// limit returns the counts of a limit: the group's, or its own.
func (o *Options) limit(p policy.RateLimit) (*limit, error) {
	if o.Group == nil {
		return newLimit(p, o.Memory, o.Start), nil
	}
	group := o.Group(p)
	switch {
	case group == nil:
		return newLimit(p, o.Memory, o.Start), nil
	case !policy.Equal(group.counts.RateLimit, p):
		return nil, fmt.Errorf("limit %q: its group has other settings", p.Name)
	case !group.start.Equal(o.Start):
		return nil, fmt.Errorf("limit %q: its group has another start", p.Name)
	}
	return group.counts, nil
}

// batch returns which shared limits the store decides together: those without a
// group, and then each group alone, so that what one RPC refuses by itself is not
// charged to what others have with it.
func (l *Limiter) batch() []set {
	var own set
	var groups []set
	for i, limit := range l.limits {
		switch {
		case !l.shared.has(i):
		case limit.group == "":
			own.add(i)
		default:
			var alone set
			alone.add(i)
			groups = append(groups, alone)
		}
	}
	if own == 0 {
		return groups
	}
	return append([]set{own}, groups...)
}
