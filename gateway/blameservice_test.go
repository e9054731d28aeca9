package gateway_test

import (
	"context"
	"net"
	"sync/atomic"
	"testing"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/test/bufconn"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/venta-hq/venta/gateway"
	"github.com/venta-hq/venta/gateway/policy"
	"github.com/venta-hq/venta/gateway/upstream"
)

// The service of these tests takes what clients may get wrong: a map, messages in
// messages, and bytes. Its schema stands here, as no other has all of them.
const attackedService = "attacked.v1.Depot"

func init() { //nolint:gochecknoinits // descriptors are found by name, as those of generated code
	method := func(name, in string, stream bool) *descriptorpb.MethodDescriptorProto {
		return &descriptorpb.MethodDescriptorProto{
			Name: &name, InputType: new("." + in), OutputType: new(".google.protobuf.BytesValue"),
			ServerStreaming: &stream, Options: &descriptorpb.MethodOptions{IdempotencyLevel: descriptorpb.MethodOptions_IDEMPOTENT.Enum()},
		}
	}
	file, err := protodesc.NewFile(&descriptorpb.FileDescriptorProto{
		Name: new("attacked/v1/depot.proto"), Package: new("attacked.v1"), Syntax: new("proto3"),
		Dependency: []string{"google/rpc/error_details.proto", "google/protobuf/struct.proto", "google/protobuf/wrappers.proto"},
		Service: []*descriptorpb.ServiceDescriptorProto{{
			Name: new("Depot"),
			Method: []*descriptorpb.MethodDescriptorProto{
				method("Find", "google.rpc.ErrorInfo", false), method("Put", "google.protobuf.Struct", false),
				method("Load", "google.protobuf.BytesValue", false), method("Watch", "google.rpc.ErrorInfo", true),
			},
		}},
	}, protoregistry.GlobalFiles)
	if err == nil {
		err = protoregistry.GlobalFiles.RegisterFile(file)
	}
	if err != nil {
		panic(err)
	}
}

// depot is the service. A nil respond answers with nothing.
type depot struct {
	calls   atomic.Int64
	respond func(ctx context.Context) (*wrapperspb.BytesValue, error)
}

func (d *depot) answer(ctx context.Context) (*wrapperspb.BytesValue, error) {
	d.calls.Add(1)
	if d.respond == nil {
		return &wrapperspb.BytesValue{}, nil
	}
	return d.respond(ctx)
}

func unaryOf[Req any](name string) grpc.MethodDesc {
	return grpc.MethodDesc{MethodName: name, Handler: func(srv any, ctx context.Context, decode func(any) error, _ grpc.UnaryServerInterceptor) (any, error) {
		if err := decode(new(Req)); err != nil {
			return nil, err
		}
		return srv.(*depot).answer(ctx)
	}}
}

func watchDepot(srv any, stream grpc.ServerStream) error {
	if err := stream.RecvMsg(new(errdetails.ErrorInfo)); err != nil {
		return err
	}
	m, err := srv.(*depot).answer(stream.Context())
	if err != nil {
		return err
	}
	return stream.SendMsg(m)
}

func (d *depot) register(r grpc.ServiceRegistrar) {
	r.RegisterService(&grpc.ServiceDesc{
		ServiceName: attackedService, HandlerType: (*any)(nil),
		Methods: []grpc.MethodDesc{unaryOf[errdetails.ErrorInfo]("Find"), unaryOf[structpb.Struct]("Put"), unaryOf[wrapperspb.BytesValue]("Load")},
		Streams: []grpc.StreamDesc{{StreamName: "Watch", Handler: watchDepot, ServerStreams: true}},
	}, d)
}

// depotClient is the typed client that generated code would have.
type depotClient struct{}

func (depotClient) Find(context.Context, *errdetails.ErrorInfo, ...grpc.CallOption) (*wrapperspb.BytesValue, error) {
	return nil, nil
}

func (depotClient) Put(context.Context, *structpb.Struct, ...grpc.CallOption) (*wrapperspb.BytesValue, error) {
	return nil, nil
}

func (depotClient) Load(context.Context, *wrapperspb.BytesValue, ...grpc.CallOption) (*wrapperspb.BytesValue, error) {
	return nil, nil
}

func (depotClient) Watch(context.Context, *errdetails.ErrorInfo, ...grpc.CallOption) (grpc.ServerStreamingClient[wrapperspb.BytesValue], error) {
	return nil, nil
}

// attacked describes the service, each RPC with the policy; streams have its
// breaker alone.
func attacked(p policy.Method) gateway.Service {
	return gateway.Service{Name: attackedService, Methods: []gateway.Method{
		{Name: "Find", Call: gateway.Unary(depotClient.Find), Policy: p, Bindings: []gateway.Binding{{Verb: "GET", Path: "/find"}}},
		{Name: "Put", Call: gateway.Unary(depotClient.Put), Policy: p, Bindings: []gateway.Binding{{Verb: "POST", Path: "/put", Body: "*"}}},
		{Name: "Load", Call: gateway.Unary(depotClient.Load), Policy: p, Bindings: []gateway.Binding{{Verb: "POST", Path: "/load", Body: "*"}}},
		{Name: "Watch", Call: gateway.ServerStream(depotClient.Watch), Policy: policy.Method{CircuitBreaker: p.CircuitBreaker},
			Bindings: []gateway.Binding{{Verb: "GET", Path: "/watch"}}},
	}}
}

// serveDepot serves the depot and returns a connection of package upstream's, and
// one as a stranger would make it.
func serveDepot(t *testing.T, d *depot, send int, o ...grpc.ServerOption) (own *upstream.Conn, strangers *grpc.ClientConn) {
	t.Helper()
	listener := bufconn.Listen(1 << 16)
	server := grpc.NewServer(o...)
	d.register(server)
	go func() { _ = server.Serve(listener) }() // it ends with Stop
	t.Cleanup(server.Stop)
	dial := grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return listener.DialContext(ctx) })
	own, err := upstream.New("static:///depot:1", upstream.Options{
		HealthCheck: upstream.HealthCheck{Disabled: true}, MaxSendBytes: send, DialOptions: []grpc.DialOption{dial},
	})
	if err != nil {
		t.Fatal(err)
	}
	strangers, err = grpc.NewClient("passthrough:///depot", dial, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = own.Close(), strangers.Close() })
	return own, strangers
}
