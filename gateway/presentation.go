package gateway

import (
	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"google.golang.org/protobuf/encoding/protojson"
)

// muxOptions present messages as grpc-gateway does, with two differences: an
// unknown body field is an error instead of being lost, and an upstream's
// metadata stays inside.
func (g *Gateway) muxOptions() []runtime.ServeMuxOption {
	hidden := func(string) (string, bool) { return "", false }
	return []runtime.ServeMuxOption{
		runtime.WithMarshalerOption(runtime.MIMEWildcard, &runtime.HTTPBodyMarshaler{
			Marshaler: &runtime.JSONPb{
				MarshalOptions:   protojson.MarshalOptions{EmitUnpopulated: true},
				UnmarshalOptions: protojson.UnmarshalOptions{DiscardUnknown: false},
			},
		}),
		runtime.WithOutgoingHeaderMatcher(hidden),
		runtime.WithOutgoingTrailerMatcher(hidden),
		runtime.WithErrorHandler(g.writeError),
		runtime.WithWriteContentLength(),
	}
}
