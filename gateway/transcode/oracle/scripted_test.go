package oracle_test

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"google.golang.org/genproto/googleapis/api/httpbody"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/test/bufconn"

	"github.com/venta-hq/venta/gateway"
	pb "github.com/venta-hq/venta/gateway/transcode/oracle/internal/oraclepb"
)

// scripted is a service that does what a test tells it to.
type scripted struct {
	pb.UnimplementedStreamsServer
	repeat  func(*pb.Everything, grpc.ServerStreamingServer[pb.Everything]) error
	collect func(grpc.ClientStreamingServer[pb.Everything, pb.Everything]) error
	chat    func(grpc.BidiStreamingServer[pb.Everything, pb.Everything]) error
	// download sends a raw body.
	download func(*pb.Everything, grpc.ServerStreamingServer[httpbody.HttpBody]) error
}

func (s scripted) Download(m *pb.Everything, stream grpc.ServerStreamingServer[httpbody.HttpBody]) error {
	return s.download(m, stream)
}

func (s scripted) Repeat(m *pb.Everything, stream grpc.ServerStreamingServer[pb.Everything]) error {
	return s.repeat(m, stream)
}

func (s scripted) Collect(stream grpc.ClientStreamingServer[pb.Everything, pb.Everything]) error {
	return s.collect(stream)
}

func (s scripted) Chat(stream grpc.BidiStreamingServer[pb.Everything, pb.Everything]) error {
	return s.chat(stream)
}

// dial serves the script and connects to it.
func (s scripted) dial(t *testing.T) *grpc.ClientConn {
	t.Helper()
	listener := bufconn.Listen(1 << 20)
	server := grpc.NewServer()
	pb.RegisterStreamsServer(server, s)
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	conn, err := grpc.NewClient(target, grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return listener.DialContext(ctx) }))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := conn.Close(); err != nil {
			t.Error(err)
		}
		server.Stop()
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
	return conn
}

// front is one of the ways that streams are served.
type front struct {
	name   string
	dropIn bool
	serve  func(*testing.T, *grpc.ClientConn) http.Handler
}

func fronts() []front {
	mux := func(register func(context.Context, *runtime.ServeMux, *grpc.ClientConn) error) func(*testing.T, *grpc.ClientConn) http.Handler {
		return func(t *testing.T, conn *grpc.ClientConn) http.Handler {
			m := runtime.NewServeMux()
			if err := register(t.Context(), m, conn); err != nil {
				t.Fatal(err)
			}
			return m
		}
	}
	return []front{
		{"conn", true, mux(pb.RegisterStreamsHandler)},
		{"client", true, mux(func(ctx context.Context, m *runtime.ServeMux, conn *grpc.ClientConn) error {
			return pb.RegisterStreamsHandlerClient(ctx, m, pb.NewStreamsClient(conn))
		})},
		{"gateway", false, func(t *testing.T, conn *grpc.ClientConn) http.Handler {
			return streamsGateway(t, conn, gateway.Options{})
		}},
	}
}

func streamsGateway(t *testing.T, conn *grpc.ClientConn, o gateway.Options) http.Handler {
	t.Helper()
	o.Logger = slog.New(slog.DiscardHandler)
	gw, err := gateway.New(o)
	if err != nil {
		t.Fatal(err)
	}
	if err := pb.RegisterStreamsGateway(gw, conn); err != nil {
		t.Fatal(err)
	}
	return gw.Handler()
}

// everyFront runs a test for each front and protocol.
func everyFront(t *testing.T, s scripted, test func(t *testing.T, f front, c *caller)) {
	t.Helper()
	for _, f := range fronts() {
		for _, h2 := range []bool{false, true} {
			name := f.name + "/HTTP1"
			if h2 {
				name = f.name + "/HTTP2"
			}
			t.Run(name, func(t *testing.T) { test(t, f, call(t, f.serve(t, s.dial(t)), h2)) })
		}
	}
}

// caller is a client of a running server.
type caller struct {
	*httptest.Server
	h2 bool
}

func call(t *testing.T, h http.Handler, h2 bool) *caller {
	t.Helper()
	server := httptest.NewUnstartedServer(h)
	server.EnableHTTP2 = h2
	if h2 {
		server.StartTLS()
	} else {
		server.Start()
	}
	t.Cleanup(server.Close)
	return &caller{server, h2}
}

// open sends a request whose body is the pipe's, and waits for nothing.
func (c *caller) open(t *testing.T, ctx context.Context, path string) (*io.PipeWriter, <-chan *http.Response) {
	t.Helper()
	read, write := io.Pipe()
	t.Cleanup(func() { write.Close() })
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, c.URL+path, read)
	if err != nil {
		t.Fatal(err)
	}
	responded := make(chan *http.Response, 1)
	go func() {
		defer close(responded)
		response, err := c.Client().Do(r)
		if err == nil {
			responded <- response
		}
	}()
	return write, responded
}

// get opens a server's stream.
func (c *caller) get(t *testing.T, ctx context.Context, path string) *http.Response {
	t.Helper()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, c.URL+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := c.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { response.Body.Close() })
	return response
}

// line is one line of a streamed response.
type line struct {
	Result struct {
		AString string `json:"aString"`
	} `json:"result"`
	Error  failed `json:"error"`
	failed        // an error before the first message, as a unary call's
}

type failed struct {
	Code    int    `json:"code"`
	Message string `json:"message"`
	Details []struct {
		Type   string `json:"@type"`
		Reason string `json:"reason"`
	} `json:"details"`
}

// readLines reads a response line by line.
func readLines(body io.Reader) func(t *testing.T) (line, bool) {
	scanner := bufio.NewScanner(body)
	return func(t *testing.T) (line, bool) {
		t.Helper()
		var l line
		if !scanner.Scan() {
			return l, false
		}
		if err := json.Unmarshal(scanner.Bytes(), &l); err != nil {
			t.Fatalf("%q: %v", scanner.Bytes(), err)
		}
		if l.Code != 0 {
			l.Error = l.failed
		}
		return l, true
	}
}
