// Package servicetest runs services as they run in production, in memory: the
// real store in a file of the test, the real server with its interceptors, and
// tokens of development keys.
package servicetest

import (
	"bytes"
	"context"
	"log/slog"
	"net"
	"sync"
	"testing"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/test/bufconn"

	"github.com/venta-hq/venta/gateway/auth"
	"github.com/venta-hq/venta/gateway/auth/devkeys"
	"github.com/venta-hq/venta/services/grpcserver"
	"github.com/venta-hq/venta/services/store"
)

// System is a running server with what it stands on.
type System struct {
	Conn  *grpc.ClientConn
	Store *store.Store
	Log   *Log

	t    testing.TB
	keys devkeys.Keys
}

// Register adds services over a store to a server.
type Register func(grpc.ServiceRegistrar, *store.Store)

// Start runs a server on a new database until the test ends.
func Start(t testing.TB, register Register) *System {
	t.Helper()
	return StartAt(t, NewPlace(t), register)
}

// StartAt runs a server on the database at a place, as another process would.
func StartAt(t testing.TB, place string, register Register) *System {
	t.Helper()
	s := &System{t: t, Log: &Log{}}
	var err error
	s.keys, err = devkeys.Open(t.TempDir())
	must(t, err)
	s.Store, err = open(t.Context(), place)
	must(t, err)
	t.Cleanup(func() { must(t, s.Store.Close()) })
	server, err := grpcserver.New(grpcserver.Options{
		Verifier:   Verifier(t, s.keys),
		Logger:     slog.New(slog.NewTextHandler(s.Log, nil)),
		Reflection: true,
	}, func(r grpc.ServiceRegistrar) { register(r, s.Store) })
	must(t, err)
	s.serve(server)
	return s
}

// Verifier believes the tokens of the keys.
func Verifier(t testing.TB, keys devkeys.Keys) *auth.JWT {
	t.Helper()
	verifier, err := auth.NewJWT(auth.JWTOptions{
		Keys: keys.Public(), Issuer: devkeys.Issuer, Audience: devkeys.Audience,
	})
	must(t, err)
	return verifier
}

// NewVerifier believes nobody that the test has a token of.
func NewVerifier(t testing.TB) *auth.JWT {
	t.Helper()
	keys, err := devkeys.Open(t.TempDir())
	must(t, err)
	return Verifier(t, keys)
}

// Services returns what register registers.
func Services(t testing.TB, register Register) []*grpc.ServiceDesc {
	t.Helper()
	var all services
	register(&all, nil)
	return all
}

type services []*grpc.ServiceDesc

// RegisterService implements grpc.ServiceRegistrar.
func (s *services) RegisterService(desc *grpc.ServiceDesc, _ any) { *s = append(*s, desc) }

func (s *System) serve(server *grpcserver.Server) {
	s.t.Helper()
	listener := bufconn.Listen(1 << 20)
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- server.Serve(ctx, listener) }()
	s.t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			s.t.Error(err)
		}
	})
	s.Conn = Dial(s.t, listener)
}

// Dial connects to a server in memory until the test ends.
func Dial(t testing.TB, listener *bufconn.Listener) *grpc.ClientConn {
	t.Helper()
	conn, err := grpc.NewClient("passthrough:///memory",
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return listener.DialContext(ctx) }),
		grpc.WithTransportCredentials(insecure.NewCredentials()))
	must(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

// As returns the context of a call by the subject, with the roles.
func (s *System) As(subject string, roles ...string) context.Context {
	s.t.Helper()
	return metadata.AppendToOutgoingContext(s.t.Context(), "authorization", Bearer(s, subject, roles...))
}

// Bearer returns the value of the authorization header of such a call.
func Bearer(s *System, subject string, roles ...string) string {
	s.t.Helper()
	token, err := s.keys.Sign(devkeys.Claims{Subject: subject, Roles: roles})
	must(s.t, err)
	return "Bearer " + token
}

// Log keeps what a server logs. It is safe for concurrent use.
type Log struct {
	mu   sync.Mutex
	text bytes.Buffer
}

// Write implements io.Writer.
func (l *Log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

// String returns all that was logged.
func (l *Log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// WantCode checks the code of a call's error.
func WantCode(t testing.TB, err error, want codes.Code) {
	t.Helper()
	if status.Code(err) != want {
		t.Errorf("error %v, want %s", err, want)
	}
}

// Fields returns the fields that an INVALID_ARGUMENT blames.
func Fields(t testing.TB, err error) []string {
	t.Helper()
	WantCode(t, err, codes.InvalidArgument)
	var fields []string
	for _, detail := range status.Convert(err).Details() {
		if bad, ok := detail.(*errdetails.BadRequest); ok {
			for _, violation := range bad.FieldViolations {
				fields = append(fields, violation.Field)
			}
		}
	}
	return fields
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
