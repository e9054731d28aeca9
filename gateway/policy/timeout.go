package policy

import "time"

func (t *Timeout) limits() faults {
	var found faults
	found.duration("timeout.duration", t.Duration, time.Millisecond, time.Hour)
	return found
}

func (t *Timeout) rules(rpc RPC, _ Method) faults {
	var found faults
	if rpc.streaming() {
		found.notOnStreams("timeout", "a timeout of a stream")
	}
	return found
}
