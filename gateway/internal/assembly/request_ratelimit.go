package assembly

import (
	"context"
	"fmt"

	"github.com/venta-hq/venta/gateway/policy"
	"github.com/venta-hq/venta/gateway/ratelimit"
)

// byConnection and byRequest select the limits of a stage.
func byConnection(l policy.RateLimit) bool { return l.ByConnection() }
func byRequest(l policy.RateLimit) bool    { return !l.ByConnection() }

// requestLimits admits requests within the limits of one stage.
func (b *builder) requestLimits(block string, stage func(policy.RateLimit) bool) Step {
	var limits []policy.RateLimit
	faults := len(b.errs)
	for _, limit := range b.rpc.Policy.RateLimits {
		if stage(limit) {
			limits = append(limits, b.adjusted(limit))
		}
	}
	if len(limits) == 0 || len(b.errs) > faults {
		return nil
	}
	groups := b.groups(limits)
	if len(b.errs) > faults {
		return nil
	}
	limiter := remembered[*ratelimit.Limiter](b, b.rpc.Name, block, limits, func() (*part, error) {
		keys, err := newRateLimitKeys(b.env.Live, b.rpc.Method, limits)
		if err != nil {
			return nil, err
		}
		return newPart(ratelimit.New(limits, b.rateLimitOptions(keys, groups)))
	})
	if limiter == nil {
		return nil
	}
	return limiter.Middleware
}

// groups returns the counts that limits have together with those of other RPCs, by
// the limits' names. They are parts of their own, which the limiters of all members
// hold: all of them stay, or none.
func (b *builder) groups(limits []policy.RateLimit) map[string]*ratelimit.Group {
	found := map[string]*ratelimit.Group{}
	for _, limit := range limits {
		id := limit.GroupID(b.rpc.Service, b.rpc.Source)
		if id == "" {
			continue
		}
		found[limit.Name] = groupPart(b, "rate_limits/"+id, limit, func() (*part, error) {
			return newPart(ratelimit.NewGroup(id, limit, b.env.RateLimits.Memory, b.env.RateLimits.Start))
		})
	}
	return found
}

// groupPart returns the part of a group. RPCs that state different settings are
// named, be they of other services or on a mux of the program's own, which no
// override reaches.
func groupPart(b *builder, name string, limit policy.RateLimit, build func() (*part, error)) *ratelimit.Group {
	for _, other := range []*part{b.generation.now[name], b.generation.pinned[name]} {
		if other != nil && !policy.Equal(other.settings, limit) {
			b.errs = append(b.errs, fmt.Errorf("rate_limits: limit %q is in the group %q with one of %s, and has other settings; "+
				"make them equal, or name another group", limit.Name, limit.Group, other.owner))
			return nil
		}
	}
	p, err := b.generation.keep(name, limit, build)
	if err != nil {
		b.errs = append(b.errs, fmt.Errorf("rate_limits: %w", err))
		return nil
	}
	if p.owner == "" {
		p.owner = b.rpc.Name
	}
	return p.value.(*ratelimit.Group)
}

// adjusted returns a limit as this process can hold it.
func (b *builder) adjusted(l policy.RateLimit) policy.RateLimit {
	o := b.env.RateLimits
	switch {
	case !l.Shared || o.Store != nil:
	case o.Alone:
		l.Shared, l.OnStoreFailure, l.Lease = false, policy.FailureUnset, 0
	default:
		b.errs = append(b.errs, fmt.Errorf("rate_limits: limit %q is shared and there is no store to share it by; "+
			"configure Redis, or write SCOPE_LOCAL", l.Name))
	}
	return l
}

func (b *builder) rateLimitOptions(keys *rateLimitKeys, groups map[string]*ratelimit.Group) ratelimit.Options {
	live, metrics, method := b.env.Live, b.env.Telemetry.Metrics, b.rpc.Method.FullName
	return ratelimit.Options{
		Memory:     b.env.RateLimits.Memory,
		Key:        keys.key,
		Cost:       keys.cost,
		Claim:      claim,
		Store:      b.env.RateLimits.Store,
		Scope:      b.rpc.Name,
		Start:      b.env.RateLimits.Start,
		Group:      func(l policy.RateLimit) *ratelimit.Group { return groups[l.Name] },
		Fields:     func() ratelimit.FieldStyle { return live.Load().Fields },
		OnError:    refuse,
		OnDecision: b.env.onRateLimit(method, b.rpc.Policy.RateLimits),
		OnShadow: func(_ context.Context, would string) { // OnDecision knows the limit, too
			metrics.Shadow(method, "rate_limits", would)
		},
		OnStoreFailure: func(context.Context, string, error) {
			metrics.StoreEvent("rate_limits", "failed")
		},
	}
}
