package main

import (
	"context"
	"fmt"
	"net"
	"path/filepath"

	"google.golang.org/grpc"

	"github.com/venta-hq/venta/gateway/auth"
	"github.com/venta-hq/venta/gateway/config"
	locationv1 "github.com/venta-hq/venta/gen/venta/location/v1"
	userv1 "github.com/venta-hq/venta/gen/venta/user/v1"
	vendorv1 "github.com/venta-hq/venta/gen/venta/vendors/v1"
	vendorv2 "github.com/venta-hq/venta/gen/venta/vendors/v2"
	"github.com/venta-hq/venta/services/grpcserver"
	"github.com/venta-hq/venta/services/location"
	"github.com/venta-hq/venta/services/store"
	"github.com/venta-hq/venta/services/user"
	"github.com/venta-hq/venta/services/vendors"
)

// The services of the reference system.
const (
	serviceVendor   = "vendor"
	serviceUser     = "user"
	serviceLocation = "location"
)

var serviceNames = [...]string{serviceVendor, serviceUser, serviceLocation}

// defaultTargets are where the services are if nothing else is said.
var defaultTargets = map[string]string{
	serviceVendor:   "127.0.0.1:9001",
	serviceUser:     "127.0.0.1:9002",
	serviceLocation: "127.0.0.1:9003",
}

// serviceCommand runs one service.
type serviceCommand struct {
	Name   string `arg:"" enum:"vendor,user,location" help:"The service: vendor, user or location."`
	Listen string `help:"Address of the service (default 127.0.0.1:9001, 9002 or 9003, by name)." placeholder:"HOST:PORT"`
	Data   string `help:"Folder of the database and the development keys." default:".venta" placeholder:"DIR"`
	Config string `help:"Configuration file (YAML), of which auth is read." placeholder:"FILE"`
}

// Run serves until ctx ends.
func (c *serviceCommand) Run(ctx context.Context, logs *processLog) error {
	loaded, err := config.Load(configOptions(c.Config, nil))
	if err != nil {
		return err
	}
	cfg := loaded.Config
	verifier, err := openVerifier(cfg, c.Data)
	if err != nil {
		return err
	}
	app, err := newApp("venta-"+c.Name, cfg, logs)
	if err != nil {
		return err
	}
	data, err := openStore(ctx, c.Data)
	if err != nil {
		return app.abandon(err)
	}
	app.closers = append(app.closers, data)
	listener, err := net.Listen("tcp", orElse(c.Listen, defaultTargets[c.Name]))
	if err != nil {
		return app.abandon(fmt.Errorf("--listen: %w", err))
	}
	if err := app.addService(c.Name, listener, data, verifier); err != nil {
		return app.abandon(err)
	}
	fmt.Printf("Venta's %s service serves gRPC on %s (data in %s).\n", c.Name, listener.Addr(), c.Data)
	return app.serve(ctx)
}

// openStore opens the database that all services share.
func openStore(ctx context.Context, data string) (*store.Store, error) {
	return store.Open(ctx, filepath.Join(data, "venta.db"))
}

// addService adds a service that answers on listener.
func (a *app) addService(name string, listener net.Listener, data *store.Store, verifier *auth.JWT) error {
	options := grpcserver.Options{Verifier: verifier, Drain: a.patience.drain}
	if a.traced {
		options.StatsHandler = a.telemetry.GRPCServerHandler()
	}
	server, err := grpcserver.New(options, func(r grpc.ServiceRegistrar) {
		switch name {
		case serviceVendor:
			vendorv1.RegisterVendorServiceServer(r, vendors.NewV1(data))
			vendorv2.RegisterVendorServiceServer(r, vendors.NewV2(data))
		case serviceUser:
			userv1.RegisterUserServiceServer(r, user.New(data))
		case serviceLocation:
			locationv1.RegisterLocationServiceServer(r, location.New(data))
		}
	})
	if err != nil {
		return err
	}
	a.services = append(a.services, service{server, listener})
	return nil
}
