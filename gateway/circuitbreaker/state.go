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
	// Success says that the upstream works: it has responded, be it with a
	// business error.
	Success
	// Failure says that it does not.
	Failure
	// Cancelled is a call that its caller ended, as a hedge does with the slower
	// attempt. It is slow where it lasted too long, and else says nothing.
	Cancelled
)
