// Package gateway serves annotated gRPC services over HTTP.
//
// Generated code describes services as facts (routes, policies); this package
// has the behaviour. A main makes a [Gateway], registers its services on it and
// serves its Handler:
//
//	gw, err := gateway.New(gateway.Options{Verifier: verifier})
//	...
//	err = orderv1.RegisterOrderServiceGateway(gw, conn)
//	...
//	err = http.Serve(listener, gw.Handler())
//
// How a request travels is written in one place: internal/assembly/stack.go.
package gateway

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"

	"github.com/venta-hq/venta/gateway/cache"
	"github.com/venta-hq/venta/gateway/internal/assembly"
	"github.com/venta-hq/venta/gateway/internal/edge"
	"github.com/venta-hq/venta/gateway/policy"
	"github.com/venta-hq/venta/gateway/telemetry"
	"github.com/venta-hq/venta/gateway/transcode"
	"github.com/venta-hq/venta/gateway/transcode/router"
)

// Gateway serves the routes of the services that are registered on it.
// Its methods are safe for concurrent use.
type Gateway struct {
	options     Options
	environment *assembly.Environment
	live        atomic.Pointer[assembly.Live]
	edge        *edge.Edge
	store       *cache.Store
	endStreams  context.CancelFunc
	closing     atomic.Bool     // of connections
	base        context.Context // of connections
	endRequests context.CancelCauseFunc

	settingsMu sync.Mutex // behind mu, where both are held
	settings   Settings
	keyHeaders []string // the fields of requests that policies read

	mu         sync.Mutex
	router     *router.Router[*route]
	deliveries map[string]*deliveries // by verb and path
	methods    []*method
	promised   []policy.Method // whose latencies the histograms have buckets at
	generation *assembly.Generation
	overrides  []Override
	expiry     *time.Timer // of the override that expires next
	advised    []policy.Advice
	serving    bool

	secretPaths bool // set before the gateway serves
}

// route is what the router finds.
type route struct {
	method    *method
	telemetry *telemetry.Route
	served    atomic.Pointer[assembly.Route] // an override puts another in its place
}

// New returns a gateway without routes. The error names every option that is
// wrong.
func New(options Options) (*Gateway, error) {
	options, err := options.withDefaults()
	if err != nil {
		return nil, fmt.Errorf("gateway options: %w", err)
	}
	g := &Gateway{options: options, router: &router.Router[*route]{}, deliveries: map[string]*deliveries{}, generation: assembly.NewGeneration()}
	if err := g.Reconfigure(options.Settings); err != nil {
		return nil, err
	}
	if g.edge, err = edge.New(options.Logger, options.MuxOptions, options.Routes); err != nil {
		return nil, fmt.Errorf("gateway options: %w", err)
	}
	if g.store, err = g.newStore(); err != nil {
		return nil, err
	}
	if g.environment, err = g.newEnvironment(); err != nil {
		return nil, err
	}
	limit, err := g.environment.LimitUnrouted(g.edge.WriteError)
	if err != nil {
		return nil, err
	}
	g.edge.LimitUnrouted(limit)
	g.base, g.endRequests = context.WithCancelCause(context.Background())
	return g, nil
}

// Register adds a service's routes, each with its policies, served by calls over
// conn. It returns an error when a policy cannot be built as it is written
// or a route is taken; a gateway whose registration failed must not be served.
// All services must be registered before Handler is called.
func (g *Gateway) Register(s Service, conn grpc.ClientConnInterface) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.serving {
		return fmt.Errorf("%s: registered after the gateway began to serve", s.Name)
	}
	next := g.generation.Extend()
	err := s.build(g.environment, next, conn, func(m *method, routes []assembly.Route) error {
		for i := range routes {
			if err := g.add(m, &routes[i]); err != nil {
				return err
			}
		}
		g.methods = append(g.methods, m)
		return nil
	})
	if err != nil {
		return err
	}
	if err := g.promise(s); err != nil {
		return err
	}
	next.Adopt()
	g.generation = next
	g.allowKeyHeaders()
	return nil
}

// add serves a route, and remembers it for overrides.
func (g *Gateway) add(m *method, served *assembly.Route) error {
	t := served.Transcode
	rt := &route{method: m, telemetry: routeNamed(t, m.policy.Objective)}
	g.secretPaths = g.secretPaths || t.SecretInPath()
	rt.served.Store(served)
	m.routes = append(m.routes, rt)
	if m.policy.Webhook != nil {
		return g.addDelivery(rt)
	}
	return g.router.Add(t.Verb(), t.Template(), rt)
}

// routeNamed returns a route as telemetry names it. A request that takes longer than
// its RPC promises is slow.
func routeNamed(rt *transcode.Route, promised *policy.Objective) *telemetry.Route {
	named := telemetry.NewRoute(rt.Template().String(), rt.FullMethod())
	if rt.SecretInPath() {
		named.SecretPath()
	}
	if promised != nil {
		named.SlowAfter(promised.Latency)
	}
	return named
}

// Handler returns the gateway's handler. Services can no longer be registered
// after that.
func (g *Gateway) Handler() http.Handler {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.serving = true
	g.advise()
	return g.environment.Server(http.HandlerFunc(g.dispatch))
}

// dispatch finds the route and hands the request to its stack.
func (g *Gateway) dispatch(w http.ResponseWriter, r *http.Request) {
	match, r, form, allow := edge.Find(g.edge, g.router, r)
	if match.Value == nil {
		if g.secretPaths { // one of which this may have been meant for
			telemetry.FromContext(r.Context()).HidePath()
		}
		g.edge.RefuseRoute(w, r, allow)
		return
	}
	telemetry.FromContext(r.Context()).SetRoute(match.Value.telemetry)
	served := match.Value.served.Load()
	x := &transcode.Exchange{Route: served.Transcode, Params: match.Params, Form: form}
	served.Stack.ServeHTTP(w, transcode.WithExchange(r, x))
}

// Close ends what the gateway does by itself. Its handler must not be used after
// that. It is safe to call more than once.
func (g *Gateway) Close() error {
	g.endStreams()
	g.endRequests(assembly.ErrShuttingDown)
	g.mu.Lock()
	if g.expiry != nil {
		g.expiry.Stop()
		g.expiry = nil
	}
	g.generation.Drop()
	g.mu.Unlock()
	g.store.Close()
	return nil
}

// Purge makes stored responses with any of the tags stale, and returns when no
// later request can be answered by them, in a fleet as far as [cache.Remote] says.
func (g *Gateway) Purge(tags ...string) { g.store.Purge(tags...) }

// PurgeEverywhere is Purge, and says how far it came.
func (g *Gateway) PurgeEverywhere(ctx context.Context, tags ...string) cache.Delivery {
	return g.store.PurgeEverywhere(ctx, tags...)
}

// PurgeAll makes everything stored stale, as [Gateway.PurgeEverywhere] does.
func (g *Gateway) PurgeAll(ctx context.Context) cache.Delivery { return g.store.PurgeAll(ctx) }

// PurgeHandler purges for operators: see [cache.Store.PurgeHandler]. It belongs on
// an address that clients cannot reach.
func (g *Gateway) PurgeHandler() http.Handler { return g.store.PurgeHandler() }
