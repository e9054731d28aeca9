package policy

import (
	"fmt"
	"time"
)

func (h *Hedge) limits() faults {
	var found faults
	if h.Delay < 0 {
		found.add("hedge.delay", short(h.Delay)+" is negative", `write a duration such as "50ms", or "0s"`)
	} else {
		found.duration("hedge.delay", h.Delay, 0, time.Hour)
	}
	found.number("hedge.max_attempts", int64(h.MaxAttempts), 2, 5)
	found.statuses("hedge.non_fatal_status_codes", h.NonFatalStatusCodes, neverRetried(),
		"write statuses that pass by themselves, such as UNAVAILABLE")
	found.budget("hedge.budget", h.Budget)
	return found
}

func (h *Hedge) rules(rpc RPC, m Method) faults {
	var found faults
	switch {
	case rpc.streaming():
		found.add("hedge", "a stream is not hedged", `remove the hedge, or write "hedge: {disabled: true}"`)
	case rpc.Idempotency == IdempotencyUnknown:
		found.add("hedge", "the RPC is not declared to be idempotent, so a second attempt may do harm",
			`declare "option idempotency_level = IDEMPOTENT" (or NO_SIDE_EFFECTS) where that is true, or write "hedge: {disabled: true}"`)
	}
	if m.Retry != nil {
		found.add("hedge", "the RPC has a retry too, and a call is either retried or hedged",
			`remove one of them, or write "retry: {disabled: true}" or "hedge: {disabled: true}"`)
	}
	if m.Timeout != nil && m.Timeout.Duration > 0 && h.Delay >= m.Timeout.Duration {
		found.add("hedge.delay", fmt.Sprintf("%s does not fit the timeout of %s, so no second attempt would be sent", short(h.Delay), short(m.Timeout.Duration)),
			"lower the delay or raise the timeout")
	}
	return found
}
