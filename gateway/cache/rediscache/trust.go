package rediscache

import (
	"sync/atomic"
	"time"
)

// trust says until when it is known that all purges have been heard.
type trust struct {
	bound time.Duration
	proof atomic.Pointer[proof]
}

// proof is an answer from Redis.
type proof struct {
	asked time.Time // all purges of before have been heard
	since time.Time // contact has lasted
}

// prove notes an answer that has come now to what was asked at some time. The
// time of the question counts: after a process was stopped, the answer may have
// waited for it before purges that it has not read yet.
func (t *trust) prove(asked, now time.Time) {
	since := now
	if p := t.proof.Load(); p != nil && t.within(p, now) {
		since = p.since
	}
	t.proof.Store(&proof{asked, since})
}

// lose forgets all proofs and reports whether there were any.
func (t *trust) lose() bool { return t.proof.Swap(nil) != nil }

// holds reports whether the last proof is young enough, and those before it were
// too for as long as others may need to deliver what they could not.
func (t *trust) holds(now time.Time) bool {
	p := t.proof.Load()
	return p != nil && t.within(p, now) && now.Sub(p.since) >= t.bound
}

// within measures by both clocks: the monotonic one may stand still while the
// machine is suspended, the other one may be set.
func (t *trust) within(p *proof, now time.Time) bool {
	return now.Sub(p.asked) < t.bound && now.Round(0).Sub(p.asked.Round(0)) < t.bound
}
