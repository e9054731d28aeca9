package process

import (
	"context"
	"fmt"
	"maps"
	"net"
	"slices"
	"strings"

	"github.com/venta-hq/venta/gateway/config"
)

// served are the flags of what serves HTTP. Set, they win over the environment
// and the configuration file.
type served struct {
	HTTP     string            `name:"http" help:"Address of the REST routes (default 127.0.0.1:8080)." placeholder:"HOST:PORT"`
	Admin    string            `help:"Address of health and operations (default 127.0.0.1:8081)." placeholder:"HOST:PORT"`
	Upstream map[string]string `help:"Target of an upstream; may be repeated." placeholder:"NAME=TARGET" mapsep:"none"`
	Data     string            `help:"Folder for what the process keeps, such as the development keys." default:"${data}" placeholder:"DIR"`
	Config   string            `help:"Configuration file (YAML)." placeholder:"FILE"`
}

// devKeysFlag lets a process that has no keys make its own.
type devKeysFlag struct {
	DevKeys bool `help:"Without auth.jwks_file, verify tokens with keys of the data folder, as dev does; for trials alone."`
}

// devKeysSetting is the field that --dev-keys sets.
func devKeysSetting(given bool) config.Setting {
	setting := config.Setting{From: "--dev-keys", Field: "auth.development_keys"}
	if given {
		setting.Value = "true"
	}
	return setting
}

// options returns how a command with these flags serves.
func (s served) options(in Invocation) Options {
	settings := []config.Setting{
		{From: "--http", Field: "http", Value: s.HTTP},
		{From: "--admin", Field: "admin", Value: s.Admin},
	}
	for _, name := range slices.Sorted(maps.Keys(s.Upstream)) {
		settings = append(settings, config.Setting{
			From: "--upstream " + name, Field: "upstreams." + name + ".target", Value: s.Upstream[name],
		})
	}
	return Options{
		ConfigFile: s.Config, Environ: in.Environ, Settings: settings, Data: s.Data, Log: in.Stderr, Hangup: in.Hangup,
	}
}

// serveCommand runs the gateway alone.
type serveCommand struct {
	served
	devKeysFlag
}

// Run serves until ctx ends.
func (c *serveCommand) Run(ctx context.Context, e *environment) error {
	o := c.options(e.Invocation)
	o.Settings = append(o.Settings, devKeysSetting(c.DevKeys))
	o.OnStart = func(s Started) error { return e.announce(s, "") }
	return Run(ctx, e.program, o)
}

// devCommand runs everything that the program has in one process.
type devCommand struct{ served }

// Run serves until ctx ends.
func (c *devCommand) Run(ctx context.Context, e *environment) error {
	for _, name := range e.program.Upstreams.local() {
		if target := c.Upstream[name]; target != "" {
			return fmt.Errorf("--upstream %s: it runs in this process; write serve for one at %s", name, target)
		}
	}
	o := c.options(e.Invocation)
	o.Local = true
	o.OnStart = func(s Started) error {
		if err := e.announce(s, " (data in "+s.Data+")"); err != nil || e.program.Welcome == nil {
			return err
		}
		return e.program.Welcome(e.Stdout, s)
	}
	return Run(ctx, e.program, o)
}

// announce prints the addresses, for people and for scripts that wait for them.
func (e *environment) announce(s Started, more string) error {
	return e.printf("%s serves REST on %s and health on %s%s.\n", e.program.Name, s.HTTPURL, s.AdminURL, more)
}

// serviceCommand runs one of the upstreams that the program has.
type serviceCommand struct {
	Name   string `arg:"" help:"The upstream."`
	Listen string `help:"Address of the service (default: the upstream's default target)." placeholder:"HOST:PORT"`
	Data   string `help:"Folder for what the process keeps." default:"${data}" placeholder:"DIR"`
	Config string `help:"Configuration file (YAML), of which auth and the program's own blocks are read." placeholder:"FILE"`
	devKeysFlag
}

// Run serves until ctx ends.
func (c *serviceCommand) Run(ctx context.Context, e *environment) error {
	names := e.program.Upstreams.local()
	if !slices.Contains(names, c.Name) {
		return fmt.Errorf("there is no service %q; write one of %s", c.Name, strings.Join(names, ", "))
	}
	address := c.Listen
	if address == "" {
		address = e.program.Upstreams[c.Name].Target
	}
	if _, _, err := net.SplitHostPort(address); err != nil {
		return fmt.Errorf("--listen: %w", err)
	}
	logs := newProcessLog(e.Stderr)
	defer func() { _ = logs.Close() }() // what it could not write has nowhere else to go
	hangups := taken(e.Hangup)
	options := e.program.uncalled(Options{ConfigFile: c.Config, Environ: e.Environ, Settings: []config.Setting{devKeysSetting(c.DevKeys)}})
	loaded, err := config.Load(options)
	if err != nil {
		return err
	}
	p, err := newProcess(ctx, e.program, origin{e.program.Name + "-" + c.Name, c.Data, e.Environ}, loaded, logs)
	if err != nil {
		return err
	}
	listening, err := p.addOneService(ctx, c.Name, address)
	if err == nil {
		err = p.addReloading(options, hangups)
	}
	if err != nil {
		return p.abandon(err)
	}
	return p.serve(ctx, func() error {
		return e.printf("%s's %s service serves gRPC on %s (data in %s).\n", e.program.Name, c.Name, listening, c.Data)
	})
}

// addOneService makes the process that of one upstream.
func (p *process) addOneService(ctx context.Context, name, address string) (listening string, err error) {
	making := p.preparation(p.loaded)
	verifier, gateways, log := making.verifier(), making.identityVerifier(name), making.events()
	if len(making.errs) > 0 {
		return "", making.errs[0]
	}
	if verifier == nil && gateways == nil && p.program.Upstreams[name].Server != nil {
		return "", p.loaded.Fault("auth.jwks_file", keysNeeded) // it may ask for tokens, and nobody knows
	}
	p.hold(prepared{verifier: verifier})
	if gateways != nil {
		p.identity = &liveVerifier{}
		p.identity.Store(&gateways)
	}
	if err := p.addLog(ctx, log, false); err != nil {
		return "", err
	}
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return "", fmt.Errorf("--listen: %w", err)
	}
	return listener.Addr().String(), p.addService(ctx, name, listener)
}
