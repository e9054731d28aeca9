// Package circuit has the states of a circuit breaker, for those who make
// breakers and those who show them.
package circuit

// State is what a breaker does with the next call.
type State int

// The states of a breaker.
const (
	// Closed admits every call.
	Closed State = iota
	// HalfOpen admits some probes.
	HalfOpen
	// Open refuses every call.
	Open
)

// String returns the state as a metric label, such as "half_open".
func (s State) String() string {
	switch s {
	case Closed:
		return "closed"
	case HalfOpen:
		return "half_open"
	case Open:
		return "open"
	}
	return "unknown"
}
