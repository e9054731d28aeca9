package gateway

import (
	"context"
	"fmt"

	"github.com/venta-hq/venta/gateway/policy"
	"github.com/venta-hq/venta/gateway/ratelimit"
)

// byConnection selects the limits that are decided before authentication, so
// that guessing credentials is limited, too.
func byConnection(l policy.RateLimit) bool { return !byRequest(l) }

// byRequest selects the limits that need the principal or the message.
func byRequest(l policy.RateLimit) bool {
	switch l.Key.Source {
	case policy.KeyPrincipal, policy.KeyAPIKey, policy.KeyField:
		return true
	default:
		return l.Cost.Field != "" || len(l.Tiers) > 0
	}
}

// rateLimits admits requests within the limits of one stage.
func (b *builder) rateLimits(name string, stage func(policy.RateLimit) bool) middleware {
	var limits []policy.RateLimit
	faults := len(b.errs)
	for _, limit := range b.policy.RateLimits {
		if stage(limit) {
			limits = append(limits, b.kept(limit))
		}
	}
	if len(limits) == 0 || len(b.errs) > faults {
		return nil
	}
	keys, err := newRateLimitKeys(b.gateway.clientIP, b.method, limits)
	if err != nil {
		return b.step(nil, err)
	}
	limiter := remembered(b, b.name, name, limits, func() (*ratelimit.Limiter, error) {
		return ratelimit.New(limits, b.rateLimitOptions(keys))
	})
	if limiter == nil {
		return nil
	}
	return limiter.Middleware
}

// kept returns a limit as this gateway can keep it.
func (b *builder) kept(l policy.RateLimit) policy.RateLimit {
	o := b.gateway.options.RateLimits
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

func (b *builder) rateLimitOptions(keys *rateLimitKeys) ratelimit.Options {
	o := b.gateway.options.RateLimits
	return ratelimit.Options{
		MaxKeys:    o.MaxKeys,
		Key:        keys.key,
		Cost:       keys.cost,
		Claim:      claim,
		Store:      o.Store,
		Scope:      b.name,
		Fields:     o.Fields,
		OnError:    b.refuse,
		OnDecision: b.gateway.countRateLimit(b.method.FullName),
		OnShadow:   b.shadow("rate_limits"),
		OnStoreFailure: func(context.Context, string, error) {
			b.gateway.telemetry.Metrics.StoreEvent("rate_limits", "failed")
		},
	}
}
