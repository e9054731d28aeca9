package rediscache

import (
	"sync/atomic"
	"time"
)

// trust says until when it is known that all purges have been heard.
type trust struct {
	bound  time.Duration // for which a proof holds
	settle time.Duration // for which contact lasts before it is trusted
	proof  atomic.Pointer[proof]
}

// proof is a reply from Redis.
type proof struct {
	requested time.Time // all purges of before have been heard
	since     time.Time // contact has lasted
	silent    bool      // a member may have written without a purge
}

// prove notes a reply that has come now to a request of some time. The time of
// the request counts: after a process was stopped, the reply may have waited for
// it before purges that it has not read yet.
func (t *trust) prove(requested, now time.Time, silent bool) {
	since := now
	if p := t.proof.Load(); p != nil && t.within(p, now) {
		since = p.since
	}
	t.proof.Store(&proof{requested, since, silent})
}

// lose forgets all proofs and reports whether there were any.
func (t *trust) lose() bool { return t.proof.Swap(nil) != nil }

// holds reports whether the last proof is young enough, and those before it were
// too for as long as others may need to deliver what they could not.
func (t *trust) holds(now time.Time) bool {
	p := t.proof.Load()
	return p != nil && t.within(p, now) && now.Sub(p.since) >= t.settle
}

// silent reports whether, by the last proof, some member could not be heard.
func (t *trust) silent() bool {
	p := t.proof.Load()
	return p != nil && p.silent
}

// within measures by both clocks: the monotonic one may stand still while the
// machine is suspended, the other one may be set.
func (t *trust) within(p *proof, now time.Time) bool {
	return now.Sub(p.requested) < t.bound && now.Round(0).Sub(p.requested.Round(0)) < t.bound
}
