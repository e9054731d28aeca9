package assembly

import (
	"context"

	"github.com/venta-hq/venta/gateway/auth"
	"github.com/venta-hq/venta/gateway/transcode"
)

// outgoing returns what the gateway itself tells the upstream with a call; nil where it
// tells nothing.
func (b *builder) outgoing() transcode.Outgoing {
	said, writer, audience := b.env.outgoing(), b.env.Identity, b.audience()
	switch {
	case writer == nil && said == nil:
		return nil
	case writer == nil:
		return func(ctx context.Context, pairs []string) ([]string, error) { return said(ctx, pairs), nil }
	}
	return func(ctx context.Context, pairs []string) ([]string, error) {
		if said != nil {
			pairs = said(ctx, pairs)
		}
		caller, ok := auth.FromContext(ctx)
		if !ok || caller.Subject == "" {
			return pairs, nil
		}
		return writer.Append(pairs, &caller, audience)
	}
}

// audience is the upstream's name, or the service's on a connection that has none.
func (b *builder) audience() string {
	if conn, ok := b.rpc.Conn.(interface{ Name() string }); ok && conn.Name() != "" {
		return conn.Name()
	}
	return b.rpc.Service
}
