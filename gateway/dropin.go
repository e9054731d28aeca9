package gateway

import (
	"context"
	"errors"
	"net/http"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"google.golang.org/grpc"

	"github.com/venta-hq/venta/gateway/internal/assembly"
	"github.com/venta-hq/venta/gateway/telemetry"
	"github.com/venta-hq/venta/gateway/transcode"
	"github.com/venta-hq/venta/gateway/transcode/router"
)

type contextKey struct{}

// NewContext returns a context that carries a gateway to the registration
// functions with grpc-gateway's names (Register<Service>Handler and its kin):
// the policies of what they register then use the gateway's verifier, stores
// and logger. Without it each service has a gateway of its own with default
// options, so that what one invalidates stays stored for another.
func NewContext(ctx context.Context, g *Gateway) context.Context {
	return context.WithValue(ctx, contextKey{}, g)
}

// RegisterOnMux adds a service's routes to a grpc-gateway mux. The mux's own
// options present requests and responses, as with grpc-gateway's generated
// handlers; the annotated policies are in force.
func RegisterOnMux(ctx context.Context, mux *runtime.ServeMux, s Service, conn grpc.ClientConnInterface) error {
	edge := assembly.Edge{Mux: mux, DropIn: true, Context: ctx, ExposeErrors: true}
	g, _ := ctx.Value(contextKey{}).(*Gateway)
	if g == nil && !s.hasPolicies() {
		// No block is there that would use what a gateway has.
		_, err := s.buildOnMux(&assembly.Environment{Edge: edge}, assembly.NewGeneration(), conn)
		return err
	}
	if g == nil {
		var err error
		if g, err = New(Options{}); err != nil {
			return err
		}
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	environment := *g.environment
	environment.Edge = edge
	next := g.generation.ExtendPinned() // with the breakers and limiters that a service shares
	methods, err := s.buildOnMux(&environment, next, conn)
	if err != nil {
		return err
	}
	if err := g.promise(s); err != nil {
		return err
	}
	next.Adopt()
	g.generation = next
	for _, a := range unbounded(methods) { // what will be registered beside it, and stored, nobody knows
		g.warn(a)
	}
	return nil
}

func (s Service) buildOnMux(env *assembly.Environment, next *assembly.Generation, conn grpc.ClientConnInterface) ([]*method, error) {
	var methods []*method
	err := s.build(env, next, conn, func(m *method, routes []assembly.Route) error {
		methods = append(methods, m)
		return addToMux(env.Edge.Mux, m, routes)
	})
	return methods, err
}

func addToMux(mux *runtime.ServeMux, m *method, routes []assembly.Route) error {
	for _, rt := range routes {
		pattern, err := rt.Transcode.Pattern()
		if err != nil {
			return err
		}
		mux.Handle(rt.Transcode.Verb(), pattern, muxRoute(rt.Transcode, routeNamed(rt.Transcode, m.policy.Objective), rt.Stack))
	}
	return nil
}

// RegisterFromEndpoint dials endpoint, registers through register, and closes
// the connection when ctx ends or registration fails.
func RegisterFromEndpoint(ctx context.Context, mux *runtime.ServeMux, endpoint string, opts []grpc.DialOption,
	register func(context.Context, *runtime.ServeMux, *grpc.ClientConn) error) error {
	conn, err := grpc.NewClient(endpoint, opts...)
	if err != nil {
		return err
	}
	if err := register(ctx, mux, conn); err != nil {
		return errors.Join(err, conn.Close())
	}
	context.AfterFunc(ctx, func() { _ = conn.Close() }) // nobody is left to tell
	return nil
}

// ClientConn returns a connection that calls a service's typed client.
func ClientConn(s Service, client any) grpc.ClientConnInterface {
	methods := make([]transcode.Method, len(s.Methods))
	for i, m := range s.Methods {
		methods[i] = s.transcoded(m)
	}
	return transcode.ClientConn(client, methods)
}

// ServerConn returns a connection that calls a service's implementation in
// this process.
func ServerConn(desc *grpc.ServiceDesc, server any) grpc.ClientConnInterface {
	return transcode.ServerConn(desc, server)
}

// muxRoute serves a route that grpc-gateway's mux has matched.
func muxRoute(rt *transcode.Route, named *telemetry.Route, stack http.Handler) runtime.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request, pathParams map[string]string) {
		telemetry.FromContext(r.Context()).SetRoute(named)
		x := &transcode.Exchange{Route: rt, Params: make([]router.Param, 0, len(pathParams))}
		for _, v := range rt.Template().Variables() {
			x.Params = append(x.Params, router.Param{FieldPath: v.FieldPath, Value: pathParams[v.FieldPath]})
		}
		stack.ServeHTTP(w, transcode.WithExchange(r, x))
	}
}
