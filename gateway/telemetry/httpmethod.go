package telemetry

import (
	"net/http"
	"slices"
)

// httpMethod is a request's method as the semantic conventions know it: an
// index into httpMethods, whatever clients invent.
type httpMethod uint8

const methodOther httpMethod = 0

// httpMethods are the values of http.request.method, the most frequent first.
var httpMethods = [...]string{
	methodOther: "_OTHER",
	http.MethodGet, http.MethodPost, http.MethodPatch, http.MethodPut, http.MethodDelete, http.MethodHead,
	http.MethodOptions, http.MethodConnect, http.MethodTrace, "QUERY",
}

func httpMethodOf(name string) httpMethod {
	if i := slices.Index(httpMethods[1:], name); i >= 0 {
		return httpMethod(i + 1)
	}
	return methodOther
}

// String returns the value of http.request.method.
func (m httpMethod) String() string { return httpMethods[m] }

// spanName is how a span's name begins.
func (m httpMethod) spanName() string {
	if m == methodOther {
		return "HTTP"
	}
	return m.String()
}
