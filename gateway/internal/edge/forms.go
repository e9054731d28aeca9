package edge

import (
	"errors"
	"mime"
	"net/http"
	"reflect"
	"strings"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"

	"github.com/venta-hq/venta/gateway/transcode/router"
)

// forms says what a posted form may reach beside POST routes, as
// grpc-gateway's mux decides it.
type forms struct {
	override bool // the method that X-HTTP-Method-Override names
	fallback bool // GET, for a query that is too long for a URL
}

// Find looks a request's route up; its value is zero where there is none, and allow
// lists the path's methods. form tells that the fields of a posted form are the
// query; the request is then one of the method that it stands for.
func Find[T any](e *Edge, routes *router.Router[T], r *http.Request) (match router.Match[T], request *http.Request, form bool, allow []string) {
	posted := r.Method == http.MethodPost && isForm(r)
	if posted && e.forms.override && r.Header.Get("X-HTTP-Method-Override") != "" {
		overridden := *r
		overridden.Method = strings.ToUpper(r.Header.Get("X-HTTP-Method-Override"))
		match, allow, _ = routes.Lookup(overridden.Method, r.URL)
		return match, &overridden, true, allow
	}
	match, allow, ok := routes.Lookup(r.Method, r.URL)
	if ok || !posted || !e.forms.fallback {
		return match, r, false, allow
	}
	match, _, ok = routes.Lookup(http.MethodGet, r.URL)
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
