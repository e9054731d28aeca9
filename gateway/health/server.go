package health

import (
	"context"
	"log/slog"

	"google.golang.org/grpc/health"
	"google.golang.org/grpc/health/grpc_health_v1"
)

// ServerOptions are those of [NewServer].
type ServerOptions struct {
	// Services are those that the server has, beside "", the server as a whole.
	// Default: none.
	Services []string
	// Check tells whether what the services need works, such as a ping of their
	// database. Default: it always does.
	Check Check
	// Logger takes changes. Default: nobody is told.
	Logger *slog.Logger
}

// Server is the gRPC health service of a server whose services follow a check:
// they are SERVING at first, NOT_SERVING while the check fails, and from
// Shutdown on. It is for services, not for gateways.
type Server struct {
	*health.Server

	names []string
	watch *watch // nil: there is no check
	log   *slog.Logger
}

// NewServer returns a health service. It checks nothing before [Server.Run].
func NewServer(o ServerOptions) *Server {
	s := &Server{Server: health.NewServer(), names: append([]string{""}, o.Services...), log: o.Logger}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	if o.Check != nil {
		s.watch = newWatch(Dependency{Check: o.Check}, s.follow)
	}
	s.set(grpc_health_v1.HealthCheckResponse_SERVING)
	return s
}

// Run follows the check until ctx ends. It is called once.
func (s *Server) Run(ctx context.Context) {
	if s.watch != nil {
		s.watch.run(ctx)
	}
}

// follow says of the services what the check has said.
func (s *Server) follow(state State) {
	if state.Status == StatusOK {
		s.log.Info("the services serve again")
		s.set(grpc_health_v1.HealthCheckResponse_SERVING)
		return
	}
	s.log.Warn("the services do not serve: what they need is down", "error", state.Err)
	s.set(grpc_health_v1.HealthCheckResponse_NOT_SERVING)
}

func (s *Server) set(status grpc_health_v1.HealthCheckResponse_ServingStatus) {
	for _, name := range s.names {
		s.SetServingStatus(name, status)
	}
}
