package telemetry

import (
	"sync"
	"time"
)

// perSecond bounds what happens within one second. Its zero value is ready, and safe
// for concurrent use.
type perSecond struct {
	mu     sync.Mutex
	second int64
	n      int
}

// take reports whether one more may happen now, where most may.
func (p *perSecond) take(now time.Time, most int) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if second := now.Unix(); second != p.second {
		p.second, p.n = second, 0
	}
	if p.n >= most {
		return false
	}
	p.n++
	return true
}
