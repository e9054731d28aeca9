// Package edge is what the gateway's own routes share at the edge: the mux that
// presents messages and errors, which forms reach which routes, and what is said
// where there is no route.
package edge

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"google.golang.org/protobuf/encoding/protojson"

	"github.com/venta-hq/venta/gateway/transcode"
)

// Edge is safe for concurrent use.
type Edge struct {
	mux    *runtime.ServeMux
	forms  forms
	own    *http.ServeMux // of the program's own routes
	logger *slog.Logger
	limit  func(http.Handler) http.Handler // of requests without a route; nil: there is none
}

// LimitUnrouted puts a step in front of the refusal of requests without a route.
// It is called before the first request.
func (e *Edge) LimitUnrouted(step func(http.Handler) http.Handler) { e.limit = step }

// New returns an edge that presents as a program's options say, which come after
// the gateway's own and win over them, and serves its routes where no RPC has any.
// The error names every option and route that cannot be honoured.
func New(logger *slog.Logger, own []runtime.ServeMuxOption, routes map[string]http.Handler) (*Edge, error) {
	e := &Edge{logger: logger}
	e.mux = runtime.NewServeMux(append(e.muxOptions(), own...)...)
	var err, err2 error
	if e.forms, err = formRouting(e.mux); err != nil {
		err = fmt.Errorf("MuxOptions: %w", err)
	}
	e.own, err2 = newOwnRoutes(routes)
	return e, errors.Join(err, err2)
}

// Mux returns the mux that presents messages and errors.
func (e *Edge) Mux() *runtime.ServeMux { return e.mux }

// muxOptions present messages as grpc-gateway does, with three differences: an
// unknown body field is an error instead of being lost, an upstream's metadata
// stays inside, and no header travels because of the mux.
func (e *Edge) muxOptions() []runtime.ServeMuxOption {
	hidden := func(string) (string, bool) { return "", false }
	return []runtime.ServeMuxOption{
		runtime.WithMarshalerOption(runtime.MIMEWildcard, &runtime.HTTPBodyMarshaler{
			Marshaler: &runtime.JSONPb{
				MarshalOptions:   protojson.MarshalOptions{EmitUnpopulated: true},
				UnmarshalOptions: protojson.UnmarshalOptions{DiscardUnknown: false},
			},
		}),
		runtime.WithIncomingHeaderMatcher(transcode.NoHeader),
		runtime.WithOutgoingHeaderMatcher(hidden),
		runtime.WithOutgoingTrailerMatcher(hidden),
		runtime.WithErrorHandler(e.writeError),
		runtime.WithStreamErrorHandler(e.streamError),
		runtime.WithRoutingErrorHandler(e.refuseUnrouted),
		runtime.WithWriteContentLength(),
	}
}
