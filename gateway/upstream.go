package gateway

import (
	"context"
	"fmt"
	"net/http"
	"strings"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/venta-hq/venta/gateway/apierror"
	"github.com/venta-hq/venta/gateway/circuitbreaker"
	"github.com/venta-hq/venta/gateway/policy"
)

// upstream makes the call itself: bounded in size, and with errors that hold
// nothing of the upstream's internals.
func (reg *registrar) upstream(limits *policy.Limits, conn grpc.ClientConnInterface) grpc.UnaryInvoker {
	limit := reg.responseBound(limits)
	var bound []grpc.CallOption
	if limit > 0 {
		bound = append(bound, grpc.MaxCallRecvMsgSize(int(limit)))
	}
	return func(ctx context.Context, method string, req, reply any, _ *grpc.ClientConn, opts ...grpc.CallOption) error {
		err := conn.Invoke(ctx, method, req, reply, append(opts[:len(opts):len(opts)], bound...)...)
		return reg.upstreamError(err, limit)
	}
}

// responseBound returns the most bytes of an upstream's message. 0: there is no
// bound.
func (reg *registrar) responseBound(l *policy.Limits) int64 {
	if l != nil && l.MaxResponseBytes > 0 {
		return l.MaxResponseBytes
	}
	return reg.maxResponseBytes
}

// upstreamError returns what the client may see of an upstream's error, where
// messages are bounded by limit.
func (reg *registrar) upstreamError(err error, limit int64) error {
	if limit > 0 && tooLarge(err) {
		return &apierror.Error{
			Code:       codes.OutOfRange,
			Reason:     apierror.ResponseTooLarge,
			Message:    fmt.Sprintf("the service's answer is larger than %d bytes", limit),
			HTTPStatus: http.StatusBadGateway,
			Cause:      err,
		}
	}
	return reg.fromUpstream(err)
}

// tooLarge recognises grpc-go's own refusal by its text, as its code is shared
// with an upstream's RESOURCE_EXHAUSTED. A test holds it to the real text.
func tooLarge(err error) bool {
	st, ok := status.FromError(err)
	return ok && st.Code() == codes.ResourceExhausted &&
		strings.HasPrefix(st.Message(), "grpc: received message") && strings.Contains(st.Message(), "larger than max")
}

// breaker returns the method's breaker, or the one that its service shares.
func (reg *registrar) breaker(s Service, m Method) (*circuitbreaker.Breaker, error) {
	p := *m.Policy.CircuitBreaker
	name := s.Name + "." + m.Name
	if p.Scope == policy.BreakerPerService {
		name = s.Name
	}
	breaker, err := keep(reg.parts, name+"/circuit_breaker", p, func() (*circuitbreaker.Breaker, error) {
		return reg.newBreaker(name, p)
	})
	if err != nil {
		return nil, fmt.Errorf("circuit_breaker: %w", err)
	}
	return breaker, nil
}

// circuitBreaker returns the step of the method's breaker.
func (reg *registrar) circuitBreaker(s Service, m Method) (grpc.UnaryClientInterceptor, error) {
	breaker, err := reg.breaker(s, m)
	if err != nil {
		return nil, err
	}
	return breaker.UnaryClientInterceptor(), nil
}
