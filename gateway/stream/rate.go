package stream

import (
	"context"
	"time"
)

// pace delays what comes faster than a rate, after one second's worth at once.
type pace struct {
	every time.Duration
	next  time.Time // when one more would be within the rate
}

func newPace(perSecond int) pace { return pace{every: time.Second / time.Duration(perSecond)} }

// wait lets one pass when its time has come, or returns false at the end of ctx.
func (p *pace) wait(ctx context.Context) bool {
	now := time.Now()
	if p.next.Before(now) {
		p.next = now
	}
	p.next = p.next.Add(p.every)
	early := p.next.Sub(now) - time.Second
	if early <= 0 {
		return true
	}
	timer := time.NewTimer(early)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
