// Package assembly puts the policies of an RPC together: the stacks that its
// requests pass, and what they remember from one generation of stacks to the next.
//
// stack.go draws the order and is the one place that decides it. Each stage has a
// file whose name begins with its stack: server_ for what all requests pass,
// request_ for what is in front of a route, call_ for what is around a call or a
// stream to the upstream.
package assembly

import (
	"errors"
	"net/http"
	"slices"

	"google.golang.org/grpc"

	"github.com/venta-hq/venta/gateway/policy"
	"github.com/venta-hq/venta/gateway/telemetry"
	"github.com/venta-hq/venta/gateway/transcode"
)

// RPC is what stacks are built for.
type RPC struct {
	Service  string // "package.Service"
	Name     string // "package.Service.Method"
	Source   string // the schema's file
	Method   transcode.Method
	Bindings []transcode.Binding
	Reads    bool // it is declared to change nothing
	Policy   policy.Method
	Conn     grpc.ClientConnInterface // to the upstream
	// Offered is the stream that the schema states, whose routes are there whatever an
	// override says. Nil: there is none.
	Offered *policy.Stream
}

// Route is one route of an RPC and the stack that serves it.
type Route struct {
	Transcode *transcode.Route
	Stack     http.Handler
	// Verified serves a delivery that another RPC of its path has verified. Nil: it
	// takes none.
	Verified http.Handler
}

// Build makes the stacks of an RPC, one for each of its routes: its bindings, and
// those of its stream. They share the
// RPC's state, which is the generation's. The error names every policy that
// cannot be built as it is written.
func (env *Environment) Build(rpc RPC, generation *Generation) ([]Route, error) {
	b := &builder{env: env, rpc: rpc, generation: generation}
	// A step that held the builder by mistake must not hold its generation.
	defer func() { b.generation = nil }()
	edge, conditions := b.edge(), b.requestConditions()
	front, behind := b.requestStack()
	own := b.streamRoutes()
	if err := errors.Join(b.errs...); err != nil {
		return nil, err
	}
	var routes []Route
	add := func(binding transcode.Binding, serve func(*transcode.Route) http.Handler) error {
		rt, err := b.route(binding, conditions)
		if err == nil {
			routes = append(routes, rpc.served(rt, wrap(serve(rt), behind...), front))
		}
		return err
	}
	for _, binding := range rpc.Bindings {
		if err := add(binding, edge); err != nil {
			return nil, err
		}
	}
	for _, route := range own {
		if err := add(route.binding, route.serve); err != nil {
			return nil, err
		}
	}
	return routes, nil
}

// served returns a route that is served by known once it is known who asks.
func (rpc RPC) served(rt *transcode.Route, known http.Handler, front []Step) Route {
	route := Route{Transcode: rt, Stack: wrap(known, front...)}
	if rpc.Policy.Webhook != nil {
		route.Verified = known
	}
	return route
}

// builder makes the steps of one RPC's stacks. A block that is absent makes a nil
// step; one that cannot be built leaves an error. Steps live as long as requests
// pass them, and state may live longer: neither may hold the builder.
type builder struct {
	env        *Environment
	rpc        RPC
	generation *Generation
	errs       []error
}

// edge returns what serves a route behind the policies' steps.
func (b *builder) edge() func(*transcode.Route) http.Handler {
	if b.rpc.Method.Call.IsStream() {
		open, present := b.streamStack(), b.presentStream()
		return func(rt *transcode.Route) http.Handler { return rt.StreamHandler(open, present(rt)) }
	}
	invoke := b.callStack()
	return func(rt *transcode.Route) http.Handler { return rt.Handler(invoke) }
}

func (b *builder) route(binding transcode.Binding, conditions transcode.Conditions) (*transcode.Route, error) {
	edge, p := b.env.Edge, b.rpc.Policy
	rt, err := transcode.NewRoute(b.rpc.Method, binding, transcode.RouteOptions{
		Mux:                edge.Mux,
		Response:           p.Response,
		DropIn:             edge.DropIn,
		Plain:              edge.Plain,
		Forward:            b.forwarded(),
		Stock:              b.stock(),
		Origin:             b.origin(),
		Outgoing:           b.outgoing(),
		Cached:             b.stores(),
		CachingMetadata:    p.Cache != nil && !edge.DropIn,
		Conditions:         conditions,
		Unmasked:           b.unmasked(),
		Context:            edge.Context,
		IgnoreUnknownQuery: edge.IgnoreUnknownQuery,
		ReadElsewhere:      readByStreams(p.Stream),
		MaxRequestBytes:    edge.requestBound(p.Limits),
		PassOverUnknown:    p.Webhook != nil,
		OnError:            telemetry.Failed,
	})
	if err != nil || !b.passes() {
		return rt, err
	}
	return rt.PassingThrough()
}

// passes tells whether responses may go from wire to JSON without a message.
func (b *builder) passes() bool {
	if b.rpc.Method.Call.IsStream() { // newline-delimited JSON never does
		return b.rpc.Policy.Stream != nil && b.env.Edge.PassThroughStreams
	}
	return b.env.Edge.PassThrough
}

// writes tells whether some route is reached by a verb that changes something.
func (b *builder) writes() bool {
	return slices.ContainsFunc(b.rpc.Bindings, func(t transcode.Binding) bool { return !safe(t.Verb) })
}

// safe tells whether a verb only reads (RFC 9110, section 9.2.1).
func safe(verb string) bool {
	switch verb {
	case http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodTrace:
		return true
	default:
		return false
	}
}

// made returns what was made, or nothing and keeps the error.
func made[T any](b *builder, value T, err error) T {
	if err != nil {
		b.errs = append(b.errs, err)
		var none T
		return none
	}
	return value
}
