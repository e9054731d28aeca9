package policy

import (
	"errors"
	"fmt"
	"slices"
	"time"
)

// DefaultObjectiveWindow is what an objective is counted over where it says
// nothing else: 30 days.
const DefaultObjectiveWindow = 30 * 24 * time.Hour

// MostLatencyBounds is how many buckets a histogram of durations has, the last one
// left out.
const MostLatencyBounds = 32

func (o *Objective) limits() faults {
	var found faults
	if o.Latency == 0 && o.ErrorPercent == 0 {
		found.add("objective", "promises nothing", `write latency or error_percent, or "objective: {disabled: true}"`)
	}
	if o.Latency != 0 {
		found.duration("objective.latency", o.Latency, time.Millisecond, time.Hour)
		if !(o.Percentile >= 50 && o.Percentile <= 99.99) { // NaN too
			found.add("objective.percentile", fmt.Sprintf("%v is out of limits", o.Percentile), "write a number from 50 to 99.99")
		}
	} else if o.Percentile != 0 {
		found.add("objective.percentile", "nothing says which latency it is of", "write latency, or remove it")
	}
	if o.ErrorPercent != 0 && !(o.ErrorPercent >= 0.001 && o.ErrorPercent <= 50) { // NaN too
		found.add("objective.error_percent", fmt.Sprintf("%v is out of limits", o.ErrorPercent), "write a number from 0.001 to 50")
	}
	found.duration("objective.window", o.Window, 7*24*time.Hour, 90*24*time.Hour)
	return found
}

// rules refuses a latency that no success can exceed, and that of a stream, whose
// time is its client's.
func (o *Objective) rules(rpc RPC, m Method) faults {
	var found faults
	switch {
	case o.Latency == 0:
	case rpc.streaming():
		found.add("objective.latency", "the time that a stream takes says nothing of how it is served",
			`write error_percent alone, or "objective: {disabled: true}"`)
	case m.Timeout != nil && !m.Timeout.Shadow && m.Timeout.Duration > 0 && o.Latency >= m.Timeout.Duration:
		found.add("objective.latency", fmt.Sprintf("%s is not less than the timeout of %s, so no success is slower", short(o.Latency), short(m.Timeout.Duration)),
			"lower the latency or raise the timeout")
	}
	return found
}

// ErrTooManyBounds tells that objectives name more latencies than a histogram has
// room for.
var ErrTooManyBounds = errors.New("too many different latencies")

// LatencyBounds returns the upper bounds of the buckets that histograms of
// durations have, in ascending order: from what a cache hit takes to what no timeout
// lets pass, each at most 2.5 times the one before, so that a percentile read from
// them is never further off; and the latency of each objective, so that the share of
// requests within it is counted and not guessed. Where that are more than
// [MostLatencyBounds], the error is an [ErrTooManyBounds].
func LatencyBounds(methods ...Method) ([]time.Duration, error) {
	bounds := defaultBounds()
	for _, m := range methods {
		if m.Objective != nil && m.Objective.Latency > 0 {
			bounds = append(bounds, m.Objective.Latency)
		}
	}
	slices.Sort(bounds)
	if bounds = slices.Compact(bounds); len(bounds) > MostLatencyBounds {
		room := MostLatencyBounds - len(defaultBounds())
		return nil, fmt.Errorf("%w: objectives name %d beside the default bounds, and there is room for %d", ErrTooManyBounds,
			len(bounds)-len(defaultBounds()), room)
	}
	return bounds, nil
}

func defaultBounds() []time.Duration {
	return []time.Duration{
		500 * time.Microsecond, time.Millisecond, 2 * time.Millisecond, 5 * time.Millisecond,
		10 * time.Millisecond, 20 * time.Millisecond, 50 * time.Millisecond,
		100 * time.Millisecond, 200 * time.Millisecond, 500 * time.Millisecond,
		time.Second, 2 * time.Second, 5 * time.Second, 10 * time.Second,
	}
}
