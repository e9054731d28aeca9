package retry

import (
	"context"
	"fmt"
	"math"
	"strconv"
	"time"

	"google.golang.org/grpc/metadata"

	"github.com/venta-hq/venta/gateway/policy"
)

// pushbackKey is the trailer by which a server says when to come back.
const pushbackKey = "grpc-retry-pushback-ms"

// defaultMaxPushback keeps a server from holding a call that nobody bounds.
const defaultMaxPushback = time.Minute

// maxPushback is the option, or its default.
func maxPushback(d time.Duration) (time.Duration, error) {
	if d < 0 {
		return 0, fmt.Errorf("retry: the longest pushback must not be negative: %s", d)
	}
	if d == 0 {
		return defaultMaxPushback, nil
	}
	return d, nil
}

// fits reports whether a wait leaves time for another attempt. longest bounds
// the wait of a call that has no deadline.
func fits(ctx context.Context, wait, longest time.Duration) bool {
	end, bounded := ctx.Deadline()
	if !bounded {
		return wait <= longest
	}
	return wait < time.Until(end)
}

// backoff counts a call's waits since it began or was last pushed back.
type backoff struct{ waits int }

// next draws the wait before the n-th retry: A6's
// random(0, min(initial*multiplier^(n-1), max)).
func (b *backoff) next(p policy.Retry, random func() float64) time.Duration {
	growth := math.Pow(p.BackoffMultiplier, float64(b.waits))
	b.waits++
	longest := min(float64(p.InitialBackoff)*growth, float64(p.MaxBackoff))
	return time.Duration(random() * longest)
}

// reset makes the next wait start from the initial back-off again.
func (b *backoff) reset() { b.waits = 0 }

// pushback reads the server's pushback; ok is false without one. A negative
// wait asks not to retry, and so does a value that is not a decimal 32-bit
// number in its shortest form, or more than one value.
func pushback(trailer metadata.MD) (wait time.Duration, ok bool) {
	values := trailer.Get(pushbackKey)
	if len(values) == 0 {
		return 0, false
	}
	ms, err := strconv.ParseInt(values[0], 10, 32)
	if err != nil || len(values) > 1 || strconv.FormatInt(ms, 10) != values[0] {
		return -1, true
	}
	return time.Duration(ms) * time.Millisecond, true
}
