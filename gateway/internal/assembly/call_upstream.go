package assembly

import (
	"context"

	"google.golang.org/grpc"

	"github.com/venta-hq/venta/gateway/cache"
	"github.com/venta-hq/venta/gateway/internal/blame"
	"github.com/venta-hq/venta/gateway/transcode"
)

// callUpstream makes the call itself: bounded in size, and with errors that say
// whose they are and hold nothing of the upstream's internals.
func (b *builder) callUpstream() grpc.UnaryInvoker {
	conn, explains := b.rpc.Conn, b.explains()
	oversized := b.callOversized()
	bound := receiveBound(explains.limit)
	writes, stores := b.invalidates(), b.rpc.Policy.Cache != nil
	if !b.watches() && !writes {
		return func(ctx context.Context, method string, req, reply any, _ *grpc.ClientConn, opts ...grpc.CallOption) error {
			return conn.Invoke(ctx, method, req, reply, opts...)
		}
	}
	return func(ctx context.Context, method string, req, reply any, _ *grpc.ClientConn, opts ...grpc.CallOption) error {
		attempt := new(blame.Attempt)
		var write cache.Write
		if writes {
			write = cache.BeginWrite(ctx)
		}
		err := conn.Invoke(ctx, method, req, reply, attempt.Options(opts, bound)...)
		if err != nil {
			fault := explains.conn.OfCall(ctx, req, attempt, err)
			if stores && fault == blame.Upstream {
				cache.FromUpstream(ctx)
			}
			if undone(fault, explains.conn.Remote && !attempt.Opened(), err) {
				write.Undone()
			}
			return explains.error(fault, err)
		}
		if oversized != nil {
			oversized(ctx, reply)
		}
		return explains.checked(reply)
	}
}

// watches reports whether somebody minds who caused a failure: on a mux of the
// program's own, without a policy around the call, nobody does.
func (b *builder) watches() bool {
	p := b.rpc.Policy
	return !b.env.Edge.ExposeErrors || p.CircuitBreaker != nil || p.Retry != nil || p.Hedge != nil ||
		p.Concurrency != nil || p.Limits != nil || p.Cache != nil || b.env.Edge.MaxResponseBytes > 0
}

// receivedWhole is the size up to which messages are received before they are
// measured. Of a smaller one the upstream's end may be there already, so that gRPC's
// refusal could not be told from the upstream's own.
const receivedWhole = 1 << 20

// receiveBound bounds an upstream's messages. 0: there is no bound.
func receiveBound(limit int64) []grpc.CallOption {
	if limit == 0 {
		return nil
	}
	return []grpc.CallOption{grpc.MaxCallRecvMsgSize(int(max(limit, receivedWhole)))}
}

// known returns what is known of a connection.
func known(conn grpc.ClientConnInterface) blame.Conn {
	switch conn := conn.(type) {
	case interface{ MaxSendBytes() int }: // of package upstream
		return blame.Conn{Remote: true, Encodes: true, MaxSendBytes: conn.MaxSendBytes()}
	case *grpc.ClientConn:
		return blame.Conn{Remote: true, Encodes: true}
	}
	return blame.Conn{Encodes: !transcode.InProcess(conn)}
}
