package edge

import (
	"context"
	"net/http"
	"strings"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"google.golang.org/grpc/codes"

	"github.com/venta-hq/venta/gateway/apierror"
)

// RefuseRoute serves what no RPC has: a route of the program's own, or 405 where
// the path has other methods. Where it has none, the mux may have it: its options
// can add a health endpoint.
func (e *Edge) RefuseRoute(w http.ResponseWriter, r *http.Request, allow []string) {
	if _, pattern := e.own.Handler(r); pattern != "" {
		e.own.ServeHTTP(w, r)
		return
	}
	if len(allow) == 0 {
		e.mux.ServeHTTP(w, r)
		return
	}
	w.Header().Set("Allow", strings.Join(allow, ", "))
	e.refuse(w, r, &apierror.Error{
		Code:       codes.Unimplemented,
		Reason:     apierror.MethodNotAllowed,
		Message:    "the route has no method " + r.Method,
		HTTPStatus: http.StatusMethodNotAllowed,
	})
}

// refuseUnrouted is the mux's handler for requests that neither the gateway nor
// the mux itself has a route for.
func (e *Edge) refuseUnrouted(_ context.Context, _ *runtime.ServeMux, _ runtime.Marshaler, w http.ResponseWriter, r *http.Request, status int) {
	err := &apierror.Error{Code: codes.NotFound, Reason: apierror.RouteNotFound, Message: "no such route"}
	switch status {
	case http.StatusBadRequest:
		err = &apierror.Error{Code: codes.InvalidArgument, Reason: apierror.InvalidRequest, Message: "the path is not absolute"}
	case http.StatusMethodNotAllowed:
		err = &apierror.Error{
			Code: codes.Unimplemented, Reason: apierror.MethodNotAllowed,
			Message: "the route has no method " + r.Method, HTTPStatus: status,
		}
	}
	e.refuse(w, r, err)
}

// refuse writes that there is no route, as often as an address may hear it.
func (e *Edge) refuse(w http.ResponseWriter, r *http.Request, err error) {
	if e.limit == nil {
		e.WriteError(w, r, err)
		return
	}
	e.limit(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { e.WriteError(w, r, err) })).ServeHTTP(w, r)
}
