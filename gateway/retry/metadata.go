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

// inlineOptions is how many call options an attempt has room for without another
// allocation: what the edge passes, and the three of a view.
const inlineOptions = 7

// view is what one attempt shows of its end. Attempts never see the caller's
// variables that call options ask to fill: each fills a view of its own, so that
// nothing of an earlier attempt stays behind when a later one never reached a
// server, and a straggler writes to nobody's memory.
type view struct {
	header, trailer metadata.MD
	peer            peer.Peer
	room            [inlineOptions]grpc.CallOption
}

// options returns the options of the attempt: those of the call, with the view
// in place of the caller's variables. The trailer is always looked at.
func (v *view) options(opts []grpc.CallOption) []grpc.CallOption {
	own := v.room[:0]
	header, from := false, false
	for _, opt := range opts {
		switch opt.(type) {
		case grpc.HeaderCallOption:
			header = true
		case grpc.PeerCallOption:
			from = true
		case grpc.TrailerCallOption:
		default:
			own = append(own, opt)
		}
	}
	own = append(own, grpc.Trailer(&v.trailer))
	if header {
		own = append(own, grpc.Header(&v.header))
	}
	if from {
		own = append(own, grpc.Peer(&v.peer))
	}
	return slices.Clip(own)
}

// publish fills the caller's variables.
func (v *view) publish(opts []grpc.CallOption) {
	for _, opt := range opts {
		switch opt := opt.(type) {
		case grpc.HeaderCallOption:
			*opt.HeaderAddr = v.header
		case grpc.TrailerCallOption:
			*opt.TrailerAddr = v.trailer
		case grpc.PeerCallOption:
			*opt.PeerAddr = v.peer
		}
	}
}
