package circuitbreaker

import "github.com/venta-hq/venta/gateway/policy"

// NewOutOfLimits makes a breaker of a policy that [New] refuses: shorter times
// than anybody may write put more transitions into a test.
func NewOutOfLimits(p policy.CircuitBreaker, o Options) *Breaker { return newBreaker(p, o) }
