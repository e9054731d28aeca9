package assembly

import (
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/venta-hq/venta/gateway/internal/blame"
)

// invalidates reports whether requests of the RPC purge something. The calls to
// the upstream then tell the invalidation in front of the edge which attempts may
// have changed something there: what is refused further out was never sent.
func (b *builder) invalidates() bool {
	return b.rpc.Policy.Invalidates != nil || b.env.Store != nil && b.invalidatesTargets()
}

// undone reports whether a failed attempt has changed nothing for sure: it was
// never sent, or was refused. A response that is too large says the contrary.
func undone(fault blame.Fault, neverSent bool, err error) bool {
	switch fault {
	case blame.Upstream:
		return neverSent || refusedByUpstream(err)
	case blame.ResponseTooLarge:
		return false
	default:
		return true
	}
}

// refusedByUpstream reports whether an upstream's status says that nothing was
// done.
func refusedByUpstream(err error) bool {
	switch status.Code(err) {
	case codes.InvalidArgument, codes.NotFound, codes.AlreadyExists, codes.PermissionDenied, codes.Unauthenticated,
		codes.FailedPrecondition, codes.Aborted, codes.OutOfRange, codes.Unimplemented, codes.ResourceExhausted:
		return true
	default:
		return false
	}
}
