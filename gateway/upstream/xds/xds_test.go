package xds_test

import (
	"context"
	"io"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"

	"go.uber.org/goleak"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/grpclog"
	"google.golang.org/grpc/status"
	grpcxds "google.golang.org/grpc/xds"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/venta-hq/venta/gateway/apierror"
	"github.com/venta-hq/venta/gateway/upstream"
	"github.com/venta-hq/venta/gateway/upstream/xds"
)

func TestMain(m *testing.M) {
	grpclog.SetLoggerV2(grpclog.NewLoggerV2(io.Discard, io.Discard, io.Discard))
	goleak.VerifyTestMain(m)
}

const method = "/test.Names/Name"

// newBackend starts a server that responds with its address.
func newBackend(t *testing.T, fails *atomic.Bool) (address string) {
	t.Helper()
	server := grpc.NewServer()
	server.RegisterService(&grpc.ServiceDesc{
		ServiceName: "test.Names", HandlerType: (*any)(nil),
		Methods: []grpc.MethodDesc{{MethodName: "Name", Handler: func(_ any, _ context.Context, decode func(any) error, _ grpc.UnaryServerInterceptor) (any, error) {
			if err := decode(&wrapperspb.StringValue{}); err != nil {
				return nil, err
			}
			if fails.Load() {
				return nil, status.Error(codes.Unavailable, "as told")
			}
			return wrapperspb.String(address), nil
		}}},
	}, nil)
	address = serve(t, server)
	return address
}

// names calls n times and counts who responded.
func names(ctx context.Context, t *testing.T, conn grpc.ClientConnInterface, n int) map[string]int {
	t.Helper()
	got := map[string]int{}
	for range n {
		reply := &wrapperspb.StringValue{}
		err := conn.Invoke(ctx, method, &wrapperspb.StringValue{}, reply)
		if own := apierror.As(err); own != nil {
			got[string(own.Reason)]++
		} else if err != nil {
			got[status.Code(err).String()]++
		} else {
			got[reply.GetValue()]++
		}
	}
	return got
}

// grouped are the calls of a group.
type grouped struct {
	grpc.ClientConnInterface
	step grpc.UnaryClientInterceptor
}

func (g grouped) Invoke(ctx context.Context, method string, req, reply any, opts ...grpc.CallOption) error {
	return g.step(ctx, method, req, reply, nil, func(ctx context.Context, method string, req, reply any, _ *grpc.ClientConn, opts ...grpc.CallOption) error {
		return g.ClientConnInterface.Invoke(ctx, method, req, reply, opts...)
	}, opts...)
}

// brittle is a breaker that opens with the first failure and stays open.
type brittle struct{ open atomic.Bool }

func (b *brittle) State() upstream.State {
	if b.open.Load() {
		return upstream.Open
	}
	return upstream.Closed
}

func (b *brittle) Acquire() (upstream.Permit, error) {
	if b.open.Load() {
		return nil, &apierror.Error{Code: codes.Unavailable, Reason: apierror.CircuitOpen, Message: "open"}
	}
	return b, nil
}

func (b *brittle) Done(_ context.Context, err error) { b.open.Store(err != nil) }

func (*brittle) Release() {}

func TestControlPlaneBalancesAndGroupsEject(t *testing.T) {
	var good, bad atomic.Bool
	bad.Store(true)
	a, b, c := newBackend(t, &good), newBackend(t, &good), newBackend(t, &bad)
	plane, bootstrap := newControlPlane(t, a, b)
	resolver, err := grpcxds.NewXDSResolverWithConfigForTesting(bootstrap)
	if err != nil {
		t.Fatal(err)
	}
	conn, err := xds.New("xds:///names", upstream.Options{Resolver: resolver})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() }) // it has no calls left

	until(t, "a and b response", func() bool { got := names(t.Context(), t, conn, 10); return got[a] == 5 && got[b] == 5 })

	plane.set(a, b, c)
	until(t, "c is found, and fails", func() bool { return names(t.Context(), t, conn, 3)["Unavailable"] == 1 })

	group, err := conn.NewGroup(upstream.GroupOptions{Name: "names", NewBreaker: func(string, func(ctx context.Context, from, to upstream.State)) (upstream.Breaker, error) {
		return &brittle{}, nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	through := grouped{conn, group.UnaryClientInterceptor()}
	if got := names(t.Context(), t, through, 30); got["Unavailable"] != 1 || got[a] < 10 || got[b] < 10 {
		t.Errorf("responses %v, want one failure until c is ejected", got)
	}
	if got := conn.View().Addresses; len(got) != 3 {
		t.Errorf("View: %+v, want three addresses", got)
	}

	plane.set(c)
	until(t, "the group refuses when c is all there is", func() bool {
		return names(t.Context(), t, through, 1)[string(apierror.CircuitOpen)] == 1
	})
	until(t, "the others are forgotten", func() bool { return len(conn.View().Addresses) == 1 })
}

// until waits for what the control plane's word brings about, by asking over and
// over; the test's own deadline ends what never comes.
func until(t *testing.T, what string, holds func() bool) {
	t.Helper()
	t.Log("waiting until " + what)
	for !holds() {
		runtime.Gosched()
	}
}

func TestNewRefuses(t *testing.T) {
	_, bootstrap := newControlPlane(t)
	resolver, err := grpcxds.NewXDSResolverWithConfigForTesting(bootstrap)
	if err != nil {
		t.Fatal(err)
	}
	for want, o := range map[string]upstream.Options{
		"CertFile and KeyFile":  {TLS: &upstream.TLS{CertFile: "cert.pem"}},
		"ConnectionsPerAddress": {ConnectionsPerAddress: 2},
	} {
		o.Resolver = resolver
		if _, err := xds.New("xds:///names", o); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("New = %v, want an error of %s", err, want)
		}
	}
}

func TestNoBootstrap(t *testing.T) {
	t.Setenv("GRPC_XDS_BOOTSTRAP", "")
	t.Setenv("GRPC_XDS_BOOTSTRAP_CONFIG", "")
	if _, err := xds.New("xds:///names", upstream.Options{}); err == nil || !strings.Contains(err.Error(), "GRPC_XDS_BOOTSTRAP") {
		t.Errorf("New = %v, want an error that names the bootstrap", err)
	}
}
