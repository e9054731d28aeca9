package policy

import "time"

func (t *Timeout) limits() faults {
	var found faults
	found.duration("timeout.duration", t.Duration, time.Millisecond, time.Hour)
	return found
}

func (t *Timeout) rules(RPC, Method) faults { return nil }
