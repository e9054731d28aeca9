package retry_test

import (
	"context"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/venta-hq/venta/gateway/policy"
	"github.com/venta-hq/venta/gateway/retry"
)

const method = "/venta.vendor.v2.VendorService/GetVendor"

// basePolicy with half as the random source waits 50ms, 100ms, 200ms.
func basePolicy() policy.Retry {
	return policy.Retry{
		MaxAttempts:          4,
		InitialBackoff:       100 * time.Millisecond,
		MaxBackoff:           time.Second,
		BackoffMultiplier:    2,
		RetryableStatusCodes: []codes.Code{codes.Unavailable},
		Budget:               policy.RetryBudget{Percent: 100, MinPerSecond: 1000},
	}
}

func half() float64 { return 0.5 }

// response is what a scripted upstream does with one attempt.
type response struct {
	code     codes.Code
	pushback []string      // values of the trailer
	err      error         // in place of code
	after    time.Duration // ctx may end sooner
}

// script responds to attempts one after the other; the last response repeats.
type script struct {
	responses []response
	began     time.Time
	starts    []time.Duration // when each attempt began
	previous  [][]string      // grpc-previous-rpc-attempts of each attempt
}

func (s *script) invoke(ctx context.Context, _ string, _, _ any, _ *grpc.ClientConn, opts ...grpc.CallOption) error {
	a := s.responses[min(len(s.starts), len(s.responses)-1)]
	s.starts = append(s.starts, time.Since(s.began))
	md, _ := metadata.FromOutgoingContext(ctx)
	s.previous = append(s.previous, md.Get("grpc-previous-rpc-attempts"))
	if a.pushback != nil {
		fill(opts, nil, metadata.MD{"grpc-retry-pushback-ms": a.pushback})
	}
	if a.after > 0 {
		select {
		case <-time.After(a.after):
		case <-ctx.Done():
			return status.FromContextError(ctx.Err()).Err()
		}
	}
	if a.err != nil {
		return a.err
	}
	return status.Error(a.code, a.code.String())
}

// fill does what gRPC does with the options at the end of a call.
func fill(opts []grpc.CallOption, header, trailer metadata.MD) {
	for _, opt := range opts {
		switch opt := opt.(type) {
		case grpc.HeaderCallOption:
			*opt.HeaderAddr = header
		case grpc.TrailerCallOption:
			*opt.TrailerAddr = trailer
		}
	}
}

func newRetry(t *testing.T, p policy.Retry, o retry.Options) grpc.UnaryClientInterceptor {
	t.Helper()
	intercept, err := retry.New(p, o)
	if err != nil {
		t.Fatal(err)
	}
	return intercept
}
