package redis_test

import (
	"context"
	"testing"

	"github.com/redis/rueidis"

	"github.com/venta-hq/venta/gateway/redis"
	"github.com/venta-hq/venta/gateway/redis/redistest"
)

// BenchmarkDo compares a guarded call with one straight through the library.
func BenchmarkDo(b *testing.B) {
	c := redistest.Start(b).Open(b)
	r, ctx := c.Conn(), context.Background()
	get := func(ctx context.Context, r rueidis.Client) (string, error) {
		return r.Do(ctx, r.B().Get().Key("k").Build()).ToString()
	}
	for _, way := range []struct {
		name string
		call func()
	}{
		{"guarded", func() { _, _ = redis.Do(ctx, c, "k", get) }},
		{"straight", func() { _, _ = get(ctx, r) }},
	} {
		b.Run(way.name+"/serial", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				way.call()
			}
		})
		b.Run(way.name+"/parallel", func(b *testing.B) {
			b.ReportAllocs()
			b.SetParallelism(32)
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					way.call()
				}
			})
		})
	}
}

// BenchmarkDoGivenUp is what a call costs while its node is given up.
func BenchmarkDoGivenUp(b *testing.B) {
	server := redistest.Start(b)
	c := redistest.Open(b, brisk(server.Addr))
	server.Kill()
	for c.Available() {
		_ = ask(b, c, "k")
	}
	b.ReportAllocs()
	for b.Loop() {
		_ = ask(b, c, "k")
	}
}
