package ratelimit_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/venta-hq/venta/gateway/policy"
	"github.com/venta-hq/venta/gateway/ratelimit"
)

func BenchmarkDecide(b *testing.B) {
	for _, limits := range []int{1, 3} {
		b.Run(fmt.Sprintf("limits=%d", limits), func(b *testing.B) {
			var list []policy.RateLimit
			for i := range limits {
				list = append(list, limitBy(fmt.Sprint("l", i), policy.KeyHeader, 1000, 1e9, time.Minute))
			}
			l := newLimiter(b, list...)
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				charges := make([]ratelimit.Charge, limits)
				said := make([]ratelimit.Decision, limits)
				for i := 0; pb.Next(); i++ {
					for j := range charges {
						charges[j].Key = clients[i%len(clients)]
					}
					l.Decide(context.Background(), time.Now(), charges, said)
				}
			})
		})
	}
}

var clients = func() []string {
	keys := make([]string, 1024)
	for i := range keys {
		keys[i] = fmt.Sprintf("198.51.%d.%d", i/256, i%256)
	}
	return keys
}()

// BenchmarkDecideFlood inserts a new key each time into a full memory.
func BenchmarkDecideFlood(b *testing.B) {
	l := newSmallLimiter(b, limitBy("x", policy.KeyHeader, 10, 10, time.Minute))
	said := make([]ratelimit.Decision, 1)
	charge := make([]ratelimit.Charge, 1)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		charge[0].Key = fmt.Sprint(i)
		l.Decide(context.Background(), time.Now(), charge, said)
	}
}

func BenchmarkMiddleware(b *testing.B) {
	l := newLimiter(b, limitBy("x", policy.KeyHeader, 1000, 1e9, time.Minute))
	h := l.Middleware(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	w := httptest.NewRecorder()
	b.ReportAllocs()
	for b.Loop() {
		clear(w.Header())
		h.ServeHTTP(w, r)
	}
}
