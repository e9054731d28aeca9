package retry

import (
	"context"
	"slices"
	"strconv"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"
)

// attemptsKey is the request metadata that tells a server how many attempts
// came before; the first attempt has none.
const attemptsKey = "grpc-previous-rpc-attempts"

// withAttempts puts the number of previous attempts into ctx, in place of any
// that the caller has sent along.
func withAttempts(ctx context.Context, previous int) context.Context {
	if previous == 0 {
		return ctx
	}
	md, ok := metadata.FromOutgoingContext(ctx) // a copy
	if !ok {
		md = metadata.MD{}
	}
	md.Set(attemptsKey, strconv.Itoa(previous))
	return metadata.NewOutgoingContext(ctx, md)
}

// observation is what the call options of one attempt fill.
type observation struct {
	header, trailer metadata.MD
	peer            peer.Peer
}

// sinks are the caller's variables that its call options ask to fill. Attempts
// never see them: each fills an observation of its own, so that nothing of an
// earlier attempt stays behind when a later one never reached a server, and a
// straggler writes to nobody's memory.
type sinks struct {
	headers, trailers []*metadata.MD
	peers             []*peer.Peer
}

// divert takes the options that fill the caller's variables out of opts, which
// is left as it is.
func divert(opts []grpc.CallOption) ([]grpc.CallOption, sinks) {
	var s sinks
	rest := make([]grpc.CallOption, 0, len(opts))
	for _, opt := range opts {
		switch opt := opt.(type) {
		case grpc.HeaderCallOption:
			s.headers = append(s.headers, opt.HeaderAddr)
		case grpc.TrailerCallOption:
			s.trailers = append(s.trailers, opt.TrailerAddr)
		case grpc.PeerCallOption:
			s.peers = append(s.peers, opt.PeerAddr)
		default:
			rest = append(rest, opt)
		}
	}
	return rest, s
}

// observe returns the options of one attempt, which fill seen.
func (s sinks) observe(opts []grpc.CallOption, seen *observation) []grpc.CallOption {
	opts = append(slices.Clip(opts), grpc.Trailer(&seen.trailer))
	if len(s.headers) > 0 {
		opts = append(opts, grpc.Header(&seen.header))
	}
	if len(s.peers) > 0 {
		opts = append(opts, grpc.Peer(&seen.peer))
	}
	return opts
}

// publish hands an attempt's observation to the caller.
func (s sinks) publish(seen *observation) {
	for _, md := range s.headers {
		*md = seen.header.Copy()
	}
	for _, md := range s.trailers {
		*md = seen.trailer.Copy()
	}
	for _, p := range s.peers {
		*p = seen.peer
	}
}
