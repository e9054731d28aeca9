package upstream

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/grpclog"
	"google.golang.org/grpc/resolver"
	"google.golang.org/grpc/resolver/manual"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/test/bufconn"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/venta-hq/venta/gateway/circuitbreaker"
	"github.com/venta-hq/venta/gateway/policy"
)

func TestMain(m *testing.M) {
	grpclog.SetLoggerV2(grpclog.NewLoggerV2(io.Discard, io.Discard, io.Discard)) // of backends without the health service
	goleak.VerifyTestMain(m)
}

const (
	unaryMethod  = "/test.Names/Name"
	streamMethod = "/test.Names/Hold"
)

// backend is a server that responds with its name.
type backend struct {
	name     string
	server   *grpc.Server
	calls    atomic.Int64
	mute     atomic.Bool // streams have no first message
	response atomic.Pointer[func(context.Context) error]
}

func newBackend(name string, options ...grpc.ServerOption) *backend {
	b := &backend{name: name, server: grpc.NewServer(options...)}
	b.behave(func(context.Context) error { return nil })
	b.server.RegisterService(&grpc.ServiceDesc{
		ServiceName: "test.Names",
		HandlerType: (*any)(nil),
		Methods:     []grpc.MethodDesc{{MethodName: "Name", Handler: b.unary}},
		Streams:     []grpc.StreamDesc{{StreamName: "Hold", Handler: b.stream, ServerStreams: true}},
	}, nil)
	return b
}

func (b *backend) behave(response func(context.Context) error) { b.response.Store(&response) }

func (b *backend) fail(code codes.Code) {
	b.behave(func(context.Context) error { return status.Error(code, "as told") })
}

func (b *backend) unary(_ any, ctx context.Context, decode func(any) error, _ grpc.UnaryServerInterceptor) (any, error) {
	if err := decode(&wrapperspb.StringValue{}); err != nil {
		return nil, err
	}
	b.calls.Add(1)
	if err := (*b.response.Load())(ctx); err != nil {
		return nil, err
	}
	return wrapperspb.String(b.name), nil
}

func (b *backend) stream(_ any, s grpc.ServerStream) error {
	b.calls.Add(1)
	if !b.mute.Load() {
		if err := s.SendMsg(wrapperspb.String(b.name)); err != nil {
			return err
		}
	}
	return (*b.response.Load())(s.Context())
}

// cluster is backends in memory, by address, so that time can be virtual.
type cluster struct {
	t        *testing.T
	resolver *manual.Resolver

	mu        sync.Mutex
	listeners map[string]*bufconn.Listener
	backends  map[string]*backend
	cables    map[string][]*cable
	unplugged map[string]bool
}

func newCluster(t *testing.T, names ...string) *cluster {
	c := &cluster{
		t: t, resolver: manual.NewBuilderWithScheme("test"),
		listeners: map[string]*bufconn.Listener{}, backends: map[string]*backend{},
		cables: map[string][]*cable{}, unplugged: map[string]bool{},
	}
	for _, name := range names {
		c.run(name)
	}
	c.resolver.InitialState(found(names...))
	return c
}

func found(names ...string) resolver.State {
	var state resolver.State
	for _, name := range names {
		state.Endpoints = append(state.Endpoints, resolver.Endpoint{Addresses: []resolver.Address{{Addr: name}}})
	}
	return state
}

// run starts a backend, with what register adds to it.
func (c *cluster) run(name string, register ...func(*grpc.Server)) {
	b, listener := newBackend(name), bufconn.Listen(1<<16)
	for _, r := range register {
		r(b.server)
	}
	c.mu.Lock()
	c.backends[name], c.listeners[name] = b, listener
	c.mu.Unlock()
	go b.server.Serve(listener) // it ends with Stop
	c.t.Cleanup(b.server.Stop)
}

func (c *cluster) backend(name string) *backend {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.backends[name]
}

// kill stops a backend; connections to it are refused until it runs again.
func (c *cluster) kill(name string) {
	c.mu.Lock()
	delete(c.listeners, name)
	c.mu.Unlock()
	c.backend(name).server.Stop()
}

