package upstream

import (
	"context"

	"github.com/venta-hq/venta/gateway/internal/circuit"
)

// Breaker is the circuit breaker of one address, for the RPCs of one policy. It
// is safe for concurrent use and never waits.
type Breaker interface {
	// State returns what a call would meet now.
	State() State
	// Acquire admits a call, or refuses it with an error that tells the client
	// so, such as an apierror.Error of reason CIRCUIT_OPEN.
	Acquire() (Permit, error)
}

// Permit admits one call. One of its methods is called, once.
type Permit interface {
	// Done tells what the call returned, under the context that it was given.
	Done(ctx context.Context, err error)
	// Release gives back the permit of a call that says nothing about the
	// address: it was never sent, or did not return.
	Release()
}

// State is what a Breaker does with the next call. Its String is a metric label,
// such as "half_open".
type State = circuit.State

// The states of a Breaker.
const (
	// Closed admits every call.
	Closed = circuit.Closed
	// HalfOpen admits some probes.
	HalfOpen = circuit.HalfOpen
	// Open refuses every call.
	Open = circuit.Open
)
