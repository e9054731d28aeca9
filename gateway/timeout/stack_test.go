package timeout_test

import (
	"context"
	"runtime"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"

	"github.com/venta-hq/venta/gateway/circuitbreaker"
	"github.com/venta-hq/venta/gateway/concurrency"
	"github.com/venta-hq/venta/gateway/policy"
	"github.com/venta-hq/venta/gateway/timeout"
)

// TestStreamsLeaveNothingBehind runs real streams through limiter, bound and
// breaker, as the gateway stacks them, with callers of every kind: all places
// come back, the breaker stays closed, and no goroutine is left (TestMain).
func TestStreamsLeaveNothingBehind(t *testing.T) {
	limiter, err := concurrency.New(policy.Concurrency{MaxInFlight: 1000}, concurrency.Options{})
	if err != nil {
		t.Fatal(err)
	}
	breaker, err := circuitbreaker.New(policy.CircuitBreaker{
		ErrorThresholdPercent: 1, Window: time.Minute, MinimumCalls: 1, OpenDuration: time.Minute, HalfOpenCalls: 1,
		// Not DEADLINE_EXCEEDED: on a busy machine the bound may pass before a message.
		FailureStatusCodes: []codes.Code{codes.Unavailable, codes.Unknown, codes.Internal},
	}, circuitbreaker.Options{})
	if err != nil {
		t.Fatal(err)
	}
	client := dialHealth(t, nil, grpc.WithChainStreamInterceptor(
		limiter.StreamClientInterceptor(policy.CriticalityCritical),
		newStream(t, policy.Timeout{Duration: time.Minute, Idle: 50 * time.Millisecond}, timeout.Options{}),
		breaker.StreamClientInterceptor(),
	))
	callers := map[string]func(context.CancelFunc, healthpb.Health_WatchClient){
		"waits for the bound": func(_ context.CancelFunc, s healthpb.Health_WatchClient) {
			for {
				if _, err := s.Recv(); err != nil {
					return
				}
			}
		},
		"leaves at once":         func(cancel context.CancelFunc, _ healthpb.Health_WatchClient) { cancel() },
		"leaves after a message": func(cancel context.CancelFunc, s healthpb.Health_WatchClient) { _, _ = s.Recv(); cancel() },
		"leaves while it waits":  func(cancel context.CancelFunc, s healthpb.Health_WatchClient) { go cancel(); _, _ = s.Recv() },
		"forgets it":             func(context.CancelFunc, healthpb.Health_WatchClient) {},
		"panics":                 func(context.CancelFunc, healthpb.Health_WatchClient) { panic("caller") },
		"ends its goroutine":     func(context.CancelFunc, healthpb.Health_WatchClient) { runtime.Goexit() },
		"asks for the header":    func(_ context.CancelFunc, s healthpb.Health_WatchClient) { _, _ = s.Header() },
		"leaves, then still asks": func(cancel context.CancelFunc, s healthpb.Health_WatchClient) {
			cancel()
			_, _ = s.Header()
			_, _ = s.Recv()
		},
	}
	var running sync.WaitGroup
	for _, caller := range callers {
		for range 5 {
			running.Go(func() {
				defer func() { _ = recover() }()
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel() // as a request's context ends
				stream, err := client.Watch(ctx, &healthpb.HealthCheckRequest{})
				if err == nil { // or the bound has passed while it opened
					caller(cancel, stream)
				}
			})
		}
	}
	running.Wait()
	for limiter.Load().InFlight > 0 && t.Context().Err() == nil {
		runtime.Gosched() // contexts that have ended tell so on goroutines of their own
	}
	if state := breaker.State(); state != circuitbreaker.Closed {
		t.Errorf("the breaker is %v: callers count as failures of the upstream", state)
	}
}
