package upstream

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/venta-hq/venta/gateway/policy"
	"github.com/venta-hq/venta/gateway/retry"
)

// TestHedgingHidesNoSlowAddress holds that an address is ejected whose attempts
// always lose, as they are slow when the call is decided without them.
func TestHedgingHidesNoSlowAddress(t *testing.T) {
	tests := map[string]struct {
		slow time.Duration // what counts as slow
		want State
	}{
		"slow when it was cancelled":     {200 * time.Millisecond, Open},
		"not slow when it was cancelled": {600 * time.Millisecond, Closed},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := newCluster(t, "fast", "good", "slow") // three, for two attempts to go round
				conn := c.dial(Options{})
				p := endpointPolicy()
				p.SlowCallDuration, p.SlowCallThresholdPercent, p.OpenDuration = test.slow, 100, time.Hour
				group := newGroup(t, conn, GroupOptions{NewBreaker: realBreakers(p)})
				ready(t, conn)
				for _, name := range []string{"fast", "good"} {
					c.backend(name).behave(func(context.Context) error { time.Sleep(150 * time.Millisecond); return nil })
				}
				c.backend("slow").behave(func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() })
				hedge, err := retry.NewHedge(policy.Hedge{
					Delay: 100 * time.Millisecond, MaxAttempts: 2, NonFatalStatusCodes: endpointPolicy().FailureStatusCodes,
					Budget: policy.RetryBudget{Percent: 100, MinPerSecond: 100},
				}, retry.HedgeOptions{})
				if err != nil {
					t.Fatal(err)
				}
				for range 12 {
					if name, err := call(t.Context(), conn, group.UnaryClientInterceptor(), hedge, SpreadAttempts()); err != nil || name == "slow" {
						t.Fatalf("%s, %v", name, err)
					}
					time.Sleep(time.Millisecond)
					synctest.Wait()
				}
				time.Sleep(time.Second) // virtual: for those that lost
				for address, want := range map[string]State{"slow": test.want, "fast": Closed, "good": Closed} {
					m, err := group.member(address)
					if err != nil {
						t.Fatal(err)
					}
					if got := State(m.last.Load()); got != want {
						t.Errorf("the breaker of %s is %v, want %v", address, got, want)
					}
				}
			})
		})
	}
}
