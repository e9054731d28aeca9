package gateway

import (
	"context"
	"fmt"
	"net/http"
	"reflect"
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
	limit := reg.maxResponseBytes
	if limits != nil && limits.MaxResponseBytes > 0 {
		limit = limits.MaxResponseBytes
	}
	var bound []grpc.CallOption
	if limit > 0 {
		bound = append(bound, grpc.MaxCallRecvMsgSize(int(limit)))
	}
	return func(ctx context.Context, method string, req, reply any, _ *grpc.ClientConn, opts ...grpc.CallOption) error {
		err := conn.Invoke(ctx, method, req, reply, append(opts[:len(opts):len(opts)], bound...)...)
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
}

// tooLarge recognises grpc-go's own refusal by its text, as its code is shared
// with an upstream's RESOURCE_EXHAUSTED. A test holds it to the real text.
func tooLarge(err error) bool {
	st, ok := status.FromError(err)
	return ok && st.Code() == codes.ResourceExhausted &&
		strings.HasPrefix(st.Message(), "grpc: received message") && strings.Contains(st.Message(), "larger than max")
}

// breaker returns the method's breaker, or the one that its service shares.
func (g *Gateway) breaker(s Service, m Method) (*circuitbreaker.Breaker, error) {
	p := *m.Policy.CircuitBreaker
	if p.Scope == policy.BreakerPerMethod {
		return circuitbreaker.New(p, g.breakerOptions(s.Name+"."+m.Name))
	}
	shared, ok := g.breakers[s.Name]
	if !ok {
		breaker, err := circuitbreaker.New(p, g.breakerOptions(s.Name))
		if err != nil {
			return nil, err
		}
		g.breakers[s.Name] = sharedBreaker{policy: p, breaker: breaker}
		return breaker, nil
	}
	if !reflect.DeepEqual(shared.policy, p) {
		return nil, fmt.Errorf("circuit_breaker: scope SERVICE with settings that differ from another method's; make them equal")
	}
	return shared.breaker, nil
}

// breakerOptions makes every change of state an event in the log.
func (g *Gateway) breakerOptions(name string) circuitbreaker.Options {
	return circuitbreaker.Options{Name: name, OnStateChange: func(name string, from, to circuitbreaker.State) {
		g.options.Logger.Warn("circuit breaker changed", "breaker", name, "from", from.String(), "to", to.String())
	}}
}
