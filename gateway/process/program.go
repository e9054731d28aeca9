package process

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"regexp"
	"slices"
	"time"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/trace"
	"google.golang.org/grpc"
	"google.golang.org/grpc/stats"

	"github.com/venta-hq/venta/gateway"
	"github.com/venta-hq/venta/gateway/auth"
	"github.com/venta-hq/venta/gateway/config"
	"github.com/venta-hq/venta/gateway/events"
	"github.com/venta-hq/venta/gateway/health"
)

// Program is what a gateway's process has of its own. Name and Upstreams are
// required; everything else may be absent. It is read once and must not be
// changed after that.
type Program struct {
	// Name names the command in help and errors, the process in telemetry
	// ("shop" and, for a service, "shop-orders") and the default data folder
	// (".shop"). Lower-case letters, digits and hyphens, at most 63.
	Name string
	// Description is the sentence below the command's name in its help.
	Description string
	// Version is what the command version prints. Default: that of the main
	// module, from the build.
	Version string
	// Upstreams are the services behind the gateway, by the name that the
	// configuration calls them. At least one.
	Upstreams Upstreams
	// Extensions are blocks of the configuration that are the program's own.
	Extensions []config.Extension

	// Events starts a log of events in the process for the command dev, where the
	// configuration names none (events.url), and returns its URL, which may hold a
	// secret. The host's OnClose ends it after everything else. Default: there is none.
	Events func(context.Context, Host) (url string, err error)
	// EventPurges say what is purged by events, unless the configuration does
	// (events.purges).
	EventPurges []events.Rule

	// Verifier returns what verifies bearer tokens, in place of the configured
	// keys (auth.jwks_file). It is called at the start, at each reload, and by config
	// check unless that leaves files out; it must not reach outside of the process,
	// and must start nothing that has to be ended. Default: the configured keys, or the
	// development keys of the data folder.
	Verifier func(*config.Loaded) (auth.Verifier, error)
	// APIKeys does the same for API keys; nil: there are none. Keys after a start
	// without any need a restart. Default: auth.api_keys_file.
	APIKeys func(*config.Loaded) (auth.KeyVerifier, error)
	// Middleware and Interceptors are steps of the program's own, at named places
	// of the stack.
	Middleware   gateway.Middleware
	Interceptors gateway.Interceptors
	// MuxOptions adapt how messages and metadata are presented, as in
	// [gateway.Options].
	MuxOptions []runtime.ServeMuxOption
	// Routes are handlers beside the generated routes, as in [gateway.Options].
	// One that an RPC's route hides is refused at the start.
	Routes map[string]http.Handler
	// AdminRoutes are handlers beside the pages of the admin address, by their
	// pattern.
	AdminRoutes map[string]http.Handler

	// Commands are commands beside those of every program.
	Commands []Command
	// Welcome writes what the command dev says once it serves, after the line
	// with the addresses. Default: nothing.
	Welcome func(io.Writer, Started) error
}

// Upstreams are services behind the gateway, by name.
type Upstreams map[string]Upstream

// Upstream is a target and the services that it has.
type Upstream struct {
	// Register are the generated functions of the services' routes, such as
	// orderv1.RegisterOrderServiceGateway. At least one.
	Register []Register
	// Target is where the upstream is unless the configuration says: see
	// [github.com/venta-hq/venta/gateway/upstream.New]. Without it the
	// configuration must say.
	Target string
	// Serve registers an implementation of the services, which then run in the
	// gateway's own process with the command dev, and in one of their own with
	// the command service. Default: there is none, and dev calls the target.
	Serve func(grpc.ServiceRegistrar)
	// Server makes a server of the program's own for the same purpose, where the
	// one that Serve gets is not enough. It excludes Serve.
	Server func(context.Context, Host) (Server, error)
}

// Register adds the routes of a service.
type Register = func(*gateway.Gateway, grpc.ClientConnInterface) error

// Server serves gRPC on one listener, once, until ctx ends, and returns nil when
// every call has ended or was cut off.
type Server interface {
	Serve(ctx context.Context, listener net.Listener) error
}

