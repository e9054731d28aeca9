package assembly

import (
	"google.golang.org/grpc"

	"github.com/venta-hq/venta/gateway/timeout"
)

// callTimeout bounds the whole call, all attempts included.
func (b *builder) callTimeout() grpc.UnaryClientInterceptor {
	if b.rpc.Policy.Timeout == nil {
		return nil
	}
	step, err := timeout.New(*b.rpc.Policy.Timeout, timeout.Options{OnShadow: b.onShadow("timeout")})
	return made(b, step, err)
}

// streamTimeout bounds the whole stream and its silence.
func (b *builder) streamTimeout() grpc.StreamClientInterceptor {
	if b.rpc.Policy.Timeout == nil {
		return nil
	}
	step, err := timeout.NewStream(*b.rpc.Policy.Timeout, timeout.Options{OnShadow: b.onShadow("timeout")})
	return made(b, step, err)
}

// callAttemptTimeout bounds each attempt.
func (b *builder) callAttemptTimeout() grpc.UnaryClientInterceptor {
	p := b.rpc.Policy.Retry
	if p == nil || p.PerAttemptTimeout == 0 || p.Shadow {
		return nil
	}
	step, err := timeout.PerAttempt(p.PerAttemptTimeout, timeout.Options{})
	return made(b, step, err)
}
