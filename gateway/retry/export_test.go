package retry

import (
	"google.golang.org/grpc"

	"github.com/venta-hq/venta/gateway/policy"
)

// NewOutOfLimits makes the interceptor of a policy that [New] refuses.
func NewOutOfLimits(p policy.Retry, o Options) (grpc.UnaryClientInterceptor, error) {
	return newRetry(p, o)
}
