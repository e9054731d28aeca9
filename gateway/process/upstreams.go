package process

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"slices"
	"strings"

	"google.golang.org/grpc"
	"google.golang.org/grpc/test/bufconn"

	"github.com/venta-hq/venta/gateway/config"
	"github.com/venta-hq/venta/gateway/upstream"
	"github.com/venta-hq/venta/gateway/upstream/xds"
	configv1 "github.com/venta-hq/venta/gen/venta/config/v1"
)

// upstreams returns the settings of the connections to each upstream.
func (p *preparation) upstreams() map[string]upstream.Options {
	all := map[string]upstream.Options{}
	for _, name := range p.program.Upstreams.names() {
		options := connectionOptions(p.loaded.Upstream(name).GetConnection())
		options.Name = name
		if p.noFiles {
			options.TLS = nil
		}
		all[name] = options
	}
	return all
}

func connectionOptions(c *configv1.Connection) upstream.Options {
	options := upstream.Options{
		ConnectionsPerAddress: int(c.GetConnectionsPerAddress()),
		ConnectTimeout:        c.GetConnectTimeout().AsDuration(),
		BackoffBase:           c.GetBackoffBase().AsDuration(),
		BackoffMax:            c.GetBackoffMax().AsDuration(),
		KeepaliveTime:         c.GetKeepaliveTime().AsDuration(),
		KeepaliveTimeout:      c.GetKeepaliveTimeout().AsDuration(),
		KeepaliveWhenIdle:     c.GetKeepaliveWhenIdle(),
		NeverIdle:             c.GetNeverIdle(),
		ResolveInterval:       c.GetResolveInterval().AsDuration(),
		SlowStart:             c.GetSlowStart().AsDuration(),
		HealthCheck: upstream.HealthCheck{
			Disabled: c.GetHealthCheck().GetDisabled(),
			Service:  c.GetHealthCheck().GetService(),
		},
		MaxReceiveBytes:       int(c.GetMaxReceiveBytes()),
		MaxSendBytes:          int(c.GetMaxSendBytes()),
		StreamWindowBytes:     c.GetStreamWindowBytes(),
		ConnectionWindowBytes: c.GetConnectionWindowBytes(),
	}
	if ramp := c.GetEjectionReturn(); ramp != nil {
		options.EjectionReturn = ramp.AsDuration()
		if options.EjectionReturn == 0 {
			options.EjectionReturn = -1 // at once
		}
	}
	if !c.GetNeverIdle() {
		options.IdleTimeout = c.GetIdleTimeout().AsDuration()
	}
	if files := c.GetTls(); files != nil {
		options.TLS = &upstream.TLS{
			CAFile: files.GetCaFile(), CertFile: files.GetCertFile(), KeyFile: files.GetKeyFile(), ServerName: files.GetServerName(),
		}
	}
	return options
}

// connections are those to the upstreams, by name.
type connections map[string]*upstream.Conn

// Close implements io.Closer.
func (c connections) Close() error {
	var errs []error
	for _, conn := range c {
		errs = append(errs, conn.Close())
	}
	return errors.Join(errs...)
}

// called returns the connections as generated code takes them.
func (c connections) called() map[string]grpc.ClientConnInterface {
	all := make(map[string]grpc.ClientConnInterface, len(c))
	for name, conn := range c {
		all[name] = conn
	}
	return all
}

// connect makes a connection to each upstream that has none yet. It reaches
// nobody before the first call, unless the configuration says so.
func (c connections) connect(loaded *config.Loaded, options map[string]upstream.Options) error {
	var errs []error
	for _, name := range slices.Sorted(maps.Keys(options)) {
		if c[name] != nil {
			continue
		}
		conn, err := dial(loaded.Upstream(name).GetTarget(), options[name])
		if err != nil {
			errs = append(errs, loaded.Fault("upstreams."+name, err.Error()))
			continue
		}
		c[name] = conn
	}
	return errors.Join(errs...)
}

func dial(target string, o upstream.Options) (*upstream.Conn, error) {
	if strings.HasPrefix(target, "xds:") {
		return xds.New(target, o)
	}
	return upstream.New(target, o)
}

// bufferSize is the size of the buffer between the gateway and a service in the
// same process.
const bufferSize = 1 << 20

// inMemoryTarget stands for the target of a service in the same process.
func inMemoryTarget(name string) string { return "passthrough:///" + name }

// inMemory reaches a service in the same process, through a real gRPC
// connection, and heeds what the service says of its health, as between two processes.
// What is configured of connections says nothing here.
func inMemory(name string, onChange func(upstream.Change)) (*bufconn.Listener, *upstream.Conn, error) {
	listener := bufconn.Listen(bufferSize)
	dial := func(ctx context.Context, _ string) (net.Conn, error) { return listener.DialContext(ctx) }
	conn, err := upstream.New(inMemoryTarget(name), upstream.Options{
		Name:        name,
		OnChange:    onChange,
		DialOptions: []grpc.DialOption{grpc.WithContextDialer(dial)},
	})
	if err != nil {
		return nil, nil, fmt.Errorf("%s in this process: %w", name, err)
	}
	return listener, conn, nil
}
