package gateway

import (
	"context"
	"errors"
	"mime"
	"net/http"
	"reflect"
	"strings"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"google.golang.org/grpc/codes"

	"github.com/venta-hq/venta/gateway/apierror"
	"github.com/venta-hq/venta/gateway/transcode/router"
)

// forms says what a posted form may reach beside POST routes, as
// grpc-gateway's mux decides it.
type forms struct {
	override bool // the method that X-HTTP-Method-Override names
	fallback bool // GET, for a query that is too long for a URL
}

// find looks a request's route up; its value is nil where there is none, and allow
// lists the path's methods. form tells that the fields of a posted form are the
// query; the request is then one of the method that it stands for.
func (g *Gateway) find(r *http.Request) (match router.Match[*route], request *http.Request, form bool, allow []string) {
	posted := r.Method == http.MethodPost && isForm(r)
	if posted && g.forms.override && r.Header.Get("X-HTTP-Method-Override") != "" {
		overridden := *r
		overridden.Method = strings.ToUpper(r.Header.Get("X-HTTP-Method-Override"))
		match, allow, _ = g.router.Lookup(overridden.Method, r.URL)
		return match, &overridden, true, allow
	}
	match, allow, ok := g.router.Lookup(r.Method, r.URL)
	if ok || !posted || !g.forms.fallback {
		return match, r, false, allow
	}
	match, _, ok = g.router.Lookup(http.MethodGet, r.URL)
	return match, r, ok, allow
}

func isForm(r *http.Request) bool {
	const form = "application/x-www-form-urlencoded"
	sent := r.Header.Get("Content-Type")
	if sent == form || sent == "" {
		return sent == form
	}
	kind, _, err := mime.ParseMediaType(sent)
	return err == nil && kind == form
}

// formRouting returns what a mux says about forms. The mux does not route the
// gateway's requests, so that options about routing which could not be honoured
// are refused here instead of having no effect. They are read where they stand;
// what cannot be read counts as the default.
func formRouting(mux *runtime.ServeMux) (forms, error) {
	option := func(name string) reflect.Value { return reflect.ValueOf(mux).Elem().FieldByName(name) }
	isSet := func(name string) bool { v := option(name); return v.IsValid() && !v.IsZero() }
	var errs []error
	if isSet("middlewares") {
		errs = append(errs, errors.New("WithMiddlewares: wrap the gateway's Handler instead"))
	}
	if isSet("unescapingMode") {
		errs = append(errs, errors.New("WithUnescapingMode: the gateway always decodes within segments"))
	}
	fallback := !isSet("disablePathLengthFallback")
	return forms{override: fallback && !isSet("disableHTTPMethodOverride"), fallback: fallback}, errors.Join(errs...)
}

// refuseUnrouted is the mux's handler for requests that neither the gateway nor
// the mux itself has a route for.
func (g *Gateway) refuseUnrouted(_ context.Context, _ *runtime.ServeMux, _ runtime.Marshaler, w http.ResponseWriter, r *http.Request, status int) {
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
	g.WriteError(w, r, err)
}
