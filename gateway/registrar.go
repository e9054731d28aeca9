package gateway

import (
	"context"
	"fmt"
	"net/http"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"google.golang.org/grpc"

	"github.com/venta-hq/venta/gateway/policy"
	"github.com/venta-hq/venta/gateway/policy/annotation"
	"github.com/venta-hq/venta/gateway/transcode"
)

// registrar adds services to a place that serves routes: the gateway itself, or
// a grpc-gateway mux whose behaviour must stay as its user knows it.
type registrar struct {
	gateway *Gateway // whose stores, verifier and logger the policies use; nil: there are none
	parts   *parts
	mux     *runtime.ServeMux
	// dropIn reads requests as grpc-gateway does; context is the one of
	// registration.
	dropIn  bool
	context context.Context
	// validate checks messages before the call. Nil: they are not checked.
	validate grpc.UnaryClientInterceptor
	// fromUpstream turns an upstream's error into what a client may see.
	fromUpstream func(error) error
	// plain says that the mux has nothing of a user's to add to requests and
	// responses.
	plain bool
	// passThrough lets answers go from wire to JSON without a message, which an
	// interceptor would notice.
	passThrough bool
	// ignoreUnknownQuery passes over query parameters that name no field.
	ignoreUnknownQuery bool
	// The bounds of messages whose RPC has none of its own. 0: no bound.
	maxRequestBytes, maxResponseBytes int64
	// add serves a method's routes.
	add func(*method, []way) error
}

// method is a registered RPC.
type method struct {
	Method  // as its author wrote it
	service Service
	conn    grpc.ClientConnInterface
	rpc     policy.RPC
	routes  []*route
	// annotated is what the schema says, of which only the permits count: the
	// policy is what generated code states.
	annotated annotation.Merged
	// effective is the policy with all overrides, written what is written of it,
	// and origins tells where overrides have replaced or removed blocks.
	effective policy.Method
	written   annotation.Merged
	origins   map[string]string
	overrides []Override // in force
}

func (reg *registrar) register(s Service, conn grpc.ClientConnInterface) error {
	for _, m := range s.Methods {
		if err := reg.registerMethod(s, m, conn); err != nil {
			return fmt.Errorf("%s.%s: %w", s.Name, m.Name, err)
		}
	}
	return nil
}

func (reg *registrar) registerMethod(s Service, m Method, conn grpc.ClientConnInterface) error {
	rpc, descriptor, err := checkPolicy(s, m)
	if err != nil {
		return err
	}
	written, _ := annotation.Of(descriptor) // what is wrong with it, the plugin has said
	ways, err := reg.build(s, m, conn)
	if err != nil {
		return err
	}
	return reg.add(&method{Method: m, service: s, conn: conn, rpc: rpc, effective: m.Policy, annotated: written, written: written}, ways)
}

// build makes the stacks of an RPC, one for each of its routes.
func (reg *registrar) build(s Service, m Method, conn grpc.ClientConnInterface) ([]way, error) {
	edge, err := reg.edge(s, m, conn)
	if err != nil {
		return nil, err
	}
	steps, err := reg.requestStack(s, m)
	if err != nil {
		return nil, err
	}
	ways := make([]way, len(m.Bindings))
	for i, b := range m.Bindings {
		rt, err := transcode.NewRoute(s.transcoded(m), b, reg.routeOptions(m))
		if err != nil {
			return nil, err
		}
		if reg.passThrough && !m.Call.IsStream() {
			if rt, err = rt.PassingThrough(); err != nil {
				return nil, err
			}
		}
		ways[i] = way{rt, wrap(edge(rt), steps...)}
	}
	return ways, nil
}

// edge returns what serves a method's routes behind the policies' steps.
func (reg *registrar) edge(s Service, m Method, conn grpc.ClientConnInterface) (func(*transcode.Route) http.Handler, error) {
	if m.Call.IsStream() {
		open, err := reg.streamStack(s, m, conn)
		return func(rt *transcode.Route) http.Handler { return rt.StreamHandler(open) }, err
	}
	invoke, err := reg.callStack(s, m, conn)
	return func(rt *transcode.Route) http.Handler { return rt.Handler(invoke) }, err
}

func (reg *registrar) routeOptions(m Method) transcode.RouteOptions {
	return transcode.RouteOptions{
		Mux:                reg.mux,
		Response:           m.Policy.Response,
		DropIn:             reg.dropIn,
		Plain:              reg.plain,
		Outgoing:           reg.outgoing(),
		CachingMetadata:    m.Policy.Cache != nil && !reg.dropIn,
		Context:            reg.context,
		IgnoreUnknownQuery: reg.ignoreUnknownQuery,
		MaxRequestBytes:    reg.requestBound(m.Policy.Limits),
	}
}

// requestBound returns the most bytes of a request, or of each message of a
// client's stream. 0: there is no bound.
func (reg *registrar) requestBound(l *policy.Limits) int64 {
	if l != nil && l.MaxRequestBytes > 0 && !l.Shadow {
		return l.MaxRequestBytes
	}
	return reg.maxRequestBytes
}

// refuse writes a refusal as the mux presents errors.
func (reg *registrar) refuse(w http.ResponseWriter, r *http.Request, err error) {
	transcode.WriteError(reg.mux, w, r, err)
}
