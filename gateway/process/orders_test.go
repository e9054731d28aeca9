package process_test

import (
	"context"
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	testgrpc "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"

	"github.com/venta-hq/venta/gateway"
	"github.com/venta-hq/venta/gateway/policy"
	"github.com/venta-hq/venta/gateway/process"
)

// A shop with something of everything that the admin page shows. Its schema is made
// here, with the messages of grpc.testing.

const (
	ordersFile    = "shop/v1/orders.proto"
	ordersService = "shop.v1.OrderService"
	items         = "shop.v1.ItemService"
	itemCount     = 490 // with the orders' RPCs and a few more they are some 500
)

// schema links the shop's schema in, as generated code does.
var schema = sync.OnceValue(func() error {
	method := func(name, request, response string, reads, streams bool) *descriptorpb.MethodDescriptorProto {
		m := &descriptorpb.MethodDescriptorProto{
			Name: &name, InputType: new(".grpc.testing." + request), OutputType: new(".grpc.testing." + response),
			ServerStreaming: &streams,
		}
		if reads {
			m.Options = &descriptorpb.MethodOptions{IdempotencyLevel: descriptorpb.MethodOptions_NO_SIDE_EFFECTS.Enum()}
		}
		return m
	}
	orders := &descriptorpb.ServiceDescriptorProto{Name: new("OrderService"), Method: []*descriptorpb.MethodDescriptorProto{
		method("GetOrder", "SimpleRequest", "SimpleResponse", true, false),
		method("ListOrders", "SimpleRequest", "SimpleResponse", true, false),
		method("GetOldOrder", "SimpleRequest", "SimpleResponse", true, false),
		method("CreateOrder", "SimpleRequest", "SimpleResponse", false, false),
		method("PayOrder", "Empty", "Empty", false, false),
		method("WatchOrders", "StreamingOutputCallRequest", "StreamingOutputCallResponse", true, true),
	}}
	many := &descriptorpb.ServiceDescriptorProto{Name: new("ItemService")}
	for i := range itemCount {
		many.Method = append(many.Method, method(itemName(i), "SimpleRequest", "SimpleResponse", true, false))
	}
	file, err := protodesc.NewFile(&descriptorpb.FileDescriptorProto{
		Name: new(ordersFile), Package: new("shop.v1"), Syntax: new("proto3"),
		Dependency: []string{"grpc/testing/messages.proto", "grpc/testing/empty.proto"},
		Service:    []*descriptorpb.ServiceDescriptorProto{orders, many},
	}, protoregistry.GlobalFiles)
	if err != nil {
		return err
	}
	return protoregistry.GlobalFiles.RegisterFile(file)
})

func itemName(i int) string { return fmt.Sprintf("GetItem%03d", i) }

// orders is the program, whose services run in its process. many adds the items.
func orders(t testing.TB, many bool) process.Program {
	t.Helper()
	if err := schema(); err != nil {
		t.Fatal(err)
	}
	return process.Program{Name: "shop", Version: "v1.2.3", Upstreams: process.Upstreams{"orders": {
		Target: "127.0.0.1:9",
		Register: []process.Register{func(gw *gateway.Gateway, conn grpc.ClientConnInterface) error {
			if err := gw.Register(ordersDescribed(), conn); err != nil || !many {
				return err
			}
			return gw.Register(itemsDescribed(), conn)
		}},
		Serve: new(warehouse).serve,
	}}}
}

