package assembly

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
	limiter := remembered[*ratelimit.Limiter](b, b.rpc.Name, block, limits, func() (*part, error) {
		keys, err := newRateLimitKeys(b.env.Live, b.rpc.Method, limits)
		if err != nil {
			return nil, err
		}
		return newPart(ratelimit.New(limits, b.rateLimitOptions(keys)))
	})
	if limiter == nil {
		return nil
	}
	return limiter.Middleware
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

func (b *builder) rateLimitOptions(keys *rateLimitKeys) ratelimit.Options {
	live, metrics := b.env.Live, b.env.Telemetry.Metrics
	return ratelimit.Options{
		MaxKeys:    b.env.RateLimits.MaxKeys,
		Key:        keys.key,
		Cost:       keys.cost,
		Claim:      claim,
		Store:      b.env.RateLimits.Store,
		Scope:      b.rpc.Name,
		Fields:     func() ratelimit.FieldStyle { return live.Load().Fields },
		OnError:    refuse,
		OnDecision: b.env.onRateLimit(b.rpc.Method.FullName),
		OnShadow:   b.onShadow("rate_limits"),
		OnStoreFailure: func(context.Context, string, error) {
			metrics.StoreEvent("rate_limits", "failed")
		},
	}
}
