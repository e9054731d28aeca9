package stage

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"regexp"
	"slices"

	"github.com/venta-hq/venta/chaos/internal/backend"
	"github.com/venta-hq/venta/chaos/internal/faultproxy"
	"github.com/venta-hq/venta/chaos/internal/process"
)

var backendReady = regexp.MustCompile(`^backend (\S+) (\S+)$`)

// Backend is a scripted service behind a fault proxy.
type Backend struct {
	*faultproxy.Proxy // what the gateway calls

	stage   *Stage
	process *process.Process
	own     netip.AddrPort // the same over restarts
	proxied netip.AddrPort // the proxy's
	control string
	past    backend.Counts // of processes that have ended
}

// Backends starts n backends. They share a port, each on loopback addresses of
// its own, as a name has several addresses and no ports.
func (s *Stage) Backends(ctx context.Context, n int) ([]*Backend, error) {
	var all []*Backend
	var port uint16
	for i := range n {
		b, err := s.backend(ctx, byte(i+1), port)
		if err != nil {
			return nil, err
		}
		port = b.own.Port()
		all = append(all, b)
	}
	return all, nil
}

func (s *Stage) backend(ctx context.Context, i byte, port uint16) (*Backend, error) {
	b := &Backend{stage: s, own: netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 1, i}), port)}
	if err := b.Start(ctx); err != nil {
		return nil, err
	}
	s.onClose(func() { b.process.Kill() })
	var err error
	b.proxied = netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 2, i}), b.own.Port())
	b.Proxy, err = faultproxy.New(b.proxied.String(), b.own.String())
	if err != nil {
		return nil, err
	}
	s.onClose(func() { _ = b.Close() })
	return b, nil
}

// Target is the upstream that backends are behind their fault proxies: one name
// for all of them.
func Target(backends ...*Backend) string {
	return target(backends, func(b *Backend) netip.AddrPort { return b.proxied })
}

// Direct is [Target] without the fault proxies.
func Direct(backends ...*Backend) string {
	return target(backends, func(b *Backend) netip.AddrPort { return b.own })
}

func target(backends []*Backend, at func(*Backend) netip.AddrPort) string {
	s := backends[0].stage
	var hosts []netip.Addr
	for _, b := range backends {
		hosts = append(hosts, at(b).Addr())
	}
	s.named++
	name := fmt.Sprintf("backends-%d.chaos", s.named)
	s.names.Set(name, hosts...)
	return fmt.Sprintf("dns://%s/%s:%d", s.names.Address(), name, at(backends[0]).Port())
}

// Start runs the backend's process, at its address of before if it had one.
func (b *Backend) Start(ctx context.Context) error {
	args := append(slices.Clone(b.stage.actor[1:]), "--address", b.own.String())
	p, err := process.Start(ctx, backendReady, b.stage.actor[0], args...)
	if err != nil {
		return err
	}
	b.process, b.control = p, "http://"+p.Announced[1]
	b.own, err = netip.ParseAddrPort(p.Announced[0])
	return err
}

// Stop ends the process as an orchestrator does, with SIGTERM.
func (b *Backend) Stop(ctx context.Context) error {
	if err := b.remember(ctx); err != nil {
		return err
	}
	return b.process.Stop()
}

// Kill ends the process with SIGKILL.
func (b *Backend) Kill(ctx context.Context) error {
	err := b.remember(ctx)
	b.process.Kill()
	return err
}

func (b *Backend) remember(ctx context.Context) (err error) {
	b.past, err = b.Counts(ctx)
	return err
}

// Play makes the backend respond so from now on.
func (b *Backend) Play(ctx context.Context, s backend.Script) error {
	script, err := json.Marshal(s)
	if err != nil {
		return err
	}
	_, err = request(ctx, http.MethodPut, b.control+"/script", script)
	return err
}

// Counts is what came to the backend, all its processes together.
func (b *Backend) Counts(ctx context.Context) (backend.Counts, error) {
	text, err := request(ctx, http.MethodGet, b.control+"/counts", nil)
	if err != nil {
		return backend.Counts{}, err
	}
	var c backend.Counts
	if err := json.Unmarshal(text, &c); err != nil {
		return c, fmt.Errorf("counts of a backend: %w", err)
	}
	c.Calls += b.past.Calls
	c.Failed += b.past.Failed
	c.Connections += b.past.Connections
	c.MaxInFlight = max(c.MaxInFlight, b.past.MaxInFlight)
	return c, nil
}

// Attempts is how many calls came to the backends.
func Attempts(ctx context.Context, backends ...*Backend) (int64, error) {
	var sum int64
	for _, b := range backends {
		c, err := b.Counts(ctx)
		if err != nil {
			return 0, err
		}
		sum += c.Calls
	}
	return sum, nil
}

// request sends a request and returns the body of a successful response.
func request(ctx context.Context, method, url string, body []byte) ([]byte, error) {
	r, err := http.NewRequestWithContext(ctx, method, url, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	r.Close = true // no connection outlives the stage
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		return nil, err
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		return nil, err
	}
	if response.StatusCode >= http.StatusBadRequest {
		return nil, fmt.Errorf("%s %s: %s: %s", method, url, response.Status, text)
	}
	return text, nil
}
