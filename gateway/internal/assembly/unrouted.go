package assembly

import (
	"net/http"
	"time"

	"github.com/venta-hq/venta/gateway/policy"
	"github.com/venta-hq/venta/gateway/ratelimit"
)

// What each address may ask for that no route has: enough for a client that
// stumbles, and little for one that searches.
const (
	unroutedRequests = 20 // a second
	unroutedBurst    = 100
)

// LimitUnrouted returns what bounds the requests of an address that no route has,
// which no RPC's limits see. It tells of itself by Retry-After alone.
func (env *Environment) LimitUnrouted(refuse func(http.ResponseWriter, *http.Request, error)) (Step, error) {
	limit := policy.RateLimit{
		Name: "unrouted", Requests: unroutedRequests, Burst: unroutedBurst, Interval: time.Second,
		Key: policy.RateLimitKey{Source: policy.KeyClientIP}, Cost: policy.RateLimitCost{Units: 1},
	}
	keys := &rateLimitKeys{live: env.Live}
	limiter, err := ratelimit.New([]policy.RateLimit{limit}, ratelimit.Options{
		Memory:     env.RateLimits.Memory,
		Key:        keys.key,
		Fields:     func() ratelimit.FieldStyle { return ratelimit.FieldsNone },
		OnError:    refuse,
		OnDecision: env.onRateLimit("", nil),
	})
	if err != nil {
		return nil, err
	}
	return limiter.Middleware, nil
}
