package concurrency_test

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/venta-hq/venta/gateway/concurrency"
	"github.com/venta-hq/venta/gateway/policy"
)

// TestPlacesAreLeftToCriticalCalls holds that without a queue criticality decides,
// too: half of what the upstream bears is critical, beside four times of it.
func TestPlacesAreLeftToCriticalCalls(t *testing.T) {
	for _, p := range []policy.Concurrency{{MaxInFlight: 40}, {MaxInFlight: 400, Adaptive: true}} {
		t.Run(fmt.Sprint(p), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := newLimiter(t, p, concurrency.Options{})
				u := &upstream{workers: make(chan struct{}, 20), latency: 50 * time.Millisecond} // 400 a second
				var served, offered [3]atomic.Int64
				var running sync.WaitGroup
				defer running.Wait()
				for i := range 20_000 { // 2000 a second
					class, late := []int{0, 1, 1, 1, 1, 2, 2, 2, 2, 2}[i%10], i > 6000
					running.Go(func() {
						c := []policy.Criticality{critical, byDefault, sheddable}[class]
						err := invoke(t.Context(), l.UnaryClientInterceptor(c), u.call)
						if late {
							offered[class].Add(1)
						}
						if late && err == nil {
							served[class].Add(1)
						}
					})
					time.Sleep(time.Second / 2000)
				}
				running.Wait()
				var share [3]float64
				for i := range share {
					share[i] = float64(served[i].Load()) / float64(offered[i].Load())
				}
				t.Logf("critical %.3f, default %.3f, sheddable %.3f", share[0], share[1], share[2])
				if share[0] < 0.98 || share[1] < 2*share[2] {
					t.Errorf("critical, default and sheddable calls succeed: %.2f", share)
				}
			})
		})
	}
}

// TestPlacesAreLeftOnlyToThoseWhoCome holds that calls of one criticality have all
// of the bound, and so has who is less critical once the others stay away.
func TestPlacesAreLeftOnlyToThoseWhoCome(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, shadow := range []bool{false, true} {
			would := 0
			l := newLimiter(t, policy.Concurrency{MaxInFlight: 20, Shadow: shadow}, concurrency.Options{
				OnShadow: func(_ context.Context, _ string) { would++ },
			})
			fill := func(c policy.Criticality) (found int) {
				var permits []concurrency.Permit
				for would = 0; ; found++ {
					permit, err := l.Acquire(t.Context(), c)
					permits = append(permits, permit)
					if err != nil || would > 0 {
						break
					}
				}
				for i := range permits {
					permits[i].Done(concurrency.Success)
				}
				return found
			}
			alone := fill(sheddable)
			beside := []int{fill(critical), fill(byDefault), fill(sheddable)}
			time.Sleep(11 * time.Second)
			late := fill(sheddable)
			if diff := cmp.Diff([]int{20, 20, 15, 10, 20}, append(append([]int{alone}, beside...), late)); diff != "" {
				t.Errorf("shadow %v: places (-want +got):\n%s", shadow, diff)
			}
		}
	})
}
