package policy

import (
	"fmt"
	"time"

	"google.golang.org/grpc/codes"
)

// neverFailures are the statuses that say nothing about the upstream's health.
func neverFailures() map[codes.Code]string {
	const business = "is a response to the caller, not a failure of the upstream"
	return map[codes.Code]string{
		codes.OK:                 "is no failure",
		codes.Canceled:           "is the caller's doing",
		codes.InvalidArgument:    business,
		codes.NotFound:           business,
		codes.AlreadyExists:      business,
		codes.PermissionDenied:   business,
		codes.FailedPrecondition: business,
		codes.OutOfRange:         business,
		codes.Unauthenticated:    business,
	}
}

// How long a breaker may stay open.
const (
	shortestOpen = 100 * time.Millisecond
	longestOpen  = time.Hour
)

func (b *CircuitBreaker) limits() faults {
	var found faults
	found.number("circuit_breaker.error_threshold_percent", int64(b.ErrorThresholdPercent), 1, 100)
	found.duration("circuit_breaker.window", b.Window, time.Second, 10*time.Minute)
	found.number("circuit_breaker.minimum_calls", int64(b.MinimumCalls), 1, 1_000_000)
	found.duration("circuit_breaker.open_duration", b.OpenDuration, shortestOpen, longestOpen)
	if b.MaxOpenDuration != 0 {
		least := shortestOpen
		if b.OpenDuration <= longestOpen { // else it is refused for that
			least = max(b.OpenDuration, shortestOpen)
		}
		found.duration("circuit_breaker.max_open_duration", b.MaxOpenDuration, least, longestOpen)
	}
	found.number("circuit_breaker.half_open_calls", int64(b.HalfOpenCalls), 1, 1000)
	found = append(found, b.slowCallLimits()...)
	found.statuses("circuit_breaker.failure_status_codes", b.FailureStatusCodes, neverFailures(),
		"write statuses of a failing upstream, such as UNAVAILABLE")
	return found
}

func (b *CircuitBreaker) slowCallLimits() faults {
	var found faults
	switch {
	case b.SlowCallDuration < 0:
		found.positive("circuit_breaker.slow_call_duration", b.SlowCallDuration)
	case b.SlowCallDuration > 0:
		found.duration("circuit_breaker.slow_call_duration", b.SlowCallDuration, time.Millisecond, time.Hour)
		found.number("circuit_breaker.slow_call_threshold_percent", int64(b.SlowCallThresholdPercent), 1, 100)
	case b.SlowCallThresholdPercent != 0:
		found.add("circuit_breaker.slow_call_threshold_percent", "no call is slow without a slow_call_duration",
			"write slow_call_duration too, or remove this")
	}
	return found
}

// rules keeps a call from ending before it can be slow. RPCs that share a breaker
// may have timeouts of their own, and then some of them are fast by theirs.
func (b *CircuitBreaker) rules(_ RPC, m Method) faults {
	var found faults
	if b.Scope == BreakerPerService || b.SlowCallDuration <= 0 || m.Timeout == nil || m.Timeout.Duration <= 0 {
		return nil
	}
	if b.SlowCallDuration >= m.Timeout.Duration {
		found.add("circuit_breaker.slow_call_duration",
			fmt.Sprintf("the timeout ends a call after %s, so none would ever be slow by %s", short(m.Timeout.Duration), short(b.SlowCallDuration)),
			"lower slow_call_duration or raise the timeout")
	}
	return found
}
