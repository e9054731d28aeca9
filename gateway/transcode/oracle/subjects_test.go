package oracle_test

import (
	"context"
	"net"
	"net/http"
	"testing"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/test/bufconn"

	"github.com/venta-hq/venta/gateway/transcode/oracle/internal/opaquepb"
	"github.com/venta-hq/venta/gateway/transcode/oracle/internal/optionedpb"
	pb "github.com/venta-hq/venta/gateway/transcode/oracle/internal/oraclepb"
	oursoptioned "github.com/venta-hq/venta/gateway/transcode/oracle/internal/oursoptioned"
	stock "github.com/venta-hq/venta/gateway/transcode/oracle/internal/stock"
	stockopaque "github.com/venta-hq/venta/gateway/transcode/oracle/internal/stockopaque"
	stockoptioned "github.com/venta-hq/venta/gateway/transcode/oracle/internal/stockoptioned"
)

// upstream is a running backend.
type upstream struct {
	conn    *grpc.ClientConn
	dialing []grpc.DialOption
}

const target = "passthrough:///memory"

// start runs a backend until the test ends.
func start(t testing.TB) upstream {
	t.Helper()
	listener := bufconn.Listen(1 << 20)
	server := grpc.NewServer()
	backend{}.register(server)
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	up := upstream{dialing: []grpc.DialOption{
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return listener.DialContext(ctx) }),
	}}
	var err error
	if up.conn, err = grpc.NewClient(target, up.dialing...); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := up.conn.Close(); err != nil {
			t.Error(err)
		}
		server.Stop()
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
	return up
}

// form is one of the four ways to register a service.
type form struct {
	name        string
	stock, ours func(ctx context.Context, mux *runtime.ServeMux, up upstream) error
}

// registration adds one service's routes to a mux.
type registration func(context.Context, *runtime.ServeMux) error

func all(ctx context.Context, mux *runtime.ServeMux, registrations ...registration) error {
	for _, register := range registrations {
		if err := register(ctx, mux); err != nil {
			return err
		}
	}
	return nil
}

// to binds what a registration function calls.
func to[T any](register func(context.Context, *runtime.ServeMux, T) error, called T) registration {
	return func(ctx context.Context, mux *runtime.ServeMux) error { return register(ctx, mux, called) }
}

func byEndpoint(register func(context.Context, *runtime.ServeMux, string, []grpc.DialOption) error, up upstream) registration {
	return func(ctx context.Context, mux *runtime.ServeMux) error { return register(ctx, mux, target, up.dialing) }
}

func forms() []form { return []form{byConn(), byAddress(), byClient(), byServer()} }

func byConn() form {
	return form{
		"conn",
		func(ctx context.Context, mux *runtime.ServeMux, up upstream) error {
			return all(ctx, mux, to(stock.RegisterEverythingsHandler, up.conn), to(stock.RegisterStreamsHandler, up.conn),
				to(stock.RegisterClassicsHandler, up.conn), to(stock.RegisterEditionsHandler, up.conn),
				to(stockopaque.RegisterOpaquesHandler, up.conn), to(stockoptioned.RegisterOptionedAPI, up.conn))
		},
		func(ctx context.Context, mux *runtime.ServeMux, up upstream) error {
			return all(ctx, mux, to(pb.RegisterEverythingsHandler, up.conn), to(pb.RegisterStreamsHandler, up.conn),
				to(pb.RegisterClassicsHandler, up.conn), to(pb.RegisterEditionsHandler, up.conn),
				to(opaquepb.RegisterOpaquesHandler, up.conn), to(oursoptioned.RegisterOptionedAPI, up.conn))
		},
	}
}

func byAddress() form {
	return form{
		"endpoint",
		func(ctx context.Context, mux *runtime.ServeMux, up upstream) error {
			return all(ctx, mux, byEndpoint(stock.RegisterEverythingsHandlerFromEndpoint, up), byEndpoint(stock.RegisterStreamsHandlerFromEndpoint, up),
				byEndpoint(stock.RegisterClassicsHandlerFromEndpoint, up), byEndpoint(stock.RegisterEditionsHandlerFromEndpoint, up),
				byEndpoint(stockopaque.RegisterOpaquesHandlerFromEndpoint, up), byEndpoint(stockoptioned.RegisterOptionedAPIFromEndpoint, up))
		},
		func(ctx context.Context, mux *runtime.ServeMux, up upstream) error {
			return all(ctx, mux, byEndpoint(pb.RegisterEverythingsHandlerFromEndpoint, up), byEndpoint(pb.RegisterStreamsHandlerFromEndpoint, up),
				byEndpoint(pb.RegisterClassicsHandlerFromEndpoint, up), byEndpoint(pb.RegisterEditionsHandlerFromEndpoint, up),
				byEndpoint(opaquepb.RegisterOpaquesHandlerFromEndpoint, up), byEndpoint(oursoptioned.RegisterOptionedAPIFromEndpoint, up))
		},
	}
}

