package redislimit_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/redis/rueidis"
	"golang.org/x/time/rate"

	"github.com/venta-hq/venta/gateway/policy"
	"github.com/venta-hq/venta/gateway/ratelimit"
	"github.com/venta-hq/venta/gateway/ratelimit/redislimit"
	"github.com/venta-hq/venta/gateway/redis/redistest"
)

// decider is what is compared: one decision for a client.
type decider func(client string) bool

var clients = func() []string {
	keys := make([]string, 1024)
	for i := range keys {
		keys[i] = fmt.Sprintf("198.51.%d.%d", i/256, i%256)
	}
	return keys
}()

// perMinute is the rate: no client comes near it, and none is forgotten.
const perMinute = 1000

func run(b *testing.B, decide decider) {
	b.Helper()
	b.Run("serial", func(b *testing.B) {
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			decide(clients[i%len(clients)])
		}
	})
	b.Run("parallel", func(b *testing.B) {
		b.ReportAllocs()
		b.SetParallelism(32)
		b.RunParallel(func(pb *testing.PB) {
			for i := 0; pb.Next(); i++ {
				decide(clients[i%len(clients)])
			}
		})
	})
}

// BenchmarkLocal compares a local decision with x/time/rate in a map.
func BenchmarkLocal(b *testing.B) {
	limit := sharedBy("x", policy.KeyHeader, perMinute, 1e9, time.Minute)
	limit.Shared, limit.OnStoreFailure = false, policy.FailureUnset
	b.Run("venta", func(b *testing.B) { run(b, decide(newGateway(b, nil, limit))) })
	b.Run("x-time-rate", func(b *testing.B) { run(b, handwritten()) })
}

// BenchmarkShared compares a shared decision with a counter of fixed windows.
func BenchmarkShared(b *testing.B) {
	server := redistest.Start(b)
	store := redislimit.New(server.Open(b))
	one := sharedBy("x", policy.KeyHeader, perMinute, 1e9, time.Minute)
	two := one
	two.Name = "y"
	leased := one
	leased.Lease = 50
	refusing := sharedBy("z", policy.KeyHeader, 1, 1, time.Hour)
	b.Run("venta", func(b *testing.B) { run(b, decide(newGateway(b, store, one))) })
	b.Run("venta-2-limits", func(b *testing.B) { run(b, decide(newGateway(b, store, one, two))) })
	b.Run("venta-lease-50", func(b *testing.B) { run(b, decide(newGateway(b, store, leased))) })
	b.Run("venta-refused", func(b *testing.B) { run(b, decide(newGateway(b, store, refusing))) })
	b.Run("incr-expire", func(b *testing.B) { run(b, incrExpire(b, server.Addr)) })
}

func decide(g *gateway) decider {
	return func(client string) bool {
		var charges [2]ratelimit.Charge
		var decisions [2]ratelimit.Decision
		for i := range g.limits {
			charges[i].Key = client
		}
		return g.Decide(context.Background(), time.Now(), charges[:len(g.limits)], decisions[:len(g.limits)])
	}
}

// handwritten is what many services have: a limiter for each client, for ever.
func handwritten() decider {
	var mu sync.Mutex
	limiters := make(map[string]*rate.Limiter)
	return func(client string) bool {
		mu.Lock()
		limiter, known := limiters[client]
		if !known {
			limiter = rate.NewLimiter(perMinute/60.0, 1e9)
			limiters[client] = limiter
		}
		mu.Unlock()
		return limiter.Allow()
	}
}

// incrExpire counts in windows of a minute, unguarded.
func incrExpire(b *testing.B, addr string) decider {
	b.Helper()
	r, err := rueidis.NewClient(rueidis.ClientOption{InitAddress: []string{addr}, DisableCache: true, ForceSingleClient: true})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(r.Close)
	ctx := context.Background()
	return func(client string) bool {
		key := "window:" + client
		responses := r.DoMulti(ctx, r.B().Incr().Key(key).Build(), r.B().Expire().Key(key).Seconds(60).Nx().Build())
		n, err := responses[0].AsInt64()
		return err == nil && n <= 1e9
	}
}
