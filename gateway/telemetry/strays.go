package telemetry

import (
	"net/http"
	"sync"
	"time"
)

const (
	// strayLines is how many lines a second requests without a route have in the
	// access log: whoever searches for routes must not fill it. Metrics count all.
	strayLines = 10
	// leftOutKey tells in a line how many had none before it.
	leftOutKey = "venta.log.left_out"
)

// isStray tells whether a request was refused for want of a route.
func isStray(status int, route *Route) bool {
	if route.template != "" {
		return false
	}
	return status == http.StatusNotFound || status == http.StatusMethodNotAllowed || status == http.StatusTooManyRequests
}

// strays decides which requests without a route are logged. It is safe for
// concurrent use.
type strays struct {
	mu      sync.Mutex
	second  int64
	lines   int
	leftOut int64
}

// log reports whether a request has a line, and how many before it had none.
func (s *strays) log(now time.Time) (leftOut int64, logged bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if second := now.Unix(); second != s.second {
		s.second, s.lines = second, 0
	}
	if s.lines == strayLines {
		s.leftOut++
		return 0, false
	}
	s.lines++
	leftOut, s.leftOut = s.leftOut, 0
	return leftOut, true
}
