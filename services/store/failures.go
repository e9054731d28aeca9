package store

import (
	"context"
	"fmt"

	"google.golang.org/grpc/status"

	"github.com/venta-hq/venta/services/fault"
)

// kind is what an error of a database means for the caller and for what was
// under way, the same for both engines.
type kind int

const (
	// unexpected is a fault of ours, or of the database itself.
	unexpected kind = iota
	// conflicting: a transaction was undone for the sake of another one.
	conflicting
	// busy: what others hold was not free in time.
	busy
	// lost: the connection broke. What was not committed is undone.
	lost
	// away: the database cannot be reached, or takes no writes.
	away
	// taken: there is such a row already.
	taken
)

// failure converts what the database said while doing something into the error
// that a method returns.
func (e *engine) failure(ctx context.Context, doing string, err error) error {
	if err == nil {
		return nil
	}
	if _, ok := status.FromError(err); ok {
		return err
	}
	if ctx.Err() != nil {
		return status.FromContextError(ctx.Err()).Err()
	}
	wrapped := fmt.Errorf("store: %s: %w", doing, err)
	switch e.classify(err) {
	case conflicting, busy:
		return fault.Busy()
	case lost, away:
		return fault.StoreUnavailable(wrapped)
	case taken:
		return fault.Exists()
	default:
		return wrapped
	}
}

// again tells whether a transaction that failed before its end is worth another
// attempt: nothing of it is left in either case.
func (e *engine) again(ctx context.Context, err error) bool {
	if ctx.Err() != nil {
		return false
	}
	k := e.classify(err)
	return k == conflicting || k == lost
}
