package eventlog

import (
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"time"

	"github.com/nats-io/nats-server/v2/server"
)

const (
	startTime = 10 * time.Second
	// mostStored is what all streams of the server may hold, on disk and in memory.
	mostStored = 4 << 30
	mostMemory = 64 << 20
)

// Server is a NATS server in this process. It listens on a loopback address alone, for
// whoever knows its token.
type Server struct {
	nats *server.Server
	url  string
}

// Serve starts a server that keeps its streams in a folder, each message synced to the
// disk before it is acknowledged.
func Serve(folder string, logger *slog.Logger) (*Server, error) {
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return nil, err
	}
	token := rand.Text()
	nats, err := server.NewServer(&server.Options{
		ServerName: "embedded", Host: "127.0.0.1", Port: server.RANDOM_PORT, Authorization: token,
		NoSigs: true, JetStream: true, StoreDir: folder, SyncAlways: true,
		JetStreamMaxMemory: mostMemory, JetStreamMaxStore: mostStored,
	})
	if err != nil {
		return nil, fmt.Errorf("eventlog: %w", err)
	}
	nats.SetLoggerV2(logging{logger}, false, false, false)
	nats.Start()
	if !nats.ReadyForConnections(startTime) {
		nats.Shutdown()
		nats.WaitForShutdown()
		return nil, errors.New("eventlog: the server does not start; its log says why")
	}
	if !nats.JetStreamEnabled() {
		nats.Shutdown()
		nats.WaitForShutdown()
		return nil, fmt.Errorf("eventlog: the server cannot keep streams in %s; its log says why", folder)
	}
	at := url.URL{Scheme: "nats", User: url.User(token), Host: nats.Addr().String()}
	return &Server{nats, at.String()}, nil
}

// URL is where it is, its token included.
func (s *Server) URL() string { return s.url }

// Close ends it.
func (s *Server) Close() error {
	s.nats.Shutdown()
	s.nats.WaitForShutdown()
	return nil
}

// logging passes on what an operator wants to know.
type logging struct{ to *slog.Logger }

func (l logging) log(level slog.Level, format string, values []any) {
	l.to.Log(nil, level, "the embedded log of events: "+fmt.Sprintf(format, values...)) //nolint:staticcheck // nobody asks
}

// Noticef implements server.Logger.
func (l logging) Noticef(format string, values ...any) { l.log(slog.LevelDebug, format, values) }

// Warnf implements server.Logger.
func (l logging) Warnf(format string, values ...any) { l.log(slog.LevelWarn, format, values) }

// Errorf implements server.Logger.
func (l logging) Errorf(format string, values ...any) { l.log(slog.LevelError, format, values) }

// Fatalf implements server.Logger: the start fails then.
func (l logging) Fatalf(format string, values ...any) { l.log(slog.LevelError, format, values) }

// Debugf implements server.Logger.
func (l logging) Debugf(string, ...any) {}

// Tracef implements server.Logger.
func (l logging) Tracef(string, ...any) {}