// ordersDescribed is what the plugin would write for the orders.
func ordersDescribed() gateway.Service {
	get := func(path string) []gateway.Binding { return []gateway.Binding{{Verb: "GET", Path: path}} }
	timeout := &policy.Timeout{Duration: 5 * time.Second}
	return gateway.Service{
		Name: ordersService, Source: ordersFile,
		Methods: []gateway.Method{
			{Name: "GetOrder", Call: gateway.Unary(testgrpc.TestServiceClient.CacheableUnaryCall), Bindings: get("/v1/orders/{response_size}"), Lines: gateway.Lines{"timeout": 12, "cache": 21}, Policy: policy.Method{
				Timeout:   timeout,
				Cache:     &policy.Cache{TTL: time.Hour, Tags: []string{"orders"}},
				Objective: &policy.Objective{Latency: 300 * time.Millisecond, Percentile: 99, ErrorPercent: 0.1, Window: 30 * 24 * time.Hour},
			}},
			{Name: "ListOrders", Call: gateway.Unary(testgrpc.TestServiceClient.UnaryCall), Bindings: get("/v1/orders"), Policy: policy.Method{
				Timeout: timeout,
				RateLimits: []policy.RateLimit{{
					Name: "lists", Requests: 3, Interval: time.Hour, Burst: 3, Key: policy.RateLimitKey{Source: policy.KeyClientIP}, Cost: policy.RateLimitCost{Units: 1},
				}},
			}},
			{Name: "GetOldOrder", Call: gateway.Unary(testgrpc.TestServiceClient.UnaryCall), Bindings: get("/v0/orders"), Policy: policy.Method{
				Timeout: timeout,
				Version: &policy.Version{Deprecated: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), Sunset: time.Date(2999, 1, 1, 0, 0, 0, 0, time.UTC)},
			}},
			{Name: "CreateOrder", Call: gateway.Unary(testgrpc.TestServiceClient.UnaryCall), Bindings: []gateway.Binding{{Verb: "POST", Path: "/v1/orders", Body: "*"}}, Policy: policy.Method{
				Timeout: timeout, Limits: &policy.Limits{MaxRequestBytes: 65536}, Concurrency: &policy.Concurrency{MaxInFlight: 20},
			}},
			{Name: "PayOrder", Call: gateway.Unary(testgrpc.TestServiceClient.EmptyCall), Bindings: []gateway.Binding{{Verb: "POST", Path: "/v1/payments"}}, Policy: policy.Method{
				Timeout: timeout,
				CircuitBreaker: &policy.CircuitBreaker{
					ErrorThresholdPercent: 50, Window: 10 * time.Second, MinimumCalls: 2, OpenDuration: 5 * time.Minute, HalfOpenCalls: 1,
					FailureStatusCodes: []codes.Code{codes.Unavailable},
				},
				Objective: &policy.Objective{ErrorPercent: 1, Window: 7 * 24 * time.Hour},
			}},
			{Name: "WatchOrders", Call: gateway.ServerStream(testgrpc.TestServiceClient.StreamingOutputCall), Bindings: get("/v1/orders:watch"), Policy: policy.Method{
				Timeout: &policy.Timeout{Idle: time.Minute},
			}},
		},
	}
}

// itemsDescribed are RPCs enough to make a page slow.
func itemsDescribed() gateway.Service {
	s := gateway.Service{Name: items, Source: ordersFile}
	for i := range itemCount {
		s.Methods = append(s.Methods, gateway.Method{
			Name: itemName(i), Call: gateway.Unary(testgrpc.TestServiceClient.UnaryCall),
			Bindings: []gateway.Binding{{Verb: "GET", Path: "/v1/items/" + strconv.Itoa(i)}},
			Policy:   policy.Method{Timeout: &policy.Timeout{Duration: 5 * time.Second}},
		})
	}
	return s
}

// warehouse is the service behind the orders: payments fail, and each reading of an
// order is another one.
type warehouse struct {
	read atomic.Int64
}

// serve registers the shop's services, as generated code does.
func (w *warehouse) serve(r grpc.ServiceRegistrar) {
	empty := unary(func(*testgrpc.SimpleRequest) (*testgrpc.SimpleResponse, error) {
		return &testgrpc.SimpleResponse{}, nil
	})
	served := &grpc.ServiceDesc{ServiceName: ordersService, HandlerType: (*any)(nil), Methods: []grpc.MethodDesc{
		{MethodName: "GetOrder", Handler: unary(func(*testgrpc.SimpleRequest) (*testgrpc.SimpleResponse, error) {
			return &testgrpc.SimpleResponse{Username: fmt.Sprintf("reading %d", w.read.Add(1))}, nil
		})},
		{MethodName: "PayOrder", Handler: unary(func(*testgrpc.Empty) (*testgrpc.Empty, error) {
			return nil, status.Error(codes.Unavailable, "the bank is closed")
		})},
		{MethodName: "ListOrders", Handler: empty}, {MethodName: "GetOldOrder", Handler: empty}, {MethodName: "CreateOrder", Handler: empty},
	}, Streams: []grpc.StreamDesc{{StreamName: "WatchOrders", ServerStreams: true, Handler: watchOrders}}}
	r.RegisterService(served, w)
	many := &grpc.ServiceDesc{ServiceName: items, HandlerType: (*any)(nil)}
	for i := range itemCount {
		many.Methods = append(many.Methods, grpc.MethodDesc{MethodName: itemName(i), Handler: empty})
	}
	r.RegisterService(many, w)
}

// unary handles a method as generated code does, without interceptors.
func unary[Request, Response any](handle func(*Request) (*Response, error)) grpc.MethodHandler {
	return func(_ any, _ context.Context, decode func(any) error, _ grpc.UnaryServerInterceptor) (any, error) {
		request := new(Request)
		if err := decode(request); err != nil {
			return nil, err
		}
		return handle(request)
	}
}

// watchOrders sends one message and stays.
func watchOrders(_ any, s grpc.ServerStream) error {
	if err := s.RecvMsg(&testgrpc.StreamingOutputCallRequest{}); err != nil {
		return err
	}
	if err := s.SendMsg(&testgrpc.StreamingOutputCallResponse{}); err != nil {
		return err
	}
	<-s.Context().Done()
	return s.Context().Err()
}
