// Package gateway serves annotated gRPC services over HTTP.
//
// Generated code describes services as facts (routes, policies); this package
// has the behaviour. A main makes a [Gateway], registers its services on it and
// serves its Handler:
//
//	gw, err := gateway.New(gateway.Options{Verifier: verifier})
//	...
//	err = vendorv2.RegisterVendorServiceGateway(gw, conn)
//	...
//	err = http.Serve(listener, gw.Handler())
//
// How a request travels is written in one place: stack.go.
package gateway

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"buf.build/go/protovalidate"
	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"google.golang.org/grpc"

	"github.com/venta-hq/venta/gateway/apierror"
	"github.com/venta-hq/venta/gateway/cache"
	"github.com/venta-hq/venta/gateway/compression"
	"github.com/venta-hq/venta/gateway/telemetry"
	"github.com/venta-hq/venta/gateway/transcode"
	"github.com/venta-hq/venta/gateway/transcode/router"
	"github.com/venta-hq/venta/gateway/validate"
)

// Gateway serves the routes of the services that are registered on it.
// Its methods are safe for concurrent use.
type Gateway struct {
	options   Options
	mux       *runtime.ServeMux
	store     *cache.Store
	validator protovalidate.Validator
	settings  atomic.Pointer[settings]
	forms     forms
	telemetry telemetry.Options
	compress  middleware // nil: answers stay plain

	streams    context.Context // of all streams
	endStreams context.CancelFunc

	mu        sync.Mutex
	router    *router.Router[*route]
	methods   []*method
	parts     map[string]part
	overrides []Override
	expiry    *time.Timer // of the override that expires next
	serving   bool
}

// route is what the router finds.
type route struct {
	method    *method
	telemetry *telemetry.Route
	way       atomic.Pointer[way]
}

// way is how a route is served: where a request goes, and by which stack. It is
// immutable; an override puts another in its place.
type way struct {
	transcode *transcode.Route
	stack     http.Handler
}

func newRoute(m *method, w way) *route {
	rt := &route{method: m, telemetry: telemetry.NewRoute(w.transcode.Template().String(), w.transcode.FullMethod())}
	rt.way.Store(&w)
	return rt
}

// New returns a gateway without routes. The error names every option that is
// wrong.
func New(options Options) (*Gateway, error) {
	options, err := options.withDefaults()
	if err != nil {
		return nil, fmt.Errorf("gateway options: %w", err)
	}
	validator, err := protovalidate.New()
	if err != nil {
		return nil, fmt.Errorf("preparing validation: %w", err)
	}
	store, err := newStore(options)
	if err != nil {
		return nil, err
	}
	settings, err := newSettings(options.Settings)
	if err != nil {
		return nil, fmt.Errorf("gateway options: %w", err)
	}
	metrics, err := telemetry.NewMetrics(options.MeterProvider)
	if err != nil {
		return nil, err
	}
	gw := &Gateway{
		options: options,
		telemetry: telemetry.Options{
			Logger:         options.Logger,
			Metrics:        metrics,
			TracerProvider: options.TracerProvider,
			Propagator:     options.Propagator,
		},
		store:     store,
		validator: validator,
		router:    &router.Router[*route]{},
		parts:     map[string]part{},
	}
	gw.settings.Store(settings)
	gw.streams, gw.endStreams = context.WithCancel(context.Background())
	if !options.UncompressedAnswers {
		if gw.compress, err = compression.New(compression.Options{}); err != nil {
			return nil, err
		}
	}
	gw.mux = runtime.NewServeMux(append(gw.muxOptions(), options.MuxOptions...)...)
	if gw.forms, err = formRouting(gw.mux); err != nil {
		return nil, fmt.Errorf("gateway options: MuxOptions: %w", err)
	}
	return gw, nil
}

// Register adds a service's routes, each with its policies, answered by calls
// over conn. It returns an error when a policy cannot be built as it is written
// or a route is taken; a gateway whose registration failed must not be served.
// All services must be registered before Handler is called.
func (g *Gateway) Register(s Service, conn grpc.ClientConnInterface) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.serving {
		return fmt.Errorf("%s: registered after the gateway began to serve", s.Name)
	}
	ps := newParts(g.parts)
	ps.now = maps.Clone(g.parts)
	if err := g.registrar(ps).register(s, conn); err != nil {
		return err
	}
	g.parts = ps.all()
	return nil
}

// registrar builds what Register adds.
func (g *Gateway) registrar(ps *parts) *registrar {
	return &registrar{
		gateway:            g,
		parts:              ps,
		mux:                g.mux,
		validate:           validate.New(g.validator),
		fromUpstream:       apierror.FromUpstream,
		plain:              len(g.options.MuxOptions) == 0,
		passThrough:        !g.options.Interceptors.any(),
		ignoreUnknownQuery: g.options.IgnoreUnknownQuery,
		maxRequestBytes:    g.options.MaxRequestBytes,
		maxResponseBytes:   g.options.MaxResponseBytes,
		add:                g.add,
	}
}

// add serves an RPC's routes, and remembers it for overrides.
func (g *Gateway) add(m *method, ways []way) error {
	for _, w := range ways {
		rt := newRoute(m, w)
		if err := g.router.Add(w.transcode.Verb(), w.transcode.Template(), rt); err != nil {
			return err
		}
		m.routes = append(m.routes, rt)
	}
	g.methods = append(g.methods, m)
	return nil
}

// Handler returns the gateway's handler. Services can no longer be registered
// after that.
func (g *Gateway) Handler() http.Handler {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.serving = true
	return g.serverStack(http.HandlerFunc(g.dispatch))
}

// dispatch finds the route and hands the request to its stack.
func (g *Gateway) dispatch(w http.ResponseWriter, r *http.Request) {
	match, r, form, allow := g.find(r)
	if match.Value == nil {
		g.refuseRoute(w, r, allow)
		return
	}
	telemetry.FromContext(r.Context()).SetRoute(match.Value.telemetry)
	way := match.Value.way.Load()
	x := &transcode.Exchange{Route: way.transcode, Params: match.Params, Form: form}
	way.stack.ServeHTTP(w, transcode.WithExchange(r, x))
}

// Close ends what the gateway does by itself. Its handler must not be asked after
// that. It is safe to call more than once.
func (g *Gateway) Close() error {
	g.endStreams()
	g.mu.Lock()
	if g.expiry != nil {
		g.expiry.Stop()
		g.expiry = nil
	}
	g.mu.Unlock()
	g.store.Close()
	return nil
}

// Purge makes stored answers with any of the tags stale, and returns when no
// later request can be answered by them, in a fleet as far as [cache.Remote] says.
func (g *Gateway) Purge(tags ...string) { g.store.Purge(tags...) }

// PurgeHandler purges for operators: see [cache.Store.PurgeHandler]. It belongs on
// an address that clients cannot reach.
func (g *Gateway) PurgeHandler() http.Handler { return g.store.PurgeHandler() }
