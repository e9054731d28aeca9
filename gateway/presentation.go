package gateway

import (
	"strings"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"google.golang.org/protobuf/encoding/protojson"
)

// muxOptions present messages as grpc-gateway does, with two differences: an
// unknown body field is an error instead of being lost, and an upstream's
// metadata stays inside. What the gateway itself tells upstreams (x-venta-...)
// no client can send.
func (g *Gateway) muxOptions() []runtime.ServeMuxOption {
	hidden := func(string) (string, bool) { return "", false }
	return []runtime.ServeMuxOption{
		runtime.WithMarshalerOption(runtime.MIMEWildcard, &runtime.HTTPBodyMarshaler{
			Marshaler: &runtime.JSONPb{
				MarshalOptions:   protojson.MarshalOptions{EmitUnpopulated: true},
				UnmarshalOptions: protojson.UnmarshalOptions{DiscardUnknown: false},
			},
		}),
		runtime.WithIncomingHeaderMatcher(forwarded),
		runtime.WithOutgoingHeaderMatcher(hidden),
		runtime.WithOutgoingTrailerMatcher(hidden),
		runtime.WithErrorHandler(g.writeError),
		runtime.WithStreamErrorHandler(g.streamError),
		runtime.WithRoutingErrorHandler(g.refuseUnrouted),
		runtime.WithWriteContentLength(),
	}
}

// forwarded is grpc-gateway's choice of the headers that reach an upstream,
// without those that bear the gateway's own metadata.
func forwarded(header string) (string, bool) {
	key, ok := runtime.DefaultHeaderMatcher(header)
	if strings.HasPrefix(strings.ToLower(key), "x-venta-") {
		return "", false
	}
	return key, ok
}
