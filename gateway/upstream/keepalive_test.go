package upstream_test

import (
	"context"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/test/bufconn"
	"google.golang.org/protobuf/types/known/emptypb"

	"github.com/venta-hq/venta/gateway/upstream"
)

// A server that nobody tuned counts a ping more often than every five minutes as
// abuse, and ends the connection with all its calls at the third. A call that is
// silent for an hour outlives the defaults, and not a probe every 30s.
func TestStockServerKeepsSilentCalls(t *testing.T) {
	for _, test := range []struct {
		name string
		time time.Duration
		want codes.Code
	}{
		{"the default", 0, codes.OK},
		{"more often", 30 * time.Second, codes.Unavailable},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				got := silentCall(t, upstream.Options{KeepaliveTime: test.time}, time.Hour)
				if status.Code(got) != test.want {
					t.Errorf("a call that is silent for an hour: %v, want %v", got, test.want)
				}
			})
		})
	}
}

// silentCall calls a stock server that responds after some time.
func silentCall(t *testing.T, o upstream.Options, silence time.Duration) error {
	t.Helper()
	listener := bufconn.Listen(64 << 10)
	server := grpc.NewServer()
	server.RegisterService(&grpc.ServiceDesc{
		ServiceName: "shop.Slow", HandlerType: (*any)(nil),
		Methods: []grpc.MethodDesc{{MethodName: "Get", Handler: func(_ any, ctx context.Context, decode func(any) error, _ grpc.UnaryServerInterceptor) (any, error) {
			if err := decode(new(emptypb.Empty)); err != nil {
				return nil, err
			}
			select {
			case <-time.After(silence):
			case <-ctx.Done():
			}
			return new(emptypb.Empty), nil
		}}},
	}, nil)
	serving := make(chan struct{})
	go func() {
		defer close(serving)
		_ = server.Serve(listener)
	}()
	o.DialOptions = []grpc.DialOption{grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return listener.DialContext(ctx) })}
	conn, err := upstream.New("passthrough:///slow", o)
	if err != nil {
		t.Fatal(err)
	}
	err = conn.Invoke(t.Context(), "/shop.Slow/Get", new(emptypb.Empty), new(emptypb.Empty))
	if closing := conn.Close(); closing != nil {
		t.Error(closing)
	}
	server.Stop()
	<-serving
	return err
}
