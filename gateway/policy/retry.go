package policy

import (
	"fmt"
	"time"

	"google.golang.org/grpc/codes"
)

// neverRetried are the statuses that a second attempt cannot change.
func neverRetried() map[codes.Code]string {
	const same = "would be the outcome of a second attempt too"
	return map[codes.Code]string{
		codes.OK:                 "is no failure",
		codes.Canceled:           "means that nobody waits for the response",
		codes.InvalidArgument:    same,
		codes.NotFound:           same,
		codes.AlreadyExists:      same,
		codes.PermissionDenied:   same,
		codes.FailedPrecondition: same,
		codes.OutOfRange:         same,
		codes.Unimplemented:      same,
		codes.DataLoss:           same,
		codes.Unauthenticated:    same,
	}
}

func (r *Retry) limits() faults {
	var found faults
	found.number("retry.max_attempts", int64(r.MaxAttempts), 2, 5)
	found.positive("retry.initial_backoff", r.InitialBackoff)
	if r.MaxBackoff < r.InitialBackoff {
		found.add("retry.max_backoff", fmt.Sprintf("%s is less than the initial_backoff of %s", short(r.MaxBackoff), short(r.InitialBackoff)),
			"raise max_backoff or lower initial_backoff")
	}
	if !(r.BackoffMultiplier >= 1 && r.BackoffMultiplier <= 10) { // false for NaN
		found.add("retry.backoff_multiplier", fmt.Sprintf("%v is out of limits", r.BackoffMultiplier), "write a number from 1 to 10")
	}
	found.statuses("retry.retryable_status_codes", r.RetryableStatusCodes, neverRetried(),
		"write statuses that pass by themselves, such as UNAVAILABLE")
	if r.PerAttemptTimeout != 0 {
		found.duration("retry.per_attempt_timeout", r.PerAttemptTimeout, time.Millisecond, time.Hour)
	}
	found.budget("retry.budget", r.Budget)
	return found
}

func (f *faults) budget(path string, b RetryBudget) {
	f.number(path+".percent", int64(b.Percent), 1, 100)
	f.number(path+".min_per_second", int64(b.MinPerSecond), 0, 1000)
}

func (r *Retry) rules(rpc RPC, m Method) faults {
	var found faults
	switch {
	case rpc.streaming():
		found.add("retry", "a stream is not retried", `remove the retry, or write "retry: {disabled: true}"`)
	case rpc.Idempotency == IdempotencyUnknown:
		found.add("retry", "the RPC is not declared to be idempotent, so a second attempt may do harm",
			`declare "option idempotency_level = IDEMPOTENT" (or NO_SIDE_EFFECTS) where that is true, or write "retry: {disabled: true}"`)
	}
	if m.Timeout != nil && len(r.limits()) == 0 {
		found = append(found, r.fits(m.Timeout.Duration)...)
	}
	return found
}

// fits checks that every attempt can be made within the timeout, even when each
// wait is as long as it may be.
func (r *Retry) fits(timeout time.Duration) faults {
	var found faults
	if r.PerAttemptTimeout > timeout {
		found.add("retry.per_attempt_timeout", fmt.Sprintf("%s does not fit the timeout of %s", short(r.PerAttemptTimeout), short(timeout)),
			"lower per_attempt_timeout or raise the timeout")
	}
	waits := r.longestWaits()
	switch {
	case r.InitialBackoff >= timeout:
		found.add("retry.initial_backoff", fmt.Sprintf("%s does not fit the timeout of %s", short(r.InitialBackoff), short(timeout)),
			"lower initial_backoff or raise the timeout")
	case waits >= timeout:
		found.add("retry.max_attempts", fmt.Sprintf("the waits between %d attempts can add up to %s, which does not fit the timeout of %s",
			r.MaxAttempts, short(waits), short(timeout)),
			"lower max_attempts or the back-off, or raise the timeout")
	}
	return found
}

// longestWaits returns the sum of the longest waits before the second and all
// later attempts.
func (r *Retry) longestWaits() time.Duration {
	var sum time.Duration
	wait := float64(r.InitialBackoff)
	for range r.MaxAttempts - 1 {
		sum += time.Duration(min(wait, float64(r.MaxBackoff)))
		wait *= r.BackoffMultiplier
	}
	return sum
}