func (c *cluster) dialer(ctx context.Context, address string) (net.Conn, error) {
	c.mu.Lock()
	listener, unplugged := c.listeners[address], c.unplugged[address]
	c.mu.Unlock()
	if unplugged {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	if listener == nil {
		return nil, errors.New("connection refused")
	}
	conn, err := listener.DialContext(ctx)
	if err != nil {
		return nil, err
	}
	wire := &cable{Conn: conn}
	c.mu.Lock()
	c.cables[address] = append(c.cables[address], wire)
	c.mu.Unlock()
	return wire, nil
}

func (c *cluster) dial(o Options) *Conn {
	c.t.Helper()
	o.Resolver = c.resolver
	return c.dialTarget("test:///names", o)
}

func (c *cluster) dialTarget(target string, o Options) *Conn {
	c.t.Helper()
	o.DialOptions = append(o.DialOptions, grpc.WithContextDialer(c.dialer))
	conn, err := New(target, o)
	if err != nil {
		c.t.Fatal(err)
	}
	c.t.Cleanup(func() { conn.Close() }) // a test may have closed it
	return conn
}

// call returns who responded.
func call(ctx context.Context, conn grpc.ClientConnInterface, steps ...grpc.UnaryClientInterceptor) (string, error) {
	invoke := func(ctx context.Context, method string, req, reply any, _ *grpc.ClientConn, opts ...grpc.CallOption) error {
		return conn.Invoke(ctx, method, req, reply, opts...)
	}
	for _, step := range steps { // the first innermost
		next := invoke
		invoke = func(ctx context.Context, method string, req, reply any, cc *grpc.ClientConn, opts ...grpc.CallOption) error {
			return step(ctx, method, req, reply, cc, next, opts...)
		}
	}
	reply := &wrapperspb.StringValue{}
	err := invoke(ctx, unaryMethod, &wrapperspb.StringValue{}, reply, nil)
	return reply.GetValue(), err
}

// spread calls n times and counts who responded; failures count by their code.
func spread(t *testing.T, conn grpc.ClientConnInterface, n int, steps ...grpc.UnaryClientInterceptor) map[string]int {
	t.Helper()
	got := map[string]int{}
	for range n {
		name, err := call(t.Context(), conn, steps...)
		if err != nil {
			name = status.Code(err).String()
		}
		got[name]++
	}
	return got
}

// realBreaker is what the gateway wires: a gateway/circuitbreaker for an address.
type realBreaker struct{ *circuitbreaker.Breaker }

func (b realBreaker) State() State {
	switch b.Breaker.State() {
	case circuitbreaker.Open:
		return Open
	case circuitbreaker.HalfOpen:
		return HalfOpen
	default:
		return Closed
	}
}

func (b realBreaker) Acquire() (Permit, error) {
	permit, err := b.Breaker.Acquire()
	if err != nil {
		return nil, err
	}
	return &realPermit{permit, b.Breaker}, nil
}

type realPermit struct {
	circuitbreaker.Permit
	breaker *circuitbreaker.Breaker
}

func (p *realPermit) Release() { p.Permit.Done(circuitbreaker.Ignored) }

func (p *realPermit) Done(ctx context.Context, err error) {
	p.DoneIn(ctx, p.breaker.OutcomeOf(ctx, err))
}

func realBreakers(p policy.CircuitBreaker) func(string, func(ctx context.Context, from, to State)) (Breaker, error) {
	return func(address string, changed func(ctx context.Context, from, to State)) (Breaker, error) {
		b, err := circuitbreaker.New(p, circuitbreaker.Options{
			Name: address, Random: func() float64 { return 0 },
			OnTransition: func(ctx context.Context, t circuitbreaker.Transition) { changed(ctx, t.From, t.To) },
		})
		if err != nil {
			return nil, err
		}
		return realBreaker{b}, nil
	}
}

// endpointPolicy opens after two failures and stays open for a second.
func endpointPolicy() policy.CircuitBreaker {
	return policy.CircuitBreaker{
		ErrorThresholdPercent: 50, Window: 10 * time.Second, MinimumCalls: 2,
		OpenDuration: time.Second, HalfOpenCalls: 1,
		FailureStatusCodes: []codes.Code{codes.Unavailable, codes.DeadlineExceeded},
		Scope:              policy.BreakerPerEndpoint,
	}
}

func newGroup(t *testing.T, conn *Conn, o GroupOptions) *Group {
	t.Helper()
	o.Name = cmp.Or(o.Name, "group")
	if o.NewBreaker == nil {
		o.NewBreaker = realBreakers(endpointPolicy())
	}
	g, err := conn.NewGroup(o)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// names returns "a", "b", ... for n backends.
func names(n int) (all []string) {
	for i := range n {
		all = append(all, fmt.Sprintf("%c", 'a'+i))
	}
	return all
}

// even makes chance fair: each hundredth of it comes once in a cycle.
func even(conn *Conn) {
	drawn := 0
	conn.hub.random = func() float64 {
		drawn++
		return float64(drawn*37%100) / 100
	}
}

// emptyMessage is what the tests' methods take and give where nobody looks.
type emptyMessage = wrapperspb.StringValue
