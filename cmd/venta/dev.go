package main

import (
	"context"
	"fmt"
	"net"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/test/bufconn"

	"github.com/venta-hq/venta/gateway/auth/devkeys"
	"github.com/venta-hq/venta/gateway/config"
	"github.com/venta-hq/venta/gateway/upstream"
)

// devCommand runs everything in one process. Services are reached in memory,
// through real gRPC connections.
type devCommand struct {
	Addresses
	Data   string `help:"Folder of the database and the development keys." default:".venta" placeholder:"DIR"`
	Config string `help:"Configuration file of the gateway (YAML)." placeholder:"FILE"`
}

// bufferSize is the size of the buffer between the gateway and a service.
const bufferSize = 1 << 20

// Run serves until ctx ends.
func (c *devCommand) Run(ctx context.Context, logs *processLog) error {
	options := configOptions(c.Config, c.settings())
	loaded, err := config.Load(options)
	if err != nil {
		return err
	}
	cfg := loaded.Config
	verifier, err := openVerifier(cfg, c.Data)
	if err != nil {
		return err
	}
	app, err := newApp("venta", cfg, logs)
	if err != nil {
		return err
	}
	data, err := openStore(ctx, c.Data)
	if err != nil {
		return app.abandon(err)
	}
	app.closers = append(app.closers, data)
	conns := map[string]*upstream.Conn{}
	for _, name := range serviceNames {
		listener := bufconn.Listen(bufferSize)
		if err := app.addService(name, listener, data, verifier); err != nil {
			return app.abandon(err)
		}
		if conns[name], err = upstream.New("passthrough:///"+name, inMemory(listener)); err != nil {
			return app.abandon(err)
		}
	}
	if err := app.addGateway(ctx, fleet{loaded: loaded, verifier: verifier, conns: conns, alone: true}); err != nil {
		return app.abandon(err)
	}
	if err := app.addReloading(options, loaded); err != nil {
		return app.abandon(err)
	}
	if err := c.welcome(app); err != nil {
		return app.abandon(err)
	}
	return app.serve(ctx)
}

// inMemory is how a service in the same process is reached. What is configured
// of connections says nothing here.
func inMemory(l *bufconn.Listener) upstream.Options {
	dial := func(ctx context.Context, _ string) (net.Conn, error) { return l.DialContext(ctx) }
	return upstream.Options{
		HealthCheck: upstream.HealthCheck{Disabled: true},
		DialOptions: []grpc.DialOption{grpc.WithContextDialer(dial)},
	}
}

// welcome prints the addresses and three requests that work as they stand.
func (c *devCommand) welcome(app *app) error {
	keys, err := devkeys.Open(c.Data)
	if err != nil {
		return err
	}
	token, err := keys.Sign(devkeys.Claims{Subject: "ada", TTL: 24 * time.Hour})
	if err != nil {
		return err
	}
	base := app.httpURL
	fmt.Printf(`Venta serves REST on %s and health on %s (data in %s).

Make a vendor, list the vendors, list your own:

curl -i -X POST %s/v2/vendors -H 'Authorization: Bearer %s' -d '{"name":"Tacos Ada","email":"ada@example.com"}'

curl -i %s/v2/vendors -H 'Authorization: Bearer %s'

curl -i %s/v1/users/me/vendors -H 'Authorization: Bearer %s'

`, base, app.adminURL, c.Data, base, token, base, token, base, token)
	return nil
}