// Host is the process that an upstream's server runs in.
type Host struct {
	// Name is the upstream's name.
	Name string
	// Config is the configuration that the process started with.
	Config *config.Loaded
	// Data is the folder for what the process keeps. It may not be there yet.
	Data string
	// Verifier verifies bearer tokens, as the gateway does. A service should do
	// that again, or verify the gateway's word: it must not rely on what stands before it.
	Verifier auth.Verifier
	// Identity verifies the gateway's word on who the caller is, for
	// [auth.ServerOptions]: that of the gateway in this process, or of those that the
	// configuration names (identity.jwks_url, identity.jwks_file). Nil: there is none.
	Identity auth.Verifier
	// Logger takes what the server logs.
	Logger *slog.Logger
	// Stats observes calls: spans and metrics. Nil: nobody wants to know.
	Stats stats.Handler
	// TracerProvider makes spans of what the server does for a call, such as asking its
	// database. Nil: no traces go anywhere.
	TracerProvider trace.TracerProvider
	// MeterProvider takes what the server measures, such as its connections to a
	// database, for /metrics. It is never nil.
	MeterProvider metric.MeterProvider
	// Events says where the log of events is, for [events.Connect]. Nil: there is none.
	Events *events.Options
	// Drain is how long calls may take to end once the server is to stop.
	Drain time.Duration
	// Depend tells what the server depends on, such as its database, so that the
	// health of a gateway in this process shows it. It must be called before the
	// server is returned.
	Depend func(health.Dependency)
	// OnClose has end called after the server has ended, the last given first.
	OnClose func(end func() error)
}

// Command is a command of the program's own. Name is spelt as the program's is,
// and must be no command that every program has, nor that of another.
type Command struct {
	Name string
	// Help is the line in the list of commands.
	Help string
	// Run runs it. The invocation's Args are those after the command's name.
	Run func(context.Context, Invocation) error
}

// Started is a process that serves.
type Started struct {
	// HTTPURL and AdminURL are the addresses, such as "http://127.0.0.1:8080".
	HTTPURL, AdminURL string
	// Data is the data folder.
	Data string
}

var programName = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`)

// validate returns everything that is wrong with the program.
func (p Program) validate() error {
	var errs []error
	if !programName.MatchString(p.Name) {
		errs = append(errs, fmt.Errorf("Name: %q is not lower-case letters, digits and hyphens, at most 63", p.Name))
	}
	if len(p.Upstreams) == 0 {
		errs = append(errs, errors.New("Upstreams: there is none"))
	}
	for _, name := range p.Upstreams.names() {
		if err := p.Upstreams[name].validate(); err != nil {
			errs = append(errs, fmt.Errorf("Upstreams[%q]: %w", name, err))
		}
	}
	for i, c := range p.Commands {
		taken := slices.Contains(ownCommands, c.Name) ||
			slices.ContainsFunc(p.Commands[:i], func(other Command) bool { return other.Name == c.Name })
		if !programName.MatchString(c.Name) || c.Run == nil || taken {
			errs = append(errs, fmt.Errorf("Commands[%d]: %q: a name like the program's that is not taken, and Run, are required", i, c.Name))
		}
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("process.Program: %w", err)
	}
	return nil
}

func (u Upstream) validate() error {
	switch {
	case len(u.Register) == 0:
		return errors.New("Register: there is none")
	case slices.ContainsFunc(u.Register, func(r Register) bool { return r == nil }):
		return errors.New("Register: one is nil")
	case u.Serve != nil && u.Server != nil:
		return errors.New("Serve and Server exclude each other")
	default:
		return nil
	}
}

// names returns the names in alphabetical order, in which everything happens.
func (u Upstreams) names() []string { return slices.Sorted(maps.Keys(u)) }

// targets returns the default target of each upstream. One that runs in this
// process needs none.
func (u Upstreams) targets(local bool) map[string]string {
	targets := make(map[string]string, len(u))
	for name, upstream := range u {
		targets[name] = upstream.Target
		if local && upstream.servesItself() {
			targets[name] = inMemoryTarget(name)
		}
	}
	return targets
}

// local returns the names of the upstreams that this program can serve itself.
func (u Upstreams) local() []string {
	return slices.DeleteFunc(u.names(), func(name string) bool { return !u[name].servesItself() })
}

func (u Upstream) servesItself() bool { return u.Serve != nil || u.Server != nil }

// dataFolder is the default folder of what a process keeps.
func (p Program) dataFolder() string { return "." + p.Name }
