package policy

import (
	"fmt"
	"time"
)

func (t *Timeout) limits() faults {
	var found faults
	switch {
	case t.Idle == 0:
		found.duration("timeout.duration", t.Duration, time.Millisecond, time.Hour)
		return found
	case t.Duration != 0:
		found.duration("timeout.duration", t.Duration, time.Millisecond, 24*time.Hour)
	}
	found.duration("timeout.idle", t.Idle, time.Second, time.Hour)
	if t.Duration != 0 && t.Idle >= t.Duration {
		found.add("timeout.idle", fmt.Sprintf("%s is not less than the duration of %s", short(t.Idle), short(t.Duration)),
			"lower idle or raise the duration")
	}
	return found
}

// rules keeps the timeout of a service's unary RPCs from ending its streams: a
// stream has one that is written for streams.
func (t *Timeout) rules(rpc RPC, _ Method) faults {
	var found faults
	switch {
	case rpc.streaming() && t.Idle == 0:
		found.add("timeout", "nothing says how long the stream may be silent",
			`write "timeout: {idle: \"1m\"}", with a duration to bound the whole stream, or "timeout: {disabled: true}"`)
	case !rpc.streaming() && t.Idle != 0:
		found.add("timeout.idle", "the RPC is no stream", "remove it, and write a duration")
	}
	return found
}
