package stage

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"regexp"
	"time"

	"github.com/venta-hq/venta/chaos/internal/process"
)

var gatewayReady = regexp.MustCompile(`REST on (https?)://([^\s,]+) .*health on http://([^\s,]+?)\.?$`)

// Gateway is a process of the gateway.
type Gateway struct {
	stage       *Stage
	process     *process.Process
	config      string // the file
	scheme      string // of the REST routes
	http, admin string // addresses, the same over restarts
}

// Gateway starts a gateway with a configuration and waits until it is ready.
func (s *Stage) Gateway(ctx context.Context, c Config) (*Gateway, error) {
	return s.Serve(ctx, c.YAML())
}

// Serve is [Stage.Gateway] with a configuration file of one's own.
func (s *Stage) Serve(ctx context.Context, yaml string) (*Gateway, error) {
	g := &Gateway{
		stage: s, http: "127.0.0.1:0", admin: "127.0.0.1:0",
		config: s.file(fmt.Sprintf("gateway-%d.yaml", len(s.closers))),
	}
	if err := g.Configure(yaml); err != nil {
		return nil, err
	}
	if err := g.Start(ctx); err != nil {
		return nil, err
	}
	s.onClose(func() { g.process.Kill() })
	s.logs = append(s.logs, func() string { return g.process.Log() })
	return g, nil
}

// Configure writes the configuration file, as an editor does: the new file
// replaces the old one at once. A running gateway may read it again.
func (g *Gateway) Configure(yaml string) error {
	draft := g.config + ".new"
	if err := os.WriteFile(draft, []byte(yaml), 0o600); err != nil {
		return err
	}
	return os.Rename(draft, g.config)
}

// Start runs the process, at its addresses of before if it had some.
func (g *Gateway) Start(ctx context.Context) error {
	p, err := process.Start(ctx, gatewayReady, g.stage.venta, "serve", "--dev-keys",
		"--config", g.config, "--data", g.stage.Site.dir, "--http", g.http, "--admin", g.admin)
	if err != nil {
		return err
	}
	if g.process == nil { // a balancer may be reading them later
		g.scheme, g.http, g.admin = p.Announced[0], p.Announced[1], p.Announced[2]
	}
	g.process = p
	return Eventually(ctx, 10*time.Second, "the gateway is ready", func() (bool, error) { return g.Ready(ctx), nil })
}

// Stop ends the process as an orchestrator does, with SIGTERM. An exit code
// other than 0 is an error.
func (g *Gateway) Stop() error { return g.process.Stop() }

// Signal sends a signal, such as SIGHUP.
func (g *Gateway) Signal(s os.Signal) error { return g.process.Signal(s) }

// Exited is closed when the process has ended.
func (g *Gateway) Exited() <-chan struct{} { return g.process.Exited() }

// Log returns the last of what the process wrote.
func (g *Gateway) Log() string { return g.process.Log() }

// Base is the URL of the REST routes.
func (g *Gateway) Base() string { return g.scheme + "://" + g.http }

// Address is where the REST routes are.
func (g *Gateway) Address() string { return g.http }

// Admin is the URL of health and operations.
func (g *Gateway) Admin() string { return "http://" + g.admin }

// Ready reports whether the process may have traffic.
func (g *Gateway) Ready(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	_, err := request(ctx, http.MethodGet, g.Admin()+"/readyz", nil)
	return err == nil
}
