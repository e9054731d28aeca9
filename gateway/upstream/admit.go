package upstream

import (
	"errors"

	"google.golang.org/grpc/codes"

	"github.com/venta-hq/venta/gateway/apierror"
)

// errSkipped stands for refusals that nobody reads.
var errSkipped = errors.New("upstream: skipped")

// lucky decides by chance for a share of calls.
func (h *hub) lucky(share float64) bool { return share >= 1 || h.random() < share }

func (e *endpoint) slowStart() float64 { return e.start.share(e.hub, e.hub.options.SlowStart) }

// admit asks whether a call may go to an address, and its group's breaker for a
// permit. With choosy it passes over an address whose share it is not, that the
// call has tried, or that is known to refuse. A nil attempt is a call without a
// group.
func (e *endpoint) admit(a *attempt, choosy bool) (Permit, error) {
	share := e.slowStart()
	if a == nil || a.group == nil {
		return nil, skipIf(choosy && (!e.hub.lucky(share) || !a.claim(e)))
	}
	m, err := a.group.member(e.address)
	if err != nil {
		return nil, &apierror.Error{Code: codes.Internal, Reason: apierror.Internal, Message: "the circuit breaker failed", Cause: err}
	}
	if choosy && (!e.hub.lucky(min(share, m.share())) || m.ejected() || !a.claim(e)) {
		return nil, errSkipped
	}
	return m.acquire(a)
}

func skipIf(skip bool) error {
	if skip {
		return errSkipped
	}
	return nil
}

// acquire asks the breaker; in shadow mode, a refusal is only told.
func (m *member) acquire(a *attempt) (Permit, error) {
	permit, err := m.breaker.Acquire()
	if err == nil || !m.group.options.Shadow {
		return permit, err
	}
	if m.group.options.OnShadow != nil {
		m.group.options.OnShadow(a.Context, WouldEject)
	}
	return nil, nil
}

// sooner returns the refusal that ends first, as the gateway's own error: another
// would make a call that waits for ready wait for ever.
func sooner(before, err error) error {
	own := apierror.As(err)
	if own == nil {
		own = &apierror.Error{
			Code: codes.Unavailable, Reason: apierror.CircuitOpen,
			Message: "the service is failing, and calls to it are paused", Cause: err,
		}
	}
	if first := apierror.As(before); first != nil && first.RetryAfter <= own.RetryAfter {
		return first
	}
	return own
}
