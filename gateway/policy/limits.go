package policy

// mostBytes is the largest bound on a message.
const mostBytes = 1 << 30

func (l *Limits) limits() faults {
	var found faults
	if *l == (Limits{}) {
		found.add("limits", "says nothing", `write max_request_bytes or max_response_bytes, or "limits: {disabled: true}"`)
	}
	if l.MaxRequestBytes != 0 {
		found.number("limits.max_request_bytes", l.MaxRequestBytes, 1, mostBytes)
	}
	if l.MaxResponseBytes != 0 {
		found.number("limits.max_response_bytes", l.MaxResponseBytes, 1, mostBytes)
	}
	return found
}

func (l *Limits) rules(RPC, Method) faults { return nil }
