package circuitbreaker

import "github.com/venta-hq/venta/gateway/internal/circuit"

// State is what a breaker does with the next call. Its String is a metric label,
// such as "half_open".
type State = circuit.State

// The states of a breaker.
const (
	// Closed admits every call.
	Closed = circuit.Closed
	// HalfOpen admits some probes.
	HalfOpen = circuit.HalfOpen
	// Open refuses every call.
	Open = circuit.Open
)

// Outcome is what a call says about the upstream.
type Outcome int

// The outcomes of a call.
const (
	// Ignored says nothing, and is the outcome of a call that never told.
	Ignored Outcome = iota
	// Success says that the upstream works.
	Success
	// Failure says that it does not.
	Failure
	// Responded says that the upstream is there, with a business error. It counts
	// towards no rate, and for a probe it is as good as a success: else an
	// upstream that is only asked for what it does not have would stay
	// half-open for ever.
	Responded
)
