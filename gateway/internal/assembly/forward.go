package assembly

import (
	"net/http"

	"github.com/venta-hq/venta/gateway/internal/forward"
	"github.com/venta-hq/venta/gateway/transcode"
)

// What of a request reaches the upstream is one question with two answers, which
// must agree: the metadata of the call (transcode), and the key of a stored response
// (requestCache). Both ask here.

// stores tells whether responses of the RPC are stored, and not in shadow.
func (b *builder) stores() bool {
	p := b.rpc.Policy.Cache
	return p != nil && !p.Shadow
}

// stock tells whether the RPC gets what grpc-gateway's own handlers send: on a
// drop-in, where no response is stored that could depend on it.
func (b *builder) stock() bool { return b.env.Edge.DropIn && !b.stores() }

// forwarded are the client's headers that travel because somebody has listed them.
// A cache in shadow changes nothing, and lets nothing travel.
func (b *builder) forwarded() []string {
	var listed, varied []string
	if p := b.rpc.Policy.Forward; p != nil {
		listed = p.Headers
	}
	if b.stores() {
		varied = b.rpc.Policy.Cache.VaryHeaders
	}
	return forward.Names(b.env.Forward, listed, varied)
}

// varied are the headers that tell stored responses apart: all that are listed to
// travel, and what a mux of the program's own may choose a marshaler by.
func (b *builder) varied() []string {
	own := b.rpc.Policy.Cache.VaryHeaders
	if b.env.Edge.Plain {
		return forward.Names(own, b.forwarded())
	}
	return forward.Names(own, b.forwarded(), []string{"Accept", "Content-Type"})
}

// origin returns what tells the upstream where a request comes from; nil where
// grpc-gateway's own handlers would.
func (b *builder) origin() func(*http.Request) (host, path string) {
	if b.stock() {
		return nil
	}
	live := b.env.Live
	return func(r *http.Request) (host, path string) {
		client := live.Load().ClientIP
		return client.Host(r), client.Path(r)
	}
}

// programKey returns what the program's own functions make of a request, for the
// key of its stored response.
func (b *builder) programKey() func(*http.Request) (string, error) {
	stated := b.personal()
	return func(r *http.Request) (string, error) {
		x := transcode.FromContext(r.Context())
		if x == nil {
			return "", errNoExchange
		}
		return x.ProgramKey(r, stated)
	}
}

// sendsMetadata reports whether the request has metadata of the client's own
// choice, which may change the response.
func sendsMetadata(r *http.Request) bool {
	for name := range r.Header {
		if forward.MetadataKey(name) != "" {
			return true
		}
	}
	return false
}
