package circuitbreaker

import (
	"time"

	"github.com/venta-hq/venta/gateway/policy"
)

const (
	growth = 2  // of the time that a breaker stays open, each time anew
	spread = 10 // the part of it, as a divisor, that is left to chance
)

// openTime is how long a breaker stays open.
type openTime struct {
	length time.Duration // before chance; 0: it has never been open
	ends   time.Duration
	closed time.Duration // when the breaker closed after it
}

// begin opens the breaker. Luck is a number in [0, 1).
func (o *openTime) begin(now time.Duration, p policy.CircuitBreaker, luck float64) {
	longest := max(p.MaxOpenDuration, p.OpenDuration)
	if o.repeated(now) {
		o.length = min(growth*o.length, longest)
	} else {
		o.length = p.OpenDuration
	}
	o.ends = now + o.length - time.Duration(luck*float64(o.length/spread))
}

// repeated reports whether the upstream has failed again before it was well for
// as long as it was left alone. A failed probe is the shortest such time.
func (o *openTime) repeated(now time.Duration) bool {
	well := now - max(o.closed, o.ends)
	if o.closed < o.ends { // a probe has failed: it was never well
		well = 0
	}
	return o.length > 0 && well < o.length
}
