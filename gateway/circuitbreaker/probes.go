package circuitbreaker

import "time"

// probes counts the calls of a half-open breaker.
type probes struct {
	taken int           // slots in use or used up
	last  time.Duration // when a slot was last taken
	lease uint64        // of the slots: those of an earlier one have expired
	ended tally
}

// take takes one of limit slots. When all are taken, and each for at least
// expiry, those in use are leased anew, so that probes that hang cannot keep
// the breaker half-open for ever. Their results still count.
func (p *probes) take(now time.Duration, limit int, expiry time.Duration) bool {
	if p.taken == limit {
		if now-p.last < expiry {
			return false
		}
		p.lease++
		p.taken = p.ended.calls
	}
	p.taken++
	p.last = max(p.last, now)
	return true
}

// giveBack returns the slot of a probe that said nothing.
func (p *probes) giveBack(lease uint64) {
	if lease == p.lease {
		p.taken--
	}
}
