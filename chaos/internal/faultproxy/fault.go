// Package faultproxy is a TCP proxy on loopback whose network misbehaves as a
// scenario wants it to.
//
// It is small on purpose: what it adds to well-known proxies is that a fault can
// strike the connections that exist and spare new ones, or the reverse, which
// is what tells a black hole from a half-open connection.
package faultproxy

import (
	"math/rand/v2"
	"time"
)

// Fault is how the network misbehaves. The zero value passes everything on.
type Fault struct {
	// Latency delays everything that comes from the target.
	Latency time.Duration
	// Jitter is a further random delay, evenly spread from zero to this.
	Jitter time.Duration
	// BytesPerSecond is how fast bytes come from the target. 0: no bound.
	BytesPerSecond int
	// BlackHole accepts connections and bytes and passes none on, those of
	// connections that exist included, until the fault ends.
	BlackHole bool
}

func (f Fault) delay() time.Duration {
	d := f.Latency
	if f.Jitter > 0 {
		d += rand.N(f.Jitter)
	}
	return d
}
