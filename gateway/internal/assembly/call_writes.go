package assembly

import (
	"context"
	"slices"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"

	"github.com/venta-hq/venta/gateway/apierror"
	"github.com/venta-hq/venta/gateway/cache"
)

// callWrites tells the invalidation in front of the edge which attempts may have
// changed something at the upstream. It is the innermost step: what is refused
// further out was never sent.
func (b *builder) callWrites() grpc.UnaryClientInterceptor {
	if !b.invalidates() {
		return nil
	}
	remote := isRemote(b.rpc.Conn)
	return func(ctx context.Context, method string, req, reply any, cc *grpc.ClientConn, invoke grpc.UnaryInvoker, opts ...grpc.CallOption) error {
		write := cache.BeginWrite(ctx)
		at := new(peer.Peer)
		err := invoke(ctx, method, req, reply, cc, append(slices.Clip(opts), grpc.Peer(at))...)
		if err != nil && (remote && at.Addr == nil || refusedByUpstream(err)) {
			write.Undone()
		}
		return err
	}
}

// streamWrites does the same for streams.
func (b *builder) streamWrites() grpc.StreamClientInterceptor {
	if !b.invalidates() {
		return nil
	}
	return func(ctx context.Context, desc *grpc.StreamDesc, cc *grpc.ClientConn, method string, open grpc.Streamer, opts ...grpc.CallOption) (grpc.ClientStream, error) {
		write := cache.BeginWrite(ctx)
		stream, err := open(ctx, desc, cc, method, opts...)
		if err != nil { // there is no stream that could have brought anything
			write.Undone()
			return nil, err
		}
		if desc.ClientStreams { // what came before a refusal may have been done
			return stream, nil
		}
		return &writingStream{ClientStream: stream, write: write}, nil
	}
}

// writingStream is one that brings the upstream one message. It can be refused
// until the upstream has begun to respond.
type writingStream struct {
	grpc.ClientStream
	write cache.Write
	begun bool
}

// RecvMsg implements grpc.ClientStream.
func (s *writingStream) RecvMsg(m any) error {
	err := s.ClientStream.RecvMsg(m)
	if !s.begun && err != nil && refusedByUpstream(err) {
		s.write.Undone()
	}
	s.begun = true
	return err
}

// invalidates reports whether requests of the RPC purge something.
func (b *builder) invalidates() bool {
	return b.rpc.Policy.Invalidates != nil || b.env.Store != nil && b.invalidatesTargets()
}

// isRemote reports whether a connection is one of gRPC's own, which names the peer
// of each call that had a stream, and of no other.
func isRemote(conn grpc.ClientConnInterface) bool {
	if _, ok := conn.(addressed); ok {
		return true
	}
	_, ok := conn.(*grpc.ClientConn)
	return ok
}

// refusedByUpstream reports whether an error says for sure that nothing was done. A
// response that is too large says the contrary.
func refusedByUpstream(err error) bool {
	if own := apierror.As(err); own != nil && own.Reason == apierror.ResponseTooLarge || tooLarge(err) {
		return false
	}
	switch status.Code(err) {
	case codes.InvalidArgument, codes.NotFound, codes.AlreadyExists, codes.PermissionDenied, codes.Unauthenticated,
		codes.FailedPrecondition, codes.Aborted, codes.OutOfRange, codes.Unimplemented, codes.ResourceExhausted:
		return true
	default:
		return false
	}
}
