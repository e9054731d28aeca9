package gateway

import (
	"errors"
	"fmt"
	"slices"
	"time"
)

// Overrides end by themselves, each at its time.

// expiryRetry is when an override that could not be taken out is tried again.
const expiryRetry = time.Minute

// lasting makes the stacks of overrides that are right now and will be right each time
// that one of them has expired: what nobody could take out must not come in. The lock is
// held.
func (g *Gateway) lasting(overrides []Override, now time.Time) (*stacks, error) {
	next, errs := g.build(overrides, now)
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	for _, end := range ends(overrides, now) {
		if _, errs := g.build(overrides, end.Expires); len(errs) > 0 {
			for i, err := range errs {
				errs[i] = fmt.Errorf("once %s has expired, at %s: %w", end.where(), end.Expires.Format(time.RFC3339), err)
			}
			return nil, errors.Join(errs...)
		}
	}
	return next, nil
}

// ends returns an override for each time at which some expire and others stay.
func ends(overrides []Override, now time.Time) []Override {
	var all []Override
	for _, o := range overrides {
		left, _ := split(overrides, o.Expires)
		again := slices.ContainsFunc(all, func(other Override) bool { return other.Expires.Equal(o.Expires) })
		if !o.Expires.IsZero() && o.active(now) && len(left) > 0 && !again {
			all = append(all, o)
		}
	}
	return all
}

// awaitExpiry sees to it that the next override to expire does, be it one that has
// meanwhile. The lock is held.
func (g *Gateway) awaitExpiry() {
	var next time.Time
	for _, o := range g.overrides {
		if !o.Expires.IsZero() && (next.IsZero() || o.Expires.Before(next)) {
			next = o.Expires
		}
	}
	g.expireIn(time.Until(next), !next.IsZero())
}

// expireIn sets the timer, or takes it away. The lock is held.
func (g *Gateway) expireIn(wait time.Duration, some bool) {
	if g.expiry != nil {
		g.expiry.Stop()
		g.expiry = nil
	}
	if some {
		g.expiry = time.AfterFunc(wait, g.expire)
	}
}

// expire leaves out what has expired since, and tells. What remains was found to be
// right without it; should it not be, everything stays as it is, and is reported.
func (g *Gateway) expire() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.expiry == nil {
		return // closed, or replaced meanwhile
	}
	now := time.Now()
	remaining, expired := split(g.overrides, now)
	next, errs := g.build(remaining, now)
	if len(errs) > 0 {
		g.options.Logger.Error("an override that has expired stays in force", "error", errors.Join(errs...))
		g.expireIn(expiryRetry, true)
		return
	}
	g.use(next)
	g.overrides = remaining
	if g.serving {
		g.advise()
	}
	g.tellExpired(expired)
	g.awaitExpiry()
}

// tellExpired tells of overrides that are out of force. The lock is held.
func (g *Gateway) tellExpired(expired []Override) {
	for _, o := range expired {
		g.options.Logger.Info("override expired",
			"methods", o.Methods, "reason", o.Reason, "source", o.place(), "expired", o.Expires.Format(time.RFC3339))
		if g.options.OnOverrideExpired != nil {
			g.options.OnOverrideExpired(o)
		}
	}
}

// split returns the overrides that are active at now, and those that have expired.
func split(overrides []Override, now time.Time) (active, expired []Override) {
	for _, o := range overrides {
		if o.active(now) {
			active = append(active, o)
		} else {
			expired = append(expired, o)
		}
	}
	return active, expired
}

func (o Override) active(now time.Time) bool { return o.Expires.IsZero() || now.Before(o.Expires) }
