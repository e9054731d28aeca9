package telemetry

import (
	"crypto/tls"
	"net/http"
	"strconv"
	"strings"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
)

// Route is a route as metrics, spans and logs name it. Make one for each route
// when it is registered: it remembers its metrics' attributes. It is safe for
// concurrent use.
type Route struct {
	template  string
	rpcMethod string
	durations *table[outcome, []metric.RecordOption]
	slowAfter time.Duration // 0: as for all routes

	afterwards perSecond // requests that were traced afterwards

	secretPath bool // the template has variables that the schema calls secret
}

// NewRoute returns the route of a path template such as "/v1/orders/{id}",
// which calls an RPC such as "/shop.v1.OrderService/GetOrder". Both
// may be "": a request that found no route, a route that calls no RPC.
func NewRoute(template, fullMethod string) *Route {
	route := &Route{template: template, rpcMethod: rpcMethod(fullMethod)}
	route.durations = recordOptions(route.attributes)
	return route
}

// SecretPath has logs and spans show the template in place of the path of the route's
// requests, which holds a secret. It must be called before the first request, and
// returns the route.
func (r *Route) SecretPath() *Route {
	r.secretPath = true
	return r
}

// SlowAfter has requests of the route that take longer count as slow, whatever
// [Afterwards.SlowAfter] says; 0 changes nothing. It must be called before the first
// request, and returns the route.
func (r *Route) SlowAfter(d time.Duration) *Route {
	r.slowAfter = d
	return r
}

// rpcMethod returns the value of rpc.method for a method as grpc-go names it.
func rpcMethod(fullMethod string) string { return strings.TrimPrefix(fullMethod, "/") }

// series is what tells requests apart before they are routed.
type series struct {
	method httpMethod
	secure bool
}

func seriesOf(method string, connection *tls.ConnectionState) series {
	return series{method: httpMethodOf(method), secure: connection != nil}
}

func (s series) attributes() []attribute.KeyValue {
	return []attribute.KeyValue{
		semconv.HTTPRequestMethodKey.String(s.method.String()),
		semconv.URLScheme(s.scheme()),
	}
}

func (s series) scheme() string {
	if s.secure {
		return "https"
	}
	return "http"
}

// outcome is what tells a route's requests apart when they have ended.
type outcome struct {
	series
	status int // 0: cut before a response
}

func (r *Route) attributes(o outcome) []attribute.KeyValue {
	attributes := o.attributes()
	if r.template != "" {
		attributes = append(attributes, semconv.HTTPRoute(r.template))
	}
	if r.rpcMethod != "" { // a function of the route, so that rules select by RPC
		attributes = append(attributes, semconv.RPCMethod(r.rpcMethod))
	}
	return append(attributes, statusAttributes(o.status)...)
}

// statusAttributes describes how a request ended. What the client did wrong is
// no error of the server's.
func statusAttributes(status int) []attribute.KeyValue {
	switch {
	case status == 0:
		return []attribute.KeyValue{semconv.ErrorTypeKey.String("aborted")}
	case status >= http.StatusInternalServerError:
		return []attribute.KeyValue{semconv.HTTPResponseStatusCode(status), semconv.ErrorTypeKey.String(strconv.Itoa(status))}
	default:
		return []attribute.KeyValue{semconv.HTTPResponseStatusCode(status)}
	}
}

// spanName names a span "GET /v1/orders/{id}", or "GET" without a route.
func (r *Route) spanName(m httpMethod) string {
	if r.template == "" {
		return m.spanName()
	}
	return m.spanName() + " " + r.template
}