func byClient() form {
	return form{
		"client",
		func(ctx context.Context, mux *runtime.ServeMux, up upstream) error {
			return all(ctx, mux, to(stock.RegisterEverythingsHandlerClient, pb.NewEverythingsClient(up.conn)),
				to(stock.RegisterStreamsHandlerClient, pb.NewStreamsClient(up.conn)),
				to(stock.RegisterClassicsHandlerClient, pb.NewClassicsClient(up.conn)),
				to(stock.RegisterEditionsHandlerClient, pb.NewEditionsClient(up.conn)),
				to(stockopaque.RegisterOpaquesHandlerClient, opaquepb.NewOpaquesClient(up.conn)),
				to(stockoptioned.RegisterOptionedAPIClient, optionedpb.NewOptionedClient(up.conn)))
		},
		func(ctx context.Context, mux *runtime.ServeMux, up upstream) error {
			return all(ctx, mux, to(pb.RegisterEverythingsHandlerClient, pb.NewEverythingsClient(up.conn)),
				to(pb.RegisterStreamsHandlerClient, pb.NewStreamsClient(up.conn)),
				to(pb.RegisterClassicsHandlerClient, pb.NewClassicsClient(up.conn)),
				to(pb.RegisterEditionsHandlerClient, pb.NewEditionsClient(up.conn)),
				to(opaquepb.RegisterOpaquesHandlerClient, opaquepb.NewOpaquesClient(up.conn)),
				to(oursoptioned.RegisterOptionedAPIClient, optionedpb.NewOptionedClient(up.conn)))
		},
	}
}

func byServer() form {
	return form{
		"server",
		func(ctx context.Context, mux *runtime.ServeMux, _ upstream) error {
			var b backend
			return all(ctx, mux, to[pb.EverythingsServer](stock.RegisterEverythingsHandlerServer, b), to[pb.StreamsServer](stock.RegisterStreamsHandlerServer, b),
				to[pb.ClassicsServer](stock.RegisterClassicsHandlerServer, b), to[pb.EditionsServer](stock.RegisterEditionsHandlerServer, b),
				to[opaquepb.OpaquesServer](stockopaque.RegisterOpaquesHandlerServer, b), to[optionedpb.OptionedServer](stockoptioned.RegisterOptionedAPIServer, b))
		},
		func(ctx context.Context, mux *runtime.ServeMux, _ upstream) error {
			var b backend
			return all(ctx, mux, to[pb.EverythingsServer](pb.RegisterEverythingsHandlerServer, b), to[pb.StreamsServer](pb.RegisterStreamsHandlerServer, b),
				to[pb.ClassicsServer](pb.RegisterClassicsHandlerServer, b), to[pb.EditionsServer](pb.RegisterEditionsHandlerServer, b),
				to[opaquepb.OpaquesServer](opaquepb.RegisterOpaquesHandlerServer, b), to[optionedpb.OptionedServer](oursoptioned.RegisterOptionedAPIServer, b))
		},
	}
}

// pair is a form's two handlers.
type pair struct{ stock, ours http.Handler }

// serve registers all services in one form, twice.
func (f form) serve(t testing.TB, up upstream, options ...runtime.ServeMuxOption) pair {
	t.Helper()
	ctx, cancel := context.WithCancel(context.WithValue(context.Background(), contextKey{}, "registered"))
	t.Cleanup(cancel)
	options = append([]runtime.ServeMuxOption{runtime.WithMetadata(annotate)}, options...)
	theirs, ours := runtime.NewServeMux(options...), runtime.NewServeMux(options...)
	if err := f.stock(ctx, theirs, up); err != nil {
		t.Fatal(err)
	}
	if err := f.ours(ctx, ours, up); err != nil {
		t.Fatal(err)
	}
	return pair{theirs, ours}
}

type contextKey struct{}

// annotate tells the backend what an annotator learns of a call.
func annotate(ctx context.Context, r *http.Request) metadata.MD {
	method, _ := runtime.RPCMethod(ctx)
	path, _ := runtime.HTTPPathPattern(ctx)
	pattern, _ := runtime.HTTPPattern(r.Context())
	registered, _ := ctx.Value(contextKey{}).(string)
	return metadata.Pairs("rpc", method, "path", path, "pattern", pattern.String(), "context", registered)
}
