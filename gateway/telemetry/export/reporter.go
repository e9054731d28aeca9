package export

import (
	"log/slog"
	"sync"
	"time"
)

// reporter logs errors that may come by the thousand: the first at once, then
// at most one each reportEvery, with the number of those that were left out.
type reporter struct {
	logger *slog.Logger
	what   string // what failed

	mu      sync.Mutex
	last    time.Time // of the latest line; zero: none yet
	skipped int
}

func newReporter(logger *slog.Logger, what string) *reporter {
	return &reporter{logger: logger, what: what}
}

func (r *reporter) report(err error) {
	if skipped, due := r.due(time.Now()); due {
		r.logger.Warn(r.what, "error", err, "more_errors", skipped)
	}
}

// due tells whether an error is to be logged now, and how many were not.
func (r *reporter) due(now time.Time) (skipped int, due bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.last.IsZero() && now.Sub(r.last) < reportEvery {
		r.skipped++
		return 0, false
	}
	skipped, r.skipped, r.last = r.skipped, 0, now
	return skipped, true
}
