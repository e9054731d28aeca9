package clientstream_test

import (
	"context"
	"errors"
	"io"
	"net"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/test/bufconn"
	"google.golang.org/protobuf/types/known/emptypb"

	"github.com/venta-hq/venta/gateway/internal/clientstream"
)

// The methods of the server: what each does once it has read the first message.
var methods = map[string]func(grpc.ServerStream) error{
	"/a.B/Once":  func(s grpc.ServerStream) error { return s.SendMsg(&emptypb.Empty{}) },
	"/a.B/Fails": func(grpc.ServerStream) error { return status.Error(codes.NotFound, "") },
	"/a.B/Waits": func(s grpc.ServerStream) error { <-s.Context().Done(); return s.Context().Err() },
}

// dial connects to a server of gRPC itself, in memory.
func dial(t *testing.T) *grpc.ClientConn {
	t.Helper()
	listener := bufconn.Listen(1 << 16)
	server := grpc.NewServer(grpc.UnknownServiceHandler(func(_ any, s grpc.ServerStream) error {
		if err := s.RecvMsg(new(emptypb.Empty)); err != nil {
			return err
		}
		method, _ := grpc.MethodFromServerStream(s)
		return methods[method](s)
	}))
	go func() { _ = server.Serve(listener) }() // until it is stopped
	conn, err := grpc.NewClient("passthrough:///memory", grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return listener.DialContext(ctx) }))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(); server.Stop() })
	return conn
}

// endings is an observer that hands its ends over.
type endings struct {
	clientstream.EndOnly
	c chan clientstream.End
}

func (e endings) Ended(end clientstream.End) { e.c <- end }

// TestOverTheWire holds the ends that gRPC itself brings about, for every kind of
// stream.
func TestOverTheWire(t *testing.T) {
	conn := dial(t)
	drain := func(s grpc.ClientStream) {
		for s.RecvMsg(new(emptypb.Empty)) == nil {
		}
	}
	tests := []struct {
		name, method string
		message      any
		use          func(s grpc.ClientStream, cancel func())
		code         codes.Code
		lost         bool
	}{
		{"the end", "/a.B/Once", &emptypb.Empty{}, func(s grpc.ClientStream, _ func()) { drain(s) }, codes.OK, false},
		{"an error", "/a.B/Fails", &emptypb.Empty{}, func(s grpc.ClientStream, _ func()) { drain(s) }, codes.NotFound, false},
		{"no such message", "/a.B/Once", "no message", func(grpc.ClientStream, func()) {}, codes.Internal, false},
		{"left while it receives", "/a.B/Waits", &emptypb.Empty{}, func(s grpc.ClientStream, cancel func()) { go cancel(); drain(s) }, codes.Canceled, false},
		{"abandoned", "/a.B/Waits", &emptypb.Empty{}, func(_ grpc.ClientStream, cancel func()) { cancel() }, codes.Canceled, true},
	}
	for kind, desc := range kinds {
		for _, test := range tests {
			t.Run(kind+"/"+test.name, func(t *testing.T) {
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				o := endings{c: make(chan clientstream.End, 2)}
				s, err := new(clientstream.Stream).Open(ctx, desc, o, func() (grpc.ClientStream, error) {
					return conn.NewStream(ctx, desc, test.method)
				})
				if err != nil {
					t.Fatal(err)
				}
				if err := s.SendMsg(test.message); err == nil {
					err = s.CloseSend()
					if err != nil {
						t.Fatal(err)
					}
				} else if errors.Is(err, io.EOF) {
					t.Fatal("the stream has ended before it began")
				}
				test.use(s, cancel)
				end := <-o.c
				raced := test.code == codes.Canceled && !test.lost // the context may end between two operations
				if status.Code(end.Err) != test.code || end.Lost != test.lost && !raced {
					t.Errorf("end %+v", end)
				}
				cancel()
				drain(s)
				if len(o.c) != 0 {
					t.Errorf("a second end: %+v", <-o.c)
				}
			})
		}
	}
}
