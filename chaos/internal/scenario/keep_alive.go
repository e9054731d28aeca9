package scenario

import (
	"context"
	"crypto/tls"
	"time"

	"github.com/venta-hq/venta/chaos/internal/backend"
	"github.com/venta-hq/venta/chaos/internal/balancer"
	"github.com/venta-hq/venta/chaos/internal/load"
	"github.com/venta-hq/venta/chaos/internal/stage"
)

var keepAlive = Scenario{
	Name:  "keep-alive",
	About: "two gateways restart in turn behind a balancer of connections, under clients that keep theirs and never look at readiness: no request is lost",
	Short: true, run: runKeepAlive,
}

const (
	// keptDelay is shutdown.delay; each client sends more often than that.
	keptDelay = time.Second
	keptPause = 800 * time.Millisecond
	// http1Clients have a connection each, http2Clients share http2Connections.
	http1Clients, http2Clients, http2Connections = 200, 64, 4
	// keptRequests is how many requests a full run sends at least.
	keptRequests = 50_000
)

func runKeepAlive(ctx context.Context, t *trial) error {
	gateways, b, secured, err := t.connected(ctx)
	if err != nil {
		return err
	}
	first := t.Keep(ctx, load.KeepAlive{
		Clients: http1Clients, Pause: keptPause, Next: readsAndWrites,
		Client: func(int) load.Client {
			return &load.HTTP1{Address: b.Address(), TLS: secured, Header: t.Header()}
		},
	})
	shared := make([]*load.HTTP2, http2Connections)
	for i := range shared {
		shared[i] = load.NewHTTP2("https://"+b.Address(), secured.Clone(), t.Header())
	}
	second := t.Keep(ctx, load.KeepAlive{
		Clients: http2Clients, Pause: keptPause / 4, Next: readsAndWrites,
		Client: func(i int) load.Client { return shared[i%len(shared)] },
	})
	stops := 0
	for want := int(keptRequests * t.form.Scale); ; {
		if err := t.rollAll(ctx, gateways, b); err != nil {
			return err
		}
		stops += len(gateways)
		if t.form.CountsOnly || first.Count()+second.Count() >= want {
			break
		}
	}
	t.judgeKept(stops, first.Stop(), second.Stop())
	return nil
}

// connected starts two gateways that serve by TLS, and a balancer of connections.
func (t *trial) connected(ctx context.Context) ([]*stage.Gateway, *balancer.TCP, *tls.Config, error) {
	backends, err := t.Backends(ctx, 1)
	if err != nil {
		return nil, nil, nil, err
	}
	// With some time to respond, there are requests under way at each moment.
	if err := backends[0].Play(ctx, backend.Script{Latency: 30 * time.Millisecond}); err != nil {
		return nil, nil, nil, err
	}
	block, secured, err := t.TLS()
	if err != nil {
		return nil, nil, nil, err
	}
	var gateways []*stage.Gateway
	for range 2 {
		g, err := t.Gateway(ctx, stage.Config{
			Vendor: stage.Target(backends...), Connection: connection, Overrides: patient(), Listener: "{tls: " + block + "}",
			Shutdown: `{delay: ` + keptDelay.String() + `, drain_timeout: 5s}`,
		})
		if err != nil {
			return nil, nil, nil, err
		}
		gateways = append(gateways, g)
	}
	b, err := t.TCPBalancer(gateways...)
	return gateways, b, secured, err
}

// patient are policies that refuse nothing and wait: the scenario is of connections,
// and the handshakes of all clients at once may keep a small machine busy.
func patient() []stage.Override {
	const reads = `{cache: {disabled: true}, retry: {disabled: true}}`
	return []stage.Override{
		{Method: "*", Policy: `{rate_limits: [{disabled: true}], circuit_breaker: {disabled: true}, timeout: {duration: 20s}}`},
		{Method: "GetVendor", Policy: reads},
		{Method: "ListVendors", Policy: reads},
	}
}

func (t *trial) judgeKept(stops int, first, second load.Seen) {
	t.saw("HTTP/1.1", first, uncounted)
	t.saw("HTTP/2", second, uncounted)
	t.none(first, "no request of an HTTP/1.1 client that keeps its connection fails")
	t.none(second, "no request of an HTTP/2 client that sends again what GOAWAY leaves out fails")
	t.notef("a gateway stopped %d times", stops)
}
